"""A course as it stands on disk: its folder, its configuration, its class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader.config import FILE_NAME, Course, parse_course
from grader.errors import ConfigError
from grader.model import Student
from grader.store import CourseFolder
from grader.text import escape

if TYPE_CHECKING:
    from grader.store import Database

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class OpenCourse:
    """A course whose configuration and roster have been read."""

    folder: CourseFolder
    course: Course
    roster: tuple[Student, ...] | None
    """None where there is no `roster.csv`: the class is then whoever handed in."""

    @property
    def students(self) -> tuple[Student, ...]:
        """The roster, and after it, sorted by id, whoever handed in without being on it."""
        known = {student.student_id: student for student in self.roster or ()}
        others = {sid for a in self.course.notebook_assignments for sid in self.folder.submitters(a.name)} - set(known)
        return (*known.values(), *(Student(sid) for sid in sorted(others)))

    def database(self) -> Database:
        """The course's database; a relative SQLite path in `course.toml` is relative to the course."""
        from grader.store import Database

        url = self.course.database_url
        if url.startswith(_SQLITE):
            return Database(self.folder.root / url.removeprefix(_SQLITE), course_id=self.course.id)
        return Database(url, course_id=self.course.id)


def open_course(start: Path) -> OpenCourse:
    """The course of the nearest folder upward from `start` that has a `course.toml`."""
    folder = CourseFolder(find_root(start))
    try:
        text = folder.config.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{escape(folder.config)} cannot be read: {escape(error)}") from None
    return OpenCourse(folder, parse_course(text, folder.assignment_names()), folder.read_roster())


def find_root(start: Path) -> Path:
    """The nearest folder upward from `start` with a `course.toml`."""
    here = start.absolute()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    raise ConfigError(f"no {FILE_NAME} in {escape(here)} or above it; begin a course with: grader init {escape(here)}")
