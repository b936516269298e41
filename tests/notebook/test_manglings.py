"""Whatever editors do to honest work, it earns what it earned before, or a person is asked."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grader.notebook import meta_of, restore, source_of
from grader.notebook.read import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.model import Notebook
    from grader.notebook import Restored

Cells = list[dict[str, Any]]
Step = tuple[str, int, int]
"""A mangling by name with two numbers, which it takes modulo whatever it needs."""


FRAGMENT = "fragment"
"""Marks half an answer whose other half has no metadata, and an answer merged into a locked cell.

Whoever moves or deletes that has changed their work, and no grader could tell.
"""


def _turned(cell: dict[str, Any], kind: str) -> dict[str, Any]:
    """A cell as another type, as editors turn it."""
    turned = {"cell_type": kind, "metadata": cell["metadata"], "source": cell["source"]}
    return turned | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def _is_locked(cell: dict[str, Any]) -> bool:
    meta = meta_of(cell)
    return meta is not None and meta.fixed


def strip_all(cells: Cells, _a: int, _b: int) -> Cells:
    """Every cell's metadata is lost, as a text editor's round trip loses them."""
    return [{**cell, "metadata": {}} for cell in cells]


def strip_one(cells: Cells, a: int, _b: int) -> Cells:
    """One cell's metadata is lost: its text was pasted into a new cell."""
    return [{**cell, "metadata": {}} if n == a % len(cells) else cell for n, cell in enumerate(cells)]


def move(cells: Cells, a: int, b: int) -> Cells:
    """A cell is dragged to another place."""
    rest = list(cells)
    if rest[a % len(rest)].get(FRAGMENT):
        return cells
    cell = rest.pop(a % len(rest))
    rest.insert(b % (len(rest) + 1), cell)
    return rest


def duplicate(cells: Cells, a: int, b: int) -> Cells:
    """A cell is copied, metadata and all, and pasted."""
    return [*cells[: b % len(cells)], copy.deepcopy(cells[a % len(cells)]), *cells[b % len(cells) :]]


def duplicate_bare(cells: Cells, a: int, b: int) -> Cells:
    """A cell's text is copied into a new cell right above or below it."""
    at = a % len(cells)
    return [*cells[: at + b % 2], {**copy.deepcopy(cells[at]), "metadata": {}}, *cells[at + b % 2 :]]


def retype(cells: Cells, a: int, b: int) -> Cells:
    """A cell is turned into another type."""
    kinds = ["code", "markdown", "raw"]
    at = a % len(cells)
    return [_turned(cell, kinds[b % 3]) if n == at and FRAGMENT not in cell else cell for n, cell in enumerate(cells)]


def delete_locked(cells: Cells, a: int, _b: int) -> Cells:
    """A cell that the student may not change is deleted."""
    locked = [n for n, cell in enumerate(cells) if _is_locked(cell) and FRAGMENT not in cell]
    return [cell for n, cell in enumerate(cells) if not locked or n != locked[a % len(locked)]]


def edit_locked(cells: Cells, a: int, b: int) -> Cells:
    """A cell that the student may not change is changed."""
    locked = [n for n, cell in enumerate(cells) if _is_locked(cell)]
    added = ["\n# done", "\nprint(rate)", "\nsteps = 7"][b % 3]
    return [
        {**cell, "source": cell["source"] + added} if locked and n == locked[a % len(locked)] else cell
        for n, cell in enumerate(cells)
    ]


def split(cells: Cells, a: int, b: int) -> Cells:
    """A cell is split at a line, and both halves keep the metadata, as in JupyterLab."""
    return _split(cells, a, b, keep=True)


def split_bare(cells: Cells, a: int, b: int) -> Cells:
    """A cell is split at a line, and the second half has no metadata, as in VS Code."""
    return _split(cells, a, b, keep=False)


def _split(cells: Cells, a: int, b: int, *, keep: bool) -> Cells:
    long = [n for n, cell in enumerate(cells) if "\n" in cell["source"]]
    if not long:
        return cells
    at = long[a % len(long)]
    lines = cells[at]["source"].split("\n")
    cut = 1 + b % (len(lines) - 1)
    first, second = copy.deepcopy(cells[at]), copy.deepcopy(cells[at])
    first["source"], second["source"] = "\n".join(lines[:cut]), "\n".join(lines[cut:])
    if not keep:
        first[FRAGMENT] = second[FRAGMENT] = True
        second["metadata"] = {}
    return [*cells[:at], first, second, *cells[at + 1 :]]


def merge(cells: Cells, a: int, _b: int) -> Cells:
    """A cell is merged with the one below it and keeps its own type and metadata."""
    if len(cells) < 2:
        return cells
    at = a % (len(cells) - 1)
    merged = {**cells[at], "source": cells[at]["source"] + "\n" + cells[at + 1]["source"], FRAGMENT: True}
    return [*cells[:at], merged, *cells[at + 2 :]]


