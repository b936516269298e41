"""Teams: who works with whom on an item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from grader.errors import ConfigError
from grader.gradebook.formats.cells import unsafe
from grader.gradebook.formats.layouts import cell, folded, place_of
from grader.gradebook.formats.table import read_table
from grader.model import Student
from grader.text import escape

Teams: TypeAlias = Mapping[str, tuple[str, ...]]
"""Student ids by the team's name, in the order of the file."""


def parse_teams(data: bytes, filename: str, roster: Iterable[Student], item: str) -> Teams:
    """Read the teams of one item from a table with the columns `team`, `student_id` and perhaps `item`.

    A row whose `item` is blank holds for all items. Raises `ConfigError` with a line for each student who is not on
    the roster or in two teams.
    """
    table = read_table(data, filename)
    titles = folded(table.titles)
    team_at, student_at, item_at = (place_of(titles, name) for name in ("team", "student_id", "item"))
    if team_at is None or student_at is None:
        raise ConfigError(f"{escape(filename)}: needs the columns team and student_id")
    known = {student.student_id for student in roster}
    teams: dict[str, tuple[str, ...]] = {}
    of: dict[str, str] = {}
    problems = []
    for row in table.rows[1:]:
        if cell(row, item_at) not in {"", item}:
            continue
        team, student = unsafe(cell(row, team_at)), unsafe(cell(row, student_at))
        where = f"{escape(filename)}: row {row.number}"
        if not team or student not in known:
            problems.append(
                f'{where}: "{escape(student)}" is nobody on the roster' if team else f"{where}: names no team"
            )
        elif of.setdefault(student, team) != team:
            problems.append(f'{where}: {escape(student)} is in "{escape(of[student])}" already')
        elif student not in teams.get(team, ()):
            teams[team] = (*teams.get(team, ()), student)
    if problems:
        raise ConfigError(*problems)
    return teams


def members_of(teams: Teams, name: str) -> tuple[str, ...]:
    """Return a team's members; `ValueError` where there is no such team."""
    if name in teams:
        return teams[name]
    message = f'"{escape(name, 60)}" is no team of this item' if name else "names neither a team nor a student"
    raise ValueError(message)
