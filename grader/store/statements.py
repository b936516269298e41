"""The statements that record a submission, built once: SQLAlchemy takes longer to build one than SQLite to run it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Boolean, Float, Select, Table, Text, Update, and_, bindparam, select, update

from grader.store.schema import OUTCOME, Tables

Query = Select[*tuple[Any, ...]]

_THIS_OUTCOME = and_(
    OUTCOME.c.student_id == bindparam("of_student"),
    OUTCOME.c.assignment == bindparam("in_assignment"),
)
ANSWERS: Query = select(OUTCOME.c.answers).where(_THIS_OUTCOME)
"""What an outcome says of the work beneath manual scores, `of_student`, `in_assignment`."""
REPLACE_OUTCOME: Update = update(OUTCOME).where(_THIS_OUTCOME)
"""The row of an outcome that is there already, by the same names; new values by the columns'."""


@dataclass(frozen=True, slots=True)
class Statements:
    """Those of nbgrader's tables; what is bound is named in each sentence."""

    cells: Query
    """The assignment's notebooks and cells with points or comments, by its `name`."""
    submission: Query
    """Id and timestamp of what `of_student` handed in for the assignment `in_assignment` (ids)."""
    student: Query
    """The id of `of_student`, if the database knows it."""
    notebooks: Query
    """The student's versions of `notebooks` in the submission `in_submission` (ids)."""
    grades: Query
    """Grades of `cells` in `notebooks`, locked against the form grader where the database can do that."""
    comments: Query
    """Comments, likewise."""
    regrade: Update
    """The grade `row` gets `auto` and `waits`."""
    comment_anew: Update
    """The comment `row` gets `auto`."""


@lru_cache(maxsize=8)
def statements(tables: Tables) -> Statements:
    """The statements for these tables."""
    submitted, notebooks, student = tables.submitted_assignment, tables.submitted_notebook, tables.student
    return Statements(
        cells=_cells(tables),
        submission=select(submitted.c.id, submitted.c.timestamp).where(
            submitted.c.student_id == bindparam("of_student"), submitted.c.assignment_id == bindparam("in_assignment")
        ),
        student=select(student.c.id).where(student.c.id == bindparam("of_student")),
        notebooks=select(notebooks.c.notebook_id, notebooks.c.id).where(
            notebooks.c.notebook_id.in_(bindparam("notebooks", expanding=True)),
            notebooks.c.assignment_id == bindparam("in_submission"),
        ),
        grades=_own_rows(tables.grade),
        comments=_own_rows(tables.comment),
        regrade=_changed(tables.grade).values(
            auto_score=bindparam("auto", type_=Float()), needs_manual_grade=bindparam("waits", type_=Boolean())
        ),
        comment_anew=_changed(tables.comment).values(auto_comment=bindparam("auto", type_=Text())),
    )


def _cells(tables: Tables) -> Query:
    assignment, notebook, base = tables.assignment, tables.notebook, tables.base_cell
    return (
        select(
            assignment.c.id.label("assignment_id"),
            notebook.c.id.label("notebook_id"),
            notebook.c.name.label("notebook"),
            base.c.id,
            base.c.name,
            base.c.type,
        )
        .select_from(assignment)
        .outerjoin(notebook, notebook.c.assignment_id == assignment.c.id)
        .outerjoin(base, base.c.notebook_id == notebook.c.id)
        .where(assignment.c.name == bindparam("name"))
    )


def _own_rows(table: Table) -> Query:
    # nbgrader's only index starts with the cell: without the cells, this would read the rows of the whole class
    return (
        select(table)
        .where(
            table.c.cell_id.in_(bindparam("cells", expanding=True)),
            table.c.notebook_id.in_(bindparam("notebooks", expanding=True)),
        )
        .with_for_update()
    )


def _changed(table: Table) -> Update:
    return update(table).where(table.c.id == bindparam("row"))
