"""A bound on a sandbox's memory that holds between two looks of the watchdog: a control group, where we may have one.

The watchdog is the judge of the limit, with and without a group. What runs away faster than it looks is held up by
the group a little beyond the limit (a process that wants more has to wait), seen there, and stopped: the verdict is
the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Self

from grader.model import Limits

_ROOTS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))
"""Where the first and the second version of control groups have their memory."""
_BESIDE = 256 << 20
"""What sockets, pipes, open files and the like may take that the watchdog does not count."""
_PREFIX = "grader-"
_NUMBERS = count()


class MemoryGroup:
    """A control group of our own; make it by `open_group`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bound = 0

    def bound(self, limits: Limits) -> None:
        """Let what is in it have the limit, the file systems that are memory too, and little more."""
        wanted = (limits.memory_mb << 20) + 2 * (limits.disk_mb << 20) + _BESIDE
        if wanted == self._bound:
            return
        second = self._folder / "memory.high"
        with suppress(OSError):  # what it holds at the moment may be more than it is to hold from now on
            (second if second.exists() else self._folder / "memory.limit_in_bytes").write_text(str(wanted))
            self._bound = wanted

    def take(self, pids: Iterable[int]) -> None:
        """Put processes into it; what they start will be in it, too."""
        for pid in pids:
            with suppress(OSError):  # it has ended
                (self._folder / "cgroup.procs").write_text(str(pid))

    def close(self) -> None:
        """Remove it, once nothing runs in it; may be called twice."""
        with suppress(OSError):
            self._folder.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_group() -> MemoryGroup | None:
    """Make a group below the one that this process is in, or return None: not everybody may."""
    for root in _ROOTS:
        for parent in dict.fromkeys((root / _own(root.name), root)):
            folder = parent / f"{_PREFIX}{os.getpid()}-{next(_NUMBERS)}"
            with suppress(OSError):
                _remove_left_over(parent)
                folder.mkdir()
                if _holds(folder):
                    return MemoryGroup(folder)
                folder.rmdir()
    return None


def _holds(folder: Path) -> bool:
    """Tell whether a new group can hold processes up; the first version kills them unless told to let them wait."""
    if (folder / "memory.high").exists():
        return True
    control = folder / "memory.oom_control"
    if not control.exists():
        return False
    control.write_text("1")
    return True


def _own(controller: str) -> str:
    """Return the path of the group that this process is in, for a controller of the first version, or of the second."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, names, path = line.split(":", 2)
            if controller in names.split(",") or (not names and controller == "cgroup"):
                return path.lstrip("/")
    return ""


def _remove_left_over(parent: Path) -> None:
    """Remove the empty groups of processes that were killed."""
    for folder in parent.glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).split("-")[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            with suppress(OSError):
                folder.rmdir()
