"""Scores and rules in, gradebook out: a pure function."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from grader.errors import ScoresError
from grader.gradebook.book import Gradebook, ItemGrade, StudentGrade
from grader.gradebook.budget import Choice, Group, Spent, spend
from grader.gradebook.categories import overall, part, shared_out
from grader.gradebook.contradictions import contradictions
from grader.gradebook.exact import shown
from grader.gradebook.letters import cut_offs, letter_of
from grader.gradebook.policies import Policies
from grader.gradebook.rules import Rules
from grader.gradebook.scores import Item, ItemScore, Scores, Status
from grader.gradebook.sheet import (
    Standing,
    counted_with,
    counts_in_current,
    counts_in_final,
    item_grade,
    standings,
)
from grader.model import Student
from grader.text import escape


def compute(
    policies: Policies,
    students: Iterable[Student],
    items: Iterable[Item],
    scores: Scores,
    *,
    as_of: datetime | None = None,
) -> Gradebook:
    """Return the gradebook of these students.

    `as_of` is the day whose gradebook this is: until then an item that is not due is no missing item. Without it,
    everything is due. Due dates, times of submission and `as_of` have a time zone, or none of them has.

    Raises `ScoresError` with a line for each thing that does not fit: an item in no category, a name twice, scores of
    students or items that do not exist, rules that contradict each other.
    """
    students, items = tuple(students), tuple(items)
    if problems := _misfits(policies, students, items, scores):
        raise ScoresError(*problems)
    begun = frozenset(name for row in scores.values() for name, score in row.items() if _is_begun(score))
    rules = Rules.of(policies, items, begun, as_of)
    rows = tuple(
        _row(rules, items, student, scores.get(student.student_id, {})) for student in sorted(students, key=sort_key)
    )
    return _with_letters(Gradebook(policies, items, rows, _notes(policies, items, students)))


def _row(rules: Rules, items: tuple[Item, ...], student: Student, scores: Mapping[str, ItemScore]) -> StudentGrade:
    stands = standings(rules, student.student_id, scores)
    improving = {s.item.name: item_grade(rules, s, 0, {}) for s in stands if s.item.name in rules.sources}
    found = {s.item.name: improving.get(s.item.name) or item_grade(rules, s, 0, improving) for s in stands}
    spent = _late_days(rules, student.student_id, stands, found)
    found |= {s.item.name: item_grade(rules, s, spent[s.item.name], found) for s in stands if s.item.name in spent}
    grades = {item.name: found[item.name] for item in items}
    in_final = [grade for grade in grades.values() if counts_in_final(rules, grade)]
    in_current = [grade for grade in in_final if counts_in_current(rules, grade)]
    final = overall(rules, in_final)
    current = final if len(in_current) == len(in_final) else overall(rules, in_current)
    return StudentGrade(student, grades, final, current)


def _late_days(rules: Rules, student_id: str, stands: Sequence[Standing], plain: Mapping[str, ItemGrade]) -> Spent:
    """Spend the budget: the course's, and what exceptions add to it."""
    extra = rules.exceptions.get(student_id, {}).get(None, ())
    days = rules.policies.late.budget + sum(exception.late_days or 0 for exception in extra)
    late = [s for s in stands if s.units and s.item.points and s.item.name not in rules.sources]
    if not days or not late:
        return {}
    reached = {s.item.name: _reached(rules, s, plain, days) for s in late}
    needed = {name: points.index(points[-1]) for name, points in reached.items()}
    if sum(needed.values()) <= days:
        return {name: used for name, used in needed.items() if used}
    members: dict[str, list[Choice]] = {}
    for stand in stands:
        name = stand.item.name
        if stand.item.points and counts_in_final(rules, plain[name]):
            first = part(rules, name, plain[name].counted)
            choice = Choice(name, reached.get(name, (first.reached,)), first.reachable, first.may_drop)
            members.setdefault(stand.item.category, []).append(choice)
    filled = {name: tuple(choices) for name, choices in members.items() if any(c.reachable for c in choices)}
    scale = shared_out(rules.categories, filled)
    return spend((_group(rules, name, choices, scale) for name, choices in filled.items()), days)


