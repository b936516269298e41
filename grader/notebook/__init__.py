"""Notebooks as values: read, release, match, restore, score, redact. Pure: no files, no clock, no database."""

from __future__ import annotations

from grader.notebook.metadata import CellMeta, PointsCell, meta_of, points_cells, source_of, thaw

__all__ = ["CellMeta", "PointsCell", "meta_of", "points_cells", "source_of", "thaw"]
