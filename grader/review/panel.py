"""What the panel for grading shows, and what its form says: the same beside one answer and beside a group of them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from grader.marking import Mark, Rubric, RubricItem, exact_points, full, shown_points, total, with_points, zero

if TYPE_CHECKING:
    from grader.review.forms import Form

_DIGITS = "123456789"
_NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Line:
    """A rubric item in the panel."""

    item: RubricItem
    key: str
    """The digit that gives or takes it; empty from the tenth on."""
    given: bool

    @property
    def points(self) -> str:
        """With its sign."""
        return signed(self.item.points)


@dataclass(frozen=True, slots=True)
class Panel:
    """What is given and can be given, as the panel shows it."""

    mark: Mark
    rubric: Rubric
    rubric_version: int
    max_score: Decimal
    graded: bool
    """Whether a mark stands; otherwise `mark` is what to begin with."""
    points: Decimal | None
    """Those that stand, by a person or without one."""

    @property
    def lines(self) -> tuple[Line, ...]:
        """The rubric's items, numbered as they are pressed."""
        keys = (*_DIGITS, *("" for _ in self.rubric.items[len(_DIGITS) :]))
        return tuple(
            Line(item, key, item.id in self.mark.items) for key, item in zip(keys, self.rubric.ordered, strict=False)
        )

    @property
    def shown(self) -> str:
        """The points in their field; nothing where there are none yet."""
        return "" if self.points is None else shown_points(self.points)

    @property
    def most(self) -> str:
        """How many there are."""
        return shown_points(self.max_score)

    @property
    def extra(self) -> str:
        """Extra credit in its field; nothing for none."""
        return shown_points(self.mark.extra_credit) if self.mark.extra_credit else ""

    @property
    def free(self) -> str:
        """Points that are given or taken besides items, with their sign; nothing where that is all there is."""
        return signed(self.mark.adjustment) if self.mark.adjustment and self.mark.items else ""

    @property
    def level(self) -> str:
        """full, partial, zero or none: the class that colours the points."""
        if self.points is None:
            return "none"
        if self.points <= 0:
            return "zero"
        return "full" if self.points >= self.max_score else "partial"


@dataclass(frozen=True, slots=True)
class Yours:
    """A mark that was not written because somebody else had been quicker: to be looked at, and perhaps given again."""

    mark: Mark | None
    """None where it was to be taken back."""
    points: str
    items: tuple[str, ...]
    """Texts of its items."""
    told: str
    """Who had been quicker."""


def signed(points: Decimal) -> str:
    """Points with their sign."""
    return f"+{shown_points(points)}" if points > 0 else shown_points(points)


def mark_of(form: Form, *, flagged: bool) -> Mark:
    """The mark that the form shows: its items, its free points, extra credit and comment."""
    extra = (form.optional("extra") or "").strip()
    return Mark(
        items=form.all("item"),
        adjustment=exact_points(form.optional("adjustment") or "0"),
        extra_credit=exact_points(extra) if extra else _NONE,
        comment=form.text("comment"),
        flagged=flagged,
    )


def wanted(form: Form, shown: Mark, rubric: Rubric, max_score: Decimal) -> Mark | None:
    """What the pressed button makes of the mark that the form shows; None takes it back."""
    match form.choice("do", {"save", "points", "full", "zero", "clear"}):
        case "full":
            return full(shown, rubric, max_score)
        case "zero":
            return zero(shown, rubric, max_score)
        case "clear":
            return None
        case "points":
            typed = form.text("points", longest=40).strip()
            return with_points(shown, rubric, max_score, exact_points(typed)) if typed else None
        case _:
            return shown


def yours(mark: Mark | None, rubric: Rubric, max_score: Decimal, told: str) -> Yours:
    """What was not written, in words."""
    if mark is None:
        return Yours(None, "", (), told)
    known = {item.id: item.text for item in rubric.items}
    kept = Mark(tuple(one for one in mark.items if one in known), mark.adjustment)
    points = shown_points(total(kept, rubric, max_score))
    return Yours(mark, points, tuple(known.get(one, "an item that is gone") for one in mark.items), told)


def check_known(mark: Mark | None, rubric: Rubric) -> None:
    """Refuse items that the rubric does not have any more, before points are counted with them."""
    for item in mark.items if mark else ():
        rubric.item(item)
