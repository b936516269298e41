"""Recording what became of a submission: one transaction, and nothing of a person's is ever overwritten."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Float,
    Row,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from grader.errors import StoreError
from grader.model import Faulted, Graded, Missing, Outcome, Rejected
from grader.store.assignments import naive_utc, new_id
from grader.store.cells import CellTable, answer_digests
from grader.store.facts import decode_facts, encode_facts
from grader.store.rows import OutcomeRow, OutcomeStatus
from grader.store.schema import AUDIT, OUTCOME, Tables
from grader.text import escape


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


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the grader says of one cell with points."""

    auto_score: float | None
    needs_manual: bool
    comment: str | None = None
    digest: str = ""
    """Of the work that a person would look at."""


@dataclass(frozen=True, slots=True)
class _Cell:
    """One of nbgrader's cells of the assignment."""

    id: str
    notebook_id: str
    notebook: str
    name: str
    table: CellTable

    @property
    def key(self) -> str:
        return f"{self.notebook}/{self.name}"


@dataclass(frozen=True, slots=True)
class _Write:
    """One submission in one transaction."""

    connection: Connection
    tables: Tables
    outcome: Outcome
    provenance: Provenance


def record(connection: Connection, tables: Tables, outcome: Outcome, provenance: Provenance) -> None:
    """Write an outcome down: nbgrader's rows for its tools, ours for what nbgrader has no place for.

    A manual score, a manual comment and extra credit stay as they are. Where the work beneath a manual score has
    changed, the cell waits for a person again, as nbgrader has it. A fault leaves every score as it was.
    """
    write = _Write(connection, tables, outcome, provenance)
    before = _previous_answers(write)
    match outcome:
        case Graded() | Rejected():
            answers = _write_scores(write, before)
        case Missing():
            _withdraw(write)
            answers = {}
        case Faulted():
            answers = before
    _write_outcome(write, answers)


def keys(connection: Connection, assignment: str) -> Mapping[str, str]:
    """By student, the key of the result that stands; those whose work has to be graded again are left out."""
    rows = connection.execute(
        select(OUTCOME.c.student_id, OUTCOME.c.key).where(OUTCOME.c.assignment == assignment, OUTCOME.c.key != "")
    )
    return {row.student_id: row.key for row in rows}


def outcomes(connection: Connection, assignment: str | None) -> tuple[OutcomeRow, ...]:
    """Outcomes of one assignment or of all, by assignment and student."""
    query = select(OUTCOME).order_by(OUTCOME.c.assignment, OUTCOME.c.student_id)
    chosen = query if assignment is None else query.where(OUTCOME.c.assignment == assignment)
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


def _previous_answers(write: _Write) -> Mapping[str, str]:
    found = write.connection.scalar(select(OUTCOME.c.answers).where(_this_outcome(write.outcome)))
    answers: dict[str, str] = json.loads(found) if found else {}
    return answers


def _this_outcome(outcome: Outcome) -> ColumnElement[bool]:
    return and_(OUTCOME.c.student_id == outcome.student_id, OUTCOME.c.assignment == outcome.assignment)


def _write_outcome(write: _Write, answers: Mapping[str, str]) -> None:
    status, reason = _of_outcome(write.outcome)
    provenance = write.provenance
    row = {
        "student_id": write.outcome.student_id,
        "assignment": write.outcome.assignment,
        "status": status.value,
        "reason": reason,
        "key": "" if status is OutcomeStatus.FAULTED else provenance.key,
        "engine": provenance.engine,
        "timestamp": naive_utc(provenance.timestamp),
        "finished_at": naive_utc(provenance.finished_at),
        "answers": json.dumps(answers),
        "facts": encode_facts(write.outcome, provenance.problems),
    }
    if write.connection.execute(update(OUTCOME).where(_this_outcome(write.outcome)).values(row)).rowcount == 0:
        write.connection.execute(insert(OUTCOME).values(row))


def _write_scores(write: _Write, before: Mapping[str, str]) -> Mapping[str, str]:
    """Write nbgrader's rows; the digests of the answers that they are about."""
    cells = _cells(write)
    verdicts = _verdicts(write.outcome, cells)
    submitted = _submitted_notebooks(write, _submission_id(write), cells)
    old_total, new_total = _write_grades(write, cells, submitted, verdicts, before)
    _write_comments(write, cells, submitted, verdicts)
    if old_total != new_total:
        _audit(write, old_total, new_total)
    return {key: verdict.digest for key, verdict in verdicts.items() if verdict.digest}


