"""Recording what became of a submission: one transaction, and nothing of a person's is ever overwritten."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from grader.model import Faulted, Graded, Missing, Outcome, Rejected
from grader.store.assignments import naive_utc
from grader.store.connection import bytewise
from grader.store.facts import decode_facts, encode_facts
from grader.store.grades import Written, withdraw, write_grades
from grader.store.rows import OutcomeRow, OutcomeStatus
from grader.store.schema import AUDIT, OUTCOME, Tables
from grader.store.statements import ANSWERS, REPLACE_OUTCOME


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a result comes from and what it depends on."""

    key: str
    """The hash of submission, instructor version, environment and grader version."""
    engine: str
    finished_at: datetime
    timestamp: datetime | None = None
    """When the work was handed in."""
    problems: tuple[str, ...] = ()
    """Entries of the submission that were not taken."""


def record(connection: Connection, tables: Tables, outcome: Outcome, provenance: Provenance) -> None:
    """Write an outcome down: nbgrader's rows for its tools, ours for what nbgrader has no place for.

    A manual score, a manual comment and extra credit stay as they are. Where the work beneath a manual score has
    changed, the cell waits for a person again, as nbgrader has it. A fault leaves every score as it was.
    """
    known = _previous_answers(connection, outcome)
    before = known or {}
    match outcome:
        case Graded() | Rejected():
            written = write_grades(connection, tables, outcome, provenance.timestamp, before)
            if written.before != written.after:
                _audit(connection, outcome, provenance, written)
            answers = written.answers
        case Missing():
            withdraw(connection, tables, outcome)
            answers = {}
        case Faulted():
            answers = before
    _write_outcome(connection, outcome, provenance, answers, known=known is not None)


def keys(connection: Connection, assignment: str) -> Mapping[str, str]:
    """By student, the key of the result that stands; those whose work has to be graded again are left out."""
    rows = connection.execute(
        select(OUTCOME.c.student_id, OUTCOME.c.key).where(OUTCOME.c.assignment == assignment, OUTCOME.c.key != "")
    )
    return {row.student_id: row.key for row in rows}


def outcomes(connection: Connection, assignment: str | None, student_id: str | None = None) -> tuple[OutcomeRow, ...]:
    """Outcomes of one assignment or of all, of one student or of all, by assignment and student."""
    query = select(OUTCOME).order_by(bytewise(OUTCOME.c.assignment), bytewise(OUTCOME.c.student_id))
    chosen = query if assignment is None else query.where(OUTCOME.c.assignment == assignment)
    chosen = chosen if student_id is None else chosen.where(OUTCOME.c.student_id == student_id)
    return tuple(_outcome_row(row) for row in connection.execute(chosen))


def aware_utc(moment: datetime | None) -> datetime | None:
    """A moment from the database with the zone that it is in."""
    return None if moment is None else moment.replace(tzinfo=UTC)


def _outcome_row(row: Row[*tuple[Any, ...]]) -> OutcomeRow:
    facts = decode_facts(row.facts)
    return OutcomeRow(
        student_id=row.student_id,
        assignment=row.assignment,
        status=OutcomeStatus(row.status),
        reason=row.reason,
        key=row.key,
        engine=row.engine,
        timestamp=aware_utc(row.timestamp),
        finished_at=row.finished_at.replace(tzinfo=UTC),
        notebooks=facts.notebooks,
        problems=facts.problems,
        abridged=facts.abridged,
    )


def _of_outcome(outcome: Outcome) -> tuple[OutcomeStatus, str]:
    match outcome:
        case Graded():
            return OutcomeStatus.GRADED, ""
        case Rejected(reason=reason):
            return OutcomeStatus.REJECTED, reason
        case Missing():
            return OutcomeStatus.MISSING, ""
        case Faulted(reason=reason):
            return OutcomeStatus.FAULTED, reason


def _previous_answers(connection: Connection, outcome: Outcome) -> Mapping[str, str] | None:
    """Digests of the work beneath manual scores; None where nothing was recorded yet."""
    found = connection.scalar(ANSWERS, _place(outcome))
    return None if found is None else json.loads(found)


def _place(outcome: Outcome) -> dict[str, str]:
    return {"of_student": outcome.student_id, "in_assignment": outcome.assignment}


def _write_outcome(
    connection: Connection, outcome: Outcome, provenance: Provenance, answers: Mapping[str, str], *, known: bool
) -> None:
    status, reason = _of_outcome(outcome)
    row = {
        "student_id": outcome.student_id,
        "assignment": outcome.assignment,
        "status": status.value,
        "reason": reason,
        "key": "" if status is OutcomeStatus.FAULTED else provenance.key,
        "engine": provenance.engine,
        "timestamp": naive_utc(provenance.timestamp),
        "finished_at": naive_utc(provenance.finished_at),
        "answers": json.dumps(answers),
        "facts": encode_facts(outcome, provenance.problems),
    }
    if known:
        connection.execute(REPLACE_OUTCOME, {**row, **_place(outcome)})
    else:
        connection.execute(insert(OUTCOME), row)


def _audit(connection: Connection, outcome: Outcome, provenance: Provenance, written: Written) -> None:
    entry = {
        "time": naive_utc(provenance.finished_at),
        "item": outcome.assignment,
        "student_id": outcome.student_id,
        "before": None if written.before is None else f"{written.before:.10g}",
        "after": f"{written.after:.10g}",
        "source": f"autograder ({provenance.engine})",
    }
    connection.execute(insert(AUDIT), entry)
