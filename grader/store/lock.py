"""One writer a course at a time."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from grader.errors import StoreError
from grader.store import faults
from grader.store.refusals import storing
from grader.text import escape

_SECONDS_TO_SAY = 1.0
"""Within which who has just taken the lock has written down who it is."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who works in a course."""

    pid: int
    host: str
    command: str
    since: str
    """ISO time with zone."""

    @property
    def lives(self) -> bool:
        """Whether it is known and, on this host, runs; of another host that cannot be told."""
        if self.host != socket.gethostname():
            return self.pid > 0
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return self.pid > 0

    def __str__(self) -> str:
        return f"`{escape(self.command)}` (process {self.pid} on {escape(self.host)}, since {escape(self.since)})"


class _Descriptor:
    """The open lock file; a forked child gives up its copy, so that it cannot outlive its parent as the holder."""

    def __init__(self, path: Path) -> None:
        self.number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        forget = weakref.WeakMethod(self.close)
        os.register_at_fork(after_in_child=lambda: (method := forget()) is not None and method())

    def close(self) -> None:
        if self.number >= 0:
            os.close(self.number)
            self.number = -1


@contextmanager
def course_lock(path: Path, command: str) -> Iterator[bool]:
    """Hold the course while the body runs; a second holder gets a `StoreError` that names the first.

    Its value is whether the holder before came to an orderly end. The lock is the system's (`flock`) and ends with the
    process, however that ends; its text only says whose it is, and stays behind where the end was not orderly.
    """
    with storing(path):
        faults.reached("mkdir")
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _Descriptor(path)
    try:
        _take(lock.number, path)
        with storing(path):
            orderly = os.fstat(lock.number).st_size == 0
            _write(lock.number, _myself(command))
        yield orderly
        with storing(path):
            faults.reached("write")
            os.ftruncate(lock.number, 0)
    finally:
        lock.close()


def holder(path: Path) -> Holder | None:
    """Who holds the course now, as far as the lock file tells; None when nobody does."""
    named, held = _look(path)
    return named if held else None


def unfinished(path: Path) -> Holder | None:
    """Who held the course last and did not come to an orderly end; None where somebody holds it now."""
    named, held = _look(path)
    return None if held else named


def _look(path: Path) -> tuple[Holder | None, bool]:
    """Whom the lock file names, and whether that one holds it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None, False
    try:
        # an empty file is nobody's, and is not asked: a look must not keep a writer out
        if os.fstat(descriptor).st_size == 0:
            return None, False
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor), True
    else:
        return _read(descriptor), False
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    """Take the lock, or say who has it: one who has just taken it is given a moment to write that down."""
    deadline = time.monotonic() + _SECONDS_TO_SAY
    while not _taken(descriptor, path):
        first = _read(descriptor)
        if first.lives or time.monotonic() > deadline:
            raise StoreError(f"this course is in use by {first}; wait until it has finished")
        time.sleep(0.01)


def _taken(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StoreError(f"{escape(path, 300)}: cannot be locked ({error.strerror}); use a local disk") from error
    return True


def _myself(command: str) -> Holder:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return Holder(pid=os.getpid(), host=socket.gethostname(), command=command, since=since)


def _write(descriptor: int, mine: Holder) -> None:
    """Say who holds the lock; synced, so that after a loss of power, too, it is known that the end was not orderly."""
    text = json.dumps(asdict(mine)).encode()
    faults.reached("write")
    os.pwrite(descriptor, text, 0)
    os.ftruncate(descriptor, len(text))
    faults.reached("sync")
    os.fsync(descriptor)


def _read(descriptor: int) -> Holder:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
        return Holder(int(found["pid"]), str(found["host"]), str(found["command"]), str(found["since"]))
    except (ValueError, KeyError, TypeError):
        return Holder(pid=0, host="unknown", command="another grader", since="unknown")
