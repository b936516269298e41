"""A student's look at their own notebook: what is missing, unanswered or failing, as far as visible tests tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import NotebookError
from grader.grading import NOTEBOOK
from grader.model import Files, Limits, Notebook, RunStatus
from grader.notebook import meta_of, points_cells, read, source_of, thaw
from grader.pipeline.release import METADATA
from grader.text import escape

if TYPE_CHECKING:
    from grader.execution import Engine

_MOST_FILE_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the student may want to see to before handing in."""

    kind: str
    """`changed`, `missing`, `unanswered`, `failed`, `limit`, or `twice`."""
    sentence: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Validation:
    """What is known of one notebook."""

    path: Path
    findings: tuple[Finding, ...]
    passed: int
    """Test cells that ran to their end."""
    tests: int


def validate(path: Path, limits: Limits) -> Validation:
    """Check a notebook with the stock kernel, on its owner's own machine and so without a sandbox."""
    from grader.execution import open_engine

    notebook = read(_content(path), path.name).notebook
    with open_engine("stock", sandbox=False) as engine:
        return _validate(path, notebook, _beside(path), limits, engine)


def _validate(path: Path, notebook: Notebook, files: Files, limits: Limits, engine: Engine) -> Validation:
    executed = engine.execute(_without_outputs(notebook), files, limits)
    tests = {cell.index for cell in points_cells(notebook) if _is_test(notebook["cells"][cell.index])}
    failed = [index for index in tests if (run := executed.runs[index]) and run.status is not RunStatus.COMPLETED]
    findings = (
        *_structure(notebook),
        *(_failure(executed.notebook["cells"][index]) for index in sorted(failed)),
        *(Finding("limit", incident.sentence) for incident in executed.incidents),
    )
    return Validation(path, findings, len(tests) - len(failed), len(tests))


def _structure(notebook: Notebook) -> Iterator[Finding]:
    """What can be told without running anything: cells that are gone, doubled, changed or left as they came."""
    from nbgrader.utils import compute_checksum

    seen: set[str] = set()
    for number, cell in enumerate(notebook["cells"], 1):
        meta = meta_of(cell)
        if meta is None:
            continue
        where = f"cell {number} ({escape(meta.grade_id, 60)})"
        if meta.grade_id in seen:
            yield Finding("twice", f"{where} is there twice: delete the copy that you do not want to hand in")
        seen.add(meta.grade_id)
        as_released = meta.checksum is not None and compute_checksum(cell) == meta.checksum
        if meta.fixed and meta.checksum and not as_released:
            yield Finding("changed", f"{where} is not yours to change: what you wrote there will not count")
        if meta.solution and (as_released or not source_of(cell).strip()):
            yield Finding("unanswered", f"{where} is as it was given out: there is no answer in it")
    for grade_id in released_cells(notebook):
        if grade_id not in seen:
            yield Finding(
                "missing", f"the cell {escape(grade_id, 60)} is gone: copy it back from the notebook given out"
            )


def released_cells(notebook: Notebook) -> tuple[str, ...]:
    """Ids of the cells that the notebook was given out with, where `grader release` wrote them into it."""
    ours = notebook["metadata"].get(METADATA)
    listed = ours.get("cells") if isinstance(ours, dict) else None
    return tuple(grade_id for grade_id in listed if isinstance(grade_id, str)) if isinstance(listed, list) else ()


def _failure(cell: Notebook) -> Finding:
    meta = meta_of(cell)
    errors = [output for output in cell["outputs"] if output["output_type"] == "error"]
    said = f"{errors[-1]['ename']}: {errors[-1]['evalue']}" if errors else "it did not run to its end"
    return Finding("failed", f"the test {escape(meta.grade_id if meta else '?', 60)} fails", escape(said, 300))


def _is_test(cell: Notebook) -> bool:
    meta = meta_of(cell)
    return bool(meta and meta.grade and not meta.solution and cell["cell_type"] == "code")


def _without_outputs(notebook: Notebook) -> Notebook:
    cells = [{**cell, "outputs": []} if cell["cell_type"] == "code" else cell for cell in notebook["cells"]]
    return thaw({**notebook, "cells": cells})


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotebookError(f"{escape(path, 300)}: cannot be read: {escape(error.strerror)}") from None


def _beside(path: Path) -> Files:
    """The data files in the notebook's own folder, which it may need."""
    found = (file for file in sorted(path.absolute().parent.iterdir()) if file.is_file() and file.suffix != NOTEBOOK)
    return {file.name: file.read_bytes() for file in found if file.stat().st_size < _MOST_FILE_BYTES}
