"""Where workers and their fork server meet: a folder and semaphores that no killed run leaves behind for long."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from multiprocessing import process, resource_tracker
from pathlib import Path

from grader.execution import claim, semaphores
from grader.store import faults
from grader.store.refusals import storing

_PREFIX = "grader-pool-"


def meet() -> None:
    """Let this process's workers meet in a folder that says whose it is; those of processes that are gone go, too.

    Left to itself, multiprocessing makes a folder that stays for ever where the process is killed, and semaphores whose
    names do not tell whose they are, which stay where the process that tracks them is killed with it. The folder has to
    be under the system's folder for temporary files: a socket's path must be short, and a course's need not be.
    """
    config = process.current_process()._config  # type: ignore[attr-defined]  # noqa: SLF001 - as Python's own tests do
    folder = _folder(os.getpid())
    config["tempdir"] = str(folder)
    config["semprefix"] = f"/{folder.name}"


def part() -> None:
    """Remove this process's folder and semaphores, if it has any: for an end at once, that tidies up nothing else.

    Python's tracker of semaphores would remove them, too, and complain to whoever pressed Ctrl-C: it is told before.
    """
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}{os.getpid()}-*"):
        for semaphore in semaphores(path.name):
            with suppress(OSError):
                semaphore.unlink()
                resource_tracker.unregister(f"/{semaphore.name.removeprefix('sem.')}", "semaphore")
        shutil.rmtree(path, ignore_errors=True)


@cache
def _folder(pid: int) -> Path:
    """This process's folder, locked while it lives; a child's is another, which it makes itself."""
    with storing(Path(tempfile.gettempdir())):
        faults.reached("mkdir")
        claimed = claim("pool")
    atexit.register(_remove, claimed.path, pid)
    return claimed.path


def _remove(path: Path, pid: int) -> None:
    if os.getpid() == pid:
        shutil.rmtree(path, ignore_errors=True)
