"""The configuration by which nbgrader's own commands and form grader work on a course of ours."""

from __future__ import annotations

_TEXT = """\
# Lets nbgrader's own commands and form grader work on this course: `nbgrader export`, `jupyter notebook` -> Formgrader.
# Written by `grader init`; the course itself is described in course.toml.
import os
import tomllib

c = get_config()  # noqa: F821 - given by nbgrader

root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.course_id = {course_id!r}
c.CourseDirectory.root = root
c.CourseDirectory.source_directory = "source_assignments"

# The database is the one that course.toml names, gradebook.db here if it names none.
try:
    with open(os.path.join(root, "course.toml"), encoding="utf-8-sig") as file:
        url = tomllib.loads(file.read()).get("database", {{}}).get("url", "")
except FileNotFoundError:
    url = ""
if url.startswith("postgres"):
    c.CourseDirectory.db_url = "postgresql+psycopg:" + url.partition(":")[2]
elif url.startswith("sqlite:///"):
    c.CourseDirectory.db_url = "sqlite:///" + os.path.join(root, url.removeprefix("sqlite:///"))
"""


def nbgrader_config(course_id: str) -> str:
    """Text of `nbgrader_config.py`, which finds the database that `course.toml` names each time it is read."""
    return _TEXT.format(course_id=course_id)
