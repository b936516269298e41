"""Connections and transactions; the one place that knows SQLite from other databases."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from grader.errors import StoreError
from grader.store import faults, postgres
from grader.store.refusals import storing
from grader.text import escape

_WRITES = "grader_writes"
_BUSY_SECONDS = 30
_LONGEST_PATH = 500
"""Of a SQLite file, in bytes: 512 with what SQLite appends for its log."""
RESTORE = "`grader restore` lists the copies that were kept before each run, and puts one back"
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "lustre", "gpfs", "glusterfs", "fuse.sshfs"})


def open_engine(where: Path | str) -> tuple[Engine, str]:
    """An engine for a path of a SQLite file or an SQLAlchemy URL, and the name by which messages call it."""
    url = _url(where)
    if url.get_backend_name() in postgres.NAMES:
        driven = postgres.driven(url)
        return postgres.open_engine(driven), escape(postgres.label(driven), 300)
    label = escape(url.database, 300)
    try:
        engine = create_engine(url)
    except (ImportError, SQLAlchemyError) as error:
        raise StoreError(f"{label}: no driver for this kind of database ({error}); write sqlite:///...") from error
    if len(os.fsencode(url.database or "")) > _LONGEST_PATH:
        raise StoreError(f"{label}: the path is too long for SQLite ({_LONGEST_PATH} bytes); use a shorter folder")
    journal = _journal_of(url)
    event.listen(engine, "connect", lambda connection, _: _prepare_sqlite(connection, journal))
    event.listen(engine, "begin", _begin_sqlite)
    return engine, label


@contextmanager
def transaction(engine: Engine, label: str, *, writes: bool) -> Iterator[Connection]:
    """One transaction: committed when the body ends, undone when it raises.

    Those who write do so one after the other, whatever the database, and see all that was written before; those who
    read see one moment, whoever writes.
    """
    here = engine.dialect.name == "postgresql"
    options = postgres.options(writes=writes) if here else {_WRITES: writes}
    with explained(label), storing(label), engine.connect().execution_options(**options) as connection:
        faults.reached("begin")
        with connection.begin():
            if here and writes:
                postgres.take_turn(connection)
            yield connection
            if writes:
                faults.reached("commit")


@contextmanager
def explained(label: str) -> Iterator[None]:
    """Tell what the database refused in one line that names it and says what to do."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(f"{label}: {_reason(error)}") from error


class bytewise(FunctionElement[str]):  # noqa: N801 - it stands in a query like a function
    """A text to order by, the same on every server: by code points, as Python and SQLite do, not by a language."""

    inherit_cache = True


@compiles(bytewise)
def _as_it_is(element: bytewise, compiler: SQLCompiler, **given: Any) -> str:
    return compiler.process(element.clauses, **given)


@compiles(bytewise, "postgresql")
def _collated(element: bytewise, compiler: SQLCompiler, **given: Any) -> str:
    return f'{compiler.process(element.clauses, **given)} COLLATE "C"'


def _url(where: Path | str) -> URL:
    if isinstance(where, Path):
        return URL.create("sqlite", database=str(where))
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        # what cannot be read may have a password anywhere
        shown = "this" if "@" in where or "password" in where else repr(escape(where))
        raise StoreError(
            f"{shown} is no database URL; write one like sqlite:////home/me/gradebook.db or "
            "postgresql://me@host:5432/grades (in a password %40 for @, %2F for /, %3A for :)"
        ) from None
    if url.get_backend_name() not in {"sqlite", *postgres.NAMES}:
        kind = escape(url.drivername, 40)
        raise StoreError(f"{kind}: no driver for this kind of database; write sqlite:///... or postgresql://...")
    return url


def _prepare_sqlite(connection: sqlite3.Connection, journal: str) -> None:
    """Set a new connection up: our own BEGIN, durable commits, and waiting for another writer."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
    _set_journal(connection, journal)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _set_journal(connection: sqlite3.Connection, journal: str) -> None:
    """Set the journal's kind: of two that do at once, SQLite lets one fail instead of waiting, so that one goes on."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            (current,) = connection.execute("PRAGMA journal_mode").fetchone()
            if current.upper() != journal:
                connection.execute(f"PRAGMA journal_mode = {journal}")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def journal_mode(path: Path, mounts: str) -> str:
    """SQLite's journal for a file: a write-ahead log, beside which others read while we write, on a local disk.

    That log lives in memory that programs on two hosts do not share, so on a network file system it is the old kind.
    `mounts` is the text of `/proc/self/mountinfo`.
    """
    kinds = {}
    for line in mounts.splitlines():
        fields, _, kind = line.partition(" - ")
        kinds[_unescaped(fields.split()[4])] = kind.split()[0]
    above = next((kinds[str(folder)] for folder in (path, *path.parents) if str(folder) in kinds), "")
    return "DELETE" if above in _NETWORK else "WAL"


def _unescaped(mount: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), mount)


def _journal_of(url: URL) -> str:
    mounts = Path("/proc/self/mountinfo")
    if not url.database or not mounts.is_file():
        return "WAL"
    return journal_mode(Path(url.database).resolve(), mounts.read_text(errors="surrogateescape"))


def _begin_sqlite(connection: Connection) -> None:
    # taking the write lock at once: a transaction that starts to write half-way cannot wait for another writer
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def sqlite_reason(error: sqlite3.Error) -> str:
    """What went wrong, in a line that says what to do."""
    name = getattr(error, "sqlite_errorname", "")
    remedies = {
        "SQLITE_BUSY": "another program keeps it locked; close it and run the same command again "
        "(or the file system has no locks: use a local disk)",
        "SQLITE_CANTOPEN": "cannot be opened; check that the folder exists and that you may write to it",
        "SQLITE_READONLY": "is read-only; make the file and its folder writable",
        "SQLITE_FULL": "the disk is full; make room and run the same command again",
        "SQLITE_NOTADB": f"is no SQLite database; name another file, or {RESTORE}",
        "SQLITE_CORRUPT": f"is damaged; {RESTORE}",
        "SQLITE_IOERR": "the disk is full or does not work; see to it and run the same command again",
    }
    text = str(error).splitlines()[0] if str(error) else name
    for start, remedy in remedies.items():
        if name.startswith(start):
            return f"{remedy} ({text})"
    return f"the database refused: {text}"


def _reason(error: SQLAlchemyError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.Error):
        return sqlite_reason(cause)
    if isinstance(error, DBAPIError):
        return postgres.reason(error)
    return f"the database refused: {str(error).splitlines()[0]}"
