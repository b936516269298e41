"""Copies of a course's SQLite database, kept before each run that changes it; and putting one of them back."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from grader.errors import StoreError
from grader.store import faults
from grader.store.connection import sqlite_reason
from grader.store.files import FOLDER, atomic_write, remove_leftovers, sync_folder
from grader.store.files import opened as opened_folder
from grader.store.holdings import Counts, Difference, counts_of, differences, holdings_of, opened
from grader.store.refusals import storing
from grader.text import escape

KEPT = 10
"""So many snapshots stand; the oldest goes when another comes."""
LATEST = "latest"
_TEMPORARY = ".grader-tmp-"
_HEADER = 100
"""Bytes at the beginning of a SQLite file that tell of its making, not of what it holds."""
_PAGES_A_STEP = 1000
_BUSY_SECONDS = 30
_BLOCK = 1 << 20
_NAME = re.compile(r"(?P<number>\d{4,9})-(?P<time>\d{8}T\d{6}Z)-(?P<command>[a-z0-9-]+)\.db", re.ASCII)
_TIME = "%Y%m%dT%H%M%SZ"
_UNREADABLE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


class DamagedError(StoreError):
    """The database is one that SQLite cannot trust any more."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of the database as it was before a command changed it."""

    path: Path
    number: int
    """The order in which they were made, whatever the clock said."""
    taken_at: datetime
    command: str
    """Before which it was made, as part of a file's name: `scores-import`."""
    size: int

    @property
    def name(self) -> str:
        """By which it is asked for."""
        return self.path.stem


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The snapshots of one database."""

    folder: Path
    database: Path

    def kept(self) -> tuple[Snapshot, ...]:
        """Those that stand, the oldest first."""
        with storing(self.folder):
            files = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
            found = (_snapshot(path) for path in files)
            return tuple(sorted((one for one in found if one), key=lambda one: one.number))

    def find(self, name: str) -> Snapshot:
        """One by its name, the number that its name begins with, or `latest`."""
        kept = self.kept()
        if not kept:
            raise StoreError("there is no snapshot yet: one is kept before each run that changes the database")
        if name == LATEST:
            return kept[-1]
        number = int(name) if re.fullmatch(r"\d{1,9}", name, re.ASCII) else None
        for one in kept:
            if name.removesuffix(".db") == one.name or number == one.number:
                return one
        names = ", ".join(one.name for one in kept)
        raise StoreError(f"there is no snapshot {escape(name)!r}; there are: {names}")

    def keep(self, command: str, *, spared: Snapshot | None = None) -> Snapshot | None:
        """Copy the database; None where nothing is in it, or nothing has changed since the last copy.

        What is damaged is never kept: `DamagedError`. The oldest beyond `KEPT` goes, but for `spared`.
        """
        if not self.database.is_file():
            return None
        with self._alone(), self._copied() as copy:
            before = self.kept()
            if counts_of(copy).nothing or (before and _same(copy, before[-1].path)):
                return None
            made = _kept_as(copy, self.folder, (before[-1].number if before else 0) + 1, command)
            for old in (*before, made)[:-KEPT]:
                if spared is None or old.path != spared.path:
                    faults.reached("remove")
                    old.path.unlink(missing_ok=True)
            return made

    def counts(self, snapshot: Snapshot) -> Counts:
        """How much a snapshot holds; `DamagedError` where it cannot be read."""
        with _refusals(snapshot.path):
            return counts_of(snapshot.path)

    def differences(self, snapshot: Snapshot) -> tuple[Difference, ...]:
        """What restoring would change; `DamagedError` where the database cannot be read."""
        _require_sound(snapshot)
        with _refusals(snapshot.path):
            then = holdings_of(snapshot.path)
        with _refusals(self.database):
            return differences(holdings_of(self.database, live=True), then)

    def restore(self, snapshot: Snapshot) -> Snapshot | None:
        """Put a snapshot in the database's place, wholly or not at all; what stood there is kept first, and returned.

        It is one transaction of the living database, so that programs that have it open go on with what was restored.
        A database that is damaged is put aside under `damaged/` as it is; where not even a transaction can be begun in
        it, its file is replaced.
        """
        _require_sound(snapshot)
        try:
            before = self.keep("restore", spared=snapshot)
        except DamagedError:
            before = None
            self._put_aside()
        with storing(self.database), _refusals(self.database):
            self._overwrite(snapshot)
        return before

    def _overwrite(self, snapshot: Snapshot) -> None:
        try:
            with (
                closing(opened(snapshot.path, "mode=ro&immutable=1")) as source,
                closing(opened(self.database, "mode=rwc")) as live,
            ):
                live.execute("PRAGMA synchronous = FULL")
                _copy(source, live, _PAGES_A_STEP)
        except sqlite3.DatabaseError as error:
            if not _unreadable(error):
                raise
            self._replace(snapshot)

    def _replace(self, snapshot: Snapshot) -> None:
        # a log of the old file would be taken for one of the new: it goes first, and a copy of it lies in `damaged/`
        with storing(self.database):
            for log in self._logs():
                faults.reached("remove")
                log.unlink(missing_ok=True)
            content = snapshot.path.read_bytes()
        atomic_write(self.database, content)

    def _put_aside(self) -> None:
        aside = self.folder.parent / "damaged" / datetime.now(UTC).strftime(_TIME)
        with storing(aside):
            faults.reached("mkdir")
            aside.mkdir(parents=True, exist_ok=True)
            for path in (self.database, *self._logs()):
                if path.is_file():
                    faults.reached("write")
                    shutil.copy2(path, aside / path.name)

    def _logs(self) -> tuple[Path, ...]:
        return tuple(self.database.with_name(f"{self.database.name}-{end}") for end in ("wal", "shm", "journal"))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else makes a snapshot meanwhile; what one that was killed left is removed."""
        with storing(self.folder):
            faults.reached("mkdir")
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            with storing(self.folder):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            remove_leftovers(self.folder)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _copied(self) -> Iterator[Path]:
        """A whole copy, seen to be sound, under a temporary name that is gone afterwards."""
        copy = self.folder / f"{_TEMPORARY}{secrets.token_hex(8)}"
        try:
            with storing(self.folder), _refusals(self.database):
                os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
                with closing(opened(self.database, "mode=rw")) as live, closing(opened(copy, "mode=rw")) as target:
                    target.execute("PRAGMA journal_mode = OFF")
                    target.execute("PRAGMA synchronous = OFF")
                    _copy(live, target)
                with closing(opened(copy, "mode=rw")) as target:
                    target.execute("PRAGMA journal_mode = DELETE")  # one file that stands alone
                copy.chmod(self.database.stat().st_mode & 0o777)
            if (problem := _problem(copy)) is not None:
                raise _damaged(self.database, problem)
            yield copy
        finally:
            for path in (copy, copy.with_name(f"{copy.name}-journal")):
                path.unlink(missing_ok=True)


