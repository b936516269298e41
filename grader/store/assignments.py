"""Writing an assignment's cells into nbgrader's tables, as its own `generate_assignment` does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Table, delete, insert, or_, select, update

from grader.errors import StoreError
from grader.model import Notebook, Student
from grader.store.cells import BaseCell, CellTable, NotebookCells, SourceCell, notebook_cells
from grader.store.rows import SyncReport
from grader.store.schema import Tables
from grader.text import escape

_NO_COURSE = frozenset({"default_course", ""})
"""How nbgrader calls a course without an id."""
_NAMELESS = {"last_name": None, "first_name": None, "email": None}


@dataclass(frozen=True, slots=True)
class Heading:
    """What an assignment is called, and when it is due."""

    course_id: str
    name: str
    due: datetime | None
    """None where `course.toml` says nothing: a date that was set in the form grader stays."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """A `base_cell` row with what the table of its kind adds."""

    id: str
    cell: BaseCell


@dataclass(frozen=True, slots=True)
class _Scope:
    """One notebook of one assignment in one transaction."""

    connection: Connection
    tables: Tables
    notebook_id: str
    name: str

    def label(self, cell: BaseCell) -> str:
        return f"{self.name}/{cell.name}"


def sync_students(connection: Connection, tables: Tables, students: Iterable[Student]) -> None:
    """Make the database know the class, as the roster names it; nobody and no name is removed."""
    table = tables.student
    known = {row.id: row for row in connection.execute(select(table))}
    given = {student.student_id: _student_row(student) for student in students}
    new = [{**_NAMELESS, **row} for student_id, row in given.items() if student_id not in known]
    if new:
        connection.execute(insert(table), new)
    for student_id, row in given.items():
        stored = known.get(student_id)
        if stored is not None and any(getattr(stored, name) != value for name, value in row.items()):
            connection.execute(update(table).where(table.c.id == student_id).values(row))


def sync_assignment(
    connection: Connection,
    tables: Tables,
    heading: Heading,
    notebooks: Mapping[str, tuple[Notebook, Notebook]],
) -> SyncReport:
    """Make the database hold this assignment: cells that a person graded stay, all others follow the notebooks."""
    assignment_id = _assignment_id(connection, tables, heading)
    table = tables.notebook
    rows = connection.execute(select(table.c.name, table.c.id).where(table.c.assignment_id == assignment_id))
    stored = {row.name: row.id for row in rows}
    reports = []
    for notebook in sorted({*notebooks, *stored}):
        cells = notebook_cells(*notebooks[notebook]) if notebook in notebooks else NotebookCells(None, (), ())
        notebook_id = stored.get(notebook) or _add_notebook(connection, tables, assignment_id, notebook)
        scope = _Scope(connection, tables, notebook_id, notebook)
        reports.append(_sync_notebook(scope, cells))
        if notebook not in notebooks and not reports[-1].kept:
            _remove_notebook(scope)
    return SyncReport(
        added=tuple(label for report in reports for label in report.added),
        changed=tuple(label for report in reports for label in report.changed),
        removed=tuple(label for report in reports for label in report.removed),
        kept=tuple(label for report in reports for label in report.kept),
    )


def naive_utc(moment: datetime | None) -> datetime | None:
    """The moment as nbgrader stores it: in UTC, without saying so."""
    return moment if moment is None or moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def new_id() -> str:
    """An id as nbgrader makes them."""
    return uuid4().hex


def _student_row(student: Student) -> dict[str, str]:
    """The columns that the roster fills; a blank there says nothing about a name that is known."""
    row = {"last_name": student.last_name, "first_name": student.first_name, "email": student.email}
    return {"id": student.student_id, **{name: value[:128] for name, value in row.items() if value}}


def _assignment_id(connection: Connection, tables: Tables, heading: Heading) -> str:
    course, table, due = tables.course, tables.assignment, naive_utc(heading.due)
    if connection.scalar(select(course.c.id).where(course.c.id == heading.course_id)) is None:
        connection.execute(insert(course).values(id=heading.course_id))
    found = connection.execute(select(table.c.id, table.c.course_id).where(table.c.name == heading.name)).first()
    if found is None:
        made = new_id()
        connection.execute(insert(table).values(id=made, name=heading.name, duedate=due, course_id=heading.course_id))
        return made
    _check_course(heading, found.course_id)
    if due is not None:
        connection.execute(update(table).where(table.c.id == found.id).values(duedate=due))
    return str(found.id)


def _check_course(heading: Heading, stored: str) -> None:
    """Keep two courses apart that were given one database: nbgrader knows an assignment by its name alone."""
    if stored != heading.course_id and not _NO_COURSE & {stored, heading.course_id}:
        raise StoreError(
            f"{escape(heading.name)}: the database has it from the course {escape(stored)!r}, and this one is "
            f"{escape(heading.course_id)!r}; give each course a database of its own, or take back a change of its id"
        )


def _add_notebook(connection: Connection, tables: Tables, assignment_id: str, name: str) -> str:
    notebook_id = new_id()
    connection.execute(insert(tables.notebook).values(id=notebook_id, name=name, assignment_id=assignment_id))
    return notebook_id


def _sync_notebook(scope: _Scope, cells: NotebookCells) -> SyncReport:
    if cells.kernelspec is not None:
        table = scope.tables.notebook
        mine = update(table).where(table.c.id == scope.notebook_id)
        scope.connection.execute(mine.values(kernelspec=cells.kernelspec))
    stored = {(row.cell.table, row.cell.name): row for row in _stored_cells(scope)}
    wanted = {(cell.table, cell.name): cell for cell in cells.base}
    _add_cells(scope, [cell for key, cell in wanted.items() if key not in stored])
    changed = [(stored[key].id, cell) for key, cell in wanted.items() if key in stored and stored[key].cell != cell]
    _change_cells(scope, changed)
    gone = [row for key, row in stored.items() if key not in wanted]
    graded_names = {row.cell.name for row in gone if row.id in _touched_by_people(scope)}
    _remove_cells(scope, [row for row in gone if row.cell.name not in graded_names])
    _replace_source_cells(scope, cells.source)
    return SyncReport(
        added=_labels(scope, (cell for key, cell in wanted.items() if key not in stored)),
        changed=_labels(scope, (cell for _, cell in changed)),
        removed=_labels(scope, (row.cell for row in gone if row.cell.name not in graded_names)),
        kept=_labels(scope, (row.cell for row in gone if row.cell.name in graded_names)),
    )


def _labels(scope: _Scope, cells: Iterable[BaseCell]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(scope.label(cell) for cell in cells))


def _stored_cells(scope: _Scope) -> list[_Stored]:
    base, grade, task = scope.tables.base_cell, scope.tables.grade_cells, scope.tables.task_cells
    rows = scope.connection.execute(
        select(
            base.c.id,
            base.c.type,
            base.c.name,
            grade.c.cell_type.label("grade_type"),
            grade.c.max_score.label("grade_score"),
            task.c.cell_type.label("task_type"),
            task.c.max_score.label("task_score"),
        )
        .select_from(base.outerjoin(grade, grade.c.id == base.c.id).outerjoin(task, task.c.id == base.c.id))
        .where(base.c.notebook_id == scope.notebook_id)
    )
    return [
        _Stored(
            row.id,
            BaseCell(
                CellTable(row.type),
                row.name,
                row.grade_type or row.task_type or "",
                row.grade_score or row.task_score or 0.0,
            ),
        )
        for row in rows
    ]


def _own_table(tables: Tables, cell: BaseCell) -> Table:
    return {
        CellTable.GRADE: tables.grade_cells,
        CellTable.SOLUTION: tables.solution_cells,
        CellTable.TASK: tables.task_cells,
    }[cell.table]


def _own_values(cell: BaseCell) -> dict[str, Any]:
    return {} if cell.table is CellTable.SOLUTION else {"max_score": cell.max_score, "cell_type": cell.cell_type}


def _add_cells(scope: _Scope, cells: Iterable[BaseCell]) -> None:
    for cell in cells:
        cell_id = new_id()
        scope.connection.execute(
            insert(scope.tables.base_cell).values(
                id=cell_id, name=cell.name, notebook_id=scope.notebook_id, type=cell.table.value
            )
        )
        scope.connection.execute(insert(_own_table(scope.tables, cell)).values(id=cell_id, **_own_values(cell)))


def _change_cells(scope: _Scope, cells: Iterable[tuple[str, BaseCell]]) -> None:
    for cell_id, cell in cells:
        table = _own_table(scope.tables, cell)
        scope.connection.execute(update(table).where(table.c.id == cell_id).values(**_own_values(cell)))


def _touched_by_people(scope: _Scope) -> set[str]:
    """Ids of the notebook's cells that carry a manual score, extra credit or a manual comment of any student."""
    base, grade, comment = scope.tables.base_cell, scope.tables.grade, scope.tables.comment
    graded = select(grade.c.cell_id).where(or_(grade.c.manual_score.is_not(None), grade.c.extra_credit.is_not(None)))
    commented = select(comment.c.cell_id).where(comment.c.manual_comment.is_not(None))
    return set(
        scope.connection.scalars(
            select(base.c.id).where(
                base.c.notebook_id == scope.notebook_id, or_(base.c.id.in_(graded), base.c.id.in_(commented))
            )
        )
    )


def _remove_cells(scope: _Scope, rows: Sequence[_Stored]) -> None:
    for row in rows:
        tables = scope.tables
        for table in (tables.grade, tables.comment):
            scope.connection.execute(delete(table).where(table.c.cell_id == row.id))
        for table in (_own_table(tables, row.cell), tables.base_cell):
            scope.connection.execute(delete(table).where(table.c.id == row.id))


def _replace_source_cells(scope: _Scope, cells: Iterable[SourceCell]) -> None:
    table = scope.tables.source_cell
    scope.connection.execute(delete(table).where(table.c.notebook_id == scope.notebook_id))
    rows = [{"id": new_id(), "notebook_id": scope.notebook_id, **asdict(cell)} for cell in cells]
    if rows:
        scope.connection.execute(insert(table), rows)


def _remove_notebook(scope: _Scope) -> None:
    submitted, notebook = scope.tables.submitted_notebook, scope.tables.notebook
    scope.connection.execute(delete(submitted).where(submitted.c.notebook_id == scope.notebook_id))
    scope.connection.execute(delete(notebook).where(notebook.c.id == scope.notebook_id))
