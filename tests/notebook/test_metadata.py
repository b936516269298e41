"""Cell metadata as typed values, whatever it holds."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.model import GradedKind
from grader.notebook import CellMeta, meta_of, points_cells, thaw
from grader.notebook.metadata import without_regions

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
FIELDS = ("grade_id", "grade", "solution", "locked", "task", "points", "schema_version", "cell_type", "checksum")


def cell(source: str = "", cell_type: str = "markdown", **nbgrader: Any) -> dict[str, Any]:
    """A cell with this metadata."""
    return {"cell_type": cell_type, "source": source, "metadata": {"nbgrader": nbgrader} if nbgrader else {}}


def graded(grade_id: str, **nbgrader: Any) -> dict[str, Any]:
    """An autograder tests cell worth one point."""
    return cell("assert True", "code", **{"grade_id": grade_id, "grade": True, "points": 1, **nbgrader})


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON)) | JSON)
def test_hostile_metadata_never_raises(raw: object) -> None:
    """Whatever a student writes there, the values are of their types, and points are a finite number from 0 up."""
    meta = meta_of({"cell_type": "code", "source": "", "metadata": {"nbgrader": raw}})
    if meta is not None:
        assert isinstance(meta.points, float)
        assert 0 <= meta.points < float("inf")
        assert meta.grade_id
        assert meta.kind in (None, *GradedKind)


@pytest.mark.parametrize("bad", [{}, {"metadata": None}, {"metadata": []}, {"metadata": {"nbgrader": None}}])
def test_a_cell_without_metadata_is_nothing_to_nbgrader(bad: dict[str, Any]) -> None:
    """No metadata, no meaning."""
    assert meta_of(bad) is None


@pytest.mark.parametrize(
    ("marks", "kind", "fixed"),
    [
        ({"solution": True}, None, False),
        ({"grade": True, "locked": True}, GradedKind.TESTS, True),
        ({"grade": True}, GradedKind.TESTS, True),
        ({"grade": True, "solution": True, "locked": True}, GradedKind.ANSWER, False),
        ({"task": True, "locked": True}, GradedKind.TASK, True),
        ({"locked": True}, None, True),
        ({}, None, False),
    ],
)
def test_kinds_of_cells_are_nbgrader_s(marks: dict[str, bool], kind: GradedKind | None, fixed: bool) -> None:
    """What a cell is follows from its marks; a solution is never fixed, tests always are."""
    meta = CellMeta("q", **marks)
    assert (meta.kind, meta.fixed) == (kind, fixed)


@pytest.mark.parametrize(
    ("points", "expected"), [(2, 2.0), ("1.5", 1.5), (-1, 0.0), (True, 0.0), ("x", 0.0), (10**400, 0.0)]
)
def test_points_of_every_schema_are_read(points: object, expected: float) -> None:
    """Schema 0 wrote points as text; what makes no sense is worth nothing."""
    meta = meta_of(cell(grade_id="q", points=points))
    assert meta is not None
    assert meta.points == expected


def test_titles_are_the_headings_above() -> None:
    """The nearest heading names a question, without what it is worth, and is numbered where several share it."""
    notebook = {
        "cells": [
            graded("lonely"),
            cell("# Homework\n\n```\n# no heading\n```"),
            graded("first"),
            cell("## **Part A** (2 points)\n\ntext"),
            graded("a1"),
            graded("a2"),
            cell("### [Part B](http://x) ###"),
            graded("b"),
            graded("b"),
        ]
    }
    found = points_cells(notebook)
    titles = {point.grade_id: point.title for point in found}
    assert titles == {
        "lonely": "lonely",
        "first": "Homework",
        "a1": "Part A (1 of 2)",
        "a2": "Part A (2 of 2)",
        "b": "Part B",
    }
    assert [point.index for point in found] == [0, 2, 4, 5, 7]


def test_titles_are_never_what_students_may_not_see() -> None:
    """Headings in answers, mark schemes and hidden tests name nothing."""
    scheme = "# Task\n### BEGIN MARK SCHEME\n# Two marks for the pun\n### END MARK SCHEME"
    notebook = {
        "cells": [
            cell(scheme, grade_id="task", task=True, locked=True, points=2),
            cell("# The answer is 42", grade_id="essay", grade=True, solution=True, points=1),
            graded("after"),
        ]
    }
    titles = [point.title for point in points_cells(notebook)]
    assert titles == ["Task (1 of 3)", "Task (2 of 3)", "Task (3 of 3)"]


@given(st.lists(st.sampled_from(["# A", "# A (1 of 2)", "# b", "#b", ""]), max_size=6))
def test_titles_are_unique(headings: list[str]) -> None:
    """Whatever the headings say, no two questions have one name."""
    cells = [part for number, text in enumerate(headings) for part in (cell(text), graded("abcdefg"[number]))]
    titles = [point.title for point in points_cells({"cells": cells})]
    assert len(set(titles)) == len(titles) == len(headings)


def test_thaw_copies_to_the_bottom() -> None:
    """A change of the copy leaves the original alone, plain dictionaries and nbformat's nodes alike."""
    plain = {"cells": [cell(grade_id="q")], "metadata": {}}
    for original in (plain, nbformat.from_dict(plain)):
        copy = thaw(original)
        copy.cells[0].metadata.nbgrader.grade_id = "changed"
        assert original["cells"][0]["metadata"]["nbgrader"]["grade_id"] == "q"


def test_a_region_without_an_end_takes_the_rest_with_it() -> None:
    """In doubt, less is shown."""
    source = "a\n### BEGIN HIDDEN TESTS\nb\n### END HIDDEN TESTS\nc\n### BEGIN HIDDEN TESTS\nd"
    assert without_regions(source, "HIDDEN TESTS") == "a\nc"
