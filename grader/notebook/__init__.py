"""Notebooks as values: read, release, match, restore, score, redact. Pure: no files, no clock, no database."""

from __future__ import annotations

from grader.notebook.match import Matching, match
from grader.notebook.metadata import CellMeta, PointsCell, meta_of, points_cells, source_of, thaw
from grader.notebook.restore import Restored, restore, with_student_outputs

__all__ = [
    "CellMeta",
    "Matching",
    "PointsCell",
    "Restored",
    "match",
    "meta_of",
    "points_cells",
    "restore",
    "source_of",
    "thaw",
    "with_student_outputs",
]
