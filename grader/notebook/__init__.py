"""Notebooks as values: read, release, match, restore, score, redact. Pure: no files, no clock, no database."""

from __future__ import annotations

from grader.notebook.autotest import Autotest
from grader.notebook.check import check_source
from grader.notebook.find import FoundNotebooks, find_notebooks
from grader.notebook.imports import imported_modules
from grader.notebook.match import Matching, match
from grader.notebook.metadata import CellMeta, PointsCell, meta_of, points_cells, source_of, thaw
from grader.notebook.read import ReadNotebook, dump, read
from grader.notebook.redact import redact, redact_unexecuted
from grader.notebook.release import instructor_version, release, stored_version, upgrade
from grader.notebook.restore import Restored, restore, with_student_outputs
from grader.notebook.score import NO_RESPONSE, Scored, score, score_unexecuted

__all__ = [
    "NO_RESPONSE",
    "Autotest",
    "CellMeta",
    "FoundNotebooks",
    "Matching",
    "PointsCell",
    "ReadNotebook",
    "Restored",
    "Scored",
    "check_source",
    "dump",
    "find_notebooks",
    "imported_modules",
    "instructor_version",
    "match",
    "meta_of",
    "points_cells",
    "read",
    "redact",
    "redact_unexecuted",
    "release",
    "restore",
    "score",
    "score_unexecuted",
    "source_of",
    "stored_version",
    "thaw",
    "upgrade",
    "with_student_outputs",
]
