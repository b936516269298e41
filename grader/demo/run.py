"""The demo's own steps: its course, its class, and what they hand in, written where a real class's would lie."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from grader.demo.course import course_files
from grader.demo.invention import Drop, InventedClass, invent
from grader.demo.people import not_invented
from grader.errors import ConfigError
from grader.pipeline.bundle import load_bundle, skipped
from grader.pipeline.course import find_root, open_course
from grader.store import CourseFolder, atomic_write, make_folder, nbgrader_config
from grader.text import escape

if TYPE_CHECKING:
    from grader.pipeline.course import OpenCourse


def copy_course(target: Path) -> None:
    """Put the demo's course into a folder that is empty or holds it already."""
    files = course_files()
    config = target / "course.toml"
    if config.exists() and config.read_bytes() != files["course.toml"]:
        raise ConfigError(f"{escape(config, 300)} is another course; name an empty folder for the demo")
    for path, content in files.items():
        make_folder((target / path).parent)
        atomic_write(target / path, content)


def course_around(directory: Path) -> Path:
    """The course that a folder belongs to; raises `ConfigError` if it belongs to none."""
    try:
        return find_root(directory)
    except ConfigError:
        raise ConfigError(
            f"no course in {escape(directory.absolute(), 300)} or above it; say where to put the demo's: "
            "grader demo DIR"
        ) from None


def refuse_real_students(folder: CourseFolder) -> None:
    """Raise `ConfigError` if the course holds a student whom the demo did not invent."""
    roster = {student.student_id for student in folder.read_roster() or ()}
    handed_in = (
        {path.name for path in folder.submissions.iterdir() if path.is_dir()} if folder.submissions.is_dir() else set()
    )
    if strangers := not_invented(roster | handed_in):
        shown = ", ".join(escape(student_id, 40) for student_id in strangers[:3])
        more = f" and {len(strangers) - 3} more" if len(strangers) > 3 else ""
        raise ConfigError(
            f"{escape(folder.root, 300)} holds students whom the demo did not invent ({shown}{more}); "
            "run it elsewhere: grader demo DIR"
        )


def invent_class(opened: OpenCourse) -> InventedClass:
    """The class of this course, for the assignments that can be run here."""
    chosen = (a for a in opened.course.notebook_assignments if not skipped(a))
    return invent(opened.course, (load_bundle(opened, assignment) for assignment in chosen))


def write_class(folder: CourseFolder, invented: InventedClass) -> OpenCourse:
    """Write the roster, the inbox and the files of scores; the course is opened anew, with its roster."""
    atomic_write(folder.roster, invented.roster_csv)
    if not folder.nbgrader_config.exists():
        atomic_write(folder.nbgrader_config, nbgrader_config(open_course(folder.root).course.id))
    for path, content in _files(invented.drops):
        _write(inbox(folder) / path, content)
    for item, text in invented.scores.items():
        _write(scores_file(folder, item), text.encode())
    return open_course(folder.root)


def inbox(folder: CourseFolder) -> Path:
    """Where the hand-ins lie until they are collected."""
    return folder.private / "demo" / "inbox"


def scores_file(folder: CourseFolder, item: str) -> Path:
    """The file of an item's scores."""
    return folder.private / "demo" / "scores" / f"{item}.csv"


def _files(drops: Iterable[Drop]) -> Iterable[tuple[str, bytes]]:
    return (item for drop in drops for item in drop.files.items())


def _write(path: Path, content: bytes) -> None:
    make_folder(path.parent)
    atomic_write(path, content)
