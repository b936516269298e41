"""A class that never was: a roster, the hand-ins to every assignment, the scores of everything else."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random

from grader.config import Course
from grader.demo.answers import Catalogue, catalogue
from grader.demo.dice import dice
from grader.demo.fates import Fate, fates
from grader.demo.handins import Solved, handed_in_at, pack, solve, solve_in_a_hurry, stamp, tried_before
from grader.demo.people import STUDENTS, roster_csv
from grader.demo.scores import scores_csv
from grader.model import Bundle, Files, Student

SEED = 20260901
_MOST_THROWS = 100
"""So many students cannot all write the same by chance."""
_ZIP_TIME = (2026, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Drop:
    """One delivery of hand-ins to an assignment, as it lies in the inbox."""

    assignment: str
    path: str
    """The folder or the zip that is collected, below the inbox."""
    files: Files
    """By path below the inbox: `<folder>/<student_id>/<file>`, or the zip alone."""


@dataclass(frozen=True, slots=True)
class InventedClass:
    """Everything that the demo hands in."""

    roster_csv: str
    drops: tuple[Drop, ...]
    """In the order in which they are to be collected: second attempts after first ones."""
    scores: Mapping[str, str]
    """CSV text by item: `student_id,score,comment`."""
    fates: Mapping[str, Mapping[str, Fate]]
    """By assignment and student id."""


@dataclass(frozen=True, slots=True)
class _HandIns:
    """All hand-ins to one assignment: files by student id."""

    first: Mapping[str, Files]
    second: Mapping[str, Files]
    fates: Mapping[str, Fate]


@dataclass(frozen=True, slots=True)
class _Assignment:
    """One assignment before the class begins to work on it."""

    bundle: Bundle
    catalogue: Catalogue
    due: datetime | None
    seed: int

    def dice(self, purpose: str, student: Student, throw: int = 0) -> Random:
        """Dice for one purpose of one student."""
        return dice(self.seed, self.bundle.assignment, purpose, student.student_id, throw)


def invent(course: Course, bundles: Iterable[Bundle], *, seed: int = SEED) -> InventedClass:
    """The same class for the same course and seed; its work is made from the release versions in the bundles."""
    skills = {student.student_id: _skill(student, seed) for student in STUDENTS}
    drops: list[Drop] = []
    became: dict[str, Mapping[str, Fate]] = {}
    for number, bundle in enumerate(bundles):
        name = bundle.assignment
        hand_ins = _hand_ins(_Assignment(bundle, catalogue(name), course.assignments[name].due, seed), skills)
        drops.append(_zipped(name, hand_ins.first) if number % 2 else _folder(name, name, hand_ins.first))
        if hand_ins.second:
            drops.append(_folder(name, f"{name}_second", hand_ins.second))
        became[name] = hand_ins.fates
    items = (item for item in course.assignments.values() if not item.has_notebooks)
    scores = {item.name: scores_csv(item, skills, dice(seed, "scores", item.name)) for item in items}
    return InventedClass(roster_csv(), tuple(drops), scores, became)


def _skill(student: Student, seed: int) -> float:
    """How likely a student is to answer an easy question well: mostly likely, seldom sure."""
    return 0.3 + 0.68 * dice(seed, "skill", student.student_id).betavariate(3.0, 1.1)


def _hand_ins(assignment: _Assignment, skills: Mapping[str, float]) -> _HandIns:
    """What everybody hands in; no two students hand in the same."""
    first: dict[str, Files] = {}
    second: dict[str, Files] = {}
    became: dict[str, Fate] = {}
    seen = {Solved(assignment.bundle.releases, flawless=False).sources}
    planned = fates(assignment.bundle.assignment, skills, dice(assignment.seed, "fates", assignment.bundle.assignment))
    for student in STUDENTS:
        student_id, fate = student.student_id, planned[student.student_id]
        became[student_id] = fate
        if fate is Fate.MISSING:
            continue
        throws = _throws(assignment, student, fate, skills[student_id])
        solved = next(s for s in throws if fate is Fate.BLANK or s.sources not in seen)
        seen.add(solved.sources)
        if fate is Fate.PARTIAL and solved.flawless:
            became[student_id] = Fate.PERFECT
        first[student_id] = _packed(assignment, solved, student, fate)
        if fate is Fate.TWO_ATTEMPTS:
            second[student_id] = first[student_id]
            first[student_id] = _hurried(assignment, student, skills[student_id])
    return _HandIns(first, second, became)


def _throws(assignment: _Assignment, student: Student, fate: Fate, skill: float) -> Iterator[Solved]:
    """The student's work, thrown again and again."""
    for throw in range(_MOST_THROWS):
        yield solve(assignment.bundle, assignment.catalogue, fate, skill, assignment.dice("work", student, throw))


def _packed(assignment: _Assignment, solved: Solved, student: Student, fate: Fate) -> Files:
    thrown = assignment.dice("files", student)
    when = stamp(handed_in_at(assignment.due, fate, thrown)) if assignment.due else {}
    return {**pack(assignment.bundle, solved, student, fate, thrown), **when}


def _hurried(assignment: _Assignment, student: Student, skill: float) -> Files:
    """A first attempt, made before the deadline's last days."""
    thrown = assignment.dice("hurried", student)
    solved = solve_in_a_hurry(assignment.bundle, assignment.catalogue, skill, thrown)
    when = stamp(tried_before(assignment.due, thrown)) if assignment.due else {}
    return {**pack(assignment.bundle, solved, student, Fate.PARTIAL, thrown), **when}


def _folder(assignment: str, folder: str, hand_ins: Mapping[str, Files]) -> Drop:
    files = {f"{folder}/{path}": content for path, content in _by_path(hand_ins).items()}
    return Drop(assignment, folder, files)


def _zipped(assignment: str, hand_ins: Mapping[str, Files]) -> Drop:
    """A zip with the same bytes whenever it is made."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, content in _by_path(hand_ins).items():
            archive.writestr(zipfile.ZipInfo(path, _ZIP_TIME), content, zipfile.ZIP_DEFLATED)
    return Drop(assignment, f"{assignment}.zip", {f"{assignment}.zip": out.getvalue()})


def _by_path(hand_ins: Mapping[str, Files]) -> Files:
    return {
        f"{student_id}/{path}": content for student_id, files in hand_ins.items() for path, content in files.items()
    }
