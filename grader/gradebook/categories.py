"""From items to categories, and from categories to the total."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from grader.gradebook.book import CategoryGrade, ItemGrade, Overall, Step
from grader.gradebook.drops import Part, dropped, quotient
from grader.gradebook.exact import shown, total
from grader.gradebook.policies import CategoryPolicy, Requirement
from grader.gradebook.rules import Rules
from grader.gradebook.scores import Status

_NOTHING = Fraction(0)


def overall(rules: Rules, grades: Iterable[ItemGrade]) -> Overall:
    """Return the total over the items that count.

    The weight of a category in which nothing counts is shared out among the others, in proportion to theirs; so a
    student who is excused from a whole category is graded as in a course without it.
    """
    members: dict[str, list[ItemGrade]] = {name: [] for name in rules.categories}
    for grade in grades:
        members[grade.item.category].append(grade)
    found = {name: category_grade(rules, name, members[name]) for name in rules.categories}
    scale = shared_out(rules.categories, (name for name, grade in found.items() if grade.fraction is not None))
    categories = {name: _weighed(grade, rules.categories[name], scale) for name, grade in found.items()}
    if not scale:
        return Overall(None, categories)
    raw = total(category.points for category in categories.values())
    unmet = tuple(_unmet(rules, members, categories))
    steps = _adjustments(rules, raw, unmet)
    return Overall(raw + total(step.change for step in steps) if steps else raw, categories, steps, unmet)


def shared_out(categories: Mapping[str, CategoryPolicy], present: Iterable[str]) -> Fraction:
    """Return the factor that brings the weights of the categories that are present up to 100; 0 if there are none."""
    carried = total(categories[name].weight for name in present if not categories[name].extra_credit)
    return 100 / carried if carried else _NOTHING


def category_grade(rules: Rules, name: str, grades: Sequence[ItemGrade]) -> CategoryGrade:
    """Return what was reached of a category, with the best drop; its weight is not shared out yet."""
    policy = rules.categories[name]
    every = parts(rules, grades)
    out = dropped(every, policy.drop_lowest, policy.drop_highest) if policy.drop_lowest or policy.drop_highest else ()
    kept = [part for part in every if part.name not in out] if out else every
    reached = quotient(kept)
    if reached is not None and policy.cap is not None:
        reached = min(reached, policy.cap / 100)
    return CategoryGrade(name, policy.weight, reached, tuple(part.name for part in kept), frozenset(out))


def parts(rules: Rules, grades: Iterable[ItemGrade]) -> list[Part]:
    """Return the items as their category weighs them; those without points count nothing."""
    return [part(rules, grade.item.name, grade.counted) for grade in grades if grade.item.points]


def part(rules: Rules, name: str, counted: Fraction) -> Part:
    """Return one item as its category weighs it, with so many points."""
    factor, reachable, may_drop = rules.weighing[name]
    return Part(name, counted if factor is None else counted * factor, reachable, may_drop)


def _weighed(grade: CategoryGrade, policy: CategoryPolicy, scale: Fraction) -> CategoryGrade:
    factor = 1 if policy.extra_credit else scale
    weight = _NOTHING if grade.fraction is None else grade.weight * factor
    return (
        grade
        if weight == grade.weight
        else CategoryGrade(grade.name, weight, grade.fraction, grade.kept, grade.dropped)
    )


def _unmet(
    rules: Rules, members: Mapping[str, Sequence[ItemGrade]], categories: Mapping[str, CategoryGrade]
) -> Iterable[Requirement]:
    """A requirement on what does not count for the student asks nothing."""
    for wanted in rules.policies.requirements:
        if wanted.category is not None:
            fraction = categories[wanted.category].fraction
            there = any(_is_there(grade) for grade in members[wanted.category])
        else:
            grade = next((g for group in members.values() for g in group if g.item.name == wanted.item), None)
            fraction = grade.counted / grade.item.points if grade is not None and grade.item.points else None
            there = grade is not None and _is_there(grade)
        if fraction is not None and (fraction * 100 < wanted.at_least or not there):
            yield wanted


def _is_there(grade: ItemGrade) -> bool:
    return grade.status in {Status.GRADED, Status.WAITING} or grade.counted > 0


def _adjustments(rules: Rules, raw: Fraction, unmet: tuple[Requirement, ...]) -> tuple[Step, ...]:
    """What happens to the sum of the categories, in this order: the curve, the cap, unmet requirements."""
    grading, steps = rules.policies.grading, []
    if grading.curve:
        steps.append(Step(f"{shown(grading.curve, 4)} percent points for everybody", max(grading.curve, -raw)))
        raw += steps[-1].change
    if grading.cap is not None and raw > grading.cap:
        steps.append(Step(f"a total is {shown(grading.cap, 4)} at most", grading.cap - raw))
        raw = grading.cap
    for wanted in unmet:
        if wanted.total is not None and raw > wanted.total:
            steps.append(Step(f"{without(wanted)}, the total is {shown(wanted.total, 4)} at most", wanted.total - raw))
            raw = wanted.total
    return tuple(steps)


def without(wanted: Requirement) -> str:
    """Say what is missing."""
    needed = f"{shown(wanted.at_least, 4)} % in " if wanted.at_least else ""
    return f"without {needed}{wanted.target}"
