"""From items to categories, and from categories to the total."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from grader.gradebook.book import CategoryGrade, ItemGrade, Overall
from grader.gradebook.policies import CategoryPolicy

_NOTHING = Fraction(0)
_ONE = Fraction(1)


def overall(policies: Mapping[str, CategoryPolicy], grades: Iterable[ItemGrade]) -> Overall:
    """Return the total over the items that count.

    The weight of a category in which nothing counts is shared out among the others, in proportion to theirs; so a
    student who is excused from a whole category is graded as in a course without it.
    """
    members: dict[str, list[ItemGrade]] = {name: [] for name in policies}
    for grade in grades:
        members[grade.item.category].append(grade)
    fractions = {name: category_fraction(policy, members[name]) for name, policy in policies.items()}
    carried = sum((policies[name].weight for name, value in fractions.items() if value is not None), _NOTHING)
    scale = 100 / carried if carried else _NOTHING
    categories = {
        name: CategoryGrade(
            name,
            policies[name].weight * scale if value is not None else _NOTHING,
            value,
            tuple(grade.item.name for grade in members[name]),
        )
        for name, value in fractions.items()
    }
    total = sum((category.points for category in categories.values()), _NOTHING) if carried else None
    return Overall(total, categories)


def category_fraction(policy: CategoryPolicy, grades: Sequence[ItemGrade]) -> Fraction | None:
    """Return what was reached of a category, 1 for everything; None where nothing can be reached."""
    pairs = [_pair(policy, grade) for grade in grades if grade.item.points]
    if not pairs:
        return None
    return sum((reached for reached, _ in pairs), _NOTHING) / sum((weight for _, weight in pairs), _NOTHING)


def _pair(policy: CategoryPolicy, grade: ItemGrade) -> tuple[Fraction, Fraction]:
    if policy.items == "equal":
        return grade.counted / grade.item.points, _ONE
    return grade.counted, grade.item.points
