"""The rules of a course, laid out for quick look-ups while the class is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from grader.gradebook.policies import CategoryPolicy, ItemPolicy, Policies, StudentException
from grader.gradebook.scores import Item

_DEFAULT = ItemPolicy()


@dataclass(frozen=True, slots=True)
class Improvement:
    """One item may better another."""

    source: str
    policy: ItemPolicy


class Weighing(NamedTuple):
    """How an item counts in its category."""

    factor: Fraction | None
    """What a point is worth there; None for 1."""
    reachable: Fraction
    """0 for extra credit."""
    may_drop: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that holds for all students, and each student's exceptions."""

    policies: Policies
    categories: Mapping[str, CategoryPolicy]
    items: tuple[Item, ...]
    """Those that improve others first, as the others need their points."""
    begun: frozenset[str]
    """Items in which somebody has a score already."""
    as_of: datetime | None
    exceptions: Mapping[str, Mapping[str | None, tuple[StudentException, ...]]]
    """By student, then by item."""
    improvements: Mapping[str, Improvement]
    """By the item that is improved."""
    sources: frozenset[str]
    """Items that improve others; they draw nothing from the budget of late days, so that its best use is certain."""
    weighing: Mapping[str, Weighing]
    """By item; items without points count nothing and are not there."""
    special: frozenset[str]
    """Items of which rules of their own may change the points."""
    revisions: frozenset[str]
    """Items that do not count by themselves."""

    @classmethod
    def of(cls, policies: Policies, items: Sequence[Item], begun: frozenset[str], as_of: datetime | None) -> Rules:
        """Lay the policies out."""
        improvements = {
            target: Improvement(name, policy)
            for name, policy in sorted(policies.assignments.items())
            if (target := policy.revises or policy.replaces)
        }
        sources = frozenset(improvement.source for improvement in improvements.values())
        return cls(
            policies,
            policies.all_categories,
            tuple(sorted(items, key=lambda item: item.name not in sources)),
            begun,
            as_of,
            _by_student(policies.exceptions),
            improvements,
            sources,
            {item.name: _weighing(policies, item) for item in items if item.points},
            frozenset(improvements) | {name for name, own in policies.assignments.items() if own.cap is not None},
            frozenset(name for name, own in policies.assignments.items() if own.revises is not None),
        )

    def item_policy(self, name: str) -> ItemPolicy:
        """Return how an item counts."""
        return self.policies.assignments.get(name, _DEFAULT)

    def may_be_late(self, item: Item) -> bool:
        """Tell whether lateness costs something here."""
        return (
            not self.policies.late.is_free and self.categories[item.category].late and self.item_policy(item.name).late
        )


def _weighing(policies: Policies, item: Item) -> Weighing:
    category, own = policies.all_categories[item.category], policies.assignments.get(item.name, _DEFAULT)
    may_drop = item.name not in category.never_drop and not own.extra_credit
    if category.items == "points":
        return Weighing(None, Fraction(0) if own.extra_credit else item.points, may_drop)
    weight = Fraction(1) if category.items == "equal" else own.weight or Fraction(0)
    return Weighing(weight / item.points, Fraction(0) if own.extra_credit else weight, may_drop)


def _by_student(
    exceptions: tuple[StudentException, ...],
) -> dict[str, dict[str | None, tuple[StudentException, ...]]]:
    found: dict[str, dict[str | None, tuple[StudentException, ...]]] = {}
    for exception in exceptions:
        items = found.setdefault(exception.student, {})
        items[exception.item] = (*items.get(exception.item, ()), exception)
    return found
