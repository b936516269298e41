"""Folders of the moment in the system's folder for temporary files: none outlives a process that was killed for long.

Each is named by the process whose it is, and locked while that lives. Whoever makes one removes those of its kind that
are nobody's any more, and the named semaphores that bear a folder's name.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["pool", "kernel", "instructor"]

_NAME: Final = re.compile(rf"grader-(?:{'|'.join(get_args(Kind))})-(\d{{1,9}})-")
_SEMAPHORES: Final = Path("/dev/shm")  # noqa: S108 - where Linux keeps named semaphores
_THROUGH: Final = 0o711
"""Others may pass through to what is theirs in it, and not look around."""


@dataclass(slots=True)
class Claimed:
    """A folder that is this process's until it is released, or until the process ends."""

    path: Path
    _lock: int

    def release(self) -> None:
        """Remove it with all that is in it; what cannot be removed stays. May be called twice."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def claim(kind: Kind, *, passable: bool = False) -> Claimed:
    """Make a folder for something of this kind, once those are gone, of any kind, whose processes are.

    `passable` lets other users through to what is made theirs in it. Raises OSError where there is no room.
    """
    _sweep(os.getpid())
    made = Path(tempfile.mkdtemp(prefix=f"grader-{kind}-{os.getpid()}-"))
    if passable:
        made.chmod(_THROUGH)
    lock = os.open(made, os.O_RDONLY | os.O_CLOEXEC)
    with suppress(OSError):  # where there are no locks, nothing is removed, either
        fcntl.flock(lock, fcntl.LOCK_EX)
    return Claimed(made, lock)


def semaphores(folder: str) -> list[Path]:
    """This user's named semaphores that bear the name of a folder of ours; Linux keeps them as files."""
    return [path for path in _SEMAPHORES.glob(f"sem.{folder}-*") if _is_ours(path)]


def _is_ours(path: Path) -> bool:
    """Whether it is this user's; what other threads or processes remove at this moment is nobody's."""
    try:
        return path.lstat().st_uid == os.geteuid()
    except FileNotFoundError:
        return False


@cache
def _sweep(_pid: int) -> None:
    """Once a process is enough."""
    for path in Path(tempfile.gettempdir()).glob("grader-*"):
        if named := _NAME.match(path.name):
            with suppress(OSError):
                _remove_if_forsaken(path, int(named[1]))


def _remove_if_forsaken(path: Path, owner: int) -> None:
    """Remove a folder of ours whose process is gone and whose lock is free: numbers may be of another container."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_uid == os.geteuid() and not _lives(owner):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for semaphore in semaphores(path.name):
                semaphore.unlink(missing_ok=True)
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
