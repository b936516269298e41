"""The comment bank: the most used first, each once."""

from grader.marking import Remark, offered


def test_comments_are_offered_by_use() -> None:
    """What was kept and not used yet comes after, and nothing twice."""
    found = offered(["Good.", "Why?", "Why? ", ""], ["Units!", "Why?"])
    assert (Remark("Why?", 2, kept=True), Remark("Good.", 1), Remark("Units!", 0, kept=True)) == found
