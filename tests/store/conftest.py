"""A small assignment with every kind of cell, and outcomes for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from grader.model import CellScore, Graded, GradedKind, GradedNotebook
from grader.store import CourseFolder, Database, nbgrader_config

ASSIGNMENT = "ps1"
NOTEBOOK = "p1"


def cell(kind: str, grade_id: str, source: str, **meta: Any) -> nbformat.NotebookNode:
    """A cell with nbgrader's metadata."""
    made = (v4.new_code_cell if kind == "code" else v4.new_markdown_cell)(source, id=grade_id.replace("_", "-"))
    flags = {"grade": False, "solution": False, "locked": False, "task": False}
    made.metadata["nbgrader"] = {"schema_version": 3, "grade_id": grade_id, "cell_type": kind, **flags, **meta}
    return made


def notebook(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A Python notebook."""
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=list(cells), metadata={"kernelspec": spec})


def _cells(square: str, why: str, hidden: str, scheme: str) -> list[nbformat.NotebookNode]:
    return [
        cell("markdown", "intro", "# Squares", locked=True),
        cell("code", "square", square, solution=True),
        cell("code", "test_square", f"assert square(2) == 4{hidden}", grade=True, locked=True, points=2),
        cell("markdown", "why", why, grade=True, solution=True, points=3),
        cell("markdown", "draw", f"Draw a square.{scheme}", task=True, locked=True, points=1),
    ]


@pytest.fixture(scope="session")
def instructor() -> nbformat.NotebookNode:
    """The instructor's version: solutions, hidden tests and a mark scheme."""
    return notebook(
        *_cells(
            "### BEGIN SOLUTION\ndef square(x):\n    return x * x\n### END SOLUTION",
            "### BEGIN SOLUTION\nBecause.\n### END SOLUTION",
            "\n### BEGIN HIDDEN TESTS\nassert square(-3) == 9\n### END HIDDEN TESTS",
            "\n\n=== BEGIN MARK SCHEME ===\n1 for four sides\n=== END MARK SCHEME ===",
        )
    )


@pytest.fixture(scope="session")
def released() -> nbformat.NotebookNode:
    """What students get."""
    return notebook(*_cells("# YOUR CODE HERE\nraise NotImplementedError()", "YOUR ANSWER HERE", "", ""))


@pytest.fixture(scope="session")
def answered() -> Callable[..., nbformat.NotebookNode]:
    """Make a graded notebook: a student's answers in the instructor's version."""

    def make(square: str = "def square(x):\n    return x * x", why: str = "Area.") -> nbformat.NotebookNode:
        return notebook(
            *_cells(square, why, "\nassert square(-3) == 9", ""),
            v4.new_code_cell("print('four sides')", id="own"),
        )

    return make


@pytest.fixture(scope="session")
def graded(answered: Callable[..., nbformat.NotebookNode]) -> Callable[..., Graded]:
    """Make a hand-made outcome: tests scored, answer and task waiting for a person."""

    def make(student_id: str = "ada", *, auto: float = 2.0, **answers: str) -> Graded:
        scores = (
            CellScore("test_square", GradedKind.TESTS, 2, auto, needs_manual=False, reason="All tests passed."),
            CellScore("why", GradedKind.ANSWER, 3, None, needs_manual=True, reason="Waits for a person."),
            CellScore("draw", GradedKind.TASK, 1, None, needs_manual=True, reason="Waits for a person."),
        )
        return Graded(student_id, ASSIGNMENT, (GradedNotebook(NOTEBOOK, answered(**answers), scores, seconds=1.5),))

    return make


@pytest.fixture
def database(tmp_path: Path, instructor: nbformat.NotebookNode, released: nbformat.NotebookNode) -> Iterator[Database]:
    """A database that knows the assignment."""
    with Database(tmp_path / "gradebook.db") as opened:
        opened.sync_assignment(ASSIGNMENT, due=None, notebooks={NOTEBOOK: (instructor, released)})
        yield opened


@pytest.fixture
def record(database: Database) -> Callable[..., None]:
    """Record an outcome with facts that do not matter."""

    def write(outcome: Any, **given: Any) -> None:
        facts = {"key": "k1", "engine": "test", "timestamp": None, "finished_at": datetime(2026, 1, 2, tzinfo=UTC)}
        database.record(outcome, **{**facts, **given})

    return write


@pytest.fixture
def course(tmp_path: Path, instructor: nbformat.NotebookNode, released: nbformat.NotebookNode) -> CourseFolder:
    """A course folder with the assignment, its release and nbgrader's configuration."""
    folder = CourseFolder(tmp_path)
    source = folder.source(ASSIGNMENT)
    source.mkdir(parents=True)
    (source / f"{NOTEBOOK}.ipynb").write_text(nbformat.writes(instructor))
    (source / "data.csv").write_text("a,b\n1,2\n")
    folder.nbgrader_config.write_text(nbgrader_config("squares"))
    folder.write_release(ASSIGNMENT, {f"{NOTEBOOK}.ipynb": nbformat.writes(released).encode()})
    return folder


@pytest.fixture
def as_nobody() -> Callable[[], AbstractContextManager[None]]:
    """Act for a while as a user to whom permissions matter; root may do everything."""

    @contextmanager
    def acting() -> Iterator[None]:
        if os.geteuid() != 0:
            yield
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    return acting
