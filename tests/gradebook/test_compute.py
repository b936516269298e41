"""From scores to the weighted total."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from grader.errors import ScoresError
from grader.gradebook import Policies, Status, compute
from grader.model import Student


def test_the_total_is_weighted_as_configured(demo, ada, item, score):
    """40/25/15/15/5: 0.4*90 + 0.25*80 + 0.15*70 + 0.15*60 + 0.05*100 = 80.5."""
    reached = {"project": 90, "midterm": 80, "notebooks": 70, "homeworks": 60, "participation": 100}
    items = [item(name, 100, name) for name in reached]
    book = compute(demo, [ada], items, {"s01": {name: score(points) for name, points in reached.items()}})
    assert Fraction("80.5") == book.row("s01").final.total == book.row("s01").current.total


def test_items_weigh_their_points_within_a_category(ada, item, score):
    """8 of 10 and 10 of 40 are 18 of 50 points."""
    book = compute(Policies(), [ada], [item("a", 10), item("b", 40)], {"s01": {"a": score(8), "b": score(10)}})
    assert book.row("s01").final.total == 36


def test_items_weigh_the_same_where_the_course_says_so(ada, item, score):
    """80 % and 25 % are 52.5 % when items are equal."""
    policies = Policies.model_validate({"categories": {"hw": {"weight": 100, "items": "equal"}}})
    book = compute(
        policies, [ada], [item("a", 10, "hw"), item("b", 40, "hw")], {"s01": {"a": score(8), "b": score(10)}}
    )
    assert book.row("s01").final.total == Fraction("52.5")


def test_a_missing_item_is_zero(ada, item, score):
    """Others have a score and it is due: it counts 0 in both grades."""
    bob = Student("s02")
    book = compute(Policies(), [ada, bob], [item("a"), item("b")], {"s01": {"a": score(8)}, "s02": {"b": score(1)}})
    row = book.row("s01")
    assert (row.items["b"].status, row.final.total, row.current.total) == (Status.MISSING, 40, 40)


def test_an_item_that_is_not_due_is_out_of_the_current_grade_only(ada, item, score):
    """The final grade counts what is not there as 0; the current one does not look at it yet."""
    later = item("b", due=datetime(2026, 12, 1, tzinfo=UTC))
    book = compute(
        Policies(), [ada], [item("a"), later], {"s01": {"a": score(8)}}, as_of=datetime(2026, 11, 1, tzinfo=UTC)
    )
    row = book.row("s01")
    assert (row.items["b"].status, row.final.total, row.current.total) == (Status.NOT_DUE, 40, 80)


def test_a_waiting_item_counts_what_is_known_in_the_final_grade_only(ada, item, score):
    """Four points are certain, the rest waits for a person: it is listed as ungraded."""
    scores = {"s01": {"a": score(8), "b": score(4, status=Status.WAITING, waiting=2)}}
    row = compute(Policies(), [ada], [item("a"), item("b")], scores).row("s01")
    assert (row.final.total, row.current.total, row.ungraded) == (60, 80, ("b (2 questions)",))


def test_excused_is_as_if_the_item_did_not_exist(ada, item, score):
    """The weight of an empty category is shared out in proportion."""
    policies = Policies.model_validate({"categories": {"a": 40, "b": 40, "c": 20}})
    items = [item("x", 10, "a"), item("y", 10, "b"), item("z", 10, "c")]
    scores = {"s01": {"x": score(10), "y": score(None, status=Status.EXCUSED), "z": score(4)}}
    row = compute(policies, [ada], items, scores).row("s01")
    assert row.final.total == 80
    assert row.final.categories["b"].fraction is None


def test_a_category_without_items_is_told(demo, ada, item, score):
    """Nobody is surprised by shared out weights."""
    book = compute(demo, [ada], [item("p", 10, "project")], {"s01": {"p": score(5)}})
    assert book.row("s01").final.total == 50
    assert "midterm (25 %) has no item with points yet: its weight is shared out among the others" in book.notes


def test_nothing_to_count_is_no_total(ada, item):
    """A course that has not begun has no grade, and not a zero."""
    assert compute(Policies(), [ada], [], {}).row("s01").final.total is None


def test_an_item_nobody_has_a_score_in_is_ungraded(ada, item):
    """The staff has not graded it: that is no missing work."""
    row = compute(Policies(), [ada], [item("a")], {}).row("s01")
    assert (row.items["a"].status, row.final.total, row.current.total, row.ungraded) == (
        Status.UNGRADED,
        0,
        None,
        ("a",),
    )


def test_a_score_out_of_other_points_is_scaled(ada, item, score):
    """45 of 50 in a file are 9 of the item's 10."""
    row = compute(Policies(), [ada], [item("a")], {"s01": {"a": score(45, max_score=Fraction(50))}}).row("s01")
    assert row.items["a"].counted == 9


def test_an_item_without_points_counts_nothing(ada, item, score):
    """Real courses have notebooks all of whose points are 0."""
    row = compute(Policies(), [ada], [item("a", 0), item("b")], {"s01": {"a": score(0), "b": score(7)}}).row("s01")
    assert row.final.total == 70


def test_rows_are_sorted_as_people_sort(item):
    """Accents and case do not send anybody to the end of the list."""
    names = ["Zuse", "Ångström", "O'Toole", "de Moivre", "Angst"]
    students = [Student(f"s{i}", name) for i, name in enumerate(names)]
    book = compute(Policies(), students, [], {})
    assert [row.student.last_name for row in book.rows] == ["Angst", "Ångström", "de Moivre", "O'Toole", "Zuse"]


def test_all_that_does_not_fit_is_told_at_once(ada, item, score):
    """One line a problem."""
    items = [item("a", category="nowhere"), item("b"), item("b")]
    with pytest.raises(ScoresError) as error:
        compute(Policies(), [ada, ada], items, {"s09": {"c": score(1)}})
    assert len(error.value.messages) == 5


def test_weights_that_do_not_add_up_are_refused():
    """The message uses the numbers of the file."""
    with pytest.raises(ScoresError, match=r"add up to 95, not 100 \(a 40, b 55\)"):
        compute(Policies.model_validate({"categories": {"a": 40, "b": 55}}), [], [], {})


def test_an_exception_for_a_stranger_is_told(ada, item):
    """Somebody who left the course stops nothing."""
    policies = Policies.model_validate(
        {"exceptions": [{"student": "s99", "item": "a", "reason": "ill", "excuse": True}]}
    )
    book = compute(policies, [ada], [item("a")], {})
    assert book.notes == ("[[exceptions]] number 1: s99 is nobody on the roster",)
