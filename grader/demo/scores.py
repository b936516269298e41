"""Scores of what is graded elsewhere: homeworks, the midterm, the project, participation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random

from grader.config import Assignment
from grader.demo.table import csv_text

_COMMENTS: Mapping[str, tuple[str, ...]] = {
    "homeworks": (
        "Nice idea in part 2, but it doesn't cover n = 1",
        "Clear and complete",
        "See the solution of part 3, yours stops half-way",
        "Well written; the plot isn't labelled",
    ),
    "midterm": ("Third place on the private leaderboard!", "The report doesn't say which model was handed in, ask me"),
    "participation": ("Hasn't missed a class, asks good questions", "Speak up more often"),
}
"""By category: what is said to a few students."""
_TITLES = ("student_id", "score", "comment")


def scores_csv(item: Assignment, skills: Mapping[str, float], dice: Random) -> str:
    """A CSV of one item: blanks for what did not come in, `EX` for who is excused, teams with one score."""
    most = float(item.points or 100)
    if item.category == "project":
        return csv_text(_TITLES, sorted(_team_rows(tuple(skills), skills, most, dice)))
    rows = {student_id: [student_id, _score(skill, most, dice), ""] for student_id, skill in skills.items()}
    comments = _COMMENTS.get(item.category, ())
    for student_id, comment in zip(dice.sample(tuple(skills), k=len(comments)), comments, strict=True):
        rows[student_id][2] = comment
    if item.category == "homeworks":
        excused, *absent = dice.sample(tuple(skills), k=3)
        rows[excused][1:] = ["EX", "ill, with a doctor's note"]
        for student_id in absent:
            rows[student_id][1:] = ["", ""]
    return csv_text(_TITLES, rows.values())


def _team_rows(
    students: Sequence[str], skills: Mapping[str, float], most: float, dice: Random
) -> Iterator[tuple[str, str, str]]:
    """Teams of one to three: a row a person, the same score and comment in each row of a team."""
    waiting = dice.sample(students, k=len(students))
    number = 0
    while waiting:
        size, number = dice.choice((1, 2, 2, 3, 3, 3)), number + 1
        team, waiting = waiting[:size], waiting[size:]
        score = _score(sum(skills[student_id] for student_id in team) / len(team), most, dice)
        yield from ((student_id, score, f"Team {number}") for student_id in team)


def _score(skill: float, most: float, dice: Random) -> str:
    """Points in halves, around the skill."""
    share = min(1.0, max(0.0, dice.gauss(0.25 + 0.75 * skill, 0.08)))
    return f"{round(2 * most * share) / 2:g}"
