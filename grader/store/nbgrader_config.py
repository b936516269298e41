"""The configuration by which nbgrader's own commands and form grader work on a course of ours."""

from __future__ import annotations

_TEXT = """\
# Lets nbgrader's own commands and form grader work on this course: `nbgrader export`, `jupyter notebook` -> Formgrader.
# Written by `grader init`; the course itself is described in course.toml.
import os

c = get_config()  # noqa: F821 - given by nbgrader

c.CourseDirectory.course_id = {course_id!r}
c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.source_directory = "source_assignments"
"""


def nbgrader_config(course_id: str, database_url: str | None = None) -> str:
    """Text of `nbgrader_config.py`; without a URL the database is `gradebook.db` in the course folder."""
    text = _TEXT.format(course_id=course_id)
    return text if database_url is None else f"{text}c.CourseDirectory.db_url = {database_url!r}\n"
