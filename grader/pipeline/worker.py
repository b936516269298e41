"""What a worker process does: grade one submission with an engine that it keeps; no course folder, no database."""

from __future__ import annotations

import atexit
import pickle
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from grader.grading import best, grade_submission
from grader.model import Bundle, Graded, Rejected, Submission

if TYPE_CHECKING:
    from grader.execution import Engine

EngineKind = Literal["auto", "forked", "stock"]

PRELOAD = ("grader.notebook.formats", "grader.pipeline.worker", "grader.execution", "grader.notebook", "nbclient")
"""What every worker imports: imported once, before workers are forked."""


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


def grade_task(task: Task) -> Graded | Rejected:
    """Grade a student's work in this process, with this process's engine."""
    engine, bundle = _engine(task.engine, task.preload), _bundle(task.bundle_file)
    return best([grade_submission(attempt, bundle, engine.execute) for attempt in task.attempts])


def write_bundle(bundle: Bundle, folder: Path) -> Path:
    """Put a bundle where workers of this run find it; `folder` is ours alone."""
    path = folder / f"{bundle.digest}.bundle"
    path.write_bytes(pickle.dumps(bundle, protocol=pickle.HIGHEST_PROTOCOL))
    return path


@lru_cache(maxsize=2)
def _bundle(path: Path) -> Bundle:
    """A bundle that the parent wrote; a pickle of our own making, in a folder that no submission reaches."""
    bundle = pickle.loads(path.read_bytes())  # noqa: S301 - see above
    assert isinstance(bundle, Bundle)
    return bundle


@lru_cache(maxsize=1)
def _engine(choice: EngineChoice, preload: tuple[str, ...]) -> Engine:
    from grader.execution import open_engine

    engine = open_engine(choice.kind, sandbox=choice.sandbox, preload=preload)
    atexit.register(engine.close)
    return engine
