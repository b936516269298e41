"""A small course, and every step of it once, undisturbed."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
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
def _warm() -> Iterator[None]:
    """Everything is imported, no kernel runs, workers are calls, and the clock stands still."""
    for module in (*feedback.PRELOAD, *worker.PRELOAD):
        import_module(module)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as empty:
        Database(Path(empty) / "new.db").close()
        for name in ("grade", "feedback"):
            patch.setattr(f"grader.pipeline.{name}.run", lambda jobs, work, *_: (Done(job, work(job)) for job in jobs))
        patch.setattr(worker, "_opened", lambda *_: Engine())
        for name in ("grade", "scores", "marking"):
            patch.setattr(f"grader.pipeline.{name}.datetime", Clock)
        yield


@pytest.fixture(scope="session")
def rehearsal(small_course: Path, _warm: None) -> Iterator[Rehearsal]:
    """Every step once, undisturbed."""
    fast = FAST if os.access(FAST, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="grader-faults-", dir=fast) as home:
        passed: dict[str, Counter[str]] = {}
        course = Path(home) / small_course.name
        shutil.copytree(small_course, course)
        for step in STEPS:
            (Path(home) / step).mkdir()
            shutil.copytree(course, Path(home) / step / "before")
            with counted() as passed[
                step
            ]:  # not in a child: what is made once in a process is made once for all of them
                STEPS[step](open_course(course))
            shutil.copytree(course, Path(home) / step / "after")
        yield Rehearsal(Path(home), passed)
