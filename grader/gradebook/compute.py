"""Scores and rules in, gradebook out: a pure function."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime

from grader.errors import ScoresError
from grader.gradebook.book import Gradebook, StudentGrade
from grader.gradebook.categories import overall
from grader.gradebook.exact import shown
from grader.gradebook.policies import CategoryPolicy, Policies
from grader.gradebook.scores import Item, ItemScore, Scores, Status
from grader.gradebook.sheet import counts_in_current, counts_in_final, item_grades
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
    everything is due. Due dates and `as_of` have a time zone, or none of them has.

    Raises `ScoresError` with a line for each thing that does not fit: an item in no category, a name twice, scores of
    students or items that do not exist.
    """
    students, items = tuple(students), tuple(items)
    categories = policies.all_categories
    if problems := _misfits(categories, students, items, scores):
        raise ScoresError(*problems)
    begun = frozenset(name for row in scores.values() for name, score in row.items() if _is_begun(score))
    rows = tuple(
        _row(policies, categories, student, items, scores.get(student.student_id, {}), begun, as_of)
        for student in sorted(students, key=sort_key)
    )
    return Gradebook(policies, items, rows, _notes(categories, items))


def _row(  # noqa: PLR0913, PLR0917 - what a row is made from
    policies: Policies,
    categories: Mapping[str, CategoryPolicy],
    student: Student,
    items: tuple[Item, ...],
    scores: Mapping[str, ItemScore],
    begun: frozenset[str],
    as_of: datetime | None,
) -> StudentGrade:
    grades = item_grades(items, scores, begun=begun, as_of=as_of)
    in_final = [grade for grade in grades.values() if counts_in_final(grade)]
    in_current = [grade for grade in in_final if counts_in_current(grade, policies)]
    final = overall(categories, in_final)
    current = final if len(in_current) == len(in_final) else overall(categories, in_current)
    return StudentGrade(student, grades, final, current)


def sort_key(student: Student) -> tuple[str, ...]:
    """Sort by last name, first name and id as people do, accents and case aside; ties are broken by the exact text."""
    names = (student.last_name, student.first_name, student.student_id)
    return (*(_plain(name) for name in names), *names)


def _plain(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(c))


def _is_begun(score: ItemScore) -> bool:
    return score.status in {Status.GRADED, Status.WAITING}


def _notes(categories: Mapping[str, CategoryPolicy], items: tuple[Item, ...]) -> tuple[str, ...]:
    filled = {item.category for item in items if item.points}
    return tuple(
        f"{name} ({shown(policy.weight)} %) has no item with points yet: its weight is shared out among the others"
        for name, policy in categories.items()
        if name not in filled and policy.weight
    )


def _misfits(
    categories: Mapping[str, CategoryPolicy], students: tuple[Student, ...], items: tuple[Item, ...], scores: Scores
) -> list[str]:
    ids, names = {student.student_id for student in students}, {item.name for item in items}
    return [
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
