"""What a command costs, with every process that it starts: wall clock, CPU seconds, peak memory of its own process."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_GROUPS = (Path("/sys/fs/cgroup/cpuacct"), Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))

# nbgrader starts `alembic` by its name alone
_ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one command, or of several one after the other."""

    wall: float
    cpu: float
    """Of all processes below it, orphans and sandboxes included."""
    peak_mb: float
    """Of the command's own process."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.peak_mb, other.peak_mb))


def cost(command: Sequence[str], folder: Path) -> Cost:
    """Run a command to its end, and to the end of all that it started."""
    if sys.platform == "linux":
        # orphans become our children, so that we can wait for them
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    with accounting() as account, (folder / "bench.log").open("ab") as log:
        began = time.perf_counter()
        process = subprocess.Popen([*account.entering, *command], cwd=folder, env=_ENVIRONMENT, stdout=log, stderr=log)
        peaks: list[float] = []
        watcher = threading.Thread(target=_watch, args=(process, peaks))
        watcher.start()
        status = process.wait()
        wall = time.perf_counter() - began
        watcher.join()
        _wait_for_orphans()
        cpu = account.seconds()
    if status not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {status}: see {folder}/bench.log")
    return Cost(wall, cpu, max(peaks, default=0.0))


@dataclass(frozen=True, slots=True)
class Account:
    """Where CPU time is counted."""

    entering: tuple[str, ...]
    """What a command begins with to be counted."""
    seconds: Callable[[], float]


@contextmanager
def accounting() -> Iterator[Account]:
    """Count in a control group of our own, if we may have one; else without what sandboxes take with them.

    Linux forgets the CPU time of processes that die with their pid namespace, unless it is counted by group.
    """
    group = next((path for path in (root / f"grader-bench-{os.getpid()}" for root in _GROUPS) if _made(path)), None)
    if group is None:
        before = _of_children()
        yield Account((), lambda: _of_children() - before)
        return
    try:
        yield Account(("/bin/sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh"), lambda: _of_group(group))
    finally:
        group.rmdir()


def counts_sandboxes() -> bool:
    """Whether the CPU time of sandboxed processes is counted here."""
    with accounting() as account:
        return bool(account.entering)


def _made(group: Path) -> bool:
    try:
        group.mkdir()
    except OSError:
        return False
    return True


def _of_group(group: Path) -> float:
    usage = group / "cpuacct.usage"
    if usage.exists():
        return int(usage.read_text()) / 1e9
    fields = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
    return int(fields["usage_usec"]) / 1e6


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watch(process: subprocess.Popen[bytes], peaks: list[float]) -> None:
    """Read the kernel's own high-water mark until the process is gone."""
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            lines = status.read_text().splitlines()
        except OSError:
            return
        peaks.extend(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
        time.sleep(0.1)


def _wait_for_orphans() -> None:
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return
