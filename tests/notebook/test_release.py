"""From a source to the instructor's version and to what students get; nbgrader's own steps are the oracle."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import NotebookError
from grader.model import Notebook
from grader.notebook import check_source, dump, instructor_version, meta_of, read, release, stored_version, upgrade
from grader.notebook.check import has_autotest


def nbgrader_folder() -> Path:
    """Where nbgrader is installed."""
    import nbgrader

    return Path(nbgrader.__file__).parent


def through(notebook: Notebook, *steps: str) -> Notebook:
    """A copy of the notebook after nbgrader's own preprocessors."""
    from nbgrader import preprocessors

    result, resources = copy.deepcopy(notebook), {}
    for step in steps:
        result, resources = getattr(preprocessors, step)().preprocess(result, resources)
    return result


def notebook(*cells: dict[str, Any], **fields: Any) -> Notebook:
    """A Python notebook of these cells."""
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec, **fields}, "cells": list(cells)}
    return nbformat.from_dict(whole)


def cell(source: str, kind: str = "code", grade_id: str = "q", **marks: Any) -> dict[str, Any]:
    """A cell with nbgrader's metadata, and outputs that are not to be released."""
    base = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    made: dict[str, Any] = {"cell_type": kind, "source": source, "id": grade_id}
    made["metadata"] = {"nbgrader": base | {"grade_id": grade_id} | marks} if marks else {}
    if kind == "code":
        output = {"output_type": "stream", "name": "stdout", "text": "42"}
        made |= {"outputs": [output], "execution_count": 3}
    return made


ANSWER = "def f(x):\n    ### BEGIN SOLUTION\n    return x + 42\n    ### END SOLUTION"
TESTS = "assert f(0) == 42\n### BEGIN HIDDEN TESTS\nassert f(1) == 43\n### END HIDDEN TESTS"
TASK = "Draw it.\n=== BEGIN MARK SCHEME ===\nTwo marks for 42\n=== END MARK SCHEME ==="
SOURCE = notebook(
    cell(ANSWER, grade_id="f", solution=True),
    cell(TESTS, grade_id="test_f", grade=True, locked=True, points=2),
    cell("It is 42.", "markdown", "essay", grade=True, solution=True, points=1),
    cell(TASK, "markdown", "task", task=True, locked=True, points=2),
    cell("Do not change.", "markdown", "fixed", locked=True),
    celltoolbar="Create Assignment",
)


def sources() -> list[Path]:
    """The notebooks of nbgrader's tests and manual that can be released, AUTOTEST aside."""
    found = []
    for path in sorted(nbgrader_folder().rglob("*.ipynb")):
        made = read(path.read_bytes(), path.name).notebook
        if not check_source(made, path.name) and not any(map(has_autotest, made["cells"])):
            found.append(path)
    return found


@pytest.mark.parametrize("path", sources(), ids=lambda path: "/".join(path.parts[-3:]))
def test_the_release_is_nbgrader_s(path: Path) -> None:
    """The same bytes as from nbgrader's own chain, and so is what its database keeps; the source is left as it was."""
    source = read(path.read_bytes(), path.name).notebook
    before = dump(source)
    first = ("LockCells", "ClearSolutions", "ClearOutput", "CheckCellMetadata", "ComputeChecksums")
    rest = ("ClearHiddenTests", "ClearMarkScheme", "ComputeChecksums", "CheckCellMetadata")
    instructor = instructor_version(source)
    assert dump(release(instructor)) == dump(through(source, *first, *rest))
    assert dump(stored_version(instructor)) == dump(through(source, *first))
    assert dump(source) == before


def test_nothing_that_students_may_not_see_is_released() -> None:
    """Solutions, hidden tests, mark schemes and outputs are gone; what may stay stays."""
    released = release(instructor_version(SOURCE))
    assert [made["source"] for made in released["cells"]] == [
        "def f(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()",
        "assert f(0) == 42",
        "YOUR ANSWER HERE",
        "Draw it.",
        "Do not change.",
    ]
    assert all(not made.get("outputs") for made in released["cells"])
    assert [made["metadata"].get("editable", True) for made in released["cells"]] == [True, False, True, False, False]
    assert "celltoolbar" not in released["metadata"]


def test_the_instructor_s_version_keeps_them() -> None:
    """It is what grades: with solutions and hidden tests, locked, and without old outputs."""
    instructor = instructor_version(SOURCE)
    assert [made["source"] for made in instructor["cells"]] == [made["source"] for made in SOURCE["cells"]]
    assert all(not made["metadata"].get("deletable", True) for made in instructor["cells"])
    assert all(not made.get("outputs") for made in instructor["cells"])


