"""Connections and transactions; the one place that knows SQLite from other databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, SQLAlchemyError

from grader.errors import StoreError
from grader.text import escape

_WRITES = "grader_writes"
_BUSY_SECONDS = 30


def open_engine(where: Path | str) -> tuple[Engine, str]:
    """An engine for a path of a SQLite file or an SQLAlchemy URL, and the name by which messages call it."""
    url = _url(where)
    label = escape(url.database if url.drivername.startswith("sqlite") else url.render_as_string(), 300)
    try:
        engine = create_engine(url)
    except (ImportError, NoSuchModuleError, ArgumentError) as error:
        raise StoreError(f"{label}: no driver for this kind of database ({error}); install it") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine, label


@contextmanager
def transaction(engine: Engine, label: str, *, writes: bool) -> Iterator[Connection]:
    """One transaction: committed when the body ends, undone when it raises."""
    try:
        with engine.connect().execution_options(**{_WRITES: writes}) as connection, connection.begin():
            yield connection
    except SQLAlchemyError as error:
        raise StoreError(f"{label}: {_reason(error)}") from error


def _url(where: Path | str) -> URL:
    if isinstance(where, Path):
        return URL.create("sqlite", database=str(where))
    try:
        return make_url(where)
    except ArgumentError:
        raise StoreError(
            f"{escape(where)!r} is no database URL; write one like sqlite:////home/me/gradebook.db"
        ) from None


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Set a new connection up: our own BEGIN, a log beside the file, so that the form grader reads while we write."""
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        for pragma in (
            f"busy_timeout = {_BUSY_SECONDS * 1000}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # taking the write lock at once: a transaction that starts to write half-way cannot wait for another writer
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _reason(error: SQLAlchemyError) -> str:
    cause = error.orig if isinstance(error, DatabaseError) else None
    text = str(cause or error).splitlines()[0]
    name = getattr(cause, "sqlite_errorname", "") if isinstance(cause, sqlite3.Error) else ""
    remedies = {
        "SQLITE_BUSY": "another program keeps it locked; close it and run the same command again",
        "SQLITE_CANTOPEN": "cannot be opened; check that the folder exists and that you may write to it",
        "SQLITE_READONLY": "is read-only; make the file and its folder writable",
        "SQLITE_FULL": "the disk is full; make room and run the same command again",
        "SQLITE_NOTADB": "is no SQLite database; name another file or move this one away",
        "SQLITE_CORRUPT": "is damaged; put a copy of an earlier day in its place",
        "SQLITE_IOERR": "the disk does not work; check it and run the same command again",
    }
    for start, remedy in remedies.items():
        if name.startswith(start):
            return f"{remedy} ({text})"
    return f"the database refused: {text}"