def _cells(write: _Write) -> tuple[_Cell, ...]:
    tables, base = write.tables, write.tables.base_cell
    rows = write.connection.execute(
        select(base.c.id, base.c.notebook_id, tables.notebook.c.name.label("notebook"), base.c.name, base.c.type)
        .join(tables.notebook, tables.notebook.c.id == base.c.notebook_id)
        .join(tables.assignment, tables.assignment.c.id == tables.notebook.c.assignment_id)
        .where(tables.assignment.c.name == write.outcome.assignment)
    )
    return tuple(_Cell(row.id, row.notebook_id, row.notebook, row.name, CellTable(row.type)) for row in rows)


def _verdicts(outcome: Outcome, cells: Sequence[_Cell]) -> Mapping[str, _Verdict]:
    """What to write for each cell with points; a notebook that is not in the outcome earned nothing."""
    notebooks = outcome.notebooks if isinstance(outcome, Graded | Rejected) else ()
    given = {notebook.name for notebook in notebooks}
    reason = outcome.reason if isinstance(outcome, Rejected) else None
    verdicts = {cell.key: _Verdict(0.0, False, reason) for cell in cells if cell.notebook not in given}
    for notebook in notebooks:
        digests = answer_digests(notebook)
        for score in notebook.scores:
            verdicts[f"{notebook.name}/{score.grade_id}"] = _Verdict(
                score.auto_score, score.needs_manual, score.comment, digests[score.grade_id]
            )
    known = {cell.key for cell in cells}
    unknown = sorted(escape(key) for key in verdicts if key not in known)
    if unknown:
        raise StoreError(f"{escape(outcome.assignment)}: the database has no cell {unknown[0]}; release it again")
    return verdicts


def _submission_id(write: _Write) -> str:
    tables, outcome = write.tables, write.outcome
    student, submitted = tables.student, tables.submitted_assignment
    if write.connection.scalar(select(student.c.id).where(student.c.id == outcome.student_id)) is None:
        write.connection.execute(insert(student).values(id=outcome.student_id))
    assignment_id = write.connection.scalar(
        select(tables.assignment.c.id).where(tables.assignment.c.name == outcome.assignment)
    )
    if assignment_id is None:
        raise StoreError(f"the database has no assignment {escape(outcome.assignment)!r}; release it first")
    mine = and_(submitted.c.student_id == outcome.student_id, submitted.c.assignment_id == assignment_id)
    found = write.connection.scalar(select(submitted.c.id).where(mine))
    timestamp = naive_utc(write.provenance.timestamp)
    if found is not None:
        write.connection.execute(update(submitted).where(submitted.c.id == found).values(timestamp=timestamp))
        return str(found)
    submission_id = new_id()
    write.connection.execute(
        insert(submitted).values(
            id=submission_id, student_id=outcome.student_id, assignment_id=assignment_id, timestamp=timestamp
        )
    )
    return submission_id


def _submitted_notebooks(write: _Write, submission_id: str, cells: Sequence[_Cell]) -> Mapping[str, str]:
    """The id of the student's version of each notebook, by the notebook's id; made where there was none."""
    table = write.tables.submitted_notebook
    rows = write.connection.execute(
        select(table.c.notebook_id, table.c.id).where(table.c.assignment_id == submission_id)
    )
    found: dict[str, str] = {row.notebook_id: row.id for row in rows}
    missing = {notebook_id: new_id() for notebook_id in dict.fromkeys(cell.notebook_id for cell in cells)}
    new = {notebook_id: row_id for notebook_id, row_id in missing.items() if notebook_id not in found}
    if new:
        rows_to_add = [
            {"id": row_id, "notebook_id": notebook_id, "assignment_id": submission_id, "flagged": False}
            for notebook_id, row_id in new.items()
        ]
        write.connection.execute(insert(table), rows_to_add)
    return {**found, **new}


