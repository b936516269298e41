"""Why a grade is what it is, and what would change it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from grader.errors import ConfigError, ScoresError
from grader.gradebook import (
    Item,
    ItemScore,
    Policies,
    Status,
    compare,
    compute,
    diff,
    exact,
    explain,
    to_csv,
    to_html,
    to_plain_text,
    with_changes,
)
from grader.model import Student

DUE = datetime(2026, 3, 1, tzinfo=UTC)
TABLE = {
    "categories": {"project": 60, "hw": {"weight": 40, "items": "equal", "drop_lowest": 1}},
    "assignments": {"hw1b": {"revises": "hw1", "share": "0.5"}},
    "late": {"percent": 10, "floor": 50, "budget": 1},
    "letters": {"A": 90, "B": 75, "F": 0},
    "grading": {"show_place": True},
    "exceptions": [
        {"student": "s1", "item": "hw4", "reason": "ill in March", "excuse": True},
        {"student": "s1", "item": "hw2", "reason": "question 3 was wrong", "add": "0.5"},
    ],
    "requirements": [{"item": "essay", "at_least": 50, "total": 49}],
}
ITEMS = [
    Item("essay", "project", exact(30)),
    *(Item(f"hw{n}", "hw", exact(10), due=DUE) for n in range(1, 6)),
    Item("hw1b", "hw", exact(10)),
]
CLASS = [Student("s1", "Lovelace", "Ada"), Student("s2", "Noyce", "Bob")]


def late(points, days=0):
    """A score that came in so many days after the due date."""
    return ItemScore(exact(points), submitted=DUE + timedelta(days=days))


SCORES = {
    "s1": {
        "essay": late(25),
        "hw1": late(4),
        "hw1b": late(9),
        "hw2": late(8, days=2),
        "hw3": ItemScore(exact(3), Status.WAITING, waiting=2),
        "hw5": ItemScore(None, Status.MISSING),
    },
    "s2": {"essay": late(14), "hw4": late(6)},
}


@pytest.fixture
def book():
    """Two students and every kind of rule."""
    return compute(Policies.model_validate(TABLE), CLASS, ITEMS, SCORES)


@pytest.mark.parametrize(
    "sentence",
    [
        "project: 83.33 % of 60 percent points",
        "essay: 25 of 30 points (83.33 %); 100 % of project",
        "revised by hw1b (90 %), 50 % of the improvement",
        "hw1b: 9 of 10 points (90 %); revises hw1 and does not count by itself",
        (
            "2 days late; 1 free day used, so that 1 day counts; each day that has begun costs 10 % of the points, "
            "down to 50 % at most"
        ),
        "question 3 was wrong",
        "hw3: 3 of 10 points so far, 2 questions wait for a person; 33.33 % of hw",
        "hw4: excused, as if it did not exist (ill in March)",
        "hw5: 0 of 10 points, nothing was handed in; left out: without it the grade is the best that there is",
    ],
)
def test_every_rule_leaves_a_sentence(book, sentence):
    """In words that a student understands."""
    assert sentence in to_plain_text(explain(book, "s1"))


def test_a_letter_tells_its_cut_off(book):
    """With the homework graded it is an A."""
    graded = {**SCORES, "s1": {**SCORES["s1"], "hw3": late(10), "essay": late(30)}}
    text = to_plain_text(explain(compute(book.policies, CLASS, ITEMS, graded), "s1"))
    assert "total 92.00 %, A" in text
    assert "A is for 90 and more." in text


def test_the_printed_numbers_add_up(book):
    """Read the text as a student would: the lines of one depth sum up to the line above."""
    for student in ("s1", "s2"):
        told = to_plain_text(explain(book, student))
        top = [Decimal(found[1]) for found in re.finditer(r"^  \S.*? ([+-][\d.]+)$", told, re.MULTILINE)]
        assert sum(top) == explain(book, student).total


def test_a_limit_and_a_remark_tell_of_an_unmet_requirement(book):
    """Bob has 46.67 % of the essay."""
    with_more = {**SCORES, "s2": {"essay": late(14), **{f"hw{n}": late(10) for n in range(1, 6)}}}
    text = to_plain_text(explain(compute(Policies.model_validate(TABLE), CLASS, ITEMS, with_more), "s2"))
    assert "without 50 % in essay, the total is 49 at most" in text
    assert "total 49.00 %, F" in text


def test_the_place_is_told_only_where_the_course_says_so(book):
    """Some courses do not want it."""
    assert "of 2 totals are lower" in to_plain_text(explain(book, "s1"))
    quiet = compute(Policies.model_validate({**TABLE, "grading": {}}), CLASS, ITEMS, SCORES)
    assert "are lower" not in to_plain_text(explain(quiet, "s1"))


def test_the_current_grade_is_explained_as_well(book):
    """Waiting items are told to be out of it."""
    text = to_plain_text(explain(book, "s1", grade="current"))
    assert "hw3: 3 of 10 points so far, 2 questions wait for a person; does not count in the current grade" in text


def test_an_unknown_student_is_told():
    """One line."""
    with pytest.raises(ScoresError, match='there is no student "s9"'):
        explain(compute(Policies(), [], [], {}), "s9")


def test_nothing_in_a_statement_is_markup(item, score):
    """Names of students and reasons of exceptions are text."""
    policies = Policies.model_validate(
        {"exceptions": [{"student": "<b>", "item": "a", "reason": "<script>", "score": 3}]}
    )
    page = to_html(explain(compute(policies, [Student("<b>")], [item("a")], {}), "<b>"))
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page


def test_what_if_shows_who_changes(book):
    """Another drop: Ada gains, and nothing is written anywhere."""
    kinder = compute(with_changes(book.policies, {"categories.hw.drop_lowest": "2"}), CLASS, ITEMS, SCORES)
    changes = {change.student_id: change for change in compare(book, kinder)}
    assert changes["s1"].change > 0
    assert compare(book, book) == ()


def test_what_if_takes_numbers_words_and_weights(book):
    """Keys are those of course.toml; a category's bare number is its weight."""
    changed = with_changes(
        book.policies,
        {"categories.hw": "30", "categories.project": "70", "grading.missing": "ignore", "letters.A": "92.5"},
    )
    assert (changed.categories["hw"].weight, changed.categories["hw"].drop_lowest) == (30, 1)
    assert (changed.grading.missing, changed.letters["A"]) == ("ignore", exact("92.5"))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("grading.dgits", "1", "dgits"),
        ("late.percent", "lots", "is not a number"),
        ("exceptions.0.score", "10", "is no key"),
        ("categories.hw.weight.x", "10", "is no key"),
        ("grading.digits", "9", "less than or equal to 6"),
    ],
)
def test_what_if_refuses_what_is_no_rule(book, key, value, said):
    """One line with the key."""
    with pytest.raises(ScoresError, match=said):
        with_changes(book.policies, {key: value})


