"""What is wrong with an instructor's notebook, in one line each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.notebook import check_source, read


def notebook(*cells: dict[str, Any], **kernelspec: str) -> Any:
    """A notebook of these cells, in Python unless told otherwise."""
    spec = {"name": "python3", "display_name": "Python 3", "language": "python", **kernelspec}
    return nbformat.from_dict(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": list(cells)}
    )


def cell(source: str = "", kind: str = "code", **nbgrader: Any) -> dict[str, Any]:
    """A cell with today's metadata and these fields of it; none at all without fields."""
    marks = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False, "grade_id": "q"}
    return {
        "cell_type": kind,
        "source": source,
        "metadata": {"nbgrader": {**marks, **nbgrader}} if nbgrader else {},
    }


def region(name: str, body: str = "x") -> str:
    """A region between its markers."""
    return f"### BEGIN {name}\n{body}\n### END {name}"


SOUND = [
    cell(region("SOLUTION"), solution=True),
    cell(region("HIDDEN TESTS"), grade=True, locked=True, points=1),
    cell("", "markdown", grade=True, solution=True, points=0),
    cell(region("MARK SCHEME"), "markdown", task=True, locked=True, points=2.5),
    cell("", "raw", locked=True),
    cell("print(1)"),
    cell("The end of the solution: begin where hidden tests are.", "markdown"),
]


def test_a_sound_notebook_has_no_problems() -> None:
    """Every kind of cell passes."""
    for number, sound in enumerate(SOUND):
        if sound["metadata"]:
            sound["metadata"]["nbgrader"]["grade_id"] = f"q-{number}"
    assert check_source(notebook(*SOUND), "hw") == ()


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (cell(grade=True, locked=True), "has no points"),
        (cell("", "markdown", task=True), "has no points"),
        (cell(grade=True, points=-1), "no number from 0 up"),
        (cell(grade=True, points=float("nan")), "no number from 0 up"),
        (cell(grade=True, points="1"), "'points' of a wrong type"),
        (cell(grade=True, points=True), "'points' of a wrong type"),
        (cell(grade=True, points=1, grade_id=""), "has no grade_id"),
        (cell(grade=True, points=1, grade_id="a b"), "letters, digits, - and _ only"),
        (cell(grade="yes"), "'grade' of a wrong type"),
        (cell(colour="red", locked=True), "no metadata field 'colour'"),
        (cell(locked=True, checksum="abc"), "checksum"),
        (cell(locked=True, cell_type="sql"), "unknown cell type"),
        (cell("", "markdown", grade=True, points=1), "must be a code cell"),
        (cell("", "markdown", solution=True), "cannot be an autograded answer"),
        (cell("", "code", task=True, points=1), "must be a Markdown cell"),
        (cell("### BEGIN SOLUTION", solution=True), "has no END SOLUTION"),
        (cell("x\n### END SOLUTION", solution=True), "has no BEGIN SOLUTION"),
        (cell("### BEGIN SOLUTION\n" + region("SOLUTION"), solution=True), "stands inside another"),
        (cell(region("SOLUTION")), "belongs in an answer cell"),
        (cell(region("HIDDEN TESTS"), solution=True), "belongs in an autograder tests cell"),
        (cell(region("MARK SCHEME"), "markdown"), "belongs in a manually graded task"),
        (cell("### begin hidden test\nx", grade=True, points=1), "is almost a marker"),
        (cell("# END_SOLUTIONS", solution=True), "is almost a marker"),
        (
            cell(region("MARK SCHEME", "![a](attachment:a.png)"), "markdown", task=True, points=1),
            "holds an attached picture",
        ),
        (cell("# AUTOTEST x", solution=True), "AUTOTEST belongs"),
        (cell(schema_version=4), "newer than the 3 known here"),
        (cell(schema_version="3"), "schema version is no number"),
    ],
)
def test_each_problem_is_told_with_its_cell(bad: dict[str, Any], told: str) -> None:
    """The line names file, cell and id, and nothing is told of the sound cell before it."""
    lines = check_source(notebook(cell("# Title", "markdown"), bad), "hw\x1b")
    assert any(told in line for line in lines)
    assert all(line.startswith("hw\\x1b: cell 2") for line in lines)
    assert all("\n" not in line for line in lines)


