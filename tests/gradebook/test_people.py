"""What people grade and count: rubrics, teams, attendance."""

from __future__ import annotations

from fractions import Fraction

import pytest

from grader.errors import ConfigError, ScoresError
from grader.gradebook import parse_rubric, parse_teams, read_attendance, read_sheet, template
from grader.model import Student

ROSTER = (
    Student("s1", "Lovelace", "Ada"),
    Student("s2", "O'Toole", "Pat", "pat@example.org"),
    Student("s3", "=cmd()", "Eve"),
    Student("s4", "Ng", "Bo"),
)
RUBRIC = """
title = "Project report"
[[criteria]]
name = "Idea"
points = 10
levels = { good = 10, weak = 4.5 }
[[criteria]]
name = "Style, language"
points = 5
"""
TEAMS = b"team,student_id,item\nRockets,s1,project\nRockets,s2,project\n=Sum,s3,\n=Sum,s4,essay\n"


@pytest.fixture
def rubric():
    """Two criteria, one with levels."""
    return parse_rubric(RUBRIC, "rubrics/project.toml")


@pytest.fixture
def project(item):
    """15 points."""
    return item("project", 15)


def numbers(plan):
    """The scores that would be stored."""
    return {student: score.score for student, score in plan.scores.items()}


def test_a_rubric_has_the_points_of_its_criteria(rubric):
    """Ten and five."""
    assert rubric.points == 15


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("criteria = [", "is not valid TOML"),
        ("title = 'x'", "criteria: Field required"),
        ("criteria = []", "criteria: "),
        ("[[criteria]]\nname = 'a'\npoints = 3\nlevels = { top = 4 }", 'level "top" has 4 of 3 points'),
        ("[[criteria]]\nname = 'a'\npoints = 3\n[[criteria]]\nname = 'A'\npoints = 3", 'two criteria are called "a"'),
        ("[[criteria]]\nname = 'a'\npoints = 3\ncolour = 1", "criteria.0.colour"),
    ],
)
def test_a_rubric_that_cannot_be_is_refused(text, said):
    """With the file and the place."""
    with pytest.raises(ConfigError, match=r"rubrics/x\.toml: ") as error:
        parse_rubric(text, "rubrics/x.toml")
    assert said in str(error.value)


def test_the_template_has_a_row_a_student_and_a_column_a_criterion(rubric):
    """Sorted by name, safe against formulas."""
    assert template(ROSTER, rubric).splitlines() == [
        'student_id,name,Idea (10),"Style, language (5)",adjustment,comment',
        "s3,Eve =cmd(),,,,",
        "s1,Ada Lovelace,,,,",
        "s4,Bo Ng,,,,",
        "s2,Pat O'Toole,,,,",
    ]


def test_a_filled_in_template_becomes_scores_and_comments(rubric, project):
    """Levels by name, points by number; what each criterion brought is told to the student."""
    text = template(ROSTER, rubric).replace("s1,Ada Lovelace,,,,", "s1,Ada Lovelace,Weak,4,,Nice plot")
    plan = read_sheet(text.encode(), "p.csv", item=project, roster=ROSTER, rubric=rubric)
    assert numbers(plan) == {"s1": Fraction("8.5")}
    assert plan.scores["s1"].comment == "Idea: 4.5 of 10 (Weak)\nStyle, language: 4 of 5\nNice plot"
    assert (plan.problems, plan.blank) == ((), ("s3", "s4", "s2"))


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("good,,,", "nothing stands under Style, language"),
        ("great,4,,", 'Idea: "great" is no number; the levels are good, weak'),
        ("11,4,,", "Idea: 11 is not within 0 to 10"),
        (",,2,", "s1: there is no score that could be adjusted"),
        ("good,5,1,", "s1: 16 is more than the 15 points there are"),
    ],
)
def test_a_row_that_is_not_certain_is_listed(rubric, project, cells, said):
    """And not imported."""
    text = f'student_id,Idea,"Style, language",adjustment,comment\ns1,{cells}\n'
    plan = read_sheet(text.encode(), "p.csv", item=project, roster=ROSTER, rubric=rubric)
    assert (plan.scores, len(plan.problems)) == ({}, 1)
    assert str(plan.problems[0]).startswith("row 2: ")
    assert said in str(plan.problems[0])


