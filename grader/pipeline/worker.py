"""What a worker does, here or far away: grade one submission with an engine that it keeps; no course, no database."""

from __future__ import annotations

import atexit
import pickle
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from grader.grading import best, grade_submission
from grader.model import Bundle, Graded, Rejected, Submission
from grader.store import atomic_write

if TYPE_CHECKING:
    from grader.execution import Engine

EngineKind = Literal["auto", "forked", "stock"]

PRELOAD = (
    "grader.notebook.formats",
    "grader.pipeline.worker",
    "grader.execution.engines",
    "grader.execution.forked",
    "grader.notebook",
    "grader.notebook.findings",
)
"""What every worker imports: imported once, before workers are forked."""

_BUNDLES = 2
_JOBS_AN_ENGINE = 2000
"""What a warm process may gather in so many jobs (memory, fragments) goes with it; a new one costs seconds."""
_QUICKLY = 1
"""Compression: notebooks shrink to a quarter, images hardly at any level."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which engine runs notebooks, and whether in a sandbox."""

    kind: EngineKind = "auto"
    sandbox: bool = True

    def __str__(self) -> str:
        return self.kind if self.sandbox else f"{self.kind}, no sandbox"


@dataclass(frozen=True, slots=True)
class Task:
    """One student's work, to grade against a bundle that lies in a file of ours."""

    attempts: tuple[Submission, ...]
    """What counts; where the best attempt counts, all of them, the latest first."""
    key: str
    """Under which the result will be known."""
    bundle_file: Path
    engine: EngineChoice
    preload: tuple[str, ...]
    """Modules that the run's notebooks import: the same for all of its tasks, so that a worker needs one engine."""

    def __str__(self) -> str:
        """Whose work it is."""
        return f"{self.attempts[0].student_id} {self.attempts[0].assignment}"


@dataclass(frozen=True, slots=True)
class Packed:
    """A value of ours that travels compressed and arrives as itself: unpickling this gives the value."""

    value: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return unpack, (pack(self.value),)


def pack(value: object) -> bytes:
    """Compress a value of ours for a trip between machines that trust each other."""
    return zlib.compress(pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL), _QUICKLY)


def unpack(packed: bytes) -> Any:
    """Take out what was packed by `pack`: a pickle of our own making, of which a student's part is bytes and text."""
    return pickle.loads(zlib.decompress(packed))  # noqa: S301 - see above


def grade_task(task: Task, packed_bundle: bytes | None = None) -> Graded | Rejected:
    """Grade a student's work in this process, with this process's engine.

    Where the bundle's file is out of reach, its content is handed over beside the task.
    """
    bundle = _bundle_in(task.bundle_file) if packed_bundle is None else _bundle_of(packed_bundle)
    with _bench().engine(task.engine, task.preload) as engine:
        return best([grade_submission(attempt, bundle, engine.execute) for attempt in task.attempts])


def write_bundle(bundle: Bundle, folder: Path) -> Path:
    """Put a bundle where workers of this run find it; `folder` is ours alone."""
    path = folder / f"{bundle.digest}.bundle"
    atomic_write(path, pack(bundle))
    return path


@lru_cache(maxsize=_BUNDLES)
def _bundle_in(path: Path) -> Bundle:
    return _unpacked_bundle(path.read_bytes())


@lru_cache(maxsize=_BUNDLES)
def _bundle_of(packed: bytes) -> Bundle:
    return _unpacked_bundle(packed)


def _unpacked_bundle(packed: bytes) -> Bundle:
    bundle = unpack(packed)
    assert isinstance(bundle, Bundle)
    return bundle


class Bench:
    """The engine that a process keeps from job to job, for one job at a time; a new one now and then."""

    def __init__(self) -> None:
        """Begin without an engine."""
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._kind: object = None
        self._jobs = 0

    @contextmanager
    def engine(self, choice: EngineChoice, preload: tuple[str, ...]) -> Iterator[Engine]:
        """Lend the engine; whoever comes meanwhile from another thread waits."""
        with self._lock:
            if self._engine is None or self._kind != (choice, preload) or self._jobs >= _JOBS_AN_ENGINE:
                self.close()
                self._engine, self._kind, self._jobs = _opened(choice, preload), (choice, preload), 0
            self._jobs += 1
            yield self._engine

    def close(self) -> None:
        """End what the engine holds open."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()


@cache
def _bench() -> Bench:
    """This process's own."""
    bench = Bench()
    atexit.register(bench.close)
    return bench


def _opened(choice: EngineChoice, preload: tuple[str, ...]) -> Engine:
    from grader.execution import open_engine

    return open_engine(choice.kind, sandbox=choice.sandbox, preload=preload)