def _reached(rules: Rules, stand: Standing, grades: Mapping[str, ItemGrade], days: int) -> tuple[Fraction, ...]:
    """What an item brings its category for 0, 1, 2, ... days spent on it."""
    name = stand.item.name
    counted = (counted_with(rules, stand, forgiven, grades) for forgiven in range(1, min(stand.units, days) + 1))
    return tuple(part(rules, name, points).reached for points in (grades[name].counted, *counted))


def _group(rules: Rules, name: str, choices: tuple[Choice, ...], scale: Fraction) -> Group:
    policy = rules.categories[name]
    reachable = sum(1 for choice in choices if choice.reachable)
    return Group(
        choices,
        drops=min(policy.drop_lowest, reachable - 1),
        weight=policy.weight * (1 if policy.extra_credit else scale),
        cap=None if policy.cap is None else policy.cap / 100,
    )


def _with_letters(gradebook: Gradebook) -> Gradebook:
    """Letters look at the totals as they are shown, and the gaps between them at the whole class."""
    policies = gradebook.policies
    if not policies.letters:
        return gradebook
    digits = policies.grading.digits
    totals = [None if row.final.total is None else Fraction(row.final.rounded(digits) or 0) for row in gradebook.rows]
    offs = cut_offs(policies.letters, (total for total in totals if total is not None), policies.grading.gap)
    rows = tuple(
        row if total is None else replace(row, letter=letter_of(total, offs, row.final.unmet))
        for row, total in zip(gradebook.rows, totals, strict=True)
    )
    return replace(gradebook, rows=rows, cut_offs=offs)


def sort_key(student: Student) -> tuple[str, ...]:
    """Sort by last name, first name and id as people do, accents and case aside; ties are broken by the exact text."""
    names = (student.last_name, student.first_name, student.student_id)
    return (*(_plain(name) for name in names), *names)


def _plain(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(c))


def _is_begun(score: ItemScore) -> bool:
    return score.status in {Status.GRADED, Status.WAITING}


def _notes(policies: Policies, items: tuple[Item, ...], students: tuple[Student, ...]) -> tuple[str, ...]:
    filled, ids = {item.category for item in items if item.points}, {student.student_id for student in students}
    return (
        *(
            f"{name} ({shown(policy.weight)} %) has no item with points yet: its weight is shared out among the others"
            for name, policy in policies.all_categories.items()
            if name not in filled and policy.weight and not policy.extra_credit
        ),
        *(
            f"[[exceptions]] number {number}: {escape(exception.student)} is nobody on the roster"
            for number, exception in enumerate(policies.exceptions, 1)
            if exception.student not in ids
        ),
    )


def _misfits(policies: Policies, students: tuple[Student, ...], items: tuple[Item, ...], scores: Scores) -> list[str]:
    ids, names = {student.student_id for student in students}, {item.name for item in items}
    categories = policies.all_categories
    return [
        *contradictions(policies, {item.name: item.category for item in items}),
        *(
            f'{escape(item.name)}: "{escape(item.category)}" is no category; use one of {", ".join(categories)}'
            for item in items
            if item.category not in categories
        ),
        *(f"two items are called {escape(name)}" for name in _twice(item.name for item in items)),
        *(f"two students have the id {escape(name)}" for name in _twice(student.student_id for student in students)),
        *(
            f"{escape(student_id)}: has scores but is not on the roster"
            for student_id in scores
            if student_id not in ids
        ),
        *(
            f"{escape(name)}: there are scores for it but it is no item of the course"
            for name in sorted({name for row in scores.values() for name in row} - names)
        ),
    ]


def _twice(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
