"""nbgrader's own mangled test notebooks, from the installed package: each of them ends in a restored one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import nbgrader
import pytest

from grader.notebook import instructor_version, meta_of, read, release, restore, source_of

TESTS = Path(nbgrader.__file__).parent / "tests"
NOTEBOOKS = sorted(str(path.relative_to(TESTS)) for path in TESTS.rglob("*.ipynb"))


def load(name: str) -> Any:
    """One of nbgrader's notebooks."""
    return read((TESTS / name).read_bytes(), name).notebook


@cache
def assignment(name: str) -> tuple[Any, Any]:
    """One of nbgrader's notebooks as an instructor's version, and its release."""
    instructor = instructor_version(load(name))
    return instructor, release(instructor)


def skeleton(notebook: Any) -> list[tuple[Any, ...]]:
    """The instructor's cells as they must be, whatever was handed in."""
    return [
        (cell["cell_type"], cell["metadata"], None if meta.solution else source_of(cell))
        for cell in notebook["cells"]
        if (meta := meta_of(cell))
    ]


@pytest.mark.parametrize("name", NOTEBOOKS)
@pytest.mark.parametrize("source", ["apps/files/test.ipynb", "apps/files/submitted-unchanged.ipynb"])
def test_any_notebook_is_restored(name, source):
    """Handed in to either assignment, every notebook of nbgrader's tests ends well."""
    instructor, released = assignment(source)
    result = restore(load(name), instructor, released)
    nbformat.validate(result.notebook)
    assert skeleton(instructor) == skeleton(result.notebook)


def found(name: str, source: str) -> tuple[set[tuple[str, str | None]], set[tuple[str, str | None]]]:
    """The repairs and the flags of a notebook handed in to an assignment."""
    result = restore(load(name), *assignment(source))
    return {(r.kind, r.grade_id) for r in result.repairs}, {(f.kind, f.grade_id) for f in result.flags}


APPS, PREPROCESSORS = "apps/files/", "preprocessors/files/"


@pytest.mark.parametrize(
    ("name", "repairs", "flags"),
    [
        ("submitted-changed", set(), set()),
        ("submitted-unchanged", set(), set()),
        ("submitted-cheat-attempt", set(), set()),
        ("submitted-grade-cell-changed", {("source-restored", "bar")}, {("test-changed", "bar")}),
        (
            "submitted-locked-cell-changed",
            {("source-restored", "ro1"), ("source-restored", "ro2")},
            {("read-only-edited", "ro1"), ("read-only-edited", "ro2")},
        ),
    ],
)
def test_submitted_notebooks(name, repairs, flags):
    """What nbgrader's tests hand in is restored with the findings that each of them is made for."""
    assert (repairs, flags) == found(f"{APPS}{name}.ipynb", f"{APPS}submitted-unchanged.ipynb")


@pytest.mark.parametrize(
    ("name", "repairs", "flags"),
    [
        ("submitted-answer-cell-type-changed", {("retyped", "set_a")}, set()),
        ("submitted-grade-cell-type-changed", {("retyped", "bar")}, {("test-retyped", "bar")}),
    ],
)
def test_retyped_notebooks(name, repairs, flags):
    """Cells whose type was changed are turned back."""
    assert (repairs, flags) == found(f"{PREPROCESSORS}{name}.ipynb", f"{PREPROCESSORS}submitted-unchanged.ipynb")


@pytest.mark.parametrize("name", ["test-v0", "test-v1", "test-v2", "test-with-output", "test"])
def test_older_metadata_versions_are_understood(name):
    """Metadata of version 0 to 2 need no repair and raise no flag."""
    assert (set(), set()) == found(f"{APPS}{name}.ipynb", f"{APPS}test.ipynb")


def test_a_notebook_without_metadata_is_recognised():
    """Every answer is in its place without a single id."""
    instructor, released = assignment(f"{APPS}test.ipynb")
    submitted = load(f"{APPS}test-no-metadata.ipynb")
    result = restore(submitted, instructor, released)
    assert [source_of(cell) for cell in submitted["cells"]] == [source_of(cell) for cell in result.notebook["cells"]]
    assert ["metadata-restored"] == [repair.kind for repair in result.repairs]
