"""The rules of a course as values; each has a default that does nothing.

They are the tables of `course.toml` and the argument of `compute` alike. Numbers are exact: whoever reads the file
does so with `parse_float=Decimal`. What two rules say against each other is found by `contradictions`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from grader.gradebook.exact import Number, exact

DEFAULT_CATEGORY = "assignments"
"""Where every item is when a course names no categories."""


def _exact(value: Number) -> Fraction:
    try:
        return exact(value)
    except ValueError:
        message = "is not a number; write e.g. 12.5"
        raise ValueError(message) from None


ExactNumber = Annotated[Fraction, BeforeValidator(_exact)]
AtLeastNothing = Annotated[ExactNumber, Field(ge=0)]
Percent = Annotated[ExactNumber, Field(ge=0, le=100)]
Share = Annotated[ExactNumber, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class Policy(BaseModel):
    """What all tables of rules have in common: they are frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


class CategoryPolicy(Policy):
    """One category: its weight, and how its items count within it. In the file a bare number is the weight."""

    weight: Percent
    """Percent of the total."""
    items: Literal["points", "equal", "weights"] = "points"
    """Whether an item weighs as many points as it has, as much as any other, or what `weight` of the assignment
    says."""
    drop_lowest: Count = 0
    """How many items are left out, so that the rest is the best that it can be for the student. One always stays."""
    drop_highest: Count = 0
    """How many items are left out at the other end."""
    never_drop: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Items that always count."""
    cap: AtLeastNothing | None = None
    """The most that can be reached here, in percent: a limit to extra credit."""
    extra_credit: bool = False
    """Whether the weight comes on top of the 100 of the others."""
    late: bool = True
    """Whether the rules for late work hold here."""

    @model_validator(mode="before")
    @classmethod
    def _bare_weight(cls, value: Any) -> Any:
        return value if isinstance(value, dict | CategoryPolicy) else {"weight": value}


class ItemPolicy(Policy):
    """How one item counts: these keys stand in its `[assignments.<name>]`."""

    weight: AtLeastNothing | None = None
    """Its weight in a category whose `items` is "weights"."""
    extra_credit: bool = False
    """What it brings comes on top of its category; without it nothing is missing."""
    cap: AtLeastNothing | None = None
    """The most that counts, in percent of its points: 110 allows a tenth of extra credit."""
    late: bool = True
    """Whether the rules for late work hold for it."""
    revises: str | None = None
    """The item of which this is a second attempt; it does not count by itself."""
    replaces: str | None = None
    """The item whose percentage this one may replace, if it is better; it counts by itself as well."""
    share: Share = Fraction(1)
    """How much of the improvement counts: old + share * (new - old)."""


class LatePolicy(Policy):
    """What late work costs. Nothing, unless `percent`, `points` or `cut_off` says so."""

    per: Literal["hour", "day"] = "day"
    """The unit of lateness: each one that has begun counts."""
    grace_minutes: AtLeastNothing = Fraction(0)
    """Up to here nothing is late; beyond, lateness counts from the due date."""
    percent: Percent | None = None
    """Percent of the item's points that each unit costs."""
    points: AtLeastNothing | None = None
    """Points that each unit costs."""
    floor: Percent = Fraction(0)
    """Percent of the item's points below which lateness pushes nobody."""
    cut_off: Count | None = None
    """Units after which nothing counts any more."""
    budget: Count = 0
    """Units that each student has free, over the whole course. They are spent where they help the final grade most."""

    @property
    def is_free(self) -> bool:
        """Whether being late costs nothing at all."""
        return not self.percent and not self.points and self.cut_off is None


class GradingPolicy(Policy):
    """How the total is made and shown."""

    digits: Annotated[int, Field(ge=0, le=6)] = 2
    """Digits after the point of what is shown. The total is rounded once, half up, at the very end."""
    missing: Literal["zero", "ignore"] = "zero"
    """What a missing item that is due is worth in the current grade; in the final grade it is 0 either way."""
    curve: ExactNumber = Fraction(0)
    """Percent points added to everybody's total."""
    cap: AtLeastNothing | None = None
    """The highest total there is, in percent."""
    gap: AtLeastNothing = Fraction(0)
    """How far a letter's cut-off may be lowered, in percent points, to the widest gap between two students."""
    show_place: bool = False
    """Whether students are told their place in the distribution."""


class StudentException(Policy):
    """One deviation for one student, with its reason."""

    student: str
    reason: Annotated[str, Field(min_length=1)]
    item: str | None = None
    """Needed for everything but `late_days`."""
    excuse: bool = False
    """The item does not exist for this student."""
    score: AtLeastNothing | None = None
    """The points that count, whatever came in and when."""
    add: ExactNumber | None = None
    """Points added to what counts; less than nothing takes some away."""
    extension_hours: AtLeastNothing | None = None
    """The item is due so much later."""
    late_days: Count | None = None
    """So many more units for the budget."""
    waive_late: bool = False
    """Lateness costs nothing here."""

    @property
    def actions(self) -> tuple[str, ...]:
        """The keys that say what is done."""
        keys = ("excuse", "score", "add", "extension_hours", "late_days", "waive_late")
        return tuple(key for key in keys if getattr(self, key) not in {None, False})


class Requirement(Policy):
    """Something without which the grade is limited: "no pass without a project"."""

    item: str | None = None
    category: str | None = None
    at_least: Percent = Fraction(0)
    """Percent that is needed; at 0 it only has to be there."""
    letter: str | None = None
    """The best letter without it."""
    total: Percent | None = None
    """The highest total without it."""

    @property
    def target(self) -> str:
        """What is asked for."""
        return self.item or self.category or ""


class Policies(Policy):
    """All the rules of one course. The keys are those of `course.toml`."""

    categories: dict[str, CategoryPolicy] = Field(default_factory=dict)
    """By name; without any, all items are in one category."""
    assignments: dict[str, ItemPolicy] = Field(default_factory=dict)
    """By the item's name."""
    grading: GradingPolicy = GradingPolicy()
    late: LatePolicy = LatePolicy()
    letters: dict[str, Percent] = Field(default_factory=dict)
    """The total that each letter needs, in percent."""
    exceptions: Annotated[tuple[StudentException, ...], Field(strict=False)] = ()
    requirements: Annotated[tuple[Requirement, ...], Field(strict=False)] = ()

    @property
    def all_categories(self) -> dict[str, CategoryPolicy]:
        """The categories in the order of the file, or the one that holds everything."""
        return self.categories or {DEFAULT_CATEGORY: CategoryPolicy(weight=Fraction(100))}
