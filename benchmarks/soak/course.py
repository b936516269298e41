"""The class that is graded: honest work before, among and after bombs; what people gave stands in the database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.notebook import instructor_version, release
from grader.pipeline.course import open_course
from tests.corpus.assignment import RIGHT, make_work, source
from tests.corpus.entry import Entry, entries
from tests.making import solved

LIMITS = {
    "cell_seconds": 3,
    "notebook_seconds": 40,
    "memory_mb": 512,
    "processes": 64,
    "output_mb": 1,
    "disk_mb": 16,
}
HONEST = ("aaa-honest", "bob", "l-honest", "n-honest", "s-honest", "zzz-honest")
SHORT: tuple[str, ...] = ("r05", "r07", "r18", "k01")
"""Processes, memory, disk, and a kernel that ends itself: seconds all together."""
_TAKING = (*SHORT, "r03", "r04", "r06", "r09", "r11", "r12", "r13", "r16", "r19", "r23", "k03", "k04", "k06", "k13")
LONG = (*_TAKING, "f09", "f09b", "w01", "w02", "n04", "x02")
"""Time, threads, output, stack, signals, leftovers, writing elsewhere, sockets, daemons besides."""
ASSIGNMENT = "ps1"
_MANUAL = 2.5


@dataclass(frozen=True, slots=True)
class Course:
    """A course on disk and who is in it."""

    root: Path
    hostile: tuple[Entry, ...]
    released: Mapping[str, Any]

    @property
    def students(self) -> tuple[str, ...]:
        """Everybody, in the order of grading."""
        return tuple(sorted((*HONEST, *(entry.student for entry in self.hostile))))


def make_course(root: Path, chosen: Iterable[str]) -> Course:
    """Make the course of these entries of the corpus."""
    wanted = set(chosen)
    hostile = tuple(entry for entry in entries() if entry.id in wanted)
    home = root / "source_assignments" / ASSIGNMENT
    home.mkdir(parents=True)
    (home / "p1.ipynb").write_text(json.dumps(source()))
    limits = "".join(f"{name} = {value}\n" for name, value in LIMITS.items())
    (root / "course.toml").write_text(f'[course]\nid = "soak"\n[limits]\n{limits}')
    course = Course(root, hostile, json.loads(json.dumps(release(instructor_version(source())))))
    rows = "".join(f"{student},{student},Sam\n" for student in course.students)
    (root / "roster.csv").write_text(f"student_id,last_name,first_name\n{rows}")
    return course


def hand_in(course: Course, number: int) -> None:
    """Everybody hands in anew: the same answers in a file that differs, so that all of it has to be graded."""
    for student in HONEST:
        folder = course.root / "submitted" / student / ASSIGNMENT
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "p1.ipynb").write_text(json.dumps(solved(course.released, **RIGHT)))
    for entry in course.hostile:
        make_work(entry, dict(course.released), course.root / "submitted" / entry.student / ASSIGNMENT, None)
    for student in course.students:
        path = course.root / "submitted" / student / ASSIGNMENT / "p1.ipynb"
        notebook = json.loads(path.read_text())
        notebook["metadata"]["round"] = number
        path.write_text(json.dumps(notebook))


def grade_by_hand(course: Course) -> None:
    """Give everybody points and a comment for the essay, as nbgrader's form grader does."""
    with closing(sqlite3.connect(course.root / "gradebook.db", timeout=30)) as database, database:
        essays = "SELECT id FROM base_cell WHERE name = 'essay'"
        given = f"UPDATE grade SET manual_score = {_MANUAL}, needs_manual_grade = 0 WHERE cell_id IN ({essays})"
        database.execute(given)
        database.execute(f"UPDATE comment SET manual_comment = 'read' WHERE cell_id IN ({essays})")


def results(course: Course) -> tuple[dict[str, Any], dict[str, float], dict[str, float | None]]:
    """By student: the outcome, the automatic points, the points for the essay."""
    points: dict[str, float] = {}
    manual: dict[str, float | None] = {}
    with open_course(course.root).database() as database:
        for question in database.question_scores(ASSIGNMENT):
            points[question.student_id] = points.get(question.student_id, 0.0) + (question.auto_score or 0.0)
            if question.grade_id == "essay":
                manual[question.student_id] = question.manual_score
        return {row.student_id: row for row in database.outcomes(ASSIGNMENT)}, points, manual
