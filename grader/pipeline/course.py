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
    from grader.store.snapshots import Snapshots

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

    @property
    def database_file(self) -> Path | None:
        """The SQLite file, by a path relative to the course; None where the database is a server's."""
        url = self.course.database_url
        return self.folder.root / url.removeprefix(_SQLITE) if url.startswith(_SQLITE) else None

    def database(self) -> Database:
        """The course's database; before its tables are changed, a snapshot is kept."""
        from grader.store import Database

        where = self.database_file or self.course.database_url
        return Database(where, course_id=self.course.id, before_migration=lambda: self.keep_snapshot("migration"))

    def snapshots(self) -> Snapshots | None:
        """Copies of the database as it was before earlier runs; None where a server keeps it."""
        from grader.store.snapshots import Snapshots

        file = self.database_file
        return Snapshots(self.folder.private / "snapshots", file) if file else None

    def keep_snapshot(self, command: str) -> None:
        """Keep a copy of the database before this command changes it, if anything has changed since the last copy."""
        snapshots = self.snapshots()
        if snapshots is not None:
            snapshots.keep(command)


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