def test_releasing_twice_gives_the_same_bytes() -> None:
    """Also for a source without cell ids."""
    bare = copy.deepcopy(SOURCE)
    for made in bare["cells"]:
        del made["id"]
    first, second = (dump(release(instructor_version(copy.deepcopy(bare)))) for _ in range(2))
    assert first == second


def test_header_and_footer_go_around() -> None:
    """Their cells are part of the notebook, with ids of their own."""
    header = notebook(cell("# Course", "markdown", "f"))
    footer = notebook(cell("Goodbye", "markdown", "g", locked=True))
    made = instructor_version(SOURCE, header=header, footer=footer)
    ids = [part["id"] for part in made["cells"]]
    assert made["cells"][0]["source"] == "# Course"
    assert made["cells"][-1]["source"] == "Goodbye"
    assert len(set(ids)) == len(ids) == 7


def test_a_header_that_takes_an_id_is_refused() -> None:
    """Two cells of one grade_id cannot be told apart, wherever they come from."""
    header = notebook(cell("x", "markdown", "fixed", locked=True))
    with pytest.raises(NotebookError, match=r"hw: cell 6 \(fixed\): cell 1 has the same id"):
        instructor_version(SOURCE, header=header, name="hw")


def test_pictures_of_a_solution_are_not_released() -> None:
    """A manual answer's attachments go with its text; those of a text that stays are kept."""
    attachments = {"a.png": {"image/png": "aGk="}}
    answer = cell("![](attachment:a.png)", "markdown", "essay", grade=True, solution=True, points=1)
    text = cell("![](attachment:a.png)", "markdown", "text")
    source = notebook(answer | {"attachments": attachments}, text | {"attachments": attachments})
    released = release(instructor_version(source))
    assert ["attachments" in made for made in released["cells"]] == [False, True]


def test_a_leak_is_refused_whatever_let_it_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a step of nbgrader's leave something in, nothing is released."""
    from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

    instructor = instructor_version(SOURCE)
    monkeypatch.setattr(ClearHiddenTests, "preprocess", lambda self, nb, resources: (nb, resources))
    with pytest.raises(NotebookError, match="cell 2: a solution, hidden test or mark scheme would be left"):
        release(instructor)
    monkeypatch.setattr(ClearSolutions, "preprocess", lambda self, nb, resources: (nb, resources))
    with pytest.raises(NotebookError, match="cell 3: a solution"):
        release(instructor)


LINES = st.lists(st.sampled_from(["x = 1", "", "    y", "# BEGIN", "print('é')"]), max_size=3).map("\n".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(LINES, LINES, LINES, st.sampled_from(["solution", "tests", "task"])), min_size=1, max_size=4))
def test_no_secret_line_survives(parts: list[tuple[str, str, str, str]]) -> None:
    """Whatever stands around a region, what stands in it is not in the release."""
    regions = {"solution": "SOLUTION", "tests": "HIDDEN TESTS", "task": "MARK SCHEME"}
    marks = {
        "solution": {"solution": True},
        "tests": {"grade": True, "locked": True, "points": 1},
        "task": {"task": True, "locked": True, "points": 1},
    }
    cells = [
        cell(
            f"{before}\n### BEGIN {regions[kind]}\n{secret}\nSECRET\n### END {regions[kind]}\n{after}",
            "markdown" if kind == "task" else "code",
            f"q{number}",
            **marks[kind],
        )
        for number, (before, secret, after, kind) in enumerate(parts)
    ]
    released = release(instructor_version(notebook(*cells)))
    assert "SECRET" not in dump(released)
    assert all((meta := meta_of(made)) and len(meta.checksum or "") == 32 for made in released["cells"])


@pytest.mark.parametrize("name", ["test-v0.ipynb", "test-v1.ipynb", "test-v2.ipynb", "old-schema.ipynb"])
def test_old_schemas_are_upgraded(name: str) -> None:
    """After nbgrader's own upgrade the notebook can be released, and the original is as it was."""
    (path,) = nbgrader_folder().joinpath("tests").rglob(name)
    source = read(path.read_bytes(), name).notebook
    before = dump(source)
    assert check_source(upgrade(source), name) == ()
    assert release(instructor_version(upgrade(source)))
    assert dump(source) == before


def test_an_upgrade_that_cannot_be_done_names_the_cell() -> None:
    """Points that are no number, in the schema that wrote them as text."""
    bad = cell("", grade_id="q", grade=True, points="many")
    bad["metadata"]["nbgrader"]["schema_version"] = 0
    with pytest.raises(NotebookError, match="hw: cell 1: its nbgrader metadata cannot be upgraded"):
        upgrade(notebook(bad), "hw")
    with pytest.raises(NotebookError, match="hw: cell 1"):
        upgrade(notebook({"cell_type": "code", "source": "", "metadata": {"nbgrader": [1]}}), "hw")
