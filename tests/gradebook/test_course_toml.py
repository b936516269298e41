"""Every rule in `course.toml`: read exactly, refused in the words of the file."""

from __future__ import annotations

from fractions import Fraction

import pytest

from grader.config import parse_course
from grader.errors import ConfigError
from grader.gradebook import Policies

COURSE = """
[course]
id = "x"
[categories]
project = 60
hw = { weight = 40, items = "equal", drop_lowest = 1, never_drop = ["hw2"], cap = 105 }
bonus = { weight = 2.5, extra_credit = true }
[grading]
digits = 1
missing = "ignore"
gap = 0.5
[late]
percent = 12.5
budget = 3
[letters]
A = 89.5
F = 0
[assignments]
essay = { category = "project", points = 30 }
hw1 = { category = "hw", points = 10, cap = 110 }
hw2 = { category = "hw", points = 10, late = false }
hw1_again = { category = "hw", points = 10, revises = "hw1", share = 0.1 }
posts = { category = "bonus", points = 5 }
[[exceptions]]
student = "s1"
item = "hw1"
reason = "ill"
extension_hours = 48
[[requirements]]
item = "essay"
at_least = 50
letter = "F"
"""


def problems(text: str) -> tuple[str, ...]:
    """Parse a wrong file and give its lines."""
    with pytest.raises(ConfigError) as error:
        parse_course(text, [])
    return error.value.messages


def test_every_rule_is_read_exactly():
    """Decimals of the file are those decimals: 12.5, 0.1, 89.5."""
    policies = parse_course(COURSE, []).policies
    assert (policies.late.percent, policies.assignments["hw1_again"].share) == (Fraction(25, 2), Fraction(1, 10))
    assert (policies.letters["A"], policies.categories["bonus"].weight) == (Fraction(179, 2), Fraction(5, 2))
    assert policies.categories["hw"].never_drop == ("hw2",)
    assert policies.exceptions[0].extension_hours == 48
    assert policies.requirements[0].target == "essay"


def test_a_course_without_rules_has_those_that_do_nothing():
    """All defaults."""
    policies = parse_course('[course]\nid = "x"\n', ["a"]).policies
    assert policies.model_copy(update={"categories": {}, "assignments": {}}) == Policies()


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("drop_lowest = 1", "drop_lowest = -1", "[categories.hw] drop_lowest: should be greater than or equal to 0"),
        ("drop_lowest = 1", "drop_lowest = 1.5", "[categories.hw] drop_lowest: should be a valid integer"),
        ("drop_lowest", "drop_lowst", '[categories.hw] drop_lowst: unknown key; did you mean "drop_lowest"?'),
        ('items = "equal"', 'items = "same"', "[categories.hw] items: should be 'points', 'equal' or 'weights'"),
        ("percent = 12.5", 'percent = "much"', '[late] percent: "much" is not a number; write e.g. 12.5'),
        ("percent = 12.5", "percent = true", '[late] percent: "True" is not a number; write e.g. 12.5'),
        ("percent = 12.5", "percent = nan", '[late] percent: "NaN" is not a number'),
        ("share = 0.1", "share = 1.1", "[assignments.hw1_again] share: should be less than or equal to 1"),
        ('reason = "ill"', 'reason = ""', "[exceptions.0] reason: "),
        ('reason = "ill"', "", "[exceptions.0] reason: is missing; add it"),
        (
            "hw = { weight = 40",
            "hw = { weight = 45",
            "[categories]: weights add up to 105, not 100 (project 60, hw 45)",
        ),
        ('revises = "hw1"', 'revises = "hw7"', '[assignments.hw1_again] revises = "hw7": is no item of the course'),
        ('letter = "F"', 'letter = "E"', '[[requirements]] number 1 letter = "E" is not in [letters]; there are A, F'),
    ],
)
def test_a_wrong_rule_is_one_line_with_its_key(before, after, line):
    """What it says, and what it should."""
    assert before in COURSE
    (found,) = problems(COURSE.replace(before, after, 1))
    assert found.startswith(f"course.toml: {line}")


def test_all_contradictions_are_told_at_once():
    """Three of them in one file."""
    text = (
        COURSE.replace("share = 0.1", "share = 0.1, weight = 2")
        .replace("percent = 12.5\n", "")
        .replace("F = 0\n", "F = 1\n")
    )
    assert len(problems(text)) == 3
