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
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from grader.errors import GraderError
from grader.marking import Mark, Question
from grader.model import CellRun, Executed, Files, Limits, Notebook, RunStatus
from grader.notebook import instructor_version, release, thaw
from grader.pipeline import collect, feedback, grade, gradebook, marking, restore, scores, worker
from grader.pipeline import release as releasing
from grader.pipeline.course import OpenCourse
from grader.store import CourseFolder, Database, faults
from tests.making import make_cell, make_notebook, solved

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
MANUAL = 2.5
BY_HAND = ("grader_mark", "grader_rubric", "grader_rubric_item")
"""Tables of what people give."""


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
    """Bob's answer gets a mark; ada's gets points in nbgrader's form grader."""
    _mark(opened, "bob")
    with closing(sqlite3.connect(opened.folder.database)) as connection, connection:
        connection.execute(
            "update grade set manual_score = ?, needs_manual_grade = 0 where id in (select g.id from grade g"
            " join submitted_notebook n on n.id = g.notebook_id"
            " join submitted_assignment a on a.id = n.assignment_id"
            " join base_cell c on c.id = g.cell_id where a.student_id = 'ada' and c.name = 'why')",
            (MANUAL,),
        )


def _mark(opened: OpenCourse, student_id: str) -> None:
    """Give an answer its mark, unless it has it: as a person does who looks again after a fault."""
    question = Question("ps1", "p", "why")
    with opened.database() as database:
        marks = marking.Marking.of(opened, database, "Grace")
        if not marks.rubric(question).rubric.items:
            marks.add_item(question, Decimal(-1), "Too short")
        wanted = Mark((marks.rubric(question).rubric.items[0].id,), Decimal("0.5"), comment=f"Good, {student_id}.")
        stored = database.marks.mark(question, student_id)
        if stored.mark != wanted:
            marks.mark(question, student_id, wanted, stored.version)


def _restore(opened: OpenCourse) -> None:
    with opened.folder.lock("restore"):
        restore.carry_out(opened, restore.plan_restore(opened, "1"))


def _feedback(opened: OpenCourse) -> None:
    with opened.folder.lock("feedback"), opened.database() as database:
        list(feedback.carry_out(opened, feedback.plan_feedback(opened, database, ()), 1))


def _gradebook(opened: OpenCourse) -> None:
    with opened.database() as database:
        gradebook.write(opened, gradebook.build(opened, database))


def _import(opened: OpenCourse) -> None:
    with opened.database() as database:
        opened.keep_snapshot("scores import")
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
    "mark": lambda opened: _mark(opened, "cem"),
    "gradebook": _gradebook,
    "restore": _restore,
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
        ours = [sorted(map(repr, connection.execute(f"select * from {name}"))) for name in BY_HAND if name in tables]
    with Database(folder.database) as database:
        audit = sorted(map(repr, database.audit()))
        return [counts, ours, audit, database.outcomes(), database.question_scores(), database.scores()]


def manual_of(root: Path) -> list[object]:
    """What people gave: points and comments by student, marks, rubrics."""
    folder = CourseFolder(root)
    if not folder.database.exists():
        return []
    with Database(folder.database) as database:
        rows = database.question_scores()
    given = [(row.student_id, row.manual_score, row.comment) for row in rows if row.manual_score is not None]
    with closing(sqlite3.connect(folder.database)) as connection:
        rows = [sorted(map(repr, connection.execute(f"select * from {name}"))) for name in BY_HAND]
    return [*given, *(row for table in rows for row in table)]
