"""The rules of a course, laid out for quick look-ups while the class is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from grader.gradebook.policies import CategoryPolicy, ItemPolicy, Policies, StudentException
from grader.gradebook.scores import Item

_DEFAULT = ItemPolicy()


@dataclass(frozen=True, slots=True)
class Improvement:
    """One item may better another."""

    source: str
    policy: ItemPolicy


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
    """Items that improve others: they draw nothing from the budget of late days, so that its best use is certain."""

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
        )

    def item_policy(self, name: str) -> ItemPolicy:
        """Return how an item counts."""
        return self.policies.assignments.get(name, _DEFAULT)

    def may_be_late(self, item: Item) -> bool:
        """Tell whether lateness costs something here."""
        return (
            not self.policies.late.is_free and self.categories[item.category].late and self.item_policy(item.name).late
        )


def _by_student(
    exceptions: tuple[StudentException, ...],
) -> dict[str, dict[str | None, tuple[StudentException, ...]]]:
    found: dict[str, dict[str | None, tuple[StudentException, ...]]] = {}
    for exception in exceptions:
        items = found.setdefault(exception.student, {})
        items[exception.item] = (*items.get(exception.item, ()), exception)
    return found
