"""The rows that nbgrader keeps of an assignment's cells, read off its notebooks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from grader.model import GradedKind, GradedNotebook, Notebook
from grader.notebook import CellMeta, meta_of, source_of


class CellTable(StrEnum):
    """nbgrader's kinds of cells; one cell can be of two (a manually graded answer)."""

    GRADE = "GradeCell"
    SOLUTION = "SolutionCell"
    TASK = "TaskCell"


@dataclass(frozen=True, slots=True)
class BaseCell:
    """A row of `base_cell` and of the table of its kind; a solution cell has neither type nor points of its own."""

    table: CellTable
    name: str
    cell_type: str
    max_score: float


@dataclass(frozen=True, slots=True)
class SourceCell:
    """A row of `source_cell`: what nbgrader's own autograde puts back into a submission."""

    name: str
    cell_type: str
    locked: bool
    source: str
    checksum: str


@dataclass(frozen=True, slots=True)
class NotebookCells:
    """All rows of one notebook."""

    kernelspec: str | None
    """None leaves the one that is stored."""
    base: tuple[BaseCell, ...]
    source: tuple[SourceCell, ...]


def notebook_cells(instructor: Notebook, released: Notebook) -> NotebookCells:
    """What nbgrader saves when it generates an assignment: tests with their hidden parts, answers without solution."""
    stubs = {meta.grade_id: cell for cell, meta in _known(released)}
    base = tuple(row for cell, meta in _known(instructor) for row in _base_rows(cell, meta))
    source = tuple(
        _source_row(stubs.get(meta.grade_id, cell) if meta.solution else cell, meta)
        for cell, meta in _known(instructor)
        if meta.grade or meta.solution or meta.locked or meta.task
    )
    return NotebookCells(json.dumps(instructor["metadata"].get("kernelspec", {})), base, source)


def answer_digests(graded: GradedNotebook) -> Mapping[str, str]:
    """For each cell with points, a digest of the work that a person would look at to grade it.

    For a manually graded answer this is the cell; for tests and tasks any cell of the notebook may matter.
    """
    cells = graded.notebook["cells"]
    whole = _digest(*cells)
    own = {meta.grade_id: _digest(cell) for cell, meta in _known(graded.notebook)}
    return {
        score.grade_id: own.get(score.grade_id, whole) if score.kind is GradedKind.ANSWER else whole
        for score in graded.scores
    }


def _known(notebook: Notebook) -> Iterator[tuple[Mapping[str, Any], CellMeta]]:
    for cell in notebook["cells"]:
        meta = meta_of(cell)
        if meta is not None:
            yield cell, meta


def _base_rows(cell: Mapping[str, Any], meta: CellMeta) -> Iterator[BaseCell]:
    kinds = ((CellTable.GRADE, meta.grade), (CellTable.SOLUTION, meta.solution), (CellTable.TASK, meta.task))
    for table, wanted in kinds:
        if wanted:
            plain = table is CellTable.SOLUTION
            cell_type, points = ("", 0.0) if plain else (str(cell["cell_type"]), meta.points)
            yield BaseCell(table, meta.grade_id, cell_type, points)


def _source_row(cell: Mapping[str, Any], meta: CellMeta) -> SourceCell:
    locked = not meta.solution and (meta.grade or meta.locked)
    source, cell_type = source_of(cell), str(cell["cell_type"])
    return SourceCell(meta.grade_id, cell_type, locked, source, _checksum(source, cell_type, locked, meta))


def _checksum(source: str, cell_type: str, locked: bool, meta: CellMeta) -> str:
    """`nbgrader.utils.compute_checksum`, without the seconds that it takes to import it."""
    points = str(meta.points) if meta.grade else ""
    text = f"{source}{cell_type}{meta.grade}{meta.solution}{locked}{meta.grade_id}{points}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _digest(*cells: Mapping[str, Any]) -> str:
    whole = hashlib.sha256()
    for cell in cells:
        content = (str(cell.get("cell_type")), source_of(cell), cell.get("attachments"))
        whole.update(json.dumps(content, sort_keys=True, default=str).encode())
    return whole.hexdigest()[:16]