def test_all_problems_are_told_at_once() -> None:
    """Two cells with one id, and another without points."""
    lines = check_source(notebook(cell(locked=True), cell(locked=True), cell(grade=True, grade_id="p")), "hw")
    assert lines == (
        "hw: cell 2 (q): cell 1 has the same id; give one of them another id",
        "hw: cell 3 (p): it has no points; say how many it is worth (0 is fine)",
    )


def test_an_old_schema_is_told_once_with_its_remedy() -> None:
    """Not a line for each of many cells."""
    lines = check_source(notebook(cell(locked=True, schema_version=2), cell(locked=True, schema_version=0)), "hw")
    assert lines[0] == "hw: nbgrader metadata of an old schema in cells 1, 2; run `grader release --upgrade`"


def test_metadata_that_is_no_object_is_told() -> None:
    """A list where nbgrader's fields should be."""
    bad = {"cell_type": "code", "source": "", "metadata": {"nbgrader": [1]}}
    assert "is no object" in check_source(notebook(bad), "hw")[0]


def test_languages_without_a_stub_are_told() -> None:
    """The nbgrader stubs cover six languages, and AUTOTEST two."""
    autotest = cell("# AUTOTEST x", grade=True, points=1)
    lines = check_source(notebook(autotest, name="julia-1.9", language="julia"), "hw")
    assert "'julia'" in lines[0]
    assert "AUTOTEST does not work with the kernel 'julia-1.9'" in lines[1]


VALUES = st.none() | st.booleans() | st.integers(-1, 4) | st.sampled_from(["q", "", "a b", "code", "x" * 32])
OPTIONAL = {
    "locked": st.booleans(),
    "task": st.booleans(),
    "points": VALUES,
    "grade_id": st.sampled_from("ab") | VALUES,
    "checksum": VALUES,
    "cell_type": VALUES,
    "more": VALUES,
}
VERSION = st.sampled_from([3, 3, 3, 2, 4])
MARKS = st.fixed_dictionaries(
    {"schema_version": VERSION, "grade": st.booleans(), "solution": st.booleans()}, optional=OPTIONAL
)
REGIONS = ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME")
LINE = st.sampled_from([f"### {edge} {name}" for edge in ("BEGIN", "END") for name in REGIONS]) | st.just("x = 1")
CELL = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["code", "markdown", "raw"]),
        "source": st.lists(LINE, max_size=4).map("\n".join),
        "metadata": st.fixed_dictionaries({}, optional={"nbgrader": MARKS}),
    }
)


@settings(max_examples=300, deadline=None)
@given(st.lists(CELL, max_size=3))
def test_nbgrader_releases_whatever_passes(cells: list[dict[str, Any]]) -> None:
    """Nothing that nbgrader's own steps refuse gets through: its validator and preprocessors are the judge."""
    from nbgrader.preprocessors import (
        CheckCellMetadata,
        ClearHiddenTests,
        ClearMarkScheme,
        ClearSolutions,
        ComputeChecksums,
    )

    made = notebook(*cells)
    if check_source(made, "hw"):
        return
    for step in (
        ClearSolutions,
        CheckCellMetadata,
        ComputeChecksums,
        ClearHiddenTests,
        ClearMarkScheme,
        CheckCellMetadata,
    ):
        step().preprocess(made, {})


REFUSED = {
    "bad-markdown-cell-1.ipynb": "must be a code cell",
    "bad-markdown-cell-2.ipynb": "cannot be an autograded answer",
    "blank-grade-id.ipynb": "has no grade_id",
    "blank-points.ipynb": "has no points",
    "duplicate-grade-ids.ipynb": "has the same id",
    "too-new.ipynb": "newer than the 3 known here",
    "test-v0.ipynb": "grader release --upgrade",
    "test-v1.ipynb": "grader release --upgrade",
    "test-v2.ipynb": "grader release --upgrade",
    "test-no-metadata.ipynb": "belongs in an answer cell",
    "test-no-metadata-autotest.ipynb": "AUTOTEST belongs",
}


@pytest.mark.parametrize(("name", "told"), REFUSED.items())
def test_nbgrader_s_broken_notebooks_are_refused_for_the_right_reason(name: str, told: str) -> None:
    """The notebooks with which nbgrader tests its own refusals."""
    import nbgrader

    (path,) = Path(nbgrader.__file__).parent.joinpath("tests").rglob(name)
    lines = check_source(read(path.read_bytes(), name).notebook, name)
    assert any(told in line for line in lines)