def _kept_as(copy: Path, folder: Path, number: int, command: str) -> Snapshot:
    """Give a copy its name, once all of it is on the disk."""
    word = re.sub(r"[^a-z0-9]+", "-", command.lower()).strip("-") or "run"
    target = folder / f"{number:04}-{datetime.now(UTC).strftime(_TIME)}-{word}.db"
    with storing(target):
        faults.reached("sync")
        _sync(copy)
        faults.reached("rename")
        copy.replace(target)
        with opened_folder(folder, FOLDER) as descriptor:
            sync_folder(descriptor)
    made = _snapshot(target)
    assert made is not None
    return made


def _snapshot(path: Path) -> Snapshot | None:
    named = _NAME.fullmatch(path.name)
    if named is None or path.is_symlink() or not path.is_file():
        return None
    try:
        taken_at = datetime.strptime(named["time"], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return Snapshot(path, int(named["number"]), taken_at, named["command"], path.stat().st_size)


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, pages: int = -1) -> None:
    """Make the target hold what the source does, in one transaction; in steps of so many pages, or in one."""
    deadline = time.monotonic() + _BUSY_SECONDS

    def watch(status: int, _remaining: int, _pages: int) -> None:
        faults.reached("write")
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > deadline:
            raise StoreError("another program keeps the database locked; close it and run the same command again")

    source.backup(target, pages=pages, progress=watch, sleep=0.1)


def _problem(path: Path) -> str | None:
    """What SQLite finds wrong with a database that nobody else has open, or None."""
    try:
        with closing(opened(path, "mode=ro&immutable=1")) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if found == "ok" else str(found)


def _require_sound(snapshot: Snapshot) -> None:
    if (problem := _problem(snapshot.path)) is not None:
        raise StoreError(f"{snapshot.name} is damaged itself ({escape(problem)}); choose another")


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Tell what SQLite refused in one line that names the database and what to do."""
    try:
        yield
    except sqlite3.Error as error:
        if _unreadable(error):
            raise _damaged(path, str(error)) from error
        raise StoreError(f"{escape(path, 300)}: {sqlite_reason(error)}") from error


def _unreadable(error: sqlite3.Error) -> bool:
    return (getattr(error, "sqlite_errorname", None) or "").startswith(_UNREADABLE)


def _damaged(path: Path, problem: str) -> DamagedError:
    return DamagedError(
        f"{escape(path, 300)}: is damaged ({escape(problem)}); nothing was changed: `grader restore` lists the copies "
        "that were kept before each run, and puts one back"
    )


def _same(one: Path, other: Path) -> bool:
    """Whether two database files hold the same, whatever their headers say of their making."""
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        first.seek(_HEADER)
        second.seek(_HEADER)
        while block := first.read(_BLOCK):
            if block != second.read(_BLOCK):
                return False
    return True


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
