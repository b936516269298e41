"""nbgrader's rows of one submission, written so that its own programs find what they need and nobody's work is lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Insert, Row, Update, delete, insert, or_, select, update

from grader.errors import StoreError
from grader.model import Graded, Missing, Rejected
from grader.notebook import NO_RESPONSE
from grader.store.assignments import naive_utc, new_id
from grader.store.cells import CellTable, answer_digests
from grader.store.schema import Tables
from grader.store.statements import Query, statements
from grader.text import escape


@dataclass(frozen=True, slots=True)
class Written:
    """What recording a submission did to its automatic scores."""

    answers: Mapping[str, str]
    """Digests of the work beneath each score, by `notebook/grade_id`."""
    before: float | None
    """Sum of the automatic scores that were there; None where there were none."""
    after: float


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the grader says of one cell with points."""

    auto_score: float | None
    needs_manual: bool
    comment: str | None = None
    digest: str = ""
    """Of the work that a person would look at; empty where nothing could be read."""


@dataclass(frozen=True, slots=True)
class _Cell:
    """One of nbgrader's cells of the assignment."""

    id: str
    notebook_id: str
    key: str
    """`notebook/grade_id`."""
    table: CellTable


@dataclass(frozen=True, slots=True)
class _Assignment:
    """What the database knows of the assignment."""

    id: str
    name: str
    notebooks: Mapping[str, str]
    """Names by id."""
    cells: tuple[_Cell, ...]


def write_grades(
    connection: Connection,
    tables: Tables,
    outcome: Graded | Rejected,
    timestamp: datetime | None,
    answers_before: Mapping[str, str],
) -> Written:
    """Write one row a notebook, a cell with points and a cell with a comment, in the transaction of the caller."""
    assignment = _assignment(connection, tables, outcome.assignment)
    verdicts = _verdicts(outcome, assignment)
    submission_id = _submission_id(connection, tables, outcome.student_id, assignment.id, timestamp)
    submitted = _submitted_notebooks(connection, tables, submission_id, assignment)
    unanswered = frozenset(f"{n.name}/{grade_id}" for n in outcome.notebooks for grade_id in n.unanswered)
    sheet = _Sheet(connection, assignment.cells, submitted, verdicts, unanswered)
    before = _write_scores(sheet, tables, answers_before)
    _write_comments(sheet, tables)
    return Written(
        answers={key: verdict.digest for key, verdict in verdicts.items()},
        before=before,
        after=sum(verdict.auto_score or 0.0 for verdict in verdicts.values()),
    )


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The cells of a submission and the verdicts on them."""

    connection: Connection
    cells: tuple[_Cell, ...]
    submitted: Mapping[str, str]
    """Ids of the student's notebooks by the notebook's id."""
    verdicts: Mapping[str, _Verdict]
    unanswered: frozenset[str]
    """Keys of the answers that were left as released."""

    def place(self, cell: _Cell) -> dict[str, Any]:
        """The columns of a new grade or comment that say where it belongs."""
        return {"id": new_id(), "cell_id": cell.id, "notebook_id": self.submitted[cell.notebook_id]}

    def rows(self, query: Query) -> Mapping[str, Row[*tuple[Any, ...]]]:
        """The student's rows by cell id."""
        own = {"cells": [cell.id for cell in self.cells], "notebooks": list(self.submitted.values())}
        return {row.cell_id: row for row in self.connection.execute(query, own)}


def _assignment(connection: Connection, tables: Tables, name: str) -> _Assignment:
    rows = connection.execute(statements(tables).cells, {"name": name}).all()
    if not rows:
        raise StoreError(f"the database has no assignment {escape(name)!r}; release it first")
    return _Assignment(
        id=rows[0].assignment_id,
        name=name,
        notebooks={row.notebook_id: row.notebook for row in rows if row.notebook_id is not None},
        cells=tuple(
            _Cell(row.id, row.notebook_id, f"{row.notebook}/{row.name}", CellTable(row.type))
            for row in rows
            if row.id is not None
        ),
    )


def _verdicts(outcome: Graded | Rejected, assignment: _Assignment) -> Mapping[str, _Verdict]:
    """What to write for each cell with points; a notebook that is not in the outcome earned nothing."""
    given = {notebook.name for notebook in outcome.notebooks}
    nothing = _Verdict(0.0, needs_manual=False, comment=outcome.reason if isinstance(outcome, Rejected) else None)
    points = [cell for cell in assignment.cells if cell.table is not CellTable.SOLUTION]
    verdicts = {cell.key: nothing for cell in points if assignment.notebooks[cell.notebook_id] not in given}
    for notebook in outcome.notebooks:
        digests = {} if notebook.rejection is not None else answer_digests(notebook)
        for score in notebook.scores:
            verdicts[f"{notebook.name}/{score.grade_id}"] = _Verdict(
                score.auto_score, score.needs_manual, score.comment, digests.get(score.grade_id, "")
            )
    unknown = sorted(verdicts.keys() - {cell.key for cell in points})
    if unknown:
        raise StoreError(f"{escape(assignment.name)}: the database has no cell {escape(unknown[0])}; release it again")
    return verdicts


