"""The order of grading: another one in each question, the same each time, whoever comes late."""

from hypothesis import given
from hypothesis import strategies as st

from grader.marking import Question, fair_order

QUESTION = Question("ps1", "p1", "why")
students = st.lists(st.text(min_size=1), unique=True, max_size=20)


@given(students, st.randoms())
def test_order_depends_on_the_class_and_not_on_how_it_is_listed(names: list[str], chance: object) -> None:
    """Everybody is there once, and shuffling the list changes nothing."""
    shuffled = list(names)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sorted(names) == sorted(fair_order(names, QUESTION))
    assert fair_order(names, QUESTION) == fair_order(shuffled, QUESTION)


@given(students, st.text(min_size=1))
def test_a_latecomer_moves_nobody(names: list[str], late: str) -> None:
    """Work is resumed where it was left: the others keep their order."""
    after = [name for name in fair_order([*names, late], QUESTION) if name != late]
    assert [name for name in fair_order(names, QUESTION) if name != late] == after


def test_each_question_has_its_own_order() -> None:
    """Nobody is always last; and it is not the order of names."""
    names = [f"student{number:02}" for number in range(40)]
    orders = {fair_order(names, Question("ps1", "p1", grade_id)) for grade_id in "abcdefgh"}
    assert 8 == len(orders)
    assert tuple(names) not in orders
