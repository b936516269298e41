"""Copying a whole database into another one, of whichever kind: in one transaction, and compared row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine, Integer, Row, Select, String, Table, func, insert, inspect, select

from grader.errors import StoreError
from grader.store.connection import bytewise, explained, open_engine, transaction
from grader.store.copy_checks import (
    check_columns,
    check_empty,
    check_references,
    check_texts,
    copied_tables,
)
from grader.store.schema import VERSION, create, described
from grader.text import escape

_FETCHED = 200
"""Rows in memory at once: an outcome's facts may have a megabyte."""

AnyRow: TypeAlias = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class TableRows:
    """A table and how many rows it has."""

    table: str
    rows: int


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """What is to be copied: every table, in an order in which no row names one that is not there yet."""

    source: Path | str
    target: Path | str
    labels: tuple[str, str]
    """How messages call both: never with a password."""
    tables: tuple[TableRows, ...]
    left_out: tuple[str, ...] = ()
    """Tables and columns of the source that are neither nbgrader's nor ours."""

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(each.rows for each in self.tables)


@dataclass(frozen=True, slots=True)
class Copying:
    """So many rows more were written, or compared."""

    table: str
    rows: int


@dataclass(frozen=True, slots=True)
class Copied:
    """A table that is the same in both databases now, row by row."""

    table: str
    rows: int
    digest: str
    """SHA-256 over its rows in the order of their keys: the same for the same rows, in either kind of database."""


def plan_copy(source: Path | str, target: Path | str) -> CopyPlan:
    """Look at both databases, and change neither; raises `StoreError` for what cannot be copied."""
    to, to_label = open_engine(target)
    with _reading(source) as (connection, label):
        present = set(inspect(connection).get_table_names())
        tables = [table for table in copied_tables() if table.name in present]
        with _disposing(to):
            _look_at(to, to_label)
        columns = check_columns(connection, label, tables)
        check_references(connection, label, tables)
        if (connection.dialect.name, to.dialect.name) == ("sqlite", "postgresql"):
            check_texts(connection, label, tables)
        counts = tuple(TableRows(table.name, _count(connection, table)) for table in tables)
    others = present - {table.name for table in (*tables, VERSION)}
    left_out = (*sorted(escape(name, 60) for name in others), *columns)
    return CopyPlan(source, target, (label, to_label), counts, left_out)


def copy_database(plan: CopyPlan) -> Iterator[Copying | Copied]:
    """Copy every row, then compare every row; tables are reported when all is the same, and committed.

    Until then nothing is in the target. The source is read as it is at one moment, whoever writes to it meanwhile.
    """
    wanted = {each.table for each in plan.tables}
    tables = [table for table in copied_tables() if table.name in wanted]
    done = []
    with _reading(plan.source) as (reading, label), _writing(plan.target) as writing:
        for table in tables:
            if table.name != "alembic_version":
                yield from _copy(_stream(reading, label, table), writing, table)
        _settle(writing, tables)
        for table in tables:
            there = _stream(writing, plan.labels[1], table)
            copied = yield from _compare(_stream(reading, label, table), there, table)
            done.append(copied)
    yield from done


@contextmanager
def _disposing(engine: Engine) -> Iterator[None]:
    try:
        yield
    finally:
        engine.dispose()


@contextmanager
def _reading(where: Path | str) -> Iterator[tuple[Connection, str]]:
    engine, label = open_engine(where)
    file = _file(engine)
    if file is not None and not file.is_file():
        raise StoreError(f"{label}: there is no such file")
    with _disposing(engine), transaction(engine, label, writes=False) as connection:
        if not inspect(connection).get_table_names():
            raise StoreError(f"{label}: is empty, there is nothing to copy; the source comes first, then the target")
        described(connection, label)
        yield connection, label


@contextmanager
def _writing(where: Path | str) -> Iterator[Connection]:
    engine, label = open_engine(where)
    file = _file(engine)
    made = file is not None and not file.exists()
    try:
        with _disposing(engine), transaction(engine, label, writes=True) as connection:
            check_empty(connection, label)
            create(connection, label)
            yield connection
    except BaseException:
        if file is not None and made:
            for path in (file, *(file.with_name(f"{file.name}-{kind}") for kind in ("wal", "shm", "journal"))):
                path.unlink(missing_ok=True)
        raise


def _file(engine: Engine) -> Path | None:
    return Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None


def _look_at(engine: Engine, label: str) -> None:
    """Make sure that nothing is in the target, without making its file."""
    file = _file(engine)
    if file is None or file.exists():
        with transaction(engine, label, writes=False) as connection:
            check_empty(connection, label)
    elif not file.absolute().parent.is_dir():
        raise StoreError(f"{label}: cannot be made; there is no folder {escape(file.absolute().parent, 300)}")


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _in_order(table: Table) -> Select[*tuple[Any, ...]]:
    keys = [bytewise(key) if isinstance(key.type, String) else key for key in table.primary_key.columns]
    return select(table).order_by(*keys)


def _stream(connection: Connection, label: str, table: Table) -> Iterator[list[AnyRow]]:
    """A table's rows by their keys, some at a time."""
    with explained(label):
        found = connection.execute(_in_order(table), execution_options={"yield_per": _FETCHED})
        for part in found.partitions():
            yield list(part)


def _copy(parts: Iterator[list[AnyRow]], writing: Connection, table: Table) -> Iterator[Copying]:
    for part in parts:
        writing.execute(insert(table), [dict(row._mapping) for row in part])  # noqa: SLF001 - SQLAlchemy's public name
        yield Copying(table.name, len(part))


def _compare(
    parts: Iterator[list[AnyRow]], there: Iterator[list[AnyRow]], table: Table
) -> Generator[Copying, None, Copied]:
    rows, digest = 0, hashlib.sha256()
    nothing: list[AnyRow] = []
    for mine, theirs in zip_longest(parts, there, fillvalue=nothing):
        told = [_told(row) for row in mine]
        if told != [_told(row) for row in theirs]:
            raise StoreError(f"table {table.name} is not the same in both after row {rows}; nothing was copied")
        digest.update(b"".join(told))
        rows += len(mine)
        yield Copying(table.name, len(mine))
    return Copied(table.name, rows, digest.hexdigest())


def _told(row: AnyRow) -> bytes:
    return repr(tuple(row)).encode("utf-8", "surrogatepass") + b"\n"


def _settle(connection: Connection, tables: list[Table]) -> None:
    """Let PostgreSQL's counters go on from the highest number that was copied, and let it know how many rows there are.

    SQLite counts on by itself.
    """
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        counted = table.autoincrement_column
        if counted is not None and isinstance(counted.type, Integer):
            sequence = func.pg_get_serial_sequence(table.name, counted.name)
            connection.execute(select(func.setval(sequence, func.max(counted))))
        connection.exec_driver_sql(f'ANALYZE "{table.name}"')
