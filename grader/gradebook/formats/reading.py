"""A file of scores, read into a plan."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from grader.errors import ScoresError
from grader.gradebook.exact import exact, shown
from grader.gradebook.formats.matching import Match, NoMatchError, Roster
from grader.gradebook.formats.plan import ImportPlan, Matched, Problem
from grader.gradebook.formats.table import Table, read_table
from grader.gradebook.scores import Item, ItemScore, Status
from grader.model import Student
from grader.text import escape

_TITLES = {
    "student_id": ("student_id", "student id", "id", "sid", "student", "student number"),
    "email": ("email", "e-mail", "email address", "mail"),
    "score": ("score", "points", "grade", "total score"),
    "max": ("max", "max_score", "max score", "max points", "maximum", "out of"),
    "comment": ("comment", "comments", "feedback"),
}
_EXCUSED = {"ex", "excused"}
_COMMA_GROUPS = re.compile(r"\d{1,3}(,\d{3})+", re.ASCII)
_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """What one row says, before anybody has judged it."""

    row: int
    keys: tuple[tuple[str, str], ...]
    """Who: kind and value."""
    score: str
    max_score: str = ""
    comment: str = ""


def read_scores(  # noqa: PLR0913 - what a reader must know, each by name
    data: bytes,
    filename: str,
    *,
    item: Item,
    roster: Iterable[Student],
    columns: Mapping[str, str] | None = None,
    before: Mapping[str, ItemScore] | None = None,
    most: Fraction | None = None,
) -> ImportPlan:
    """Return what the file would bring for the item; nothing is guessed.

    A row that names nobody, or somebody twice, a score over `most` (the item's points unless given) and text where a
    number should be are listed as problems. A blank cell is no score, `EX` is excused. `columns` names columns that
    carry other titles: from `student_id`, `email`, `score`, `max`, `comment` to the title in the file.

    Raises `ScoresError` where the file as a whole cannot be read.
    """
    table = read_table(data, filename)
    entries = _plain_entries(table, filename, columns or {})
    return _judge(table, entries, Roster.of(roster), item, most or item.points, before or {}, filename, data)


def _plain_entries(table: Table, filename: str, columns: Mapping[str, str]) -> tuple[Entry, ...]:
    at = _columns(table, filename, columns)
    if "score" not in at or not {"student_id", "email"} & at.keys():
        wanted = "a score" if {"student_id", "email"} & at.keys() else "a student_id or an email"
        titles = ", ".join(escape(title, 40) for title in table.titles[:12])
        raise ScoresError(f"{escape(filename)}: no column holds {wanted}; the titles are: {titles}; name it")
    return tuple(
        Entry(
            row.number,
            tuple((kind, _cell(row.cells, at.get(kind))) for kind in ("student_id", "email")),
            _cell(row.cells, at["score"]),
            _cell(row.cells, at.get("max")),
            _cell(row.cells, at.get("comment")),
        )
        for row in table.rows[1:]
    )


def _columns(table: Table, filename: str, columns: Mapping[str, str]) -> dict[str, int]:
    folded = [title.casefold() for title in table.titles]
    if unknown := set(columns) - set(_TITLES):
        raise ScoresError(f"there is no role {', '.join(sorted(unknown))}; the roles are {', '.join(_TITLES)}")
    at = {}
    for role, usual in _TITLES.items():
        wanted = (columns[role].casefold(),) if role in columns else usual
        places = [place for title in wanted for place, found in enumerate(folded) if found == title]
        if role in columns and not places:
            raise ScoresError(f'{escape(filename)}: has no column "{escape(columns[role])}"')
        if places:
            at[role] = places[0]
    return at


def _cell(cells: tuple[str, ...], place: int | None) -> str:
    return cells[place] if place is not None and place < len(cells) else ""


def _judge(  # noqa: PLR0913, PLR0917 - all that a verdict needs
    table: Table,
    entries: tuple[Entry, ...],
    roster: Roster,
    item: Item,
    most: Fraction,
    before: Mapping[str, ItemScore],
    filename: str,
    data: bytes,
) -> ImportPlan:
    found, problems, notes = _find(entries, roster)
    matched, blank = [], []
    for entry, match in found:
        student_id = match.student.student_id
        try:
            score = _score(entry, item, most, comma=table.delimiter == ";")
        except ValueError as error:
            problems.append(Problem(entry.row, f"{escape(student_id)}: {error}"))
            continue
        if score is None:
            blank.append(student_id)
        else:
            matched.append(Matched(entry.row, student_id, score, match.by))
    present = {match.student.student_id for _, match in found}
    return ImportPlan(
        item=item.name,
        filename=filename,
        digest=hashlib.sha256(data).hexdigest(),
        format="plain",
        matched=tuple(matched),
        problems=tuple(sorted(problems, key=lambda problem: problem.row)),
        blank=tuple(blank),
        absent=tuple(s.student_id for s in roster.students if s.student_id not in present),
        notes=(*table.notes, *notes),
        before=before,
    )


def _find(entries: tuple[Entry, ...], roster: Roster) -> tuple[list[tuple[Entry, Match]], list[Problem], list[str]]:
    """Match every row; a student who is in two rows is a problem in both, since nobody knows which one holds."""
    found, problems, notes = [], [], []
    for entry in entries:
        try:
            match = roster.find(entry.keys)
        except NoMatchError as reason:
            problems.append(Problem(entry.row, str(reason)))
            continue
        found.append((entry, match))
        if match.note:
            notes.append(f"row {entry.row}: taken for {escape(match.student.student_id)}: {match.note}")
    times = Counter(match.student.student_id for _, match in found)
    for entry, match in found:
        if times[match.student.student_id] > 1:
            rows = ", ".join(str(e.row) for e, m in found if m.student.student_id == match.student.student_id)
            problems.append(Problem(entry.row, f"{escape(match.student.student_id)} is in rows {rows}; keep one"))
    return [(entry, match) for entry, match in found if times[match.student.student_id] == 1], problems, notes


def _score(entry: Entry, item: Item, most: Fraction, *, comma: bool) -> ItemScore | None:
    if not entry.score:
        return None
    if entry.score.casefold() in _EXCUSED:
        return ItemScore(None, Status.EXCUSED, comment=entry.comment)
    score = read_number(entry.score, comma=comma)
    of = read_number(entry.max_score, comma=comma) if entry.max_score else item.points
    limit = most if of == item.points or not item.points else most * of / item.points
    if score < 0:
        message = f"{shown(score, 4)} is less than nothing"
        raise ValueError(message)
    if score > limit:
        message = f"{shown(score, 4)} is more than the {shown(limit, 4)} points there are"
        raise ValueError(message)
    return ItemScore(score, max_score=None if of == item.points else of, comment=entry.comment)


def read_number(text: str, *, comma: bool) -> Fraction:
    """Read a number as it is written; `comma` says that the file writes decimals with a comma.

    Elsewhere `8,5` can only be a decimal comma, while `1,234` could be two things: raises `ValueError` for it and for
    text.
    """
    if _COMMA.fullmatch(text):
        if not comma and _COMMA_GROUPS.fullmatch(text):
            message = f'"{text}" may be {text.replace(",", ".")} or {text.replace(",", "")}; write it without the comma'
            raise ValueError(message)
        text = text.replace(",", ".")
    try:
        return exact(text)
    except ValueError:
        message = f'"{escape(text, 60)}" is no number'
        raise ValueError(message) from None
