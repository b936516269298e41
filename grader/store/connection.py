"""Connections and transactions; the one place that knows SQLite from other databases."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, SQLAlchemyError

from grader.errors import StoreError
from grader.text import escape

_WRITES = "grader_writes"
_BUSY_SECONDS = 30
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "lustre", "gpfs", "glusterfs", "fuse.sshfs"})


def open_engine(where: Path | str) -> tuple[Engine, str]:
    """An engine for a path of a SQLite file or an SQLAlchemy URL, and the name by which messages call it."""
    url = _url(where)
    label = escape(url.database if url.drivername.startswith("sqlite") else url.render_as_string(), 300)
    try:
        engine = create_engine(url)
    except (ImportError, NoSuchModuleError, ArgumentError) as error:
        raise StoreError(f"{label}: no driver for this kind of database ({error}); install it") from error
    if engine.dialect.name == "sqlite":
        journal = _journal_of(url)
        event.listen(engine, "connect", lambda connection, _: _prepare_sqlite(connection, journal))
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


def _prepare_sqlite(connection: sqlite3.Connection, journal: str) -> None:
    """Set a new connection up: our own BEGIN, durable commits, and waiting for another writer."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
    (current,) = connection.execute("PRAGMA journal_mode").fetchone()
    if current.upper() != journal:
        connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


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
