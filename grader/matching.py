"""Who is it? Answered from the roster, never by guessing: for rows of scores and for what students hand in."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grader.model import Student
from grader.text import escape

_LIKELY = 70
_LONGEST = 1_000
"""Characters of a name that count: no name has more."""
_APOSTROPHES = "'’ʼ`´"  # noqa: RUF001 - names are written with all of them
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i"})  # noqa: RUF001 - so is a Turkish i
"""Letters that have no decomposition, though systems and people write them so; `ß` is folded by Python itself."""
_COLUMNS: Mapping[str, frozenset[str]] = {
    "canvas_id": frozenset({"canvas", "canvas_user_id", "canvas_user"}),
    "moodle_id": frozenset({"moodle", "moodle_participant", "participant"}),
    "sid": frozenset({"sis_id", "sis_user_id", "gradescope_sid", "gradescope_id", "orgdefinedid", "org_defined_id"}),
    "github": frozenset({"github_user", "github_username", "github_login", "github_name", "github_id"}),
    "kaggle": frozenset(),
    "login": frozenset(
        {"username", "user_name", "user", "login_id", "sis_login_id", "blackboard", "blackboard_username", "netid"}
    ),
}
"""What further columns of a roster are called, by the kind of name that they hold; each is a kind of its own, too."""


@dataclass(frozen=True, slots=True)
class Match:
    """A student, and what named them."""

    student: Student
    by: str
    note: str = ""


class NoMatchError(Exception):
    """Nobody, or more than one, in a sentence."""


@dataclass(frozen=True, slots=True)
class Roster:
    """The students by everything that may name them in a file."""

    students: tuple[Student, ...]
    _by: Mapping[str, Mapping[str, tuple[Student, ...]]]

    @classmethod
    def of(cls, students: Iterable[Student]) -> Roster:
        """Index the students."""
        students = tuple(students)
        index: dict[str, dict[str, dict[str, Student]]] = defaultdict(lambda: defaultdict(dict))
        for student in students:
            for kind, value in _names(student):
                index[kind][value][student.student_id] = student
        return cls(
            students,
            {kind: {v: tuple(found.values()) for v, found in values.items()} for kind, values in index.items()},
        )

    def knows(self, kind: str) -> bool:
        """Tell whether any student has a name of this kind."""
        return kind in self._by

    def fitting(self, kind: str, value: str) -> tuple[Student, ...]:
        """All students whom a name of this kind means; an id in other capitals means its student as well."""
        value = _bare(kind, value)
        exactly = self._by.get(kind, {}).get(_folded(kind, value), ())
        if exactly or kind != "student_id":
            return exactly
        return tuple(s for s in self.students if s.student_id.casefold() == value.casefold())

    def named(self, student: Student, kind: str) -> frozenset[str]:
        """What the roster calls a student in this kind of names, folded."""
        return frozenset(value for this, value in _names(student) if this == kind)

    def values(self, kind: str) -> frozenset[str]:
        """All names of a kind, folded."""
        return frozenset(self._by.get(kind, ()))

    def find(self, keys: Iterable[tuple[str, str]]) -> Match:
        """Return the one student whom all of the keys that are known name; raises `NoMatchError` with the reason.

        A key is a kind (`student_id`, `email`, `login`, `name`, or the title of a roster column) and a value. A name
        is asked only when nothing else is known.
        """
        keys = [(kind, _bare(kind, value)) for kind, value in keys if value.strip()]
        if not keys:
            raise NoMatchError("names no student")
        found = [match for kind, value in keys if kind != "name" for match in self._lookup(kind, value)]
        found = found or [match for kind, value in keys if kind == "name" for match in self._lookup(kind, value)]
        ids = sorted({match.student.student_id for match in found})
        said = ", ".join(f'"{escape(value, 60)}"' for value in dict.fromkeys(value for _, value in keys))
        if not ids:
            raise NoMatchError(f"{said} is nobody on the roster")
        if len(ids) > 1:
            raise NoMatchError(f"{said} may be any of {', '.join(escape(name) for name in ids)}")
        return found[0]

    def _lookup(self, kind: str, value: str) -> list[Match]:
        exactly = self._by.get(kind, {}).get(_folded(kind, value), ())
        if exactly or kind != "student_id" or not value.isascii() or not value.isdigit():
            return [Match(student, kind) for student in exactly]
        note = "leading zeros were lost in the file"
        return [Match(student, kind, note) for student in self._by.get("zeros", {}).get(value.lstrip("0"), ())]


def fold_name(name: str) -> str:
    """A name without accents, capitals, punctuation and the order of its parts: what most systems keep of it."""
    return " ".join(sorted(_words(name)))


def compact_name(name: str) -> str:
    """A name without accents, capitals and everything that is no letter or digit, in its own order."""
    return "".join(_words(name))


def close_students(said: str, students: Iterable[Student], most: int = 3) -> tuple[str, ...]:
    """Ids of the students whom a misspelt name, login or id may mean, best first: for a person to choose from."""
    from rapidfuzz import fuzz

    wanted, wanted_compact = fold_name(said), compact_name(said)
    if not wanted:
        return ()
    scores: dict[str, float] = {}
    for student in students:
        last_first = f"{student.last_name} {student.first_name}"
        written = (student.student_id, student.email.partition("@")[0], *student.extra.values())
        likeness = [
            fuzz.token_sort_ratio(wanted, fold_name(last_first)),
            fuzz.token_set_ratio(wanted, fold_name(last_first)),
        ]
        likeness += [
            fuzz.ratio(wanted_compact, compact_name(other)) for other in (last_first, *written) if other.strip()
        ]
        scores[student.student_id] = max(likeness)
    likely = sorted((-score, student_id) for student_id, score in scores.items() if score >= _LIKELY)
    return tuple(student_id for _, student_id in likely[:most])


def _words(name: str) -> list[str]:
    name = name[:_LONGEST]  # decomposing takes time that is quadratic in marks that follow each other
    small = unicodedata.normalize("NFKD", name.casefold()).casefold()  # twice: mathematical capitals come apart first
    apart = unicodedata.normalize("NFKD", small).translate(_LETTERS)
    bare = "".join(character for character in apart if not unicodedata.combining(character))
    return "".join(c if c.isalnum() else "" if c in _APOSTROPHES else " " for c in bare).split()


def _names(student: Student) -> Iterable[tuple[str, str]]:
    yield "student_id", student.student_id
    if student.student_id.isascii() and student.student_id.isdigit():
        yield "zeros", student.student_id.lstrip("0")
    yield "login", student.student_id.casefold()
    if student.email:
        yield "email", student.email.casefold()
        yield "login", student.email.casefold()
        yield "login", student.email.partition("@")[0].casefold()
    if student.last_name or student.first_name:
        yield "name", fold_name(f"{student.first_name} {student.last_name}")
        yield "compact", compact_name(f"{student.last_name} {student.first_name}")
        yield "compact", compact_name(f"{student.first_name} {student.last_name}")
    for title, value in student.extra.items():
        if value.strip():
            column = re.sub(r"[\W_]+", "_", title.strip().casefold()).strip("_")
            yield column, value.strip().casefold()
            for kind, columns in _COLUMNS.items():
                if column in columns or (kind == "kaggle" and column.startswith("kaggle")):
                    yield kind, value.strip().casefold()


def _bare(kind: str, value: str) -> str:
    """Brightspace writes a number sign before its ids, and we an apostrophe before what looks like a formula."""
    from grader.gradebook.formats.cells import unsafe  # not above: the gradebook's files are matched by this module

    value = unsafe(value.strip())
    return value.removeprefix("#") if kind == "student_id" else value


def _folded(kind: str, value: str) -> str:
    match kind:
        case "student_id":
            return value
        case "name":
            return fold_name(value)
        case "compact":
            return compact_name(value)
        case _:
            return value.casefold()
