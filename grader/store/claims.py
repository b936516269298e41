"""Who looks at which answer now: told to others, so that no two do the same; never a lock."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, timedelta

from sqlalchemy import Connection, and_, delete, insert, select, update

from grader.marking import Question
from grader.store.mark_rows import By, Claim
from grader.store.rubrics import of_question
from grader.store.schema import CLAIM
from grader.store.slots import utc

EXPIRES = timedelta(minutes=5)
"""After this time without a sign of life an answer is nobody's any more."""


def claim(connection: Connection, question: Question, student_id: str, by: By) -> Claim | None:
    """Take an answer, and let go of any other: None if it is ours now, else the claim of whoever has it."""
    connection.execute(delete(CLAIM).where(CLAIM.c.time < utc(by) - EXPIRES))
    here = and_(of_question(CLAIM, question), CLAIM.c.student_id == student_id)
    connection.execute(delete(CLAIM).where(CLAIM.c.grader == by.grader, ~here))
    found = connection.execute(select(CLAIM).where(here)).first()
    if found is None:
        row = {**asdict(question), "student_id": student_id, "grader": by.grader, "time": utc(by)}
        connection.execute(insert(CLAIM), row)
        return None
    if found.grader != by.grader:
        return Claim(question, student_id, found.grader, found.time.replace(tzinfo=UTC))
    connection.execute(update(CLAIM).where(here).values(time=utc(by)))
    return None


def release(connection: Connection, by: By) -> None:
    """Let go of whatever the grader has."""
    connection.execute(delete(CLAIM).where(CLAIM.c.grader == by.grader))


def claims(connection: Connection, assignment: str, by: By) -> tuple[Claim, ...]:
    """All claims of an assignment that have not expired."""
    alive = and_(CLAIM.c.assignment == assignment, CLAIM.c.time >= utc(by) - EXPIRES)
    rows = connection.execute(select(CLAIM).where(alive).order_by(CLAIM.c.time))
    return tuple(
        Claim(
            Question(row.assignment, row.notebook, row.grade_id),
            row.student_id,
            row.grader,
            row.time.replace(tzinfo=UTC),
        )
        for row in rows
    )
