"""Difficulty and discrimination of questions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.report import Mark, Question, figures

TWO = (Question("book", "a", "A", 2.0), Question("book", "b", "B", 4.0))


def marks(*pairs: tuple[float, float], waiting: int = 0) -> list[Mark]:
    """Scores in A and B, a pair a student; the last `waiting` answers to B wait."""
    made = []
    for number, (first, second) in enumerate(pairs):
        made.append(Mark(f"s{number}", "book", "a", first))
        made.append(Mark(f"s{number}", "book", "b", second, waiting=number >= len(pairs) - waiting))
    return made


def test_difficulty_is_the_mean_share() -> None:
    """Of the points that could be had, over those who have a score."""
    first, second = figures(TWO, marks((2, 4), (1, 0), (0, 2)))
    assert (0.5, 0.5) == (first.difficulty, second.difficulty)
    assert pytest.approx(1 / 3) == first.full == second.full


def test_discrimination_is_with_the_rest_not_with_itself() -> None:
    """A question is compared with the other questions; alone it has nothing to be compared with."""
    up = marks(*((2 * n / 5, 4 * n / 5) for n in range(6)))
    assert pytest.approx(1) == figures(TWO, up)[0].discrimination
    alone = [mark for mark in up if mark.grade_id == "a"]
    assert figures(TWO[:1], alone)[0].discrimination is None


def test_a_question_that_goes_against_the_rest_is_pointed_out() -> None:
    """A test that rewards what is wrong shows as a negative correlation, with a hint."""
    found = figures(TWO, marks(*((2 * n / 5, 4 - 4 * n / 5) for n in range(6))))[0]
    assert found.discrimination is not None
    assert found.discrimination < 0
    assert "against" in found.hint


def test_what_waits_is_no_score() -> None:
    """It is counted apart; while most of a question waits, nothing is said of it: blanks are graded first."""
    full = [(2.0, 4.0), (1.0, 2.0), (0.0, 0.0), (2.0, 0.0)]
    some, most = figures(TWO, marks(*full, waiting=1))[1], figures(TWO, marks(*full, waiting=2))[1]
    assert (3, 1, 0.5) == (some.count, some.waiting, some.difficulty)
    assert (2, 2, None, None) == (most.count, most.waiting, most.difficulty, most.full)


def test_marks_of_unknown_questions_are_left_out() -> None:
    """A cell that is gone from the notebook changes nothing."""
    known = marks((2, 4), (1, 0))
    assert figures(TWO, known) == figures(TWO, [*known, Mark("s0", "book", "gone", 9.0)])


@pytest.mark.parametrize(("share", "hint"), [(0.1, "hard"), (0.5, ""), (1.0, "nearly everybody has it")])
def test_hints_follow_difficulty(share: float, hint: str) -> None:
    """Very hard and very easy questions are named."""
    assert hint == figures(TWO, marks(*[(2 * share, 4.0)] * 3))[0].hint


SCORES = st.lists(st.tuples(st.floats(0, 2), st.floats(0, 4)), min_size=1, max_size=30)


@given(SCORES, st.randoms(use_true_random=False))
def test_figures_are_shares_whatever_the_order(scores: list[tuple[float, float]], chance: object) -> None:
    """Difficulty and full marks lie within 0 and 1, discrimination within -1 and 1; the order of marks is nothing."""
    made = marks(*scores)
    mixed = list(made)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    for found, other in zip(figures(TWO, made), figures(TWO, mixed), strict=True):
        assert found.difficulty is not None
        assert -1e-9 <= found.difficulty <= 1 + 1e-9
        assert found.difficulty == pytest.approx(other.difficulty)
        assert 0 <= (found.full or 0) <= found.difficulty + 1e-9
        assert found.discrimination is None or -1 <= found.discrimination <= 1
        assert (found.count, found.waiting) == (other.count, other.waiting)
