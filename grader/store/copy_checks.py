"""Whether a database can be copied: what would be lost, refused half-way or overwritten is told before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    String,
    Table,
    and_,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.sql.expression import exists, table

from grader.errors import StoreError
from grader.store.schema import OURS, VERSION, described
from grader.text import escape

ALEMBIC = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""The mark of nbgrader's schema."""


def copied_tables() -> list[Table]:
    """What there is to copy, what others refer to first; by nbgrader's own models, of the same types everywhere."""
    from nbgrader.api import Base

    return [*Base.metadata.sorted_tables, ALEMBIC, *(each for each in OURS.sorted_tables if each is not VERSION)]


def check_empty(connection: Connection, label: str) -> None:
    """Refuse a target with rows. Tables alone are nothing: naming a new database in `course.toml` makes them."""
    present = set(inspect(connection).get_table_names())
    if present:
        described(connection, label)
    for name in sorted(present - {ALEMBIC.name, VERSION.name}):
        if connection.scalar(select(exists().select_from(table(name)))):
            raise StoreError(f"{label}: is not empty (see table {escape(name, 60)}); name an empty database")


def check_columns(connection: Connection, label: str, tables: Iterable[Table]) -> tuple[str, ...]:
    """Refuse a source that lacks a column; those that it has beyond ours, by `table.column`, would be left out."""
    beyond: list[str] = []
    for each in tables:
        present = {found["name"] for found in inspect(connection).get_columns(each.name)}
        own = set(each.columns.keys())
        missing = sorted(own - present)
        if missing:
            raise StoreError(f"{label}: table {each.name} has no column {missing[0]}; run `grader status` with it once")
        beyond.extend(f"{each.name}.{escape(name, 60)}" for name in sorted(present - own))
    return tuple(beyond)


def check_references(connection: Connection, label: str, tables: Iterable[Table]) -> None:
    """Refuse a row that names another which is not there: nbgrader lets SQLite have such, PostgreSQL cannot."""
    for each in tables:
        for key in each.foreign_keys:
            there = key.column.table.alias("there")
            gone = and_(key.parent.is_not(None), ~exists().where(there.c[key.column.name] == key.parent))
            _refuse_rows(connection, label, each, gone, f"{key.parent.name}: there is no such {key.column.table.name}")


def check_texts(connection: Connection, label: str, tables: Iterable[Table]) -> None:
    """Refuse texts of SQLite that PostgreSQL cannot hold: longer than the column, or with a character NUL."""
    for each in tables:
        for column in each.columns:
            if not isinstance(column.type, String):
                continue
            name = column.name
            nul = text(f'instr(CAST("{each.name}"."{name}" AS BLOB), x\'00\') > 0')
            _refuse_rows(connection, label, each, nul, f"{name}: holds a character NUL, which PostgreSQL cannot")
            if column.type.length is not None:
                most = column.type.length
                long = func.length(column) > most
                _refuse_rows(
                    connection, label, each, long, f"{name}: is longer than PostgreSQL allows, {most} characters"
                )


def _refuse_rows(connection: Connection, label: str, where: Table, bad: Any, told: str) -> None:
    keys = list(where.primary_key.columns)
    first = connection.execute(select(*keys).where(bad).limit(1)).first()
    if first is None:
        return
    number = connection.scalar(select(func.count()).select_from(where).where(bad))
    called = "/".join(escape(value, 60) for value in first)
    more = f", and {number - 1} more" if number and number > 1 else ""
    raise StoreError(f"{label}: table {where.name}, row {called}{more}: {told}; mend or delete it first")
