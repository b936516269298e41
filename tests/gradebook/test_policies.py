"""Each rule alone, worked by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from grader.errors import ScoresError
from grader.gradebook import Item, ItemScore, Policies, Status, compute, contradictions, exact
from grader.gradebook.drops import Part, dropped, quotient
from grader.gradebook.letters import cut_offs
from grader.model import Student

DUE = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def row():
    """Compute one student's row: `row({"a": (8, 10)}, {"late": {...}})` is 8 of 10 points in a."""

    def computed(reached, table=None, **late):
        items = [Item(name, "assignments", exact(of), due=DUE) for name, (_, of) in reached.items()]
        scores = {
            name: got
            if isinstance(got, ItemScore)
            else ItemScore(exact(got), submitted=DUE + late.get(name, timedelta(0)))
            for name, (got, _) in reached.items()
            if got is not None
        }
        policies = Policies.model_validate({"categories": {"assignments": 100}, **(table or {})})
        return compute(policies, [Student("s01")], items, {"s01": scores}).row("s01")

    return computed


def test_the_lowest_percentage_is_not_always_the_one_to_drop():
    """Without 1 of 10: 23 of 57, 40.35 %; without 17 of 50: 7 of 17, 41.18 %."""
    parts = [
        Part(f"i{n}", Fraction(got), Fraction(of)) for n, (got, of) in enumerate([(5, 5), (17, 50), (1, 10), (1, 2)])
    ]
    out = dropped(parts, 1, 0)
    assert out == {"i1"}
    assert quotient([part for part in parts if part.name not in out]) == Fraction(7, 17)


def test_one_item_always_stays(row):
    """Dropping more than there are leaves the best."""
    table = {"categories": {"assignments": {"weight": 100, "drop_lowest": 9}}}
    assert row({"a": (8, 10), "b": (5, 10)}, table).final.total == 80


def test_never_drop_is_kept(row):
    """The lowest is protected, so the next one goes."""
    rule = {"weight": 100, "drop_lowest": 1, "never_drop": ["a"]}
    assert row({"a": (1, 10), "b": (5, 10), "c": (9, 10)}, {"categories": {"assignments": rule}}).final.total == 50


def test_nothing_is_dropped_that_would_lower_the_grade(row):
    """Only the better item may be dropped: it stays."""
    rule = {"weight": 100, "drop_lowest": 1, "never_drop": ["a"]}
    assert row({"a": (1, 10), "b": (9, 10)}, {"categories": {"assignments": rule}}).final.total == 50


def test_both_ends_are_dropped(row):
    """Of 1, 5, 6, 10 out of 10, the middle counts."""
    rule = {"weight": 100, "items": "equal", "drop_lowest": 1, "drop_highest": 1}
    reached = {"a": (1, 10), "b": (5, 10), "c": (6, 10), "d": (10, 10)}
    assert row(reached, {"categories": {"assignments": rule}}).final.total == 55


def test_weights_of_items_are_given(row):
    """(3 * 0.8 + 1 * 0.4) / 4 = 70 %."""
    table = {
        "categories": {"assignments": {"weight": 100, "items": "weights"}},
        "assignments": {"a": {"weight": 3}, "b": {"weight": 1}},
    }
    assert row({"a": (8, 10), "b": (40, 100)}, table).final.total == 70


@pytest.mark.parametrize(
    ("late", "hours", "expected"),
    [
        ({"percent": 10}, 0, 80),
        ({"percent": 10}, 1, 70),
        ({"percent": 10}, 24, 70),
        ({"percent": 10}, 25, 60),
        ({"percent": 10, "per": "hour"}, 2, 60),
        ({"points": 3}, 30, 20),
        ({"percent": 10, "grace_minutes": 60}, 1, 80),
        ({"percent": 10, "grace_minutes": 59}, 1, 70),
        ({"percent": 10, "floor": 50}, 24 * 9, 50),
        ({"percent": 10, "cut_off": 2}, 49, 0),
        ({"percent": 10, "cut_off": 2}, 48, 60),
        ({"cut_off": 0}, 1, 0),
        ({"percent": 10, "budget": 1}, 25, 70),
        ({"cut_off": 1, "budget": 1}, 25, 80),
    ],
)
def test_lateness_costs_what_the_course_says(row, late, hours, expected):
    """8 of 10 points, so many hours late."""
    assert row({"a": (8, 10)}, {"late": late}, a=timedelta(hours=hours)).final.total == expected


