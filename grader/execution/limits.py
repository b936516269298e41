"""What one sandbox uses, measured from outside, and what it means to reach a limit."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.execution.kernel import Usage
from grader.model import Files, IncidentKind, Limits

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MOST_FILES = 100_000
"""Each takes a kilobyte of the host's memory that no size limit of a tmpfs counts."""
_KERNEL_THREADS = 32
_PRECISE_SECONDS = 0.5
_SHARING = 4
_FILE_OVERHEAD = 8192
"""What a file takes of a tmpfs beyond its content, at most."""
_ERRNO = re.compile(r"\[Errno (\d+)\]", re.ASCII)
_THREADS = re.compile(r"can't start new thread")


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that was reached, in a sentence about the cell that its student understands."""

    kind: IncidentKind
    sentence: str


def disk_bytes(files: Files, limits: Limits) -> int:
    """Return the size of a sandbox's file system: what its kernel may write, beyond the files that it is given."""
    return (limits.disk_mb << 20) + sum(len(content) + _FILE_OVERHEAD for content in files.values())


def resource_limits(limits: Limits) -> dict[str, int]:
    """Return what each process in a sandbox may use, by the names in Python's `resource`.

    RLIMIT_DATA makes one process that asks for too much fail softly, with MemoryError; the sum over all processes is
    the watchdog's. Threads count as processes there. A stack of 8 MB and not more: each thread reserves one.
    """
    return {
        "RLIMIT_CORE": 0,
        "RLIMIT_DATA": limits.memory_mb << 20,
        "RLIMIT_FSIZE": limits.disk_mb << 20,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_NOFILE": 1024,
        "RLIMIT_NPROC": limits.processes + _KERNEL_THREADS,
        "RLIMIT_STACK": 8 << 20,
    }


def breach_in_usage(usage: Usage, limits: Limits) -> Breach | None:
    """Return the limit of the whole sandbox that this usage breaks, for which it has to be killed."""
    if usage.processes > limits.processes:
        return Breach(IncidentKind.PROCESSES, f"it started more than {limits.processes} processes and was stopped")
    if usage.memory_bytes > limits.memory_mb << 20:
        return Breach(IncidentKind.MEMORY, f"it used more than {limits.memory_mb} MB of memory and was stopped")
    if usage.files > _MOST_FILES:
        return Breach(IncidentKind.DISK, f"it made more than {_MOST_FILES} files and was stopped")
    return None


def breach_in_error(ename: str, evalue: str, limits: Limits) -> Breach | None:
    """Return the limit that an exception in a cell speaks of; the cell has failed either way."""
    if ename == "MemoryError" or ename.endswith("ArrayMemoryError"):
        return Breach(IncidentKind.MEMORY, f"it asked for more than {limits.memory_mb} MB of memory")
    number = _ERRNO.match(evalue)
    code = int(number[1]) if number and len(number[1]) < 4 else None
    if code in {28, 27, 122}:  # ENOSPC, EFBIG, EDQUOT
        return Breach(IncidentKind.DISK, f"it wrote more than {limits.disk_mb} MB of files")
    if code == 11 or (ename == "RuntimeError" and _THREADS.match(evalue)):  # EAGAIN, from fork
        return Breach(IncidentKind.PROCESSES, f"it started more than {limits.processes} processes or threads")
    return None


def measure(roots: Sequence[int], folder: Path | None, limits: Limits) -> Usage:
    """Measure these processes with all that they started, and the file system of `folder` (None: none of its own).

    Memory is measured three times, each more precisely and more slowly than before, as long as it seems too much.
    """
    pids = [pid for root in roots for pid in (root, *descendants(root))]
    memory = 0
    if len(pids) <= limits.processes:
        for measured in (_resident_bytes, _unshared_bytes, _proportional_bytes):
            memory = measured(pids)
            if memory <= limits.memory_mb << 20:
                break
    return Usage(memory, len(pids), 0 if folder is None else _files_in(folder))


def descendants(pid: int) -> list[int]:
    """List the processes that `pid` started, directly or not; those that end meanwhile may be missing."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = list(_children(waiting.pop()))
        found += children
        waiting += children
    return found


def _children(pid: int) -> Iterable[int]:
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                yield from map(int, (task / "children").read_bytes().split())


def _resident_bytes(pids: Sequence[int]) -> int:
    """Count what is in memory, library code too and what processes share once for each."""
    pages = 0
    for pid in pids:
        with suppress(OSError, IndexError):
            pages += int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
    return pages * _PAGE


def _unshared_bytes(pids: Sequence[int]) -> int:
    """Count anonymous and shared memory, what processes share once for each."""
    return sum(_kilobytes(f"/proc/{pid}/status", (b"RssAnon:", b"RssShmem:")) for pid in pids) << 10


def _proportional_bytes(pids: Sequence[int]) -> int:
    """Count anonymous and shared memory, what processes share once.

    It can take seconds while they fork: those that there is no time for are taken to share most with each other.
    """
    deadline = time.monotonic() + _PRECISE_SECONDS
    total = 0
    for position, pid in enumerate(pids):
        if time.monotonic() > deadline:
            return total + _unshared_bytes(pids[position:]) // _SHARING
        found = _kilobytes(f"/proc/{pid}/smaps_rollup", (b"Pss_Anon:", b"Pss_Shmem:"))
        total += found << 10 if found else _unshared_bytes([pid])
    return total


def _kilobytes(file: str, names: tuple[bytes, ...]) -> int:
    try:
        lines = Path(file).read_bytes().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(names))


def _files_in(mount: Path) -> int:
    try:
        found = os.statvfs(mount)
    except OSError:
        return 0
    return found.f_files - found.f_ffree
