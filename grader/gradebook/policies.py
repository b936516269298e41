"""The rules of a course as values; each has a default that does nothing.

They are the tables of `course.toml` and the argument of `compute` alike. Numbers are exact: whoever reads the file
does so with `parse_float=Decimal`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from grader.gradebook.exact import Number, exact, shown

DEFAULT_CATEGORY = "assignments"
"""Where every item is when a course names no categories."""


def _exact(value: Number) -> Fraction:
    try:
        return exact(value)
    except ValueError:
        message = "is not a number; write e.g. 12.5"
        raise ValueError(message) from None


ExactNumber = Annotated[Fraction, BeforeValidator(_exact)]
Percent = Annotated[ExactNumber, Field(ge=0, le=100)]


class Policy(BaseModel):
    """What all tables of rules have in common: they are frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class CategoryPolicy(Policy):
    """One category: its weight, and how its items count within it. In the file a bare number is the weight."""

    weight: Percent
    """Percent of the total."""
    items: Literal["points", "equal"] = "points"
    """Whether an item weighs as many points as it has, or as much as any other."""

    @model_validator(mode="before")
    @classmethod
    def _bare_weight(cls, value: Any) -> Any:
        return value if isinstance(value, dict | CategoryPolicy) else {"weight": value}


class GradingPolicy(Policy):
    """How the total is made and shown."""

    digits: Annotated[int, Field(ge=0, le=6)] = 2
    """Digits after the point of what is shown. The total is rounded once, half up, at the very end."""
    missing: Literal["zero", "ignore"] = "zero"
    """What a missing item that is due is worth in the current grade; in the final grade it is 0 either way."""


class Policies(Policy):
    """All the rules of one course."""

    categories: dict[str, CategoryPolicy] = Field(default_factory=dict)
    """By name; without any, all items are in one category."""
    grading: GradingPolicy = GradingPolicy()

    @property
    def all_categories(self) -> dict[str, CategoryPolicy]:
        """The categories in the order of the file, or the one that holds everything."""
        return self.categories or {DEFAULT_CATEGORY: CategoryPolicy(weight=Fraction(100))}

    @model_validator(mode="after")
    def _weights_add_up(self) -> Policies:
        total = sum((category.weight for category in self.categories.values()), Fraction(0))
        if self.categories and total != 100:
            parts = ", ".join(f"{name} {shown(category.weight, 6)}" for name, category in self.categories.items())
            message = f"category weights add up to {shown(total, 6)}, not 100 ({parts})"
            raise ValueError(message)
        return self