def test_the_floor_lifts_nobody(row):
    """Who has less than the floor anyway keeps what there is."""
    assert row({"a": (3, 10)}, {"late": {"percent": 10, "floor": 50}}, a=timedelta(days=3)).final.total == 30


def test_late_days_go_where_they_help_most(row):
    """One day spares 1 point of a, or 4 points of b."""
    grades = row(
        {"a": (9, 10), "b": (30, 40)},
        {"late": {"percent": 10, "budget": 1}},
        a=timedelta(days=1),
        b=timedelta(days=1),
    )
    assert (grades.items["a"].counted, grades.items["b"].counted) == (8, 30)


def test_no_late_day_is_spent_on_what_is_dropped(row):
    """The day for b would be lost, as b is dropped anyway."""
    grades = row(
        {"a": (9, 10), "b": (1, 10)},
        {"late": {"percent": 10, "budget": 1}, "categories": {"assignments": {"weight": 100, "drop_lowest": 1}}},
        a=timedelta(days=1),
        b=timedelta(days=1),
    )
    assert grades.final.total == 90


@pytest.mark.parametrize(
    ("policy", "old", "new", "expected"),
    [
        ({"revises": "a", "share": "0.5"}, 4, 8, 60),
        ({"revises": "a"}, 4, 8, 80),
        ({"revises": "a", "share": "0.5"}, 8, 4, 80),
        ({"revises": "a", "share": "0.5"}, None, 8, 40),
        ({"replaces": "a"}, 4, 8, 80),
        ({"replaces": "a"}, 8, 4, 60),
        ({"replaces": "a", "share": "0.5"}, 4, 8, 70),
    ],
)
def test_an_item_may_better_another(row, policy, old, new, expected):
    """A revision counts in place of the first attempt, a replacement counts for both; neither ever lowers a grade."""
    assert row({"a": (old, 10), "b": (new, 10)}, {"assignments": {"b": policy}}).final.total == expected


def test_extra_credit_within_an_item_has_a_cap(row):
    """12 of 10 points are 110 % at most."""
    assert row({"a": (12, 10)}, {"assignments": {"a": {"cap": 110}}}).final.total == 110


def test_an_extra_credit_item_comes_on_top_of_its_category(row):
    """(8 + 3) / 10, though not more than the category's cap; who did not do it misses nothing."""
    extra = {"assignments": {"b": {"extra_credit": True}}}
    capped = {**extra, "categories": {"assignments": {"weight": 100, "cap": 105}}}
    assert row({"a": (8, 10), "b": (3, 5)}, extra).final.total == 110
    assert row({"a": (8, 10), "b": (3, 5)}, capped).final.total == 105
    assert row({"a": (8, 10), "b": (None, 5)}, extra).final.total == 80


def test_an_extra_credit_category_comes_on_top_of_the_total(ada, item, score):
    """90 % and half of 5 more; the total may have a cap."""
    table = {"categories": {"hw": 100, "bonus": {"weight": 5, "extra_credit": True}}}
    items, scores = [item("a", 10, "hw"), item("b", 10, "bonus")], {"s01": {"a": score(9), "b": score(5)}}
    assert compute(Policies.model_validate(table), [ada], items, scores).row("s01").final.total == Fraction("92.5")
    capped = Policies.model_validate({**table, "grading": {"cap": 92}})
    assert compute(capped, [ada], items, scores).row("s01").final.total == 92


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        ({"excuse": True}, 60),
        ({"score": 9}, 75),
        ({"add": 1}, 55),
        ({"add": -20}, 30),
        ({"extension_hours": 24}, 60),
        ({"extension_hours": 23}, 50),
        ({"waive_late": True}, 70),
    ],
)
def test_an_exception_holds_for_one_student(row, exception, expected):
    """A has 8 points and is two days late at two points a day, b has 6: without exceptions 50 %."""
    table = {"late": {"points": 2}, "exceptions": [{"student": "s01", "item": "a", "reason": "ill", **exception}]}
    found = row({"a": (8, 10), "b": (6, 10)}, table, a=timedelta(hours=48))
    assert found.final.total == expected


