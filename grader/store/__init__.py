"""The course folder and the database: every file and row of a course; the only writer of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.roster import valid_student_id
from grader.store.files import atomic_write, make_folder
from grader.store.folder import CourseFolder
from grader.store.lock import Holder, course_lock
from grader.store.mark_rows import (
    Action,
    By,
    Claim,
    Glance,
    Message,
    Request,
    RequestStatus,
    StoredMark,
    StoredRubric,
)
from grader.store.nbgrader_config import nbgrader_config
from grader.store.rows import (
    AuditRow,
    ImportedScore,
    NotebookFacts,
    OutcomeRow,
    OutcomeStatus,
    QuestionScore,
    ScoreChange,
    ScoreStatus,
    StoredScore,
    SyncReport,
)

if TYPE_CHECKING:
    from grader.store.database import Database

__all__ = [
    "Action",
    "AuditRow",
    "By",
    "Claim",
    "CourseFolder",
    "Database",
    "Glance",
    "Holder",
    "ImportedScore",
    "Message",
    "NotebookFacts",
    "OutcomeRow",
    "OutcomeStatus",
    "QuestionScore",
    "Request",
    "RequestStatus",
    "ScoreChange",
    "ScoreStatus",
    "StoredMark",
    "StoredRubric",
    "StoredScore",
    "SyncReport",
    "atomic_write",
    "course_lock",
    "make_folder",
    "nbgrader_config",
    "valid_student_id",
]


def __getattr__(name: str) -> object:
    """Load the database when it is asked for: SQLAlchemy takes a third of a second."""
    if name == "Database":
        from grader.store.database import Database

        return Database
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
