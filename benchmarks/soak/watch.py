"""What a run takes of the host, measured while it runs."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import psutil

from benchmarks.soak.kills import inside

_SECONDS = 0.2
_MOST_MEASURED = 40


@dataclass
class Peaks:
    """The most that was seen."""

    ours: int = 0
    """Bytes of the largest process of the grader itself."""
    inside: int = 0
    """Bytes in all sandboxes together, what is shared once."""
    processes: int = 0

    def larger(self, other: Peaks) -> Peaks:
        """The larger of each."""
        return Peaks(max(self.ours, other.ours), max(self.inside, other.inside), max(self.processes, other.processes))


@dataclass
class Watch:
    """Measures the processes below one, in a thread of its own, as long as it is entered."""

    run: int
    peaks: Peaks = field(default_factory=Peaks)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._measure, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        assert self._thread is not None
        self._thread.join()

    def _measure(self) -> None:
        while not self._ended.wait(_SECONDS):
            with suppress(psutil.Error):
                self.peaks = self.peaks.larger(_seen(psutil.Process(self.run)))


def _seen(run: psutil.Process) -> Peaks:
    ours, theirs, count = [0], 0, 0
    for process in (run, *run.children(recursive=True)):
        with suppress(psutil.Error, OSError):
            if not inside(process):
                ours.append(process.memory_info().rss)
                continue
            count += 1
            if count <= _MOST_MEASURED:
                theirs += process.memory_full_info().pss
    return Peaks(max(ours), theirs, count)
