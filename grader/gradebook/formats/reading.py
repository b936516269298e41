"""A file of scores, read into a plan."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from grader.errors import ScoresError
from grader.gradebook.exact import shown
from grader.gradebook.formats import leaderboard
from grader.gradebook.formats.layouts import Layout, ScoreColumn, cell, choose, folded, place_of, placed
from grader.gradebook.formats.numbers import read_lateness, read_number
from grader.gradebook.formats.plan import ImportPlan, Matched, Problem
from grader.gradebook.formats.systems import recognise
from grader.gradebook.formats.table import Table, read_table
from grader.gradebook.scores import Item, ItemScore, Status
from grader.matching import Match, NoMatchError, Roster
from grader.model import Student
from grader.text import escape

_TITLES = {
    "student_id": ("student_id", "student id", "id", "sid", "student", "student number", "id number"),
    "email": ("email", "e-mail", "email address", "mail"),
    "score": ("score", "points", "grade", "total score"),
    "max": ("max", "max_score", "max score", "max points", "maximum", "out of"),
    "comment": ("comment", "comments", "feedback"),
}
_EXCUSED = {"ex", "excused"}
_BLANK = {"", "n/a", "na", "-"}
_NOTHING_CAME = ("missing", "no submission")


@dataclass(frozen=True, slots=True)
class Entry:
    """What one row says of one student, before anybody has judged it."""

    row: int
    keys: tuple[tuple[str, str], ...]
    """Who: kind and value."""
    score: str
    max_score: str = ""
    comment: str = ""
    late: str = ""
    status: str = ""


def read_scores(  # noqa: PLR0913 - what a reader must know, each by name
    data: bytes,
    filename: str,
    *,
    item: Item,
    roster: Iterable[Student],
    columns: Mapping[str, str] | None = None,
    before: Mapping[str, ItemScore] | None = None,
    most: Fraction | None = None,
    points: str | None = None,
) -> ImportPlan:
    """Return what the file would bring for the item; nothing is guessed.

    The system that wrote the file is recognised: Gradescope, Canvas, Moodle, Blackboard, Brightspace, a Kaggle
    leaderboard, or a plain table. A row that names nobody, or somebody twice, a score over `most` (the item's points
    unless given) and text where a number should be are listed as problems. A blank cell is no score, `EX` is excused.

    `columns` names columns: `score` chooses one of several in a system's export; in a plain table, `student_id`,
    `email`, `score`, `max` and `comment` may have any titles. `points` says how a leaderboard becomes points (see
    `leaderboard`).

    Raises `ScoresError` where the file as a whole cannot be read.
    """
    table = read_table(data, filename)
    columns = columns or {}
    if unknown := set(columns) - set(_TITLES):
        raise ScoresError(f"there is no role {', '.join(sorted(unknown))}; the roles are {', '.join(_TITLES)}")
    index = Roster.of(roster)
    if leaderboard.is_leaderboard(table) and not index.knows("kaggle"):
        raise ScoresError(
            f'{escape(filename)}: is a leaderboard, but roster.csv has no column "kaggle" with user names'
        )
    kind, entries, problems = _entries(table, filename, item, columns, points)
    judge = _Judge(item, most or item.points, comma=table.delimiter == ";")
    found, unmatched, notes = _find(entries, index)
    matched, blank, wrong = judge.scores(found)
    present = {match.student.student_id for _, match in found}
    return ImportPlan(
        item=item.name,
        filename=filename,
        digest=hashlib.sha256(data).hexdigest(),
        format=kind,
        matched=matched,
        problems=tuple(sorted((*problems, *unmatched, *wrong), key=lambda problem: problem.row)),
        blank=blank,
        absent=tuple(student.student_id for student in index.students if student.student_id not in present),
        notes=(*table.notes, *notes),
        before=before or {},
    )


def _entries(
    table: Table, filename: str, item: Item, columns: Mapping[str, str], points: str | None
) -> tuple[str, tuple[Entry, ...], tuple[Problem, ...]]:
    if leaderboard.is_leaderboard(table) and "student_id" not in columns:
        return ("kaggle", *_board_entries(table, filename, item, points))
    if points is not None:
        raise ScoresError(
            f"{escape(filename)}: is no leaderboard, so there is nothing that a rule for points could map"
        )
    layout = None if {"student_id", "email"} & columns.keys() else recognise(table)
    layout = layout or _plain(table, filename, columns)
    column = choose(layout, item, columns.get("score"), filename) if layout.format != "plain" else layout.scores[0]
    return layout.format, tuple(_system_entries(table, layout, column)), ()


def _plain(table: Table, filename: str, columns: Mapping[str, str]) -> Layout:
    titles = folded(table.titles)
    at: dict[str, int | None] = {}
    for role, usual in _TITLES.items():
        at[role] = place_of(titles, columns[role].casefold()) if role in columns else place_of(titles, *usual)
        if role in columns and at[role] is None:
            raise ScoresError(f'{escape(filename)}: has no column "{escape(columns[role])}"')
    keys = placed([("student_id", at["student_id"]), ("email", at["email"])])
    score = at["score"]
    if score is None or not keys:
        wanted = "a score" if keys else "a student_id or an email"
        listed = ", ".join(escape(title, 40) for title in table.titles[:12])
        raise ScoresError(f"{escape(filename)}: no column holds {wanted}; the titles are: {listed}; name it")
    column = ScoreColumn("score", score, table.titles[score], max_place=at["max"], comment_place=at["comment"])
    return Layout("plain", keys, (column,))


def _system_entries(table: Table, layout: Layout, column: ScoreColumn) -> Iterator[Entry]:
    for row in layout.students(table):
        yield Entry(
            row.number,
            layout.keys_of(row),
            cell(row, column.place),
            cell(row, column.max_place) or column.points,
            cell(row, column.comment_place),
            cell(row, column.late_place),
            cell(row, column.status_place),
        )


def _board_entries(
    table: Table, filename: str, item: Item, points: str | None
) -> tuple[tuple[Entry, ...], tuple[Problem, ...]]:
    """One entry a member; in older exports, which name no members, the team's name is that of a student.

    Teams choose their names, and anybody may take any user name: only what the roster says of Kaggle counts.
    """
    if points is None:
        raise ScoresError(
            f'{escape(filename)}: is a leaderboard; say how it becomes points: "percentile", "linear 0.5=0 0.9=100"'
        )
    rule = leaderboard.parse_rule(points, item.points)
    teams, problems = leaderboard.read_board(table)
    board = leaderboard.Board.of(teams)
    entries = tuple(
        Entry(
            team.row,
            (("kaggle", user),),
            shown(leaderboard.award(rule, team, board), 2),
            comment=f"team {escape(team.name, 80)}, rank {team.rank} of {len(teams)}",
        )
        for team in teams
        for user in team.members or (team.name,)
    )
    return entries, tuple(Problem(row, sentence) for row, sentence in problems)


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
    rows: dict[str, list[int]] = {}
    for entry, match in found:
        rows.setdefault(match.student.student_id, []).append(entry.row)
    times = Counter(match.student.student_id for _, match in found)
    problems += [
        Problem(entry.row, f"{escape(name)} is in rows {', '.join(map(str, rows[name]))}; keep one")
        for entry, match in found
        if times[name := match.student.student_id] > 1
    ]
    return [(entry, match) for entry, match in found if times[match.student.student_id] == 1], problems, notes


@dataclass(frozen=True, slots=True)
class _Judge:
    """What a score may be."""

    item: Item
    most: Fraction
    comma: bool

    def scores(
        self, found: Iterable[tuple[Entry, Match]]
    ) -> tuple[tuple[Matched, ...], tuple[str, ...], list[Problem]]:
        matched, blank, problems = [], [], []
        for entry, match in found:
            student_id = match.student.student_id
            try:
                score = self._score(entry)
            except ValueError as error:
                problems.append(Problem(entry.row, f"{escape(student_id)}: {error}"))
                continue
            if score is None:
                blank.append(student_id)
            else:
                matched.append(Matched(entry.row, student_id, score, match.by))
        return tuple(matched), tuple(blank), problems

    def _score(self, entry: Entry) -> ItemScore | None:
        if entry.score.casefold() in _BLANK:
            missing = entry.status.casefold().startswith(_NOTHING_CAME)
            return ItemScore(None, Status.MISSING, comment=entry.comment) if missing else None
        if entry.score.casefold() in _EXCUSED:
            return ItemScore(None, Status.EXCUSED, comment=entry.comment)
        score = read_number(entry.score, comma=self.comma)
        of = read_number(entry.max_score, comma=self.comma) if entry.max_score else self.item.points
        limit = self.most if of == self.item.points or not self.item.points else self.most * of / self.item.points
        if score < 0:
            message = f"{shown(score, 4)} is less than nothing"
            raise ValueError(message)
        if score > limit:
            message = f"{shown(score, 4)} is more than the {shown(limit, 4)} points there are"
            raise ValueError(message)
        late = read_lateness(entry.late) if entry.late else timedelta(0)
        return ItemScore(score, max_score=None if of == self.item.points else of, comment=entry.comment, late=late)
