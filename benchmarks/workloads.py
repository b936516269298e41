"""Invented courses of one assignment: all submissions differ and some fail, so that no cache is flattered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.model import Notebook
from grader.notebook import instructor_version, release
from grader.store import nbgrader_config

Cell = Mapping[str, Any]
Answers = Mapping[str, str]
ASSIGNMENT = "hw"
NOTEBOOK = "work"


@dataclass(frozen=True, slots=True)
class Workload:
    """An assignment, and what the student of a number answers: by grade id, the source of a cell."""

    name: str
    cells: Sequence[Cell]
    answers: Callable[[int], Answers]


def plain(source: str) -> Cell:
    """A code cell that the instructor gives."""
    return _cell("code", source, "")


def answer(grade_id: str, solution: str) -> Cell:
    """A cell for the student's code."""
    source = f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
    return _cell("code", source, grade_id, solution=True)


def graded(grade_id: str, points: int, visible: str, hidden: str = "") -> Cell:
    """Autograder tests."""
    source = f"{visible}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS" if hidden else visible
    return _cell("code", source, grade_id, grade=True, locked=True, points=points)


def essay(grade_id: str, points: int, question: str) -> Cell:
    """A question that a person grades."""
    return _cell("markdown", question, grade_id, grade=True, solution=True, points=points)


def small_numpy() -> Workload:
    """Ten small cells with numpy; a fourth of the students fail a test, a tenth change their own cells as well."""
    return Workload(
        "numpy",
        (
            _cell("markdown", "# Arrays\nSmall things with `numpy`.", ""),
            plain("import numpy as np\nrng = np.random.default_rng(0)"),
            answer("square", "def square(x):\n    return x * x"),
            graded("test_square", 2, "assert square(3) == 9", "assert square(-7) == 49"),
            answer("mean", "def mean(x):\n    return np.sum(x) / len(x)"),
            graded("test_mean", 2, "assert np.isclose(mean(np.arange(5)), 2)", "assert mean(np.ones(7)) == 1"),
            answer("table", "table = np.outer(np.arange(1, 6), np.arange(1, 6))\ntable"),
            graded("test_table", 3, "assert table.shape == (5, 5)\nassert table[4, 4] == 25"),
            plain("print('total', table.sum())\ntable.sum(axis=0)"),
            essay("why", 3, "Why is a vectorised sum faster?"),
        ),
        _numpy_answers,
    )


def _numpy_answers(number: int) -> Answers:
    wrong = number % 4 == 0
    return {
        "square": f"def square(x):\n    # attempt {number}\n    return x {'+' if wrong else '*'} x",
        "mean": f"def mean(x):\n    total = {number}\n    return (np.sum(x) + total - {number}) / len(x)",
        "table": f"a{number} = np.arange(1, 6)\ntable = np.outer(a{number}, a{number})\nprint({number})\ntable",
        "why": f"Because of *no loop* in Python ({number}).",
    }


def figure() -> Workload:
    """A frame and a figure with pandas and matplotlib."""
    return Workload(
        "figure",
        (
            plain("import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt"),
            plain("data = pd.DataFrame({'x': np.arange(60), 'group': [i % 3 for i in range(60)]})\ndata.head()"),
            answer("means", "means = data.groupby('group').x.mean()\nmeans"),
            graded("test_means", 3, "assert len(means) == 3", "assert abs(means.sum() - 88.5) < 1e-9"),
            answer("plot", "plt.plot(data.x, data.x ** 2, label='square')\nplt.legend();"),
            graded("test_plot", 2, "assert data.x.max() == 59"),
            essay("see", 2, "What do you see?"),
        ),
        _figure_answers,
    )


def _figure_answers(number: int) -> Answers:
    measure = "max" if number % 4 == 0 else "mean"
    curve = f"data.x ** {1 + number % 3} + {number}"
    return {
        "means": f"means = data.groupby('group').x.{measure}()\nprint({number})\nmeans",
        "plot": f"plt.plot(data.x, {curve}, label='curve {number}')\nplt.title('no. {number}')\nplt.legend();",
        "see": f"A curve of order {1 + number % 3}.",
    }


