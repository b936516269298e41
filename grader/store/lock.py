"""One writer a course at a time."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from grader.errors import StoreError
from grader.store.files import storing
from grader.text import escape


@dataclass(frozen=True, slots=True)
class Holder:
    """Who works in a course."""

    pid: int
    host: str
    command: str
    since: str
    """ISO time with zone."""

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
def course_lock(path: Path, command: str) -> Iterator[None]:
    """Hold the course while the body runs; a second holder gets a `StoreError` that names the first.

    The lock is the system's (`flock`) and ends with the process, however that ends; its text only says whose it is.
    """
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _Descriptor(path)
    try:
        _take(lock.number, path)
        with storing(path):
            _write(lock.number, _myself(command))
        yield
        with storing(path):
            os.ftruncate(lock.number, 0)
    finally:
        lock.close()


def holder(path: Path) -> Holder | None:
    """Who holds the course now, as far as the lock file tells; None when nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # an empty file is nobody's, and is not asked: a look must not keep a writer out
        if os.fstat(descriptor).st_size > 0:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreError(f"this course is in use by {_read(descriptor)}; wait until it has finished") from None
    except OSError as error:
        raise StoreError(f"{escape(path, 300)}: cannot be locked ({error.strerror}); use a local disk") from error


def _myself(command: str) -> Holder:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return Holder(pid=os.getpid(), host=socket.gethostname(), command=command, since=since)


def _write(descriptor: int, mine: Holder) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(asdict(mine)).encode(), 0)


def _read(descriptor: int) -> Holder:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
        return Holder(int(found["pid"]), str(found["host"]), str(found["command"]), str(found["since"]))
    except (ValueError, KeyError, TypeError):
        return Holder(pid=0, host="unknown", command="another grader", since="unknown")