def _write_grades(
    write: _Write,
    cells: Sequence[_Cell],
    submitted: Mapping[str, str],
    verdicts: Mapping[str, _Verdict],
    before: Mapping[str, str],
) -> tuple[float | None, float]:
    """Write one grade a cell with points; the sum of automatic scores as it was (None: no grades yet) and as it is."""
    table = write.tables.grade
    present = _rows_of(write.connection, table, submitted)
    new, changed = [], []
    graded = [cell for cell in cells if cell.table is not CellTable.SOLUTION]
    for cell in graded:
        verdict, row = verdicts.get(cell.key), present.get(cell.id)
        if row is None:
            fresh = verdict or _Verdict(0.0, needs_manual=False)
            values = {"auto_score": fresh.auto_score, "needs_manual_grade": fresh.needs_manual}
            new.append({"id": new_id(), "cell_id": cell.id, "notebook_id": submitted[cell.notebook_id], **values})
        elif verdict is not None:
            altered = before.get(cell.key, "") != verdict.digest or row.auto_score != verdict.auto_score
            waits = row.needs_manual_grade or altered if row.manual_score is not None else verdict.needs_manual
            if (row.auto_score, row.needs_manual_grade) != (verdict.auto_score, waits):
                changed.append({"row": row.id, "auto": verdict.auto_score, "waits": waits})
    if new:
        write.connection.execute(insert(table), new)
    if changed:
        assigned: dict[str, Any] = {
            "auto_score": bindparam("auto", Float),
            "needs_manual_grade": bindparam("waits", Boolean),
        }
        write.connection.execute(update(table).where(table.c.id == bindparam("row")).values(assigned), changed)
    old_total = sum(row.auto_score or 0.0 for row in present.values()) if present else None
    return old_total, sum(verdict.auto_score or 0.0 for cell in graded if (verdict := verdicts.get(cell.key)))


def _write_comments(
    write: _Write, cells: Sequence[_Cell], submitted: Mapping[str, str], verdicts: Mapping[str, _Verdict]
) -> None:
    table = write.tables.comment
    present = _rows_of(write.connection, table, submitted)
    new, changed = [], []
    for cell in (cell for cell in cells if cell.table is not CellTable.GRADE):
        verdict, row = verdicts.get(cell.key), present.get(cell.id)
        comment = verdict.comment if verdict else None
        if row is None:
            place = {"id": new_id(), "cell_id": cell.id, "notebook_id": submitted[cell.notebook_id]}
            new.append({**place, "auto_comment": comment})
        elif row.auto_comment != comment:
            changed.append({"row": row.id, "auto": comment})
    if new:
        write.connection.execute(insert(table), new)
    if changed:
        assigned: dict[str, Any] = {"auto_comment": bindparam("auto", Text)}
        write.connection.execute(update(table).where(table.c.id == bindparam("row")).values(assigned), changed)


def _rows_of(connection: Connection, table: Table, submitted: Mapping[str, str]) -> Mapping[str, Row[*tuple[Any, ...]]]:
    """Rows of the student's notebooks by cell id, locked against the form grader where the database can."""
    query = select(table).where(table.c.notebook_id.in_(submitted.values())).with_for_update()
    return {row.cell_id: row for row in connection.execute(query)}


def _audit(write: _Write, before: float | None, after: float) -> None:
    write.connection.execute(
        insert(AUDIT).values(
            time=naive_utc(write.provenance.finished_at),
            item=write.outcome.assignment,
            student_id=write.outcome.student_id,
            before=None if before is None else f"{before:g}",
            after=f"{after:g}",
            source=f"autograder ({write.provenance.engine})",
        )
    )


def _withdraw(write: _Write) -> None:
    """Take back what an earlier submission earned, unless a person graded some of it."""
    tables = write.tables
    submitted, notebooks = tables.submitted_assignment, tables.submitted_notebook
    found = write.connection.scalar(
        select(submitted.c.id)
        .join(tables.assignment, tables.assignment.c.id == submitted.c.assignment_id)
        .where(submitted.c.student_id == write.outcome.student_id, tables.assignment.c.name == write.outcome.assignment)
    )
    if found is None:
        return
    own = list(write.connection.scalars(select(notebooks.c.id).where(notebooks.c.assignment_id == found)))
    if _touched_by_a_person(write, own):
        return
    for table in (tables.grade, tables.comment):
        write.connection.execute(delete(table).where(table.c.notebook_id.in_(own)))
    write.connection.execute(delete(notebooks).where(notebooks.c.id.in_(own)))
    write.connection.execute(delete(submitted).where(submitted.c.id == found))


def _touched_by_a_person(write: _Write, notebook_ids: Iterable[str]) -> bool:
    grade, comment = write.tables.grade, write.tables.comment
    by_hand = or_(grade.c.manual_score.is_not(None), grade.c.extra_credit.is_not(None))
    queries: Iterator[Select[tuple[str]]] = iter(
        (
            select(grade.c.id).where(grade.c.notebook_id.in_(notebook_ids), by_hand),
            select(comment.c.id).where(comment.c.notebook_id.in_(notebook_ids), comment.c.manual_comment.is_not(None)),
        )
    )
    return any(write.connection.scalar(query.limit(1)) is not None for query in queries)
