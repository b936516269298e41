"""A new course: a folder with a configuration to read and change."""

from __future__ import annotations

from pathlib import Path

from grader.errors import ConfigError
from grader.store import CourseFolder, atomic_write, make_folder, nbgrader_config
from grader.text import escape

_COURSE = """\
# The course. Only `id` is needed; all the rest has good defaults.
[course]
id = {id}
title = {title}
timezone = "UTC"                     # due dates below are in it, e.g. "Europe/Berlin"

# Every folder under source_assignments/ is an assignment: its notebooks and data files.
# `grader release` makes the student versions, `grader collect` takes in what comes back.

# Categories and their weights in percent; they add up to 100. Without them everything is in one category.
# [categories]
# homeworks = 40
# exam = 60

# [assignments.homework_1]            # a folder of source_assignments/
# category = "homeworks"
# due = 2027-03-01T23:59:00

# [assignments.exam]                  # no folder: its scores are brought in by `grader scores import exam FILE`
# category = "exam"
# points = 100

# What one submission may use while it is graded.
# [limits]
# cell_seconds = 60
# notebook_seconds = 600
# memory_mb = 2048
# output_mb = 5
# disk_mb = 256
# processes = 128
"""


def init(root: Path, course_id: str | None) -> tuple[Path, ...]:
    """Begin a course in a folder; what is there already stays, and the paths of what is new are returned."""
    folder = CourseFolder(root.absolute())
    if folder.config.exists():
        raise ConfigError(f"{escape(folder.config)} exists: this is a course already; change that file instead")
    name = course_id or folder.root.name
    text = _COURSE.format(id=_quoted(name), title=_quoted(name))
    make_folder(folder.sources)
    atomic_write(folder.config, text)
    made = [folder.config]
    if not folder.nbgrader_config.exists():
        atomic_write(folder.nbgrader_config, nbgrader_config(name))
        made.append(folder.nbgrader_config)
    return (*made, folder.sources)


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are among TOML's."""
    import json

    return json.dumps(text, ensure_ascii=True)