def test_a_team_has_one_score_and_members_their_adjustments(project):
    """The work is the team's; one member did more, and reads so."""
    teams = parse_teams(TEAMS, "teams.csv", ROSTER, "project")
    text = template(ROSTER, teams=teams)
    assert text.splitlines() == [
        "team,student_id,name,score,adjustment,comment",
        "Rockets,,,,,",
        "Rockets,s1,Ada Lovelace,,,",
        "Rockets,s2,Pat O'Toole,,,",
        "'=Sum,,,,,",
        "'=Sum,s3,Eve =cmd(),,,",
    ]
    filled = text.replace("Rockets,,,,,", "Rockets,,,12,,Good").replace(
        "s2,Pat O'Toole,,,", "s2,Pat O'Toole,,1.5,led it"
    )
    plan = read_sheet(filled.encode(), "p.csv", item=project, roster=ROSTER, teams=teams)
    assert numbers(plan) == {"s1": 12, "s2": Fraction("13.5")}
    assert plan.scores["s2"].comment == "Good\nindividual adjustment: +1.5\nled it"
    assert (plan.blank, plan.absent) == (("s3",), ("s4",))


def test_teams_are_checked(project):
    """Unknown students and students in two teams, all at once."""
    data = b"team,student_id\nA,s1\nB,s1\nA,s9\n,s2\n"
    with pytest.raises(ConfigError) as error:
        parse_teams(data, "teams.csv", ROSTER, "project")
    assert error.value.messages == (
        'teams.csv: row 3: s1 is in "A" already',
        'teams.csv: row 4: "s9" is nobody on the roster',
        "teams.csv: row 5: names no team",
    )


def test_a_team_that_does_not_exist_is_told(project):
    """In its row."""
    plan = read_sheet(b"team,score\nNobody,3\n", "p.csv", item=project, roster=ROSTER, teams={"A": ("s1",)})
    assert [str(problem) for problem in plan.problems] == ['row 2: "Nobody" is no team of this item']


ATTENDANCE = (
    "student_id,name,Sep 1,Sep 8,Sep 15,Sep 22,Sep 29\n"
    "s1,Ada,x,x,x,,\n"
    "s2,Pat,yes,excused,no,1,\n"
    "s3,Eve,,,,,\n"
    "s4,Bo,0.5,present,x,x,\n"
)


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        (0, {"s1": "7.5", "s2": "6.67", "s3": "0", "s4": "8.75"}),
        (1, {"s1": "10", "s2": "10", "s3": "0", "s4": "10"}),
    ],
)
def test_attendance_becomes_points(item, free, expected):
    """Three of four sessions; one of the five columns was never held; one absence may be free."""
    plan = read_attendance(ATTENDANCE.encode(), "a.csv", item=item("p", 10), roster=ROSTER, free_absences=free)
    assert numbers(plan) == {student: Fraction(points) for student, points in expected.items()}


def test_marks_that_mean_nothing_are_listed(item):
    """As are strangers and people in two rows."""
    text = "email,Sep 1\npat@example.org,maybe\nwho@example.org,x\n"
    plan = read_attendance(text.encode(), "a.csv", item=item("p", 10), roster=ROSTER)
    assert [str(problem) for problem in plan.problems] == [
        'row 2: "maybe" is no number',
        'row 3: "who@example.org" is nobody on the roster',
    ]
    with pytest.raises(ScoresError, match="no column is a session"):
        read_attendance(b"student_id,name\ns1,Ada\n", "a.csv", item=item("p", 10), roster=ROSTER)
