"""The steps of a course, each done in a forked child in which a fault strikes: it costs milliseconds, not a start."""

from __future__ import annotations

import json
import os
import sqlite3
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from grader.errors import GraderError
from grader.model import CellRun, Executed, Files, Limits, Notebook, RunStatus
from grader.notebook import instructor_version, release, thaw
from grader.pipeline import collect, feedback, grade, gradebook, scores, worker
from grader.pipeline import release as releasing
from grader.pipeline.course import OpenCourse
from grader.store import CourseFolder, Database, faults
from tests.making import make_cell, make_notebook, solved

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
MANUAL = 2.5


class Clock(datetime):
    """A clock that stands still, so that what says when it was made is the same each time."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        """Always the same moment."""
        return NOW.astimezone(tz)


class Engine:
    """An engine that runs nothing: every cell comes to its end and says nothing."""

    def execute(self, notebook: Notebook, _files: Files, _limits: Limits, _probes: object = None) -> Executed:
        """Claim that all cells ran."""
        done = (CellRun(RunStatus.COMPLETED) if cell["cell_type"] == "code" else None for cell in notebook["cells"])
        return Executed(thaw(notebook), tuple(done))

    def close(self) -> None:
        """Nothing is open."""


def sources() -> dict[str, Any]:
    """One question by tests, one for a person."""
    return make_notebook(
        make_cell("code", "x = 1 ### BEGIN SOLUTION\nx = 2\n### END SOLUTION", "x", solution=True),
        make_cell("code", "assert x == 2", "test_x", grade=True, locked=True, points=2),
        make_cell("markdown", "Why?", "why", grade=True, solution=True, points=3),
    )


def hand_in(folder: Path, answer: str, when: str | None = None) -> None:
    """Put a student's notebook into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    work = solved(release(instructor_version(sources())), x=f"x = {answer}", why=f"Because of {answer}.")
    (folder / "p.ipynb").write_text(json.dumps(work))
    if when:
        (folder / "timestamp.txt").write_text(f"{when} 12:00:00 UTC")


def _release(opened: OpenCourse) -> None:
    list(releasing.carry_out(opened, releasing.plan_release(opened, ())))


def _collect(opened: OpenCourse, which: str) -> None:
    with opened.folder.lock("collect"):
        list(collect.carry_out(opened, collect.plan(opened, "ps1", [opened.folder.root / "inbox" / which])))


def _grade(opened: OpenCourse) -> None:
    request = grade.GradeRequest(engine=worker.EngineChoice(sandbox=False))
    with opened.database() as database, opened.folder.lock("grade"):
        list(grade.carry_out(opened, database, grade.plan_grade(opened, database, request), 1))


def _grade_by_hand(opened: OpenCourse) -> None:
    """As nbgrader's form grader does it: bob's answer gets points."""
    with closing(sqlite3.connect(opened.folder.database)) as connection, connection:
        connection.execute(
            "update grade set manual_score = ?, needs_manual_grade = 0 where id in (select g.id from grade g"
            " join submitted_notebook n on n.id = g.notebook_id"
            " join submitted_assignment a on a.id = n.assignment_id"
            " join base_cell c on c.id = g.cell_id where a.student_id = 'bob' and c.name = 'why')",
            (MANUAL,),
        )


def _feedback(opened: OpenCourse) -> None:
    with opened.folder.lock("feedback"), opened.database() as database:
        list(feedback.carry_out(opened, feedback.plan_feedback(opened, database, ()), 1))


def _gradebook(opened: OpenCourse) -> None:
    with opened.database() as database:
        gradebook.write(opened, gradebook.build(opened, database))


def _import(opened: OpenCourse) -> None:
    with opened.database() as database:
        scores.carry_out(
            database,
            scores.plan_import(opened, database, "exam", opened.folder.root / "exam.csv", scores.Reading()),
        )


STEPS: Mapping[str, Callable[[OpenCourse], None]] = {
    "release": _release,
    "collect": lambda opened: _collect(opened, "first"),
    "grade": _grade,
    "manual": _grade_by_hand,
    "collect again": lambda opened: _collect(opened, "second"),
    "grade again": _grade,
    "scores": _import,
    "feedback": _feedback,
    "gradebook": _gradebook,
}
"""What is done with a course, in order."""


@dataclass(frozen=True)
class Ended:
    """How a child ended."""

    status: int
    """0: all is well; 2: a clear error; 9: killed."""
    said: str


def in_child(action: Callable[[], object], fault: str = "") -> Ended:
    """Do something in a child of this process, where this fault strikes."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 70
        try:
            status = _as_child(action, fault, writing)
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        words = pipe.read()
    _, code = os.waitpid(child, 0)
    if os.WIFSIGNALED(code):
        return Ended(os.WTERMSIG(code), "")
    assert os.WEXITSTATUS(code) in (0, 2), words
    return Ended(os.WEXITSTATUS(code), words)


def _as_child(action: Callable[[], object], fault: str, writing: int) -> int:
    os.environ.pop(faults.VARIABLE, None)
    if fault:
        os.environ[faults.VARIABLE] = fault
    try:
        action()
    except GraderError as error:
        os.write(writing, str(error).encode())
        return 2
    except BaseException:  # noqa: BLE001 - the parent tells
        os.write(writing, traceback.format_exc().encode(errors="replace"))
        return 70
    return 0


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Points by name: how often each is reached meanwhile."""
    passed: Counter[str] = Counter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(faults, "reached", lambda point: passed.update([point]))
        yield passed


@dataclass(frozen=True)
class Rehearsal:
    """A course before and after every step, undisturbed."""

    home: Path
    passed: Mapping[str, Counter[str]]
    """By step: how often each point was reached."""

    def before(self, step: str) -> Path:
        """The course as it was before a step."""
        return self.home / step / "before"

    def after(self, step: str) -> Path:
        """The course as it was after a step."""
        return self.home / step / "after"


def tree(root: Path) -> dict[str, bytes]:
    """Every file of a course but the database, what the lock says, and copies of the database."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name not in ("gradebook.db", "lock") and path.parent.name != "snapshots"
    }


def database_of(root: Path) -> list[object]:
    """All that the database says, without its internal numbers; it has to be intact."""
    folder = CourseFolder(root)
    if not folder.database.exists():
        return []
    with closing(sqlite3.connect(folder.database)) as connection:
        assert [("ok",)] == connection.execute("pragma integrity_check").fetchall()
        assert [] == connection.execute("pragma foreign_key_check").fetchall()
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        counts = sorted((name, connection.execute(f"select count(*) from {name}").fetchone()) for name in tables)
    with Database(folder.database) as database:
        audit = sorted(map(repr, database.audit()))
        return [counts, audit, database.outcomes(), database.question_scores(), database.scores()]


def manual_of(root: Path) -> list[tuple[str, float]]:
    """What a person gave, by student."""
    folder = CourseFolder(root)
    if not folder.database.exists():
        return []
    with Database(folder.database) as database:
        rows = database.question_scores()
    return [(row.student_id, row.manual_score) for row in rows if row.manual_score is not None]
