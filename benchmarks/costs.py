"""What a command costs, with every process that it starts: wall clock, CPU seconds, peak memory of its own process."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


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
        # orphans become our children: their CPU time is counted as well
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    with (folder / "bench.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        peaks: list[float] = []
        watcher = threading.Thread(target=_watch, args=(process, peaks))
        watcher.start()
        status = process.wait()
        wall = time.perf_counter() - began
        watcher.join()
    _wait_for_orphans()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if status not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {status}: see {folder}/bench.log")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, max(peaks, default=0.0))


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