def test_more_late_days_for_one_student(row):
    """The budget grows by what the exception says."""
    table = {"late": {"percent": 10}, "exceptions": [{"student": "s01", "reason": "jury duty", "late_days": 2}]}
    assert row({"a": (8, 10)}, table, a=timedelta(days=3)).final.total == 70


def test_a_requirement_limits_total_and_letter(row):
    """No pass without the project: 40 % of it are not enough, 50 % are."""
    table = {
        "letters": {"A": 90, "B": 60, "C": 40, "F": 0},
        "requirements": [{"item": "a", "at_least": 50, "total": 49, "letter": "F"}],
    }
    unmet, met = row({"a": (4, 10), "b": (100, 100)}, table), row({"a": (5, 10), "b": (100, 100)}, table)
    assert (unmet.final.total, unmet.letter) == (49, "F")
    assert (met.final.total > 90, met.letter) == (True, "A")


def test_a_requirement_at_zero_asks_only_that_something_is_there(row):
    """A zero is there, a missing project is not."""
    table = {"requirements": [{"item": "a", "total": 10}]}
    assert row({"a": (0, 10), "b": (10, 10)}, table).final.total == 50
    assert row({"a": (ItemScore(None, Status.MISSING), 10), "b": (10, 10)}, table).final.total == 10


def test_letters_look_at_the_rounded_total(row):
    """89.995 is shown as 90.00, so it is an A."""
    letters = {"letters": {"A": 90, "F": 0}}
    assert row({"a": ("89.995", 100)}, letters).letter == "A"
    assert row({"a": ("89.994", 100)}, letters).letter == "F"


@pytest.mark.parametrize(
    ("gap", "totals", "expected"),
    [
        ("0", ["89.9", "85"], "90"),
        ("1", ["92", "89.9", "89.8", "85"], "89.8"),
        ("1", ["92", "89.9", "88.5"], "89.9"),
        ("1", ["92", "88", "85"], "90"),
        ("1", ["90", "89.5", "89", "88.5", "88"], "90"),
        ("1", [], "90"),
    ],
)
def test_a_cut_off_goes_down_to_the_widest_gap_within_reach(gap, totals, expected):
    """So that nobody misses a letter by a hair, and nobody loses one."""
    offs = cut_offs({"F": exact(0), "A": exact(90)}, [exact(total) for total in totals], exact(gap))
    assert offs == {"A": exact(expected), "F": 0}


def test_the_curve_is_for_everybody(row):
    """Percent points on the total, and never below nothing."""
    assert row({"a": (5, 10)}, {"grading": {"curve": 3}}).final.total == 53
    assert row({"a": (0, 10)}, {"grading": {"curve": -3}}).final.total == 0


def test_missing_may_be_ignored_in_the_current_grade(ada, item, score):
    """The final grade counts it as 0 all the same."""
    policies = Policies.model_validate({"grading": {"missing": "ignore"}})
    scores = {"s01": {"a": score(8), "b": score(None, status=Status.MISSING)}}
    found = compute(policies, [ada], [item("a"), item("b")], scores).row("s01")
    assert (found.final.total, found.current.total) == (40, 80)


