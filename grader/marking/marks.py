"""Marks and rubrics: exact points, and nothing that makes no sense."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Literal, TypeAlias

from grader.errors import MarkingError
from grader.text import escape

Start: TypeAlias = Literal["full", "zero"]
"""What an answer has before any rubric item counts."""

_MOST = Decimal(1_000_000)
_PLACES = 6
_LONGEST_TEXT = 2000
_LONGEST_COMMENT = 20_000
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """A cell with points of one assignment."""

    assignment: str
    notebook: str
    grade_id: str

    def __str__(self) -> str:
        return f"{self.assignment}/{self.notebook}/{self.grade_id}"

    @property
    def key(self) -> str:
        """`notebook/grade_id`, as the store keys what it knows of one assignment."""
        return f"{self.notebook}/{self.grade_id}"


@dataclass(frozen=True, slots=True)
class RubricItem:
    """Something that answers are given or denied points for, shared by all that carry it."""

    id: str
    points: Decimal
    """Positive or negative."""
    text: str
    position: int = 0
    """Where it stands in its rubric; items with one position stand by their ids."""

    def __post_init__(self) -> None:
        """Refuse points that are no number, and an item that says nothing."""
        _check_number(self.points, "a rubric item's points")
        if not self.text.strip():
            raise MarkingError("a rubric item needs a text: what is it that the points are for?")
        if len(self.text) > _LONGEST_TEXT:
            raise MarkingError(f"a rubric item's text has at most {_LONGEST_TEXT} characters, not {len(self.text)}")


@dataclass(frozen=True, slots=True)
class Rubric:
    """A question's items, in order, and what they are added to."""

    start: Start = "zero"
    items: tuple[RubricItem, ...] = ()

    def __post_init__(self) -> None:
        """Refuse two items with one id, and a start that is neither."""
        if self.start not in {"full", "zero"}:
            raise MarkingError(f'a rubric starts from "full" or "zero", not from {escape(self.start, 20)!r}')
        if len({item.id for item in self.items}) != len(self.items):
            raise MarkingError("two items of one rubric have the same id")

    @property
    def ordered(self) -> tuple[RubricItem, ...]:
        """The items by position: as pages number them, from 1."""
        return tuple(sorted(self.items, key=lambda item: (item.position, item.id)))

    def item(self, item_id: str) -> RubricItem:
        """The item with this id; `MarkingError` where the rubric has none."""
        found = next((item for item in self.items if item.id == item_id), None)
        if found is None:
            raise MarkingError(f"the rubric has no item {escape(item_id, 40)!r} (any more); load the page again")
        return found


@dataclass(frozen=True, slots=True)
class Mark:
    """What a person gave one answer; an answer without one is not graded yet."""

    items: tuple[str, ...] = ()
    """Ids of the rubric's items that it carries."""
    adjustment: Decimal = _NOTHING
    """Free points on top of the items, positive or negative."""
    extra_credit: Decimal = _NOTHING
    """Beyond the question's points."""
    comment: str = ""
    """To the student, in Markdown."""
    flagged: bool = False
    """Whether somebody should look at it again; for staff only."""

    def __post_init__(self) -> None:
        """Refuse what is no number of points."""
        _check_number(self.adjustment, "the adjustment")
        _check_number(self.extra_credit, "extra credit")

    def toggled(self, item_id: str) -> Mark:
        """The mark with the item if it had not carried it, else without."""
        without = tuple(other for other in self.items if other != item_id)
        return replace(self, items=without if item_id in self.items else (*self.items, item_id))


def total(mark: Mark, rubric: Rubric, max_score: Decimal) -> Decimal:
    """The points of a mark without extra credit: start, items and adjustment, within 0 and the question's points."""
    return min(max(_sum(mark, rubric, max_score) + mark.adjustment, _NOTHING), max_score)


