"""The class without names, to discuss it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from grader.gradebook.book import Gradebook, StudentGrade
from grader.model import Student


def anonymous(gradebook: Gradebook) -> Gradebook:
    """Return the gradebook with numbers for students, the best total first: the order tells nothing new.

    Reasons of exceptions go with the names; the grades are left, which may still tell who somebody is in a small class.
    """
    ordered = sorted(gradebook.rows, key=_by_grades)
    width = len(str(len(ordered)))
    rows = tuple(_without_name(row, f"student-{place:0{width}}") for place, row in enumerate(ordered, 1))
    policies = gradebook.policies.model_copy(update={"exceptions": ()})
    return replace(gradebook, policies=policies, rows=rows)


def _by_grades(row: StudentGrade) -> tuple[Fraction, tuple[Fraction, ...], str]:
    total = Fraction(-1) if row.final.total is None else row.final.total
    return -total, tuple(-grade.counted for grade in row.items.values()), row.student.student_id


def _without_name(row: StudentGrade, name: str) -> StudentGrade:
    items = {key: replace(grade, steps=()) for key, grade in row.items.items()}
    return replace(row, student=Student(name), items=items)