HW = {"hw1": "hw", "hw2": "hw", "exam": "exam"}
TWO = {"hw": {"weight": 50}, "exam": {"weight": 50}}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"categories": {"hw": 50, "exam": 45}}, "weights add up to 95, not 100 (hw 50, exam 45)"),
        (
            {"categories": TWO, "assignments": {"hw1": {"weight": 2}}},
            '[assignments.hw1] weight = 2 and [categories.hw] items = "points"',
        ),
        (
            {"categories": {**TWO, "hw": {"weight": 50, "items": "weights"}}, "assignments": {"hw1": {"weight": 2}}},
            '[categories.hw] items = "weights" and [assignments.hw2] has no weight',
        ),
        ({"categories": {**TWO, "hw": {"weight": 50, "drop_lowest": 1, "never_drop": ["hw9"]}}}, '"hw9" is no item'),
        ({"categories": {**TWO, "hw": {"weight": 50, "never_drop": ["hw1"]}}}, "nothing is dropped here"),
        (
            {"categories": {**TWO, "hw": {"weight": 50, "drop_lowest": 1, "drop_highest": 2}}},
            'drop_lowest = 1 and drop_highest = 2 need items = "equal"',
        ),
        (
            {"categories": {**TWO, "hw": {"weight": 50, "drop_highest": 1}}, "late": {"percent": 5, "budget": 2}},
            "[categories.hw] drop_highest = 1 and [late] budget = 2",
        ),
        (
            {"categories": TWO, "assignments": {"exam": {"extra_credit": True}}},
            "[assignments.exam] extra_credit = true",
        ),
        ({"late": {"percent": 10, "points": 1}}, "[late] percent = 10 and points = 1"),
        ({"late": {"budget": 2}}, "[late] budget = 2: lateness costs nothing"),
        ({"letters": {"A": 90, "B": 90, "F": 0}}, "[letters] A = 90 and B = 90"),
        ({"letters": {"A": 90}}, "gets no letter"),
        ({"letters": {"A": 3, "F": 0}, "grading": {"gap": 5}}, "gap = 5 and [letters] F = 0, A = 3"),
        (
            {"assignments": {"hw2": {"revises": "hw1"}, "hw1": {"replaces": "exam"}}},
            '[assignments.hw1] improves "exam"',
        ),
        ({"assignments": {"hw2": {"share": "0.5"}}}, "nothing to share"),
        (
            {"exceptions": [{"student": "s", "item": "hw1", "reason": "r", "excuse": True, "score": 3}]},
            "says excuse and score",
        ),
        (
            {
                "exceptions": [
                    {"student": "s", "item": "hw1", "reason": "r", "excuse": True},
                    {"student": "s", "item": "hw1", "reason": "q", "score": 3},
                ]
            },
            "number 1 and number 2 (s, hw1): an excused item cannot have score as well",
        ),
        (
            {"exceptions": [{"student": "s", "item": "hw1", "reason": r, "score": 3} for r in "ab"]},
            "number 1 and number 2 (s, hw1) both say score",
        ),
        ({"requirements": [{"item": "hw1"}]}, "has no consequence"),
        ({"requirements": [{"item": "hw1", "letter": "E"}]}, 'letter = "E" is not in [letters]'),
        ({"requirements": [{"total": 3}]}, "names nothing"),
    ],
)
def test_a_contradiction_names_the_lines_that_disagree(table, said):
    """One line for each, and nothing is computed."""
    policies = Policies.model_validate(table)
    items = HW if policies.categories else dict.fromkeys(HW, "assignments")
    assert [line for line in contradictions(policies, items) if said in line]
    with pytest.raises(ScoresError):
        compute(policies, [], [Item(name, of, Fraction(10)) for name, of in items.items()], {})


def test_a_realistic_course_has_no_contradictions():
    """Rules that go together are taken as they are."""
    table = {
        "categories": {**TWO, "hw": {"weight": 50, "drop_lowest": 1, "items": "equal", "never_drop": ["hw2"]}},
        "assignments": {"exam": {"replaces": "hw1"}},
        "late": {"percent": 10, "budget": 3, "floor": 40},
        "letters": {"A": 90, "F": 0},
        "grading": {"gap": 1},
        "requirements": [{"category": "exam", "at_least": 50, "letter": "F"}],
    }
    assert contradictions(Policies.model_validate(table), HW) == ()
