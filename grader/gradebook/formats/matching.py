"""Whose row is it? Answered from the roster, never by guessing."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grader.gradebook.formats.cells import unsafe
from grader.model import Student
from grader.text import escape


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
        for name in (f"{student.first_name} {student.last_name}", f"{student.last_name}, {student.first_name}"):
            yield "name", _plain(name)
    for title, value in student.extra.items():
        if value.strip():
            kind = title.strip().casefold().replace(" ", "_")
            yield kind, value.strip().casefold()
            if kind.startswith("kaggle"):
                yield "kaggle", value.strip().casefold()
            if kind in {"username", "user", "login", "sis_login_id"}:
                yield "login", value.strip().casefold()


def _bare(kind: str, value: str) -> str:
    """Brightspace writes a number sign before its ids, and we an apostrophe before what looks like a formula."""
    value = unsafe(value.strip())
    return value.removeprefix("#") if kind == "student_id" else value


def _folded(kind: str, value: str) -> str:
    if kind == "student_id":
        return value
    return _plain(value) if kind == "name" else value.casefold()


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().replace(",", " , ").split()).strip(" ,")
