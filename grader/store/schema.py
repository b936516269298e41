"""The tables: nbgrader's, as the database itself describes them, and ours beside them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    DateTime,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    update,
)

from grader.errors import StoreError

NBGRADER_REVISION = "e43177bfe90b"
"""nbgrader 0.9's schema, as its alembic scripts name it."""
_OLDER_REVISIONS = frozenset({"282d30a0218e", "167914646830", "724cde206c17", "50a4d84c131a", "b6d005d67074"})
_OUR_VERSION = 2
"""1 had no tables for grading by hand."""

_NBGRADER_TABLES = (
    "assignment",
    "base_cell",
    "comment",
    "course",
    "grade",
    "grade_cells",
    "notebook",
    "solution_cells",
    "source_cell",
    "student",
    "submitted_assignment",
    "submitted_notebook",
    "task_cells",
)

_LATEST = {
    "assignment": {"course_id"},
    "grade": {"extra_credit"},
    "notebook": {"kernelspec"},
    "student": {"lms_user_id"},
}
"""Columns that nbgrader's migrations added: where all are there, the schema is today's."""

OURS = MetaData()
VERSION = Table("grader_schema", OURS, Column("version", Integer, primary_key=True, autoincrement=False))
OUTCOME = Table(
    "grader_outcome",
    OURS,
    Column("assignment", String(128), primary_key=True),
    Column("student_id", String(128), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("key", String(128), nullable=False),
    Column("engine", String(64), nullable=False),
    Column("timestamp", DateTime),
    Column("finished_at", DateTime, nullable=False),
    Column("answers", Text, nullable=False),
    Column("facts", Text, nullable=False),
)
SCORE = Table(
    "grader_score",
    OURS,
    Column("item", String(128), primary_key=True),
    Column("student_id", String(128), primary_key=True),
    Column("score", String(64)),
    Column("max_score", String(64)),
    Column("status", String(16), nullable=False),
    Column("comment", Text, nullable=False),
    Column("submitted", DateTime),
    Column("late_seconds", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("imported_at", DateTime, nullable=False),
)
AUDIT = Table(
    "grader_audit",
    OURS,
    Column("id", Integer, primary_key=True),
    Column("time", DateTime, nullable=False),
    Column("item", String(128), nullable=False),
    Column("student_id", String(128), nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("source", Text, nullable=False),
    Index("grader_audit_by_student", "student_id", "item"),
)


def _of_question(*, key: bool) -> tuple[Column[str], ...]:
    """The columns that name a question; empty text in the last two where it is about the whole assignment."""
    names = ("assignment", "notebook", "grade_id")
    return tuple(Column(name, String(128), primary_key=key, nullable=False) for name in names)


RUBRIC = Table(
    "grader_rubric",
    OURS,
    *_of_question(key=True),
    Column("start", String(8), nullable=False),
    Column("version", Integer, nullable=False),
)
RUBRIC_ITEM = Table(
    "grader_rubric_item",
    OURS,
    Column("id", String(32), primary_key=True),
    *_of_question(key=False),
    Column("points", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Index("grader_rubric_item_by_question", "assignment", "notebook", "grade_id"),
)
MARK = Table(
    "grader_mark",
    OURS,
    *_of_question(key=True),
    Column("student_id", String(128), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("given", Boolean, nullable=False),
    Column("items", Text, nullable=False),
    Column("adjustment", String(64), nullable=False),
    Column("extra_credit", String(64), nullable=False),
    Column("comment", Text, nullable=False),
    Column("flagged", Boolean, nullable=False),
    Column("points", String(64), nullable=False),
    Column("answer", String(128), nullable=False),
    Column("grader", String(128), nullable=False),
    Column("time", DateTime, nullable=False),
)
ACTION = Table(
    "grader_action",
    OURS,
    Column("id", Integer, primary_key=True),
    Column("time", DateTime, nullable=False),
    Column("grader", String(128), nullable=False),
    *_of_question(key=False),
    Column("sentence", Text, nullable=False),
    Column("change", Text, nullable=False),
    Column("undone", Boolean, nullable=False),
    Index("grader_action_by_grader", "grader", "id"),
)
REMARK = Table(
    "grader_remark",
    OURS,
    Column("id", String(32), primary_key=True),
    *_of_question(key=False),
    Column("text", Text, nullable=False),
    Column("grader", String(128), nullable=False),
    Column("time", DateTime, nullable=False),
    Index("grader_remark_by_question", "assignment", "notebook", "grade_id"),
)
CLAIM = Table(
    "grader_claim",
    OURS,
    *_of_question(key=True),
    Column("student_id", String(128), primary_key=True),
    Column("grader", String(128), nullable=False),
    Column("time", DateTime, nullable=False),
)
REQUEST = Table(
    "grader_request",
    OURS,
    Column("id", String(32), primary_key=True),
    *_of_question(key=False),
    Column("student_id", String(128), nullable=False),
    Column("status", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("opened_at", DateTime, nullable=False),
    Column("before", String(64)),
    Column("after", String(64)),
    Column("digest", String(64), nullable=False, unique=True),
)
MESSAGE = Table(
    "grader_message",
    OURS,
    Column("id", Integer, primary_key=True),
    Column("request_id", String(32), nullable=False),
    Column("time", DateTime, nullable=False),
    Column("author", String(128), nullable=False),
    Column("text", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Index("grader_message_by_request", "request_id", "id"),
)


@dataclass(frozen=True, slots=True)
class Tables:
    """nbgrader's tables, by its own names."""

    assignment: Table
    base_cell: Table
    comment: Table
    course: Table
    grade: Table
    grade_cells: Table
    notebook: Table
    solution_cells: Table
    source_cell: Table
    student: Table
    submitted_assignment: Table
    submitted_notebook: Table
    task_cells: Table


def described(connection: Connection, label: str) -> Tables | None:
    """The tables of a database that we understand; None where some have to be made first, by `create`.

    Anything else, a newer schema for one, is refused with a `StoreError`; `label` is the database's name in it.
    """
    present = set(inspect(connection).get_table_names())
    if not present:
        return None
    if _unstamped(connection, present):
        return None
    _check_nbgrader(connection, label, present)
    if VERSION.name not in present or _our_version(connection, label) < _OUR_VERSION:
        return None
    return _reflected(connection)


def create(connection: Connection, label: str) -> Tables:
    """Make the tables that are missing, in the caller's transaction: nbgrader's in an empty database, and ours.

    Those of an older grader stay as they are; what it did not have comes beside them.
    """
    present = set(inspect(connection).get_table_names())
    if not present:
        _create_nbgrader(connection)
    elif _unstamped(connection, present):
        _stamp(connection)
    if VERSION.name not in present:
        OURS.create_all(connection)
        connection.execute(insert(VERSION).values(version=_OUR_VERSION))
    elif _our_version(connection, label) < _OUR_VERSION:
        OURS.create_all(connection)
        connection.execute(update(VERSION).values(version=_OUR_VERSION))
    _check_nbgrader(connection, label, {*_NBGRADER_TABLES, "alembic_version"})
    _add_indexes(connection)
    return _reflected(connection)


def _add_indexes(connection: Connection) -> None:
    # nbgrader's indexes of these begin with the cell: to find a student's rows, PostgreSQL would read the whole class's
    if connection.dialect.name == "postgresql":
        for table in ("grade", "comment"):
            name = f"grader_{table}_by_notebook"
            connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {name} ON {table} (notebook_id)")


def _create_nbgrader(connection: Connection) -> None:
    # importing nbgrader takes seconds; only a new database needs its models, all others describe themselves
    import grader.notebook.formats  # noqa: F401, I001 - first: nbformat without its grammar saves a second
    from nbgrader.api import Base

    Base.metadata.create_all(connection)
    _stamp(connection)


def _stamp(connection: Connection) -> None:
    version = Table("alembic_version", MetaData(), Column("version_num", String(32), nullable=False))
    version.create(connection)
    connection.execute(insert(version).values(version_num=NBGRADER_REVISION))


def _unstamped(connection: Connection, present: set[str]) -> bool:
    """Whether nbgrader made today's tables and could not note their revision: it needs alembic on PATH for that."""
    if "alembic_version" in present or not present.issuperset(_NBGRADER_TABLES):
        return False
    inspector = inspect(connection)
    return all(
        {column["name"] for column in inspector.get_columns(table)} >= columns for table, columns in _LATEST.items()
    )


def _check_nbgrader(connection: Connection, label: str, present: set[str]) -> None:
    if not present.issuperset(_NBGRADER_TABLES) and "alembic_version" not in present:
        raise StoreError(f"{label}: this is no nbgrader database; name another file or move this one away")
    version = Table("alembic_version", MetaData(), Column("version_num", String(32)))
    found = connection.scalar(select(version.c.version_num)) if "alembic_version" in present else None
    if found == NBGRADER_REVISION:
        return
    if found is None or found in _OLDER_REVISIONS:
        raise StoreError(f"{label}: made by an older nbgrader; run `nbgrader db upgrade` in the course folder first")
    raise StoreError(f"{label}: made by a newer nbgrader (schema {found}); update grader and nbgrader")


def _our_version(connection: Connection, label: str) -> int:
    found = connection.scalar(select(VERSION.c.version))
    if found is None or found > _OUR_VERSION:
        raise StoreError(f"{label}: made by a newer grader (schema {found}, not {_OUR_VERSION}); update grader")
    return int(found)


def _reflected(connection: Connection) -> Tables:
    metadata = MetaData()
    metadata.reflect(connection, only=_NBGRADER_TABLES)
    return Tables(**{name: metadata.tables[name] for name in _NBGRADER_TABLES})