def add_own(cells: Cells, a: int, b: int) -> Cells:
    """The student adds a cell of their own."""
    sources = ["import math", "print(math.pi)", "helper = 3", "# a note", ""]
    own = _turned({"metadata": {}, "source": sources[b % len(sources)]}, "code")
    return [*cells[: a % (len(cells) + 1)], own, *cells[a % (len(cells) + 1) :]]


def noise(cells: Cells, a: int, b: int) -> Cells:
    """An editor changes line ends, blanks at line ends, or the blank lines around."""
    changes: list[Callable[[str], str]] = [
        lambda source: source.replace("\n", "\r\n"),
        lambda source: source.replace("\n", "  \n"),
        lambda source: f"\n{source}\n\n",
    ]
    return [
        {**cell, "source": changes[b % 3](cell["source"])} if n == a % len(cells) else cell
        for n, cell in enumerate(cells)
    ]


def older_release(cells: Cells, _a: int, b: int) -> Cells:
    """The notebook is of a release whose ids were other ones."""
    aged = copy.deepcopy(cells)
    for number, cell in enumerate(aged):
        if (meta := cell["metadata"].get("nbgrader")) and "grade_id" in meta:
            meta["grade_id"] = f"cell-{b % 7}{number}abc"
    return aged


def colab(cells: Cells, _a: int, _b: int) -> Cells:
    """Saved by Colab: its own metadata, no cell ids."""
    user = {"displayName": "A Student", "userId": "0123"}
    return [
        {
            **{key: value for key, value in cell.items() if key != "id"},
            "metadata": {
                **cell["metadata"],
                "id": f"x{n}",
                "colab": {"base_uri": "https://localhost/"},
                "outputId": f"o{n}",
                "executionInfo": {"user": user, "elapsed": 3},
            },
        }
        for n, cell in enumerate(cells)
    ]


def vscode(cells: Cells, _a: int, _b: int) -> Cells:
    """Saved by VS Code."""
    return [{**cell, "metadata": {**cell["metadata"], "vscode": {"languageId": "python"}}} for cell in cells]


def deepnote(cells: Cells, _a: int, _b: int) -> Cells:
    """Saved by Deepnote: keys that no format knows."""
    return [
        {
            **cell,
            "deepnote_cell_type": "code",
            "block_group": "g",
            "metadata": {**cell["metadata"], "cell_id": f"{n:05}"},
        }
        for n, cell in enumerate(cells)
    ]


def kaggle(cells: Cells, _a: int, _b: int) -> Cells:
    """Saved by Kaggle."""
    marks = {"papermill": {"duration": 0.1, "status": "completed"}, "trusted": True, "_kg_hide-input": False}
    return [{**cell, "metadata": {**cell["metadata"], **marks}} for cell in cells]


def jupyterlab(cells: Cells, _a: int, _b: int) -> Cells:
    """Saved by JupyterLab."""
    return [
        {**cell, "id": f"{n:08x}", "metadata": {**cell["metadata"], "jupyter": {"source_hidden": False}}}
        for n, cell in enumerate(cells)
    ]


RESAVES = {step.__name__: step for step in (colab, vscode, deepnote, kaggle, jupyterlab, noise)}
MANGLINGS = RESAVES | {
    step.__name__: step
    for step in (
        strip_all,
        strip_one,
        move,
        duplicate,
        duplicate_bare,
        retype,
        delete_locked,
        edit_locked,
        split,
        split_bare,
        merge,
        add_own,
        older_release,
    )
}
FORMATS = ("4.5", "4.4", "4.0", "3")


def mangled(notebook: Notebook, steps: list[Step], format_: str = "4.5") -> Notebook:
    """The notebook after these manglings, written in a format and read as a submission is."""
    cells = json.loads(json.dumps(notebook["cells"]))
    for name, a, b in steps:
        cells = MANGLINGS[name](cells, a, b)
    for cell in cells:
        cell.pop(FRAGMENT, None)
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    if format_ != "4.5":
        document["nbformat_minor"] = 0 if format_ == "3" else int(format_[2:])
        for cell in cells:
            cell.pop("id", None)
    text = json.dumps(document)
    if format_ == "3":
        text = json.dumps(nbformat.v3.downgrade(nbformat.from_dict(document)))
    return read(text.encode(), "submitted.ipynb").notebook


def points(notebook: Notebook) -> dict[str, float]:
    """What the tests of a notebook give when its code runs from top to bottom in this process."""
    namespace: dict[str, Any] = {}
    earned: dict[str, float] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        passed = True
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                exec(compile(source_of(cell), "cell", "exec"), namespace)
            except Exception:  # noqa: BLE001 - any error is a failed test
                passed = False
        if (meta := meta_of(cell)) and meta.grade and not meta.solution:
            earned[meta.grade_id] = meta.points if passed else 0.0
    return earned


