"""A small course, and every step of it once, undisturbed."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path

import pytest

from grader.pipeline import feedback, worker
from grader.pipeline.course import open_course
from grader.pipeline.pool import Done
from grader.store import Database
from tests.faults.rehearsing import STEPS, Clock, Engine, Rehearsal, counted, hand_in, sources

FAST = "/dev/shm"


@pytest.fixture(scope="session")
def small_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of three students under a path with blanks and letters of many scripts; nothing was done in it yet."""
    root = tmp_path_factory.mktemp("faults") / "Kurs Übung 数学 100% #1?"
    source = root / "source_assignments" / "ps1"
    source.mkdir(parents=True)
    (source / "p.ipynb").write_text(json.dumps(sources()))
    (source / "data.csv").write_text("a,b\n")
    (root / "course.toml").write_text(
        '[course]\nid = "small"\n[categories]\nnotebooks = 60\nexams = 40\n'
        "[assignments.ps1]\ncategory = 'notebooks'\n[assignments.exam]\ncategory = 'exams'\npoints = 50\n"
    )
    (root / "roster.csv").write_text("student_id,last_name,first_name\nada,Lovelace,Ada\nbob,,Bob\ncem,Öz,Cem\n")
    for student, answer in (("ada", "3"), ("bob", "2")):
        hand_in(root / "inbox" / "first" / student, answer, "2026-09-01")
    for student, answer in (("ada", "2"), ("cem", "2")):
        hand_in(root / "inbox" / "second" / student, answer, "2026-09-02")
    (root / "exam.csv").write_text("student_id,score\nada,40\nbob,30.5\n")
    return root


@pytest.fixture(scope="session")
def _warm() -> None:
    """Everything is imported."""
    for module in (*feedback.PRELOAD, *worker.PRELOAD):
        import_module(module)
    with tempfile.TemporaryDirectory() as empty:
        Database(Path(empty) / "new.db").close()


@pytest.fixture(autouse=True)
def _stage(request: pytest.FixtureRequest) -> Iterator[None]:
    """What was rehearsed with stand-ins is played with them, and nothing else is: not the next file's tests either."""
    with _stand_ins() if "rehearsal" in request.fixturenames else nullcontext():
        yield


@contextmanager
def _stand_ins() -> Iterator[None]:
    """No kernel runs, workers are calls, and the clock stands still."""
    worker._bench().close()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("grade", "feedback"):
            patch.setattr(f"grader.pipeline.{name}.run", lambda jobs, work, *_: (Done(job, work(job)) for job in jobs))
        patch.setattr(worker, "_opened", lambda *_: Engine())
        for name in ("grade", "scores", "marking"):
            patch.setattr(f"grader.pipeline.{name}.datetime", Clock)
        yield
    worker._bench().close()  # which keeps the stand-in of an engine


@pytest.fixture(scope="session")
def rehearsal(small_course: Path, _warm: None) -> Iterator[Rehearsal]:
    """Every step once, undisturbed."""
    fast = FAST if os.access(FAST, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="grader-faults-", dir=fast) as home:
        with _stand_ins():
            passed = _rehearse(Path(home), small_course)
        yield Rehearsal(Path(home), passed)


def _rehearse(home: Path, small_course: Path) -> Mapping[str, Counter[str]]:
    """Keep the course before and after every step; not in a child: what is made once in a process serves them all."""
    passed: dict[str, Counter[str]] = {}
    course = Path(shutil.copytree(small_course, home / small_course.name))
    for step in STEPS:
        (home / step).mkdir()
        shutil.copytree(course, home / step / "before")
        with counted() as passed[step]:
            STEPS[step](open_course(course))
        shutil.copytree(course, home / step / "after")
    return passed
