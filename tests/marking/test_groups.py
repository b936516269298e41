"""Groups of equal answers: how something is written does not matter, what it says does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.marking import Group, Part, Response, groups


def grouped(*sources: str, code: bool = True, released: str = "") -> tuple[Group, ...]:
    """Group answers of one cell each, by students called 0, 1, 2."""
    handed_out = (Part(code, released),)
    return groups(Response(str(number), (Part(code, source),), handed_out) for number, source in enumerate(sources))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x=1  # the first"),
        ("def f(a):\n    return a\n", "\n\ndef f( a ):\n\n  # nothing\n  return a"),
        ("print('a')", 'print("a")'),
        ("f(1,\n  2)", "f(1, 2)"),
        ("%matplotlib inline\nx = 1", "%matplotlib inline\n\nx  =  1"),
        ("def f(:\n  x   y", "def f(:\n x y\n\n"),
    ],
)
def test_code_that_is_only_written_otherwise_is_equal(one: str, other: str) -> None:
    """Comments, blank lines, blanks and quotes do not matter, even where Python cannot read it."""
    assert [("0", "1")] == [group.students for group in grouped(one, other)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "y = 1"),
        ("x = 1", "x = 10"),
        ("print('a b')", "print('ab')"),
        ("if x:\n    y()\nz()", "if x:\n    y()\n    z()"),
        ("'it\\'s'", '"it\\\'s" '[:-1] + "x"),
        ("f('a')", "f(b'a')"),
    ],
)
def test_code_that_says_something_else_is_another_group(one: str, other: str) -> None:
    """Names, numbers, blocks and what is in strings matter."""
    assert 2 == len(grouped(one, other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It grows.", "it  grows"),
        ("It\ngrows", "It grows:"),
        ("\u201cﬁne\u201d", "\u201cfine\u201d"),
        ('"It grows."', "It grows"),
        ("$N$ is large", "$N$ IS LARGE"),
        ("x²", "x^2"),
    ],
)
def test_text_that_is_only_written_otherwise_is_equal(one: str, other: str) -> None:
    """Capitals, line breaks, a stop at the end, ligatures."""
    assert [("0", "1")] == [group.students for group in grouped(one, other, code=False)]


@pytest.mark.parametrize(("one", "other"), [("5", "-5"), ("$N$", "$n$"), ("x²", "x2"), ("n", "n!"), ("yes", "no")])
def test_text_that_says_something_else_is_another_group(one: str, other: str) -> None:
    """A sign, a capital in a formula, an exponent: a grade for one is none for the other."""
    assert 2 == len(grouped(one, other, code=False))


def test_blanks_are_a_group_of_their_own_and_come_last() -> None:
    """What was left as released, emptied, or only moved about."""
    found = grouped(
        "x = 1",
        "# YOUR CODE HERE\nraise NotImplementedError()",
        "",
        "raise  NotImplementedError()",
        released="# YOUR CODE HERE\nraise NotImplementedError()",
    )
    assert [("0",), ("1", "2", "3")] == [group.students for group in found]
    assert [False, True] == [group.blank for group in found]


def test_a_pasted_picture_is_an_answer() -> None:
    """Text left as released with a picture is no blank, and another picture is another answer."""
    released = (Part(False, "YOUR ANSWER HERE"),)
    answers = [
        Response(str(n), (Part(False, "YOUR ANSWER HERE", picture),), released) for n, picture in enumerate("aab")
    ]
    assert [("0", "1"), ("2",)] == sorted(group.students for group in groups(answers))
    assert not any(group.blank for group in groups(answers))


def test_near_equal_answers_are_named_beside_each_group() -> None:
    """The most similar first; what is something else is not named."""
    long = "the loss goes down because the gradient points up the hill and we walk against it"
    found = {g.students[0]: g for g in grouped(long, f"{long} slowly", "no idea at all", code=False)}
    assert [found["1"].key] == [near.key for near in found["0"].near]
    assert () == found["2"].near


@given(st.lists(st.tuples(st.booleans(), st.text(max_size=60)), max_size=8))
def test_whatever_is_handed_in_falls_into_groups(answers: list[tuple[bool, str]]) -> None:
    """Nothing raises, everybody is in one group, and it is the same each time."""
    made = [Response(str(number), (Part(code, source),)) for number, (code, source) in enumerate(answers)]
    found = groups(made)
    assert sorted(answer.student_id for answer in made) == sorted(s for group in found for s in group.students)
    assert found == groups(made)


def test_hostile_code_costs_nothing() -> None:
    """Nesting, null bytes and megabytes are texts like others."""
    hostile = ["(" * 100_000, "x\0y", "a = " + "1+" * 100_000, "'''", "\x0c" * 1000, "f'{" * 5000]
    assert len(hostile) == sum(len(group.students) for group in grouped(*hostile))
