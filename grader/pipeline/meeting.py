"""Where workers and their fork server meet: a folder for a socket, that no killed run leaves behind for long."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from multiprocessing import process
from pathlib import Path

from grader.store import faults
from grader.store.refusals import storing

_PREFIX = "grader-pool-"


def meet() -> None:
    """Let this process's workers meet in a folder that says whose it is; those of processes that are gone go, too.

    Left to itself, multiprocessing makes a folder that stays for ever where the process is killed. It has to be under
    the system's folder for temporary files: a socket's path must be short, and a course's need not be.
    """
    config = process.current_process()._config  # type: ignore[attr-defined]  # noqa: SLF001 - as Python's own tests do
    config["tempdir"] = str(_folder(os.getpid()))


def part() -> None:
    """Remove this process's folder, if it has one: for an end at once, at which nothing else is tidied up."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}{os.getpid()}-*"):
        shutil.rmtree(path, ignore_errors=True)


@cache
def _folder(pid: int) -> Path:
    """This process's folder, locked while it lives; a child's is another, which it makes itself."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            _remove_if_forsaken(path)
    with storing(Path(tempfile.gettempdir())):
        faults.reached("mkdir")
        made = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{pid}-"))
    fcntl.flock(os.open(made, os.O_RDONLY | os.O_CLOEXEC), fcntl.LOCK_EX)  # held open: the lock ends with the process
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def _remove_if_forsaken(path: Path) -> None:
    """Remove a folder of ours whose process is gone and whose lock is free: numbers may be of another container."""
    owner = path.name.removeprefix(_PREFIX).partition("-")[0]
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_uid == os.geteuid() and owner.isdecimal() and not _lives(int(owner)):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
    finally:
        os.close(descriptor)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