def _submission_id(
    connection: Connection, tables: Tables, student_id: str, assignment_id: str, timestamp: datetime | None
) -> str:
    student, table, known = tables.student, tables.submitted_assignment, statements(tables)
    values = {"timestamp": naive_utc(timestamp)}
    mine = {"of_student": student_id, "in_assignment": assignment_id}
    found = connection.execute(known.submission, mine).first()
    if found is not None:
        if found.timestamp != values["timestamp"]:
            connection.execute(update(table).where(table.c.id == found.id).values(values))
        return str(found.id)
    if connection.scalar(known.student, {"of_student": student_id}) is None:
        connection.execute(insert(student), {"id": student_id})
    made = {"id": new_id(), "student_id": student_id, "assignment_id": assignment_id, **values}
    connection.execute(insert(table), made)
    return str(made["id"])


def _submitted_notebooks(
    connection: Connection, tables: Tables, submission_id: str, assignment: _Assignment
) -> Mapping[str, str]:
    """The id of the student's version of each notebook, by the notebook's id; made where there was none."""
    table = tables.submitted_notebook
    own = {"notebooks": list(assignment.notebooks), "in_submission": submission_id}
    rows = connection.execute(statements(tables).notebooks, own)
    found = {row.notebook_id: row.id for row in rows}
    new = {notebook_id: new_id() for notebook_id in assignment.notebooks if notebook_id not in found}
    if new:
        made = [
            {"id": row_id, "notebook_id": notebook_id, "assignment_id": submission_id, "flagged": False}
            for notebook_id, row_id in new.items()
        ]
        connection.execute(insert(table), made)
    return {**found, **new}


def _write_scores(sheet: _Sheet, tables: Tables, answers_before: Mapping[str, str]) -> float | None:
    """Write one grade a cell with points; the sum of automatic scores as it was, None where there were no grades."""
    present = sheet.rows(statements(tables).grades)
    new, changed = [], []
    for cell in (cell for cell in sheet.cells if cell.table is not CellTable.SOLUTION):
        verdict, row = sheet.verdicts.get(cell.key), present.get(cell.id)
        if row is None:
            fresh = verdict or _Verdict(0.0, needs_manual=False)
            scored = {"auto_score": fresh.auto_score, "needs_manual_grade": fresh.needs_manual}
            new.append({**sheet.place(cell), **scored})
        elif verdict is not None:
            waits = _waits(row, verdict, answers_before.get(cell.key, ""))
            if (row.auto_score, row.needs_manual_grade) != (verdict.auto_score, waits):
                changed.append({"row": row.id, "auto": verdict.auto_score, "waits": waits})
    _write_rows(sheet.connection, insert(tables.grade), new)
    _write_rows(sheet.connection, statements(tables).regrade, changed)
    return sum(row.auto_score or 0.0 for row in present.values()) if present else None


def _waits(row: Row[*tuple[Any, ...]], verdict: _Verdict, digest_before: str) -> bool:
    """Whether a cell waits for a person: one with a manual score does when the work beneath it is not the same."""
    if row.manual_score is None:
        return verdict.needs_manual
    same = verdict.digest and verdict.digest == digest_before and row.auto_score == verdict.auto_score
    return bool(row.needs_manual_grade) or not same


def _write_comments(sheet: _Sheet, tables: Tables) -> None:
    present = sheet.rows(statements(tables).comments)
    new, changed = [], []
    for cell in (cell for cell in sheet.cells if cell.table is not CellTable.GRADE):
        verdict, row = sheet.verdicts.get(cell.key), present.get(cell.id)
        comment = verdict.comment if verdict else None
        if comment is None and cell.key in sheet.unanswered:
            comment = NO_RESPONSE
        if row is None:
            new.append({**sheet.place(cell), "auto_comment": comment})
        elif row.auto_comment != comment:
            changed.append({"row": row.id, "auto": comment})
    _write_rows(sheet.connection, insert(tables.comment), new)
    _write_rows(sheet.connection, statements(tables).comment_anew, changed)


def _write_rows(connection: Connection, statement: Insert | Update, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(statement, rows)


def withdraw(connection: Connection, tables: Tables, missing: Missing) -> None:
    """Take back what an earlier submission earned, unless a person graded some of it."""
    submitted, notebooks = tables.submitted_assignment, tables.submitted_notebook
    found = connection.scalar(
        select(submitted.c.id)
        .join(tables.assignment, tables.assignment.c.id == submitted.c.assignment_id)
        .where(submitted.c.student_id == missing.student_id, tables.assignment.c.name == missing.assignment)
    )
    if found is None:
        return
    own = list(connection.scalars(select(notebooks.c.id).where(notebooks.c.assignment_id == found)))
    if _touched_by_a_person(connection, tables, own):
        return
    for table in (tables.grade, tables.comment):
        connection.execute(delete(table).where(table.c.notebook_id.in_(own)))
    connection.execute(delete(notebooks).where(notebooks.c.id.in_(own)))
    connection.execute(delete(submitted).where(submitted.c.id == found))


def _touched_by_a_person(connection: Connection, tables: Tables, notebook_ids: Iterable[str]) -> bool:
    grade, comment = tables.grade, tables.comment
    by_hand = or_(grade.c.manual_score.is_not(None), grade.c.extra_credit.is_not(None))
    queries = (
        select(grade.c.id).where(grade.c.notebook_id.in_(notebook_ids), by_hand),
        select(comment.c.id).where(comment.c.notebook_id.in_(notebook_ids), comment.c.manual_comment.is_not(None)),
    )
    return any(connection.scalar(query.limit(1)) is not None for query in queries)
