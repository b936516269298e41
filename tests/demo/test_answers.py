"""The catalogue of answers: what it calls right is right, what it calls wrong loses points."""

from __future__ import annotations

import ast
import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from grader.demo.answers import catalogue
from grader.demo.fates import Fate
from grader.demo.writing import Answers, write
from grader.notebook import meta_of, points_cells, source_of

if TYPE_CHECKING:
    from pathlib import Path

    from grader.model import Bundle, Notebook

ASSIGNMENTS = (
    "notebook_01_supervised_learning",
    "notebook_02_shallow_networks",
    "notebook_03_gradient_descent",
    "notebook_04_backpropagation",
    "notebook_05_convolution",
    pytest.param(
        "notebook_06_pytorch_training",
        marks=pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed: make torch"),
    ),
)


def automatic_points(instructor: Notebook) -> float:
    """Run the code cells here and add up what the test cells give; plots are left out, they carry no points."""
    names: dict[str, Any] = {"__name__": "__main__"}
    return sum(_points(cell, names) for cell in instructor["cells"] if cell["cell_type"] == "code")


def _points(cell: Mapping[str, Any], names: dict[str, Any]) -> float:
    meta = meta_of(cell)
    if meta is None or (meta.grade and meta.solution):
        return 0.0
    tree = ast.parse(source_of(cell))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    try:
        exec(compile(tree, meta.grade_id, "exec"), names)
        value = eval(compile(ast.Expression(last.value), meta.grade_id, "eval"), names) if last else None
    except Exception:
        if not meta.grade:
            raise
        return 0.0
    if not meta.grade:
        return 0.0
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else meta.points


def with_body(bundle: Bundle, grade_id: str, body: str) -> tuple[float, float]:
    """Points and most points of the instructor's notebook in which one answer is another."""
    for name, released in bundle.releases.items():
        if any((meta := meta_of(cell)) and meta.grade_id == grade_id for cell in released["cells"]):
            replaced = write(released, Answers(bodies={grade_id: body}))
            changed = {meta_of(cell).grade_id: cell for cell in replaced["cells"] if meta_of(cell)}
            source = bundle.sources[name]
            cells = [changed[grade_id] if (m := meta_of(c)) and m.grade_id == grade_id else c for c in source["cells"]]
            most = sum(cell.max_score for cell in points_cells(source) if cell.kind == "tests")
            return automatic_points({**source, "cells": cells}), most
    raise AssertionError(grade_id)


@pytest.fixture
def bundle(request: pytest.FixtureRequest, bundles: Mapping[str, Bundle], tmp_path: Path) -> Iterator[Bundle]:
    """One assignment, with its data files in the working folder."""
    chosen = bundles[request.param]
    for path, content in chosen.files.items():
        (tmp_path / path).write_bytes(content)
    with contextlib.chdir(tmp_path), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield chosen


@pytest.mark.parametrize("bundle", ASSIGNMENTS, indirect=True)
def test_right_answers_get_full_marks(bundle: Bundle) -> None:
    """Every answer that the catalogue calls right passes all tests, hidden ones included."""
    found = {
        (grade_id, body): with_body(bundle, grade_id, body)
        for grade_id, answers in catalogue(bundle.assignment).code.items()
        for body in answers.right
    }
    assert {} == {key: points for key, points in found.items() if points[0] != points[1]}


@pytest.mark.parametrize("bundle", ASSIGNMENTS, indirect=True)
def test_wrong_answers_lose_points(bundle: Bundle) -> None:
    """No answer that the catalogue calls wrong gets full marks; those that a person reads are left out."""
    read_by_a_person = {
        meta.grade_id
        for source in bundle.sources.values()
        for cell in source["cells"]
        if (meta := meta_of(cell)) and meta.grade and meta.solution
    }
    found = {
        (grade_id, body): with_body(bundle, grade_id, body)
        for grade_id, answers in catalogue(bundle.assignment).code.items()
        if grade_id not in read_by_a_person
        for body in answers.wrong
    }
    assert {} == {key: points for key, points in found.items() if points[0] >= points[1]}


@pytest.mark.parametrize("bundle", ASSIGNMENTS, indirect=True)
def test_a_warning_on_stderr_is_a_right_answer(bundle: Bundle) -> None:
    """The answer that warns is right: it shows that stderr costs nothing."""
    mishap = catalogue(bundle.assignment).mishaps[Fate.STDERR]
    points, most = with_body(bundle, mishap.grade_id, mishap.body)
    assert most == points