@pytest.mark.parametrize("text", ["[" * 5_000, "1" * 5_000, "1e999999999", "[1e999999999]"])
def test_a_value_that_no_course_needs_is_refused(book, text):
    """In one line that names the key, at once: as in `course.toml` itself."""
    with pytest.raises(ConfigError, match=r"^categories\.hw\.weight: is "):
        with_changes(book.policies, {"categories.hw.weight": text})


def test_what_follows_a_value_is_no_other_key(book):
    """A line break in a value makes it a text, which fits nowhere."""
    with pytest.raises(ScoresError):
        with_changes(book.policies, {"categories.hw.weight": "1\nb = 2"})


def test_a_diff_names_the_cells_that_changed(book):
    """A score went up; the total with it."""
    later = {**SCORES, "s2": {**SCORES["s2"], "essay": late(21)}}
    (change,) = diff(to_csv(book), compute(book.policies, CLASS, ITEMS, later))
    assert (change.student_id, change.reasons) == ("s2", ("essay: 14 → 21",))
    assert change.change > 0


def test_a_diff_tells_when_only_the_rules_changed(book):
    """No score differs, the categories do."""
    kinder = compute(with_changes(book.policies, {"categories.hw.drop_lowest": "2"}), CLASS, ITEMS, SCORES)
    reasons = {
        reason for change in diff(to_csv(book), kinder) for reason in change.reasons if change.student_id == "s2"
    }
    assert reasons == {"hw %: 15.00 → 20.00"}
    curved = compute(with_changes(book.policies, {"grading.curve": "1"}), CLASS, ITEMS, SCORES)
    assert diff(to_csv(book), curved)[0].reasons == ("the rules of the course: all scores are as they were",)


def test_a_diff_tells_who_came_and_who_left(book):
    """And a file that is no gradebook is refused."""
    other = compute(book.policies.model_copy(update={"exceptions": ()}), [Student("s3")], ITEMS, {})
    assert {change.reasons for change in diff(to_csv(book), other)} == {
        ("is new in the class",),
        ("is not in the class any more",),
    }
    with pytest.raises(ScoresError, match="no gradebook"):
        diff("a,b\n1,2\n", book)
    assert diff(to_csv(book), book) == ()
