"""Rubrics: criteria, levels and points; the table that a person fills in, and how it becomes scores."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Annotated

from pydantic import Field, ValidationError

from grader.errors import ConfigError, ScoresError
from grader.gradebook.exact import shown, total
from grader.gradebook.formats.cells import safe, to_text, unsafe
from grader.gradebook.formats.layouts import cell, folded, place_of
from grader.gradebook.formats.numbers import read_number
from grader.gradebook.formats.plan import ImportPlan, Matched, Problem
from grader.gradebook.formats.table import Row, Table, read_table
from grader.gradebook.policies import AtLeastNothing, Policy
from grader.gradebook.scores import Item, ItemScore
from grader.gradebook.teams import Teams, members_of
from grader.gradebook.toml import parse_toml
from grader.matching import Roster
from grader.model import Student
from grader.text import escape

_ADJUSTMENT, _COMMENT = "adjustment", "comment"


class Criterion(Policy):
    """One thing that is looked at."""

    name: Annotated[str, Field(min_length=1)]
    points: AtLeastNothing
    """The most there is for it."""
    levels: dict[str, AtLeastNothing] = Field(default_factory=dict)
    """Points by level; a number of points may be given instead of a level."""
    description: str = ""


class Rubric(Policy):
    """How one item is graded by people: `rubrics/<item>.toml`."""

    title: str = ""
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1, strict=False)]

    @property
    def points(self) -> Fraction:
        """The most there is."""
        return total(criterion.points for criterion in self.criteria)


def parse_rubric(text: str, where: str) -> Rubric:
    """Read a rubric; raises `ConfigError` with a line for each thing that is wrong."""
    try:
        rubric = Rubric.model_validate(parse_toml(text, where))
    except ValidationError as error:
        raise ConfigError(
            *(f"{where}: {escape('.'.join(map(str, found['loc'])))}: {found['msg']}" for found in error.errors())
        ) from None
    names = [criterion.name.casefold() for criterion in rubric.criteria]
    problems = [
        f'{where}: two criteria are called "{escape(name)}"'
        for name in sorted({n for n in names if names.count(n) > 1})
    ]
    problems += [
        f'{where}: {escape(c.name)}: level "{escape(level)}" has {shown(points, 4)} of {shown(c.points, 4)} points'
        for c in rubric.criteria
        for level, points in c.levels.items()
        if points > c.points
    ]
    if problems:
        raise ConfigError(*problems)
    return rubric


def template(students: Iterable[Student], rubric: Rubric | None = None, teams: Teams | None = None) -> str:
    """Return the CSV to fill in: a row a team or a student, a column a criterion (or `score`), and a comment.

    Below each team stand its members, for individual adjustments.
    """
    work = [f"{c.name} ({shown(c.points, 4)})" for c in rubric.criteria] if rubric else ["score"]
    blank = [""] * len(work)
    students = sorted(students, key=lambda s: (s.last_name.casefold(), s.first_name.casefold(), s.student_id))
    if teams is None:
        rows = [[safe(s.student_id), safe(s.name), *blank, "", ""] for s in students]
        return to_text([["student_id", "name", *map(safe, work), _ADJUSTMENT, _COMMENT], *rows])
    known = {student.student_id: student for student in students}
    rows = []
    for team, ids in teams.items():
        rows.append([safe(team), "", "", *blank, "", ""])
        rows += [[safe(team), safe(i), safe(known[i].name), *blank, "", ""] for i in ids if i in known]
    return to_text([["team", "student_id", "name", *map(safe, work), _ADJUSTMENT, _COMMENT], *rows])


def read_sheet(  # noqa: PLR0913 - what a reader must know, each by name
    data: bytes,
    filename: str,
    *,
    item: Item,
    roster: Iterable[Student],
    rubric: Rubric | None = None,
    teams: Teams | None = None,
    before: Mapping[str, ItemScore] | None = None,
    most: Fraction | None = None,
) -> ImportPlan:
    """Return what a filled-in template would bring.

    A cell of a criterion is a level or points. A row of a team counts for all its members; a row of a member may add
    or take points (`adjustment`), with a comment of its own. Rows without any entry are no scores; rows with some are
    listed.

    Raises `ScoresError` where the table as a whole cannot be read.
    """
    table = read_table(data, filename)
    sheet = _Sheet(table, filename, rubric, teams is not None)
    index = Roster.of(roster)
    found, problems, blank = _read(sheet, index, teams or {})
    matched = _within(found, most or item.points, problems)
    present = {*found, *blank}
    return ImportPlan(
        item=item.name,
        filename=filename,
        digest=hashlib.sha256(data).hexdigest(),
        format="rubric" if rubric else "template",
        matched=matched,
        problems=tuple(sorted(problems, key=lambda problem: problem.row)),
        blank=tuple(blank),
        absent=tuple(s.student_id for s in index.students if s.student_id not in present),
        notes=table.notes,
        before=before or {},
    )


_Found = dict[str, tuple[int, ItemScore]]


def _within(found: _Found, limit: Fraction, problems: list[Problem]) -> tuple[Matched, ...]:
    """Those that are not over the limit; the others are added to the problems."""
    problems += [
        Problem(row, f"{escape(who)}: {shown(s.score, 4)} is more than the {shown(limit, 4)} points there are")
        for who, (row, s) in found.items()
        if s.score is not None and s.score > limit
    ]
    return tuple(Matched(row, who, s) for who, (row, s) in found.items() if s.score is not None and s.score <= limit)


def _read(sheet: _Sheet, index: Roster, teams: Teams) -> tuple[_Found, list[Problem], list[str]]:
    """Scores by student: first those of whole teams, then what is different for single members."""
    found: _Found = {}
    problems: list[Problem] = []
    blank: list[str] = []
    for row in sorted(sheet.table.rows[1:], key=lambda row: bool(sheet.cell(row, "student_id"))):
        try:
            score, comment = sheet.work(row), sheet.cell(row, _COMMENT)
            owners = sheet.owners(row, index, teams)
            for owner in owners:
                if score is not None:
                    if owner in found:
                        problems.append(
                            Problem(row.number, f"{escape(owner)} has a score in row {found[owner][0]} already")
                        )
                        continue
                    found[owner] = (row.number, ItemScore(score[0], comment=_joined(score[1], comment)))
                elif owner not in found and sheet.cell(row, "student_id"):
                    blank.append(owner)
            found |= sheet.adjusted(row, owners, found, comment if score is None else "")
        except ValueError as error:
            problems.append(Problem(row.number, str(error)))
    return found, problems, [owner for owner in dict.fromkeys(blank) if owner not in found]


class _Sheet:
    """A filled-in template: where its columns are, and what a row says."""

    def __init__(self, table: Table, filename: str, rubric: Rubric | None, in_teams: bool) -> None:
        """Find the columns; raises `ScoresError` with those that are not there."""
        self.table, self.rubric = table, rubric
        titles = folded(table.titles)
        names = [c.name.casefold() for c in rubric.criteria] if rubric else ["score"]
        bare = [title.rpartition(" (")[0] if title.endswith(")") else title for title in titles]
        self._at = {name: place_of(titles, name) for name in ("team", "student_id", _ADJUSTMENT, _COMMENT)}
        self._at |= {name: place_of(titles, name) if name in titles else place_of(bare, name) for name in names}
        needed = [*names, "team"] if in_teams else [*names, "student_id"]
        if missing := [name for name in needed if self._at[name] is None]:
            raise ScoresError(f"{escape(filename)}: has no column {', '.join(map(escape, missing))}")

    def cell(self, row: Row, name: str) -> str:
        """Return a cell by its title."""
        return cell(row, self._at[name])

    def work(self, row: Row) -> tuple[Fraction, str] | None:
        """Return the points of a row and what they are for; None for a row without any entry."""
        comma = self.table.delimiter == ";"
        if self.rubric is None:
            text = self.cell(row, "score")
            return (read_number(text, comma=comma), "") if text else None
        cells = [(criterion, self.cell(row, criterion.name.casefold())) for criterion in self.rubric.criteria]
        if not any(text for _, text in cells):
            return None
        if open_ := [criterion.name for criterion, text in cells if not text]:
            message = f"nothing stands under {', '.join(map(escape, open_))}; fill it in or empty the row"
            raise ValueError(message)
        points = [_level(criterion, text, comma=comma) for criterion, text in cells]
        said = [
            f"{criterion.name}: {shown(got, 4)} of {shown(criterion.points, 4)}{_named(criterion, text)}"
            for (criterion, text), got in zip(cells, points, strict=True)
        ]
        return total(points), "\n".join(said)

    def owners(self, row: Row, index: Roster, teams: Teams) -> tuple[str, ...]:
        """Return the students whom a row is about."""
        named = unsafe(self.cell(row, "student_id"))
        if named:
            known = {student.student_id for student in index.students}
            if named not in known:
                message = f'"{escape(named, 60)}" is nobody on the roster'
                raise ValueError(message)
            return (named,)
        return members_of(teams, unsafe(self.cell(row, "team")))

    def adjusted(self, row: Row, owners: tuple[str, ...], found: _Found, comment: str) -> _Found:
        """Return the scores that this row's adjustment changes; never below nothing."""
        text = self.cell(row, _ADJUSTMENT)
        own_comment = comment if self.cell(row, "student_id") else ""
        if not text and not own_comment:
            return {}
        change = read_number(unsafe(text), comma=self.table.delimiter == ";") if text else Fraction(0)
        changed: _Found = {}
        for owner in owners:
            if owner not in found:
                if text:
                    message = f"{escape(owner)}: there is no score that could be adjusted"
                    raise ValueError(message)
                continue
            number, score = found[owner]
            words = f"individual adjustment: {'+' if change > 0 else ''}{shown(change, 4)}" if change else ""
            after = max((score.score or Fraction(0)) + change, Fraction(0))
            changed[owner] = (number, ItemScore(after, comment=_joined(score.comment, words, own_comment)))
        return changed


def _level(criterion: Criterion, text: str, *, comma: bool) -> Fraction:
    by_name = {level.casefold(): points for level, points in criterion.levels.items()}
    if text.casefold() in by_name:
        return by_name[text.casefold()]
    try:
        points = read_number(text, comma=comma)
    except ValueError:
        levels = f"; the levels are {', '.join(map(escape, criterion.levels))}" if criterion.levels else ""
        message = f'{escape(criterion.name)}: "{escape(text, 60)}" is no number{levels}'
        raise ValueError(message) from None
    if not 0 <= points <= criterion.points:
        message = f"{escape(criterion.name)}: {shown(points, 4)} is not within 0 to {shown(criterion.points, 4)}"
        raise ValueError(message)
    return points


def _named(criterion: Criterion, text: str) -> str:
    return f" ({text})" if text.casefold() in {level.casefold() for level in criterion.levels} else ""


def _joined(*lines: str) -> str:
    return "\n".join(line for line in lines if line)
