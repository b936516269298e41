"""The assignment that the corpus is handed in to, and one student's work while it is made ready."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.corpus.entry import Entry
from tests.making import make_cell, make_notebook, solved

RIGHT = {
    "square": "def square(x):\n    return x*x",
    "cube": "def cube(x):\n    return x**3",
    "essay": "my essay",
}
HONEST_POINTS = 7
_HIDDEN = """assert square(3) == 9
### BEGIN HIDDEN TESTS
import numpy.testing as npt
HIDDEN = "HIDDEN-TOKEN-91c2"
npt.assert_allclose(square(1.5), 2.25)
assert square(-7) == 49, "HIDDEN-TOKEN-91c2"
### END HIDDEN TESTS"""


def source() -> dict[str, Any]:
    """Make the instructor's notebook: 1 + 4 + 2 points by tests, 3 by hand."""
    return make_notebook(
        make_cell("markdown", "# ps1"),
        make_cell("code", _solution("square", "x*x"), "square", solution=True),
        _test("test_visible", "assert square(2) == 4", 1),
        _test("test_hidden", _HIDDEN, 4),
        make_cell("code", _solution("cube", "x**3"), "cube", solution=True),
        _test("test_cube", "assert cube(3) == 27", 2),
        make_cell("markdown", "essay", "essay", grade=True, solution=True, points=3),
    )


def _solution(name: str, body: str) -> str:
    return f"def {name}(x):\n    ### BEGIN SOLUTION\n    return {body}  # SOLUTION-TOKEN-7f3a\n    ### END SOLUTION"


def _test(grade_id: str, text: str, points: float) -> dict[str, Any]:
    return make_cell("code", text, grade_id, grade=True, locked=True, points=points)


@dataclass
class Work:
    """What one student is about to hand in; preparations change it."""

    notebook: dict[str, Any]
    folder: Path
    """`submitted/<student>/ps1`, or a folder elsewhere where the id cannot be a folder's name."""
    content: bytes | None = None
    """In place of the notebook."""
    archive: Path | None = None
    """Handed to `grader collect` in place of the folder."""

    def cell(self, grade_id: str) -> dict[str, Any]:
        """Return one of the assignment's cells."""
        return next(c for c in self.notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def make_work(entry: Entry, released: dict[str, Any], folder: Path, prepare: Callable[[Work], None] | None) -> Work:
    """Write one entry's hand-in."""
    answers = {name: text for name, text in entry.cells.items() if name in RIGHT}
    work = Work(solved(released, **(RIGHT | answers)), folder)
    cells = work.notebook["cells"]
    for slot in ("first", "last", "markdown"):
        if slot in entry.cells:
            own = make_cell("markdown" if slot == "markdown" else "code", entry.cells[slot])
            cells.insert(0 if slot == "first" else len(cells), {**own, "id": f"own-{slot}"})
    folder.mkdir(parents=True, exist_ok=True)
    if prepare is not None:
        prepare(work)
    if work.archive is None:
        (folder / "p1.ipynb").write_bytes(work.content if work.content is not None else _json(work.notebook))
    return work


def _json(notebook: dict[str, Any]) -> bytes:
    return json.dumps(notebook).encode()