def small_torch() -> Workload:
    """A small training loop with torch."""
    return Workload(
        "torch",
        (
            plain("import torch"),
            plain("torch.manual_seed(0)\nx = torch.linspace(-1, 1, 64).unsqueeze(1)\ny = 2 * x + 1"),
            answer("model", "model = torch.nn.Linear(1, 1)"),
            answer("train", "optimiser = torch.optim.Adam(model.parameters(), lr=0.1)"),
            plain(
                "for step in range(60):\n    loss = ((model(x) - y) ** 2).mean()\n"
                "    optimiser.zero_grad()\n    loss.backward()\n    optimiser.step()\nfloat(loss)"
            ),
            graded("test_loss", 5, "assert loss < 1", "assert loss < 0.05"),
        ),
        lambda number: {
            "model": f"# student {number}\nmodel = torch.nn.Sequential(torch.nn.Linear(1, 1))",
            "train": "optimiser = torch.optim.Adam(model.parameters(), "
            f"lr={0.0001 if number % 4 == 0 else 0.1 + number / 10_000})",
        },
    )


def heavy() -> Workload:
    """The numpy notebook with about a second of pure student work: plain Python that no engine can make faster."""
    base = small_numpy()
    cells = (*base.cells, answer("loop", "count = 0"), graded("test_loop", 1, "assert count > 0"))
    loop = "count = 0\nfor i in range({}):\n    count += i % 7 == 0\ncount"
    return Workload("heavy", cells, lambda number: {**base.answers(number), "loop": loop.format(18_000_000 + number)})


def tiny() -> Workload:
    """One answer and one test, for classes of thousands."""
    return Workload(
        "tiny",
        (answer("twice", "def twice(x):\n    return 2 * x"), graded("test_twice", 2, "assert twice(3) == 6")),
        lambda number: {"twice": f"def twice(x):\n    # {number}\n    return x + {'1' if number % 4 == 0 else 'x'}"},
    )


WORKLOADS: Mapping[str, Callable[[], Workload]] = {
    "numpy": small_numpy,
    "figure": figure,
    "torch": small_torch,
    "heavy": heavy,
    "tiny": tiny,
}


def write_course(root: Path, workload: Workload, students: int) -> None:
    """Make a course folder in which everybody has handed in; nbgrader's own commands work on it as well."""
    source = _notebook(workload.cells)
    _write(root / "source_assignments" / ASSIGNMENT / f"{NOTEBOOK}.ipynb", json.dumps(source))
    _write(root / "course.toml", f'[course]\nid = "bench"\n[assignments.{ASSIGNMENT}]\n')
    _write(root / "nbgrader_config.py", nbgrader_config("bench"))
    ids = [f"s{number:05}" for number in range(students)]
    _write(root / "roster.csv", "student_id\n" + "".join(f"{student}\n" for student in ids))
    released = release(instructor_version(source))
    for number, student in enumerate(ids):
        folder = root / "submitted" / student / ASSIGNMENT
        _write(folder / f"{NOTEBOOK}.ipynb", json.dumps(answered(released, workload.answers(number)), indent=1))
        _write(folder / "timestamp.txt", f"2026-09-21 10:{number % 60:02}:00 UTC\n")


def answered(released: Notebook, answers: Answers) -> dict[str, Any]:
    """A student's notebook: the released one with these answers."""
    notebook: dict[str, Any] = json.loads(json.dumps(released))
    for cell in notebook["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = answers.get(grade_id, cell["source"])
    return notebook


def _cell(kind: str, source: str, grade_id: str, **flags: object) -> Cell:
    metadata: dict[str, Any] = {}
    if grade_id:
        ours = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
        metadata = {"nbgrader": {**ours, "grade_id": grade_id, **flags}}
    cell = {"cell_type": kind, "metadata": metadata, "source": source}
    return {**cell, "outputs": [], "execution_count": None} if kind == "code" else cell


def _notebook(cells: Sequence[Cell]) -> dict[str, Any]:
    named = [{**cell, "id": f"cell-{index}"} for index, cell in enumerate(cells)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": named}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
