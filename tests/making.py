"""Notebooks made in tests: a small course's sources and its students' answers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def make_cell(kind: str, source: str, grade_id: str | None = None, **flags: object) -> dict[str, Any]:
    """Make a cell as nbgrader's editor does; `flags` are its metadata."""
    metadata: dict[str, Any] = {}
    if grade_id is not None:
        plain = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
        metadata = {"nbgrader": {**plain, "grade_id": grade_id, **flags}}
    cell = {"cell_type": kind, "id": (grade_id or "prose").replace("_", "-"), "metadata": metadata, "source": source}
    return {**cell, "outputs": [], "execution_count": None} if kind == "code" else cell


def make_notebook(*cells: Mapping[str, Any]) -> dict[str, Any]:
    """Make a notebook of these cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": list(cells)}


def squares() -> dict[str, Any]:
    """Make the instructor's notebook of the small course: 1 + 4 points by tests, 3 by hand."""
    solution = "def square(x):\n    ### BEGIN SOLUTION\n    return x * x  # SOLUTION-TOKEN\n    ### END SOLUTION"
    hidden = 'assert square(3) == 9\n### BEGIN HIDDEN TESTS\nassert square(-7) == 49, "HIDDEN-TOKEN"\n'
    hidden += "### END HIDDEN TESTS"
    return make_notebook(
        make_cell("markdown", "# Squares"),
        make_cell("code", solution, "square", solution=True),
        make_cell("code", "assert square(2) == 4", "test_visible", grade=True, locked=True, points=1),
        make_cell("code", hidden, "test_hidden", grade=True, locked=True, points=4),
        make_cell("markdown", "Why is a square never negative?", "essay", grade=True, solution=True, points=3),
    )


def solved(released: Mapping[str, Any], **answers: str) -> dict[str, Any]:
    """Fill a released notebook's solution cells by their id."""
    notebook = json.loads(json.dumps(released))
    for cell in notebook["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            cell["source"] = answers[grade_id]
    return notebook


def small_course(root: Path) -> Path:
    """Write a course of one assignment, `ps1`, of one notebook, `squares`, and a roster of three."""
    source = root / "source_assignments" / "ps1"
    source.mkdir(parents=True)
    (source / "squares.ipynb").write_text(json.dumps(squares()))
    (root / "course.toml").write_text(
        '[course]\nid = "small"\n[categories]\nnotebooks = 60\nexams = 40\n'
        "[assignments.ps1]\ncategory = 'notebooks'\ndue = 2026-09-21T20:00:00\n"
        "[assignments.exam]\ncategory = 'exams'\npoints = 50\n"
        "[limits]\ncell_seconds = 5\nmemory_mb = 512\n"
    )
    (root / "roster.csv").write_text("student_id,last_name,first_name\nada,Lovelace,Ada\nbob,=Cell(),Bob\ncem,Öz,Cem\n")
    return root