def with_points(mark: Mark, rubric: Rubric, max_score: Decimal, points: Decimal) -> Mark:
    """The mark with the adjustment that makes its total what a grader typed."""
    _check_number(points, "points")
    if points < 0:
        raise MarkingError(f"{shown_points(points)} points are less than nothing; the least is 0")
    if points > max_score:
        most = shown_points(max_score)
        raise MarkingError(
            f"{shown_points(points)} points are more than the {most} there are; use extra credit for more"
        )
    plain = replace(mark, adjustment=_NOTHING)
    if total(plain, rubric, max_score) == points:
        return plain
    return replace(mark, adjustment=points - _sum(mark, rubric, max_score))


def full(mark: Mark, rubric: Rubric, max_score: Decimal) -> Mark:
    """All points, without items; comment, extra credit and flag stay."""
    return with_points(replace(mark, items=()), rubric, max_score, max_score)


def zero(mark: Mark, rubric: Rubric, max_score: Decimal) -> Mark:
    """No points, without items; comment, extra credit and flag stay."""
    return with_points(replace(mark, items=()), rubric, max_score, _NOTHING)


def checked(mark: Mark, rubric: Rubric) -> Mark:
    """The mark as it may be written: items in the rubric's order; `MarkingError` names all that cannot be."""
    problems = list(_problems(mark, rubric))
    if problems:
        raise MarkingError(*problems)
    return replace(mark, items=in_order(mark.items, rubric), comment=tidy(mark.comment))


def in_order(items: Iterable[str], rubric: Rubric) -> tuple[str, ...]:
    """Ids in the rubric's order, each once; those that it does not have are left out."""
    wanted = set(items)
    return tuple(item.id for item in rubric.ordered if item.id in wanted)


def tidy(text: str) -> str:
    """What somebody wrote, without blanks around it, with plain line ends, and with nothing that a database refuses."""
    whole = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()
    return whole.encode("utf-8", "replace").decode()


def exact_points(value: object) -> Decimal:
    """A number of points as it is written: a form's text (a comma for a point, too), a float of nbgrader's, a Decimal.

    Raises `MarkingError` for what is no number of at most 6 decimal places.
    """
    text = str(value).strip().replace("−", "-")
    if text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise MarkingError(f"{escape(value, 40)!r} is no number of points; write one like 2.5") from None
    _check_number(number, "points")
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()


def shown_points(points: Decimal) -> str:
    """Points as people write them: 2, 2.5, −1."""
    text = f"{points:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−") if text not in {"", "-0"} else "0"


def _sum(mark: Mark, rubric: Rubric, max_score: Decimal) -> Decimal:
    begin = max_score if rubric.start == "full" else _NOTHING
    return sum((rubric.item(item_id).points for item_id in mark.items), begin)


def _problems(mark: Mark, rubric: Rubric) -> Iterable[str]:
    known = {item.id for item in rubric.items}
    for item_id in mark.items:
        if item_id not in known:
            yield f"the rubric has no item {escape(item_id, 40)!r} (any more); load the page again"
    if len(set(mark.items)) != len(mark.items):
        yield "a mark carries a rubric item once or not at all"
    if mark.extra_credit < 0:
        yield f"{shown_points(mark.extra_credit)} extra credit is less than nothing; take points off instead"
    if len(mark.comment) > _LONGEST_COMMENT:
        yield f"a comment has at most {_LONGEST_COMMENT} characters, not {len(mark.comment)}"


def _check_number(number: Decimal, what: str) -> None:
    if not isinstance(number, Decimal):
        raise MarkingError(f"{what}: {escape(number, 40)!r} is no exact number")
    if not number.is_finite():
        raise MarkingError(f"{what}: {escape(number, 40)} is no number of points")
    if abs(number) > _MOST:
        raise MarkingError(f"{what}: {escape(number, 40)} is beyond all points that there can be")
    if number != round(number, _PLACES):
        raise MarkingError(f"{what}: {escape(number, 40)} has more than {_PLACES} decimal places")
