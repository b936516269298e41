"""One round: all hand in anew, a fault strikes while they are graded, the same command goes on, all is checked."""

from __future__ import annotations

import ctypes
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.soak.course import Course, grade_by_hand, hand_in, make_course
from benchmarks.soak.invariants import before, broken, too_large
from benchmarks.soak.kills import KINDS, strike
from benchmarks.soak.watch import Peaks, Watch

JOBS = 2
_PR_SET_CHILD_SUBREAPER = 36
_MOST_RUNS = 6
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Round:
    """What happened in one round."""

    number: int
    kind: str
    strikes: int
    runs: int
    seconds: float
    peaks: Peaks
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Faults:
    """Which kinds of faults strike, in turn, at moments that the seed decides."""

    kinds: Sequence[str] = KINDS[1:]
    seed: int = 1


@dataclass
class Soak:
    """A course that is graded round by round, all in one folder."""

    folder: Path
    chosen: Sequence[str]
    chance: random.Random
    scratch: Path
    """The folder for temporary files of all runs, in which none may stay."""
    course: Course = field(init=False)
    usual: float = 0.0
    """Seconds that a round takes undisturbed."""

    def __post_init__(self) -> None:
        self.course = make_course(self.folder / "course", self.chosen)

    def begin(self) -> Round:
        """Grade once undisturbed, and give points by hand."""
        hand_in(self.course, 0)
        first = self._play(0, "nothing")
        self.usual = first.seconds
        grade_by_hand(self.course)
        return self._checked(first)

    def round(self, number: int, kind: str) -> Round:
        """Grade everybody anew while this kind of fault strikes."""
        hand_in(self.course, number)
        return self._checked(self._play(number, kind))

    def _play(self, number: int, kind: str) -> Round:
        stood = before(self.course)
        began, peaks, strikes, ended = time.monotonic(), Peaks(), 0, None
        for run in range(1, _MOST_RUNS + 1):
            ended, seen, struck = self._run(kind if run == 1 else "nothing")
            peaks, strikes = peaks.larger(seen), strikes + struck
            if run > 1 and ended in {0, 1} and self._nothing_to_do():
                break
            if run == 1 and kind == "nothing" and ended in {0, 1}:
                break
        seconds = time.monotonic() - began
        wrong = [] if ended in {0, 1} else [f"the last run ended with {ended}"]
        wrong += [f"still not done after {run} runs"] if run == _MOST_RUNS else []
        self._stood = stood
        return Round(number, kind, strikes, run, seconds, peaks, tuple(wrong))

    def _checked(self, played: Round) -> Round:
        most = 3 * self.usual + 60
        wrong = [*played.broken, *broken(self.course, self._stood, self.scratch)]
        wrong += too_large(played.peaks.ours, played.peaks.inside, JOBS)
        wrong += [f"took {played.seconds:.0f} s, undisturbed {self.usual:.0f} s"] if played.seconds > most else []
        return Round(**{**{name: getattr(played, name) for name in Round.__slots__}, "broken": tuple(wrong)})

    def _run(self, kind: str) -> tuple[int, Peaks, int]:
        """Grade, and let faults happen meanwhile; how it ended, what it took, how often it was struck."""
        run = self._started("grade", "--jobs", str(JOBS))
        moments = sorted(self.chance.uniform(0.1, 0.9) * self.usual for _ in range(self.chance.randint(1, 3)))
        began, strikes = time.monotonic(), 0
        with Watch(run.pid) as watch:
            while run.poll() is None:
                due = kind != "nothing" and moments and time.monotonic() - began > moments[0]
                if due and strike(kind, run.pid, self.chance):
                    strikes += 1
                    moments.pop(0)
                time.sleep(_LOOK_SECONDS)
        return run.wait(), watch.peaks, strikes

    def _nothing_to_do(self) -> bool:
        run = self._started("grade", "--dry-run", "--json")
        said, _ = run.communicate()
        return b'"grade": []' in said

    def _started(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "grader", "-C", str(self.course.root), *arguments]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                env=os.environ | {"TMPDIR": str(self.scratch), "GRADER_TEST_SECRET": "s3cr3t-env"},
                stdout=subprocess.PIPE if "--dry-run" in arguments else subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )


def soak(
    folder: Path, chosen: Sequence[str], faults: Faults, *, minutes: float = 0, rounds: int = 0
) -> Iterator[Round]:
    """Play rounds for so many minutes, or so many of them, after one that nothing strikes; if that breaks, no more."""
    end = time.monotonic() + 60 * minutes
    # a path of its own, and a short one: sockets have their places in it
    with _adopting_orphans(), tempfile.TemporaryDirectory(prefix="soak-") as scratch:
        playing = Soak(folder, chosen, random.Random(faults.seed), Path(scratch))
        yield (first := playing.begin())
        number = 0
        while not first.broken and (number < rounds or time.monotonic() < end):
            kind = faults.kinds[number % len(faults.kinds)]
            number += 1
            yield playing.round(number, kind)


def told(played: Sequence[Round]) -> str:
    """The figures of a soak, a line each."""
    peaks = Peaks()
    for one in played:
        peaks = peaks.larger(one.peaks)
    strikes = Counter[str]()
    for one in played:
        strikes[one.kind] += one.strikes
    kinds = ", ".join(f"{number} × {kind}" for kind, number in strikes.items() if number)
    seconds = [one.seconds for one in played]
    return "\n".join(
        (
            f"{len(played)} rounds in {sum(seconds) / 60:.1f} min, {sum(one.runs for one in played)} runs",
            f"struck: {kinds or 'nothing'}",
            f"a round: {min(seconds):.0f} to {max(seconds):.0f} s",
            f"largest process of the grader's own: {peaks.ours >> 20} MB",
            f"all sandboxes together: {peaks.inside >> 20} MB, {peaks.processes} processes",
            f"invariants broken: {sum(len(one.broken) for one in played)}",
        )
    )


@contextmanager
def _adopting_orphans() -> Iterator[None]:
    """Whatever a killed run leaves becomes a child of this process, which can then be seen."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
