"""What graders did, read back: to be shown, and to tell who wrote in between."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

from sqlalchemy import Connection, Row, select

from grader.marking import Question
from grader.store.mark_rows import Action
from grader.store.rubrics import of_question
from grader.store.schema import ACTION
from grader.text import escape


def actions(
    connection: Connection, *, grader: str | None = None, question: Question | None = None, most: int = 50
) -> tuple[Action, ...]:
    """What was done, the latest first."""
    query = select(ACTION).order_by(ACTION.c.id.desc()).limit(most)
    if grader is not None:
        query = query.where(ACTION.c.grader == grader)
    if question is not None:
        query = query.where(of_question(ACTION, question))
    return tuple(action_of(row) for row in connection.execute(query))


def who_acted(connection: Connection, question: Question, student_id: str | None = None) -> str:
    """Who changed a question last, or one student's answer to it, and when, in words."""
    for action in actions(connection, question=question):
        if student_id is None or student_id in action.students:
            return f"{escape(action.grader, 60)} wrote at {action.time:%H:%M:%S UTC on %d %B %Y}"
    return "somebody has written since"


def action_of(row: Row[*tuple[Any, ...]]) -> Action:
    """A row of the table."""
    students = tuple(mark["student"] for mark in json.loads(row.change)["marks"])
    question = Question(row.assignment, row.notebook, row.grade_id)
    time = row.time.replace(tzinfo=UTC)
    return Action(row.id, time, row.grader, question, row.sentence, students, bool(row.undone))
