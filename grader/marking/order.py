"""The order in which answers are graded: fair, because no name, no time and no other question has a say in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from grader.marking.marks import Question


def fair_order(students: Iterable[str], question: Question) -> tuple[str, ...]:
    """The students as a hash of student and question shuffles them.

    It is another order in each question, so that nobody is always last; and the same whenever it is asked for, so
    that work is resumed where it was left: one who comes later falls between the others and moves none of them.
    """
    return tuple(sorted(set(students), key=lambda student: (_place(student, question), student)))


def _place(student: str, question: Question) -> bytes:
    told = json.dumps([question.assignment, question.notebook, question.grade_id, student])
    return hashlib.sha256(told.encode()).digest()