def answers(notebook: Notebook) -> dict[str, str]:
    """The solution cells' sources by id, without blank lines and blanks at line ends."""
    return {
        meta.grade_id: "\n".join(line.rstrip() for line in source_of(cell).splitlines() if line.strip())
        for cell in notebook["cells"]
        if (meta := meta_of(cell)) and meta.solution
    }


def skeleton(notebook: Notebook) -> list[tuple[Any, ...]]:
    """What must be the instructor's of each of the instructor's cells."""
    return [
        (cell["cell_type"], cell["metadata"], None if meta.solution else cell["source"])
        for cell in notebook["cells"]
        if (meta := meta_of(cell))
    ]


def lines(notebook: Notebook) -> set[str]:
    """Every line of a notebook that is not blank."""
    return {line.strip() for cell in notebook["cells"] for line in source_of(cell).splitlines() if line.strip()}


def check(assignment: Any, restored: Restored, honest: Notebook) -> None:
    """The invariants of every restored notebook."""
    nbformat.validate(restored.notebook)
    assert skeleton(assignment.instructor) == skeleton(restored.notebook)
    before, after = points(honest), points(restored.notebook)
    flagged = {flag.grade_id for flag in restored.flags}
    evidence = "\n".join(flag.evidence for flag in restored.flags)
    for grade_id, earned in before.items():
        assert after[grade_id] <= earned, f"{grade_id} earns more than it did"
    if sum(after.values()) < sum(before.values()):
        assert flagged, "points were lost and nobody is asked"
    sources, mended = answers(honest), answers(restored.notebook)
    fixed = {source for _, _, source in skeleton(assignment.released) if source}
    assert not fixed & set(mended.values()), "an answer is one of the instructor's own cells"
    texts = lines(restored.notebook)
    for grade_id, source in sources.items():
        if mended[grade_id] != source:
            lost = [line for line in source.split("\n") if line.strip() not in texts and line.strip() not in evidence]
            assert not lost, f"{grade_id} lost {lost} and nobody is asked"


steps = st.lists(
    st.tuples(st.sampled_from(sorted(MANGLINGS)), st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=4
)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(steps=[("merge", 3, 0)], format_="4.5", partial=False)
@example(steps=[("merge", 10, 0)], format_="4.5", partial=False)
@example(steps=[("split", 2, 0), ("merge", 4, 0)], format_="4.5", partial=False)
@example(steps=[("split", 3, 0), ("merge", 3, 0)], format_="4.5", partial=False)
@example(steps=[("split_bare", 3, 0), ("add_own", 5, 0)], format_="4.5", partial=False)
@example(steps=[("merge", 10, 9), ("older_release", 28, 25)], format_="4.0", partial=False)
@example(steps=[("retype", 11, 2), ("strip_all", 0, 0)], format_="3", partial=True)
@given(steps=steps, format_=st.sampled_from(FORMATS), partial=st.booleans())
def test_mangled_honest_work_is_not_lost(assignment, steps, format_, partial):
    """Any sequence of manglings: the same points, or a flag; no line of an answer vanishes; never more points."""
    given_answers = dict(assignment.answers)
    if partial:
        given_answers |= {"cube": "def cube(x):\n    return x + 3"}
        del given_answers["total"]
    solved = assignment.answered(given_answers)
    honest = restore(solved, assignment.instructor, assignment.released)
    restored = restore(mangled(solved, steps, format_), assignment.instructor, assignment.released)
    check(assignment, restored, honest.notebook)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("name", sorted(RESAVES))
def test_an_editors_save_changes_nothing(assignment, name, format_):
    """An honest save by any editor in any format needs no repair and raises no flag."""
    restored = restore(mangled(assignment.solved, [(name, 4, 0)], format_), assignment.instructor, assignment.released)
    assert () == restored.repairs
    assert () == restored.flags
    check(assignment, restored, assignment.solved)


ONE_STEP = sorted(set(MANGLINGS) - set(RESAVES))


@pytest.mark.parametrize("name", ONE_STEP)
@pytest.mark.parametrize("cell", range(18))
def test_one_mangling_is_undone(assignment, name, cell):
    """One mangling of any one cell: the same answers and points, or a flag that says what to decide."""
    submitted = mangled(assignment.solved, [(name, cell, 1)])
    restored = restore(submitted, assignment.instructor, assignment.released)
    check(assignment, restored, assignment.solved)
    assert sum(points(assignment.solved).values()) == sum(points(restored.notebook).values())


def test_restoring_is_deterministic_and_changes_no_argument(assignment):
    """The same input gives the same notebook, and the input is as it was."""
    submitted = mangled(assignment.solved, [("duplicate", 4, 9), ("strip_one", 5, 0), ("move", 2, 11)])
    before = json.dumps([submitted, assignment.instructor, assignment.released])
    first = restore(submitted, assignment.instructor, assignment.released)
    second = restore(submitted, assignment.instructor, assignment.released)
    assert first == second
    assert before == json.dumps([submitted, assignment.instructor, assignment.released])
