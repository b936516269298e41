"""Who is missing what and who is at risk; how the items spread."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.gradebook import Gradebook, Item, ItemScore, Policies, Status, compute
from grader.model import Student
from grader.report import RiskRule, absences, at_risk, item_spreads, total_spread, trends_of

GONE = Status.MISSING


def test_risk_names_its_rule(make: Any) -> None:
    """A low grade, several missing items, or both; whoever is fine is not there; the lowest grade comes first."""
    book = make.book(
        {"a": 9, "b": 9, "c": 9},
        {"a": 5, "b": 5, "c": 7},
        {"a": 10, "b": GONE, "c": GONE},
        {"a": 10, "b": 10, "c": GONE},
    )
    found = at_risk(book, RiskRule(below=Fraction(60), missing=2))
    assert [
        ("s2", ("below 60 % so far", "2 items missing")),
        ("s1", ("below 60 % so far",)),
    ] == [(risk.student.student_id, risk.reasons) for risk in found]


def test_the_bounds_of_the_rule(make: Any) -> None:
    """Exactly at the bound is not below it; exactly so many missing is enough."""
    book = make.book({"a": 6, "b": 6}, {"a": 10, "b": GONE})
    assert [] == [risk.student.student_id for risk in at_risk(book, RiskRule(below=Fraction(50), missing=2))]
    assert ["s1"] == [risk.student.student_id for risk in at_risk(book, RiskRule(below=Fraction(50), missing=1))]
    assert "a grade so far below 50 %, or at least 1 item missing" == RiskRule(Fraction(50), 1).sentence


def test_what_is_excused_or_not_due_is_not_missing(make: Any) -> None:
    """Only what is due and not excused, by due date; most missing first."""
    start = make.book({"a": 1}).items[0].due
    assert start is not None
    items = tuple(
        Item(name, "work", Fraction(10), "", start + timedelta(days=days))
        for name, days in (("late", -1), ("early", -9), ("future", 9), ("other", -5))
    )
    rows = (
        {"late": 5, "early": 5, "other": Status.EXCUSED},
        {"late": GONE, "other": 3},
        {"late": 4, "early": 1, "other": 2},
    )
    found = absences(make.book(*rows, items=items))
    assert [("s1", ["early", "late"])] == [(one.student.student_id, [i.name for i in one.items]) for one in found]


def test_an_item_spreads_over_those_who_have_a_score(make: Any) -> None:
    """Missing and excused are no scores, and are counted apart."""
    (spread,) = item_spreads(make.book({"a": 10}, {"a": 5}, {"a": GONE}, {"a": Status.EXCUSED}), {})
    assert [50, 100] == sorted(spread.percents)
    assert (1, 1) == (spread.statuses[GONE], spread.statuses[Status.EXCUSED])
    assert "Title of a" == spread.title


def test_work_that_waits_counts_by_what_is_graded() -> None:
    """6 of the 8 points that are graded are 75 percent, and told as a score in part; nothing graded is no score."""
    students = [Student("ada"), Student("bob")]
    scores = {
        "ada": {"ps1": ItemScore(Fraction(6), Status.WAITING, waiting=1)},
        "bob": {"ps1": ItemScore(Fraction(0), Status.WAITING, waiting=3)},
    }
    policies = Policies.model_validate({"categories": {"work": 100}})
    book = compute(policies, students, [Item("ps1", "work", Fraction(10))], scores)
    (spread,) = item_spreads(book, {"ps1": {"ada": Fraction(8)}})
    assert ((75.0,), 1) == (spread.percents, spread.partial)


def test_trends_follow_due_dates_within_categories(make: Any) -> None:
    """A category's items by due date, what has none at the end; a category without scores is left out."""
    start = make.book({"a": 1}).items[0].due
    assert start is not None
    items = (
        Item("open", "work", Fraction(10)),
        Item("second", "work", Fraction(10), "", start - timedelta(days=1)),
        Item("first", "work", Fraction(10), "", start - timedelta(days=2)),
        Item("exam", "exams", Fraction(10), "", start + timedelta(days=1)),
    )
    book = make.book({"open": 1, "second": 2, "first": 3}, items=items)
    assert [("work", ["first", "second", "open"])] == [
        (trend.category, [spread.name for spread in trend.spreads]) for trend in trends_of(book, item_spreads(book, {}))
    ]


POINTS = st.one_of(st.integers(0, 10), st.sampled_from([GONE, Status.EXCUSED]))
CLASSES = st.lists(st.fixed_dictionaries({"a": POINTS, "b": POINTS, "c": POINTS}), min_size=1, max_size=12)


def _book(make: Any, rows: list[dict[str, object]]) -> Gradebook:
    return make.book(*rows)


@given(rows=CLASSES, missing=st.integers(1, 3), below=st.integers(0, 100))
def test_a_stricter_rule_finds_no_fewer(make: Any, rows: list[dict[str, object]], missing: int, below: int) -> None:
    """Whoever is at risk stays so under a stricter rule; everybody at risk has a reason; nobody is there twice."""
    book = _book(make, rows)
    found = [risk.student.student_id for risk in at_risk(book, RiskRule(Fraction(below), missing))]
    stricter = at_risk(book, RiskRule(Fraction(below + 5), max(1, missing - 1)))
    assert set(found) <= {risk.student.student_id for risk in stricter}
    assert all(risk.reasons for risk in stricter)
    assert len(found) == len(set(found))


@given(rows=CLASSES)
def test_everybody_is_counted_once_in_each_item(make: Any, rows: list[dict[str, object]]) -> None:
    """Scores and statuses add up to the class; the total is within 0 and 100."""
    book = _book(make, rows)
    for spread in item_spreads(book, {}):
        assert len(rows) == spread.statuses.total()
        assert len(spread.percents) == spread.statuses[Status.GRADED]
    assert all(-1e-9 <= percent <= 100 + 1e-9 for percent in total_spread(book).percents)
    assert sum(len(one.items) for one in absences(book)) == sum(
        spread.statuses[GONE] for spread in item_spreads(book, {})
    )


@pytest.mark.parametrize("rows", [[{}], [{"a": GONE}]])
def test_a_class_without_grades_has_no_total(make: Any, rows: list[dict[str, object]]) -> None:
    """Nothing graded: no numbers instead of wrong ones."""
    items = (Item("a", "work", Fraction(10)),)
    book = make.book(*rows, items=items)
    assert all(spread.summary is None for spread in item_spreads(book, {}))
