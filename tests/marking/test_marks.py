"""Marks and rubrics: exact totals within bounds, what a grader typed is what counts, nonsense is refused."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import MarkingError
from grader.marking import Mark, Rubric, RubricItem, checked, exact_points, full, shown_points, total, with_points, zero

D = Decimal
THREE = D(3)
numbers = st.decimals(-50, 50, places=3)
maxima = st.decimals(0, 40, places=2)


@st.composite
def marked(draw: st.DrawFn) -> tuple[Mark, Rubric, Decimal]:
    """Draw a rubric, a mark by it and a maximum."""
    points = draw(st.lists(numbers, max_size=5))
    rubric = Rubric(
        draw(st.sampled_from(["full", "zero"])),
        tuple(RubricItem(str(number), value, "said") for number, value in enumerate(points)),
    )
    items = draw(st.lists(st.sampled_from([item.id for item in rubric.items]), unique=True)) if points else []
    return Mark(tuple(items), draw(numbers)), rubric, draw(maxima)


@given(marked())
def test_a_total_is_exact_and_within_bounds(one: tuple[Mark, Rubric, Decimal]) -> None:
    """It is the sum of start, items and adjustment, cut at 0 and at the question's points."""
    mark, rubric, most = one
    whole = (most if rubric.start == "full" else D(0)) + mark.adjustment
    whole += sum((item.points for item in rubric.items if item.id in mark.items), D(0))
    assert min(max(whole, D(0)), most) == total(mark, rubric, most)


@given(marked(), st.data())
def test_what_a_grader_typed_is_the_total(one: tuple[Mark, Rubric, Decimal], data: st.DataObject) -> None:
    """Whatever the mark was, and the items stay."""
    mark, rubric, most = one
    typed = data.draw(st.decimals(0, most, places=2) if most else st.just(D(0)))
    after = with_points(mark, rubric, most, typed)
    assert typed == total(after, rubric, most)
    assert mark.items == after.items


@given(marked())
def test_full_and_zero_drop_the_items(one: tuple[Mark, Rubric, Decimal]) -> None:
    """They are all points and none, without items."""
    mark, rubric, most = one
    assert (most, D(0)) == (
        total(full(mark, rubric, most), rubric, most),
        total(zero(mark, rubric, most), rubric, most),
    )
    assert () == full(mark, rubric, most).items == zero(mark, rubric, most).items


def test_an_empty_mark_by_a_rubric_from_zero_is_zero() -> None:
    """Ungraded is the absence of a mark, not an empty one."""
    assert D(0) == total(Mark(), Rubric(), THREE)
    assert THREE == total(Mark(), Rubric("full"), THREE)


@pytest.mark.parametrize(
    ("points", "reason"),
    [("-1", "less than nothing"), ("3.5", "more than the 3 there are"), ("NaN", "no number"), ("1e9", "beyond")],
)
def test_points_that_cannot_be_are_refused(points: str, reason: str) -> None:
    """Negative, too many, not a number: each with its reason."""
    with pytest.raises(MarkingError, match=reason):
        with_points(Mark(), Rubric(), THREE, D(points))


@pytest.mark.parametrize("number", [D("NaN"), D("Infinity"), D("1e7"), D("0.1234567")])
def test_a_mark_of_no_number_cannot_be_made(number: Decimal) -> None:
    """Neither as adjustment nor as extra credit nor as an item's points."""
    for make in (
        lambda: Mark(adjustment=number),
        lambda: Mark(extra_credit=number),
        lambda: RubricItem("a", number, "x"),
    ):
        with pytest.raises(MarkingError):
            make()


def test_all_that_is_wrong_with_a_mark_is_told_at_once() -> None:
    """An item that is gone, one twice, extra credit below nothing."""
    rubric = Rubric(items=(RubricItem("a", D(1), "x"),))
    with pytest.raises(MarkingError) as error:
        checked(Mark(("a", "a", "b"), extra_credit=D(-1)), rubric)
    assert 3 == len(error.value.messages)


def test_a_checked_mark_has_its_items_in_the_rubrics_order() -> None:
    """However they were ticked."""
    rubric = Rubric(items=(RubricItem("a", D(1), "x", 2), RubricItem("b", D(1), "y", 1)))
    assert ("b", "a") == checked(Mark(("a", "b")), rubric).items


def test_an_item_is_taken_and_given_back() -> None:
    """As a digit on the keyboard does."""
    once = Mark(("a",)).toggled("b")
    assert (("a", "b"), ("b",)) == (once.items, once.toggled("a").items)


@pytest.mark.parametrize(
    ("typed", "points"), [("2.50", "2.5"), (" 2,5 ", "2.5"), ("10", "10"), ("−1", "-1"), (0.1, "0.1"), ("-0", "0")]
)
def test_points_are_read_as_people_write_them(typed: object, points: str) -> None:
    """With a point or a comma, with a typographic minus, from a float of nbgrader's."""
    assert D(points) == exact_points(typed)


def test_points_are_shown_as_people_write_them() -> None:
    """Without zeros at the end, with a typographic minus."""
    assert ["2", "2.5", "−0.25", "0", "100"] == [shown_points(D(x)) for x in ("2.00", "2.50", "-0.250", "-0.0", "100")]


def test_two_items_of_one_id_are_no_rubric() -> None:
    """Nobody could tell which one a mark carries."""
    item = RubricItem("a", D(1), "x")
    with pytest.raises(MarkingError, match="same id"):
        Rubric(items=(item, replace(item, text="y")))


def test_a_comment_is_as_databases_and_people_like_it() -> None:
    """A browser's line ends, null bytes and half characters do not get far."""
    assert "One\ntwo?" == checked(Mark(comment=" One\r\ntwo\0\ud800 \r\n"), Rubric()).comment
