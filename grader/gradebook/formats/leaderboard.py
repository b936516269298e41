"""A competition's leaderboard, and how its scores or ranks become points."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from grader.errors import ScoresError
from grader.gradebook.exact import rounded
from grader.gradebook.formats.layouts import cell, folded, place_of
from grader.gradebook.formats.table import Table
from grader.text import escape

_RANK = re.compile(r"\d{1,9}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Team:
    """One row of the board."""

    row: int
    name: str
    members: tuple[str, ...]
    """User names; none in older exports."""
    score: Fraction
    rank: int
    """1 for the best; equal scores share the best of their ranks."""


@dataclass(frozen=True, slots=True)
class Board:
    """All teams, and what every one of them is measured by, worked out once."""

    teams: tuple[Team, ...]
    ranks: tuple[int, ...]
    """Best first."""
    best: Fraction
    """The score of the first team of the best rank; 0 where there is no team."""

    @classmethod
    def of(cls, teams: Iterable[Team]) -> Board:
        """Sort the ranks."""
        teams = tuple(teams)
        best = min(teams, key=lambda team: team.rank).score if teams else Fraction(0)
        return cls(teams, tuple(sorted(team.rank for team in teams)), best)


@dataclass(frozen=True, slots=True)
class Linear:
    """Points on the line through two scores; beyond them it stays level."""

    low: Fraction
    low_points: Fraction
    high: Fraction
    high_points: Fraction

    def points(self, team: Team, board: Board) -> Fraction:
        """Return a team's points."""
        del board
        share = (team.score - self.low) / (self.high - self.low)
        return self.low_points + min(max(share, Fraction(0)), Fraction(1)) * (self.high_points - self.low_points)


@dataclass(frozen=True, slots=True)
class Baseline:
    """A line from the points at the baseline up to all points for the best of the board; below the baseline nothing."""

    score: Fraction
    points_there: Fraction
    most: Fraction

    def points(self, team: Team, board: Board) -> Fraction:
        """Return a team's points: 0 for whoever does not reach the baseline."""
        best = board.best
        if best == self.score:
            return self.most if team.score == best else Fraction(0)
        share = (team.score - self.score) / (best - self.score)
        return (
            Fraction(0) if share < 0 else self.points_there + min(share, Fraction(1)) * (self.most - self.points_there)
        )


@dataclass(frozen=True, slots=True)
class Percentile:
    """The share of the teams that are not better, of all points."""

    most: Fraction

    def points(self, team: Team, board: Board) -> Fraction:
        """Return a team's points: all for the first, 1/n for the last of n."""
        better = bisect_left(board.ranks, team.rank)
        return self.most * (len(board.teams) - better) / len(board.teams)


@dataclass(frozen=True, slots=True)
class Bands:
    """Points by rank: up to which rank, and how many."""

    bands: tuple[tuple[int, Fraction], ...]

    def points(self, team: Team, board: Board) -> Fraction:
        """Return a team's points; none beyond the last band."""
        del board
        return next((points for rank, points in self.bands if team.rank <= rank), Fraction(0))


PointsRule: TypeAlias = Linear | Baseline | Percentile | Bands


def parse_rule(text: str, most: Fraction) -> PointsRule:
    """Read how a board becomes points; `most` are the item's points.

    `linear 0.5=0 0.9=100` (two scores and their points), `baseline 0.62=50` (points at the baseline, all for the best),
    `percentile`, `bands 1=100 5=90 20=70` (points up to a rank). Raises `ScoresError` for anything else.
    """
    kind, *pairs = text.split()
    points = [_pair(pair, text) for pair in pairs]
    match kind, points:
        case "linear", [(low, low_points), (high, high_points)] if low != high:
            return Linear(low, low_points, high, high_points)
        case "baseline", [(score, there)]:
            return Baseline(score, there, most)
        case "percentile", []:
            return Percentile(most)
        case "bands", [_, *_] if all(rank.denominator == 1 for rank, _ in points):
            return Bands(tuple(sorted((int(rank), worth) for rank, worth in points)))
        case _:
            raise ScoresError(_wrong(text))


def _pair(text: str, whole: str) -> tuple[Fraction, Fraction]:
    score, equals, points = text.partition("=")
    if not equals or not _NUMBER.fullmatch(score) or not _NUMBER.fullmatch(points):
        raise ScoresError(_wrong(whole))
    return Fraction(Decimal(score)), Fraction(Decimal(points))


def _wrong(text: str) -> str:
    return (
        f'"{escape(text)}" is no rule for points; write "linear 0.5=0 0.9=100", "baseline 0.62=50", "percentile" or '
        f'"bands 1=100 5=90 20=70"'
    )


def is_leaderboard(table: Table) -> bool:
    """Tell whether the titles are those of a leaderboard."""
    return {"teamid", "teamname", "score"} <= set(folded(table.titles))


def read_board(table: Table) -> tuple[tuple[Team, ...], tuple[tuple[int, str], ...]]:
    """Return the teams, best first as in the file, and the rows that hold none, with the reason."""
    titles = folded(table.titles)
    places = [place_of(titles, name) for name in ("teamname", "score", "rank", "teammemberusernames")]
    teams: list[Team] = []
    problems: list[tuple[int, str]] = []
    for row in table.rows[1:]:
        name, score, rank, members = (cell(row, place) for place in places)
        if not _NUMBER.fullmatch(score):
            problems.append((row.number, f'team "{escape(name, 60)}": "{escape(score, 60)}" is no number'))
            continue
        value = Fraction(Decimal(score))
        tied = teams and teams[-1].score == value
        at = teams[-1].rank if tied else int(rank) if _RANK.fullmatch(rank) else len(teams) + 1
        users = tuple(user.strip() for user in members.split(",") if user.strip())
        teams.append(Team(row.number, name, users, value, at))
    return tuple(teams), tuple(problems)


def award(rule: PointsRule, team: Team, board: Board) -> Fraction:
    """Return the points, rounded half up to two digits."""
    return Fraction(rounded(rule.points(team, board), 2))
