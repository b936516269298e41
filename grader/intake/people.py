"""Which student a hand-in's person is: beyond doubt, or left to a person with the likely ones listed."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeAlias

from grader.errors import IntakeError
from grader.intake.hand_ins import HandIn, Person
from grader.matching import Roster, close_students, fold_name
from grader.model import Student
from grader.text import escape

Aliases: TypeAlias = Mapping[tuple[str, str], str]
"""Student ids by layout and by what somebody is called in it, as a person settled it."""

_TITLES = ("format", "called", "student_id")
_NAMES = frozenset({"name", "compact"})
_RECORDED = ("canvas_id", "moodle_id", "sid")
"""Ids that contradict a name: who has another one is somebody else of that name."""
_AS_IDS = frozenset({"given", "student_id", "login", "sid", "github", "canvas_id"})


@dataclass(frozen=True, slots=True)
class Found:
    """Who a person is, if that is certain."""

    student_id: str | None
    by: str = ""
    """What told: the kind of name, or `alias`."""
    candidates: tuple[str, ...] = ()
    why: str = ""
    """Why it is not certain, in words."""


def identify(person: Person, roster: Roster | None, valid_id: Callable[[str], bool]) -> Found:
    """The one student whom everything that is known of a person fits."""
    if roster is None:
        return _without_roster(person, valid_id)
    fitting, by = _by_ids(person, roster)
    if not fitting:
        fitting, by = _by_names(person, roster), "name"
    if len(fitting) > 1:
        return Found(None, "", tuple(sorted(fitting)), "may be any of these")
    if not fitting:
        why = "nobody on the roster is called that"
        if any(kind == "github" for kind, _ in person.clues) and not roster.knows("github"):
            why = "roster.csv has no column github"
        return Found(None, "", close_students(person.said, roster.students), why)
    ((student_id, student),) = fitting.items()
    if by == "name" and (contradiction := _contradiction(person, student, roster)):
        return Found(None, "", (student_id,), contradiction)
    return Found(student_id, by)


def _without_roster(person: Person, valid_id: Callable[[str], bool]) -> Found:
    for kind, value in person.clues:
        if kind in _AS_IDS and valid_id(value):
            return Found(value, kind)
    return Found(None, why="there is no roster.csv to look this up in, and it cannot be an id")


def _by_ids(person: Person, roster: Roster) -> tuple[dict[str, Student], str]:
    """The students whom the ids mean: of one value, the first kind of id wins, and the others count together."""
    found: dict[str, Student] = {}
    told = ""
    for value in dict.fromkeys(value for kind, value in person.clues if kind not in _NAMES):
        kinds = [kind for kind, this in person.clues if this == value and kind not in _NAMES]
        first = _fitting(roster, kinds[0], value)
        of_value = first or {k: s for kind in kinds[1:] for k, s in _fitting(roster, kind, value).items()}
        if of_value:
            told = told or next(kind for kind in kinds if _fitting(roster, kind, value))
            found |= of_value
    return found, told


def _fitting(roster: Roster, kind: str, value: str) -> dict[str, Student]:
    kind = "student_id" if kind == "given" else kind
    return {student.student_id: student for student in roster.fitting(kind, value)}


def _by_names(person: Person, roster: Roster) -> dict[str, Student]:
    names = [(kind, value) for kind, value in person.clues if kind in _NAMES]
    return {k: s for kind, value in names for k, s in _fitting(roster, kind, value).items()}


def _contradiction(person: Person, student: Student, roster: Roster) -> str:
    for kind, value in person.clues:
        recorded = roster.named(student, kind) if kind in _RECORDED else frozenset()
        if recorded and value.casefold() not in recorded:
            return f"has the name of that student, but another {kind}"
    return ""


def settled(layout: str, hand_in: HandIn, person: Person, named: Mapping[str, str]) -> str | None:
    """The student whom `--as FILE=STUDENT` gives for a hand-in."""
    names = {person.label, person.known_as}
    if len(hand_in.people) == 1:
        names |= set(hand_in.names)
    for said, student_id in named.items():
        given = {unicodedata.normalize("NFC", text) for text in (said, PurePath(said).name)}
        if given & (names - {""}) or said == f"{layout}:{person.label}":
            return student_id
    return None


def remembered(
    layout: str, person: Person, aliases: Aliases, labels: Mapping[str, set[str]], roster: Roster | None
) -> str | None:
    """The student whom an earlier `--as` gave: by name only where nobody else in sight has it."""
    found = aliases.get((layout, person.label))
    if found is None and person.known_as and _nobody_else(person, labels, roster):
        found = aliases.get((layout, person.known_as))
    known = roster is None or any(found == student.student_id for student in roster.students)
    return found if known else None


def to_remember(
    layout: str, person: Person, labels: Mapping[str, set[str]], roster: Roster | None
) -> tuple[tuple[str, str], ...]:
    """The keys under which a settled person is known again."""
    keys = [(layout, person.label)]
    if person.known_as and _nobody_else(person, labels, roster):
        keys.append((layout, person.known_as))
    return tuple(keys)


def _nobody_else(person: Person, labels: Mapping[str, set[str]], roster: Roster | None) -> bool:
    alike = len(roster.fitting("name", person.known_as)) if roster else 0
    return alike <= 1 and len(labels.get(fold_name(person.known_as), ())) <= 1


def read_aliases(text: str, name: str) -> dict[tuple[str, str], str]:
    """The aliases of an earlier `to_text`, or of a person: columns format, called, student_id."""
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        titles = next(rows, list(_TITLES))
        if tuple(titles) != _TITLES:
            raise IntakeError(f"{name}, line 1: the titles should be {','.join(_TITLES)}")
        return {(_bare(row[0]), _bare(row[1])): _bare(row[2]) for row in rows if len(row) == len(_TITLES)}
    except csv.Error as error:
        raise IntakeError(f"{name}, line {rows.line_num}: not a CSV file ({escape(error)})") from None


def aliases_text(aliases: Aliases) -> str:
    """The aliases as CSV; what a spreadsheet would take for a formula is quoted."""
    from grader.gradebook.formats.cells import safe, to_text

    rows: Iterable[list[str]] = ([safe(layout), safe(called), safe(sid)] for (layout, called), sid in aliases.items())
    return to_text([_TITLES, *sorted(rows)])


def _bare(cell: str) -> str:
    from grader.gradebook.formats.cells import unsafe

    return unsafe(cell)
