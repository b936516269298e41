"""An assignment with every kind of cell in three versions: the instructor's, the released, and an honest answer."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from grader.model import Notebook

SOLVED = {
    "square": 'def square(x):\n    """The square of x."""\n    result = x * x\n\n    return result',
    "cube": "def cube(x):\n    # uses the function above\n    return square(x) * x",
    "total": "values = [square(n) for n in range(4)]\ntotal = sum(values)",
    "essay": "Squares grow faster than lines.\n\nCubes grow faster still, as the plot shows.",
    "picture": "heights = [cube(n) for n in range(5)]\nprint(heights)",
    "outlook": "- **Next**: fourth powers.\n- Then the general case.",
}


def code(source: str, grade_id: str | None = None, **marks: Any) -> dict[str, Any]:
    """A code cell, with nbgrader's metadata where it has an id."""
    return {
        "cell_type": "code",
        "metadata": _marks(grade_id, marks),
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def markdown(source: str, grade_id: str | None = None, **marks: Any) -> dict[str, Any]:
    """A text cell, with nbgrader's metadata where it has an id."""
    return {"cell_type": "markdown", "metadata": _marks(grade_id, marks), "source": source}


def _marks(grade_id: str | None, marks: dict[str, Any]) -> dict[str, Any]:
    if grade_id is None:
        return {}
    base = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    return {"nbgrader": {**base, "grade_id": grade_id, **marks}}


def _solution(body: str, head: str = "") -> str:
    return f"{head}    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION" if head else body


def _source_cells() -> list[dict[str, Any]]:
    hidden = "### BEGIN HIDDEN TESTS\nassert square(-7) == 49\nassert square(0.5) == 0.25\n### END HIDDEN TESTS"
    return [
        markdown("# Powers\n\nRead everything before you begin."),
        code("import math"),
        code("rate = 0.1\nsteps = 100", "setup", locked=True),
        markdown("## Squares\n\nWrite a function that squares."),
        code(_solution("    return x * x", 'def square(x):\n    """The square of x."""\n'), "square", solution=True),
        code("assert square(2) == 4\nassert square(3) == 9", "test_square", grade=True, locked=True, points=1),
        code(f"assert square(1) == 1\n{hidden}", "test_square_hidden", grade=True, locked=True, points=4),
        markdown("## Cubes"),
        code(_solution("    return x ** 3", "def cube(x):\n"), "cube", solution=True),
        code("assert cube(2) == 8", "test_cube", grade=True, locked=True, points=2),
        markdown("Now add the first four squares up, in `total`.", "reading", locked=True),
        code("### BEGIN SOLUTION\ntotal = 14\n### END SOLUTION", "total", solution=True),
        code("assert total == 14", "test_total", grade=True, locked=True, points=3),
        markdown("Because.", "essay", grade=True, solution=True, points=5),
        code("### BEGIN SOLUTION\nprint(1)\n### END SOLUTION", "picture", grade=True, solution=True, points=2),
        markdown("Find an example of your own.", "example", task=True, locked=True, points=2),
        markdown("## Outlook"),
        markdown("More powers.", "outlook", grade=True, solution=True, points=1),
    ]


class Assignment:
    """The three versions of one notebook, and the honest answers by grade_id."""

    def __init__(self, instructor: Notebook, released: Notebook, answers: dict[str, str]) -> None:
        self.instructor = instructor
        self.released = released
        self.answers = answers
        self.solved: Notebook = self.answered(answers)

    def __repr__(self) -> str:
        return "assignment"

    def answered(self, answers: dict[str, str]) -> Any:
        """A copy of the release with these answers in it, plain and to be changed at will."""
        notebook = plain(self.released)
        for cell in notebook["cells"]:
            grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
            if grade_id in answers:
                cell["source"] = answers[grade_id]
        return notebook


def plain(value: Any) -> Any:
    """The same JSON in plain dicts and lists."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else copy.deepcopy(value)


@pytest.fixture(scope="session")
def assignment() -> Assignment:
    """The assignment, released as a course releases it."""
    from nbformat import from_dict

    from grader.notebook.release import instructor_version, release

    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    source = from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": _source_cells()})
    instructor = instructor_version(source)
    released = release(instructor)
    return Assignment(instructor, released, SOLVED)
