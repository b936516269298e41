"""Marks in the database: in step with nbgrader's columns, never over what another wrote, undone exactly."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from grader.errors import MarkingError, StaleError, StoreError
from grader.marking import Mark, Question, Rubric, RubricItem
from grader.model import Graded
from grader.store import By, Database, RequestStatus, StoredMark
from grader.store.requests import NewRequest
from grader.store.schema import OURS, VERSION

D = Decimal
WHY = Question("ps1", "p1", "why")
DRAW = Question("ps1", "p1", "draw")
TESTS = Question("ps1", "p1", "test_square")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TINA, BEN = By("Tina", NOON), By("Ben", NOON + timedelta(minutes=1))
Hand = Callable[..., None]


@pytest.fixture
def marks(database: Database, record: Callable[..., None], graded: Callable[..., Graded]) -> Any:
    """The marks of a database with the work of Ada and Bob."""
    record(graded("ada"))
    record(graded("bob", why="Because."))
    return database.marks


@pytest.fixture
def by_hand(tmp_path: Path) -> Hand:
    """Write to nbgrader's columns of a cell as its form grader does."""

    def write(student_id: str, cell: str, table: str = "grade", **columns: Any) -> None:
        changes = ", ".join(f"{name} = ?" for name in columns)
        where = (
            f"UPDATE {table} SET {changes} WHERE cell_id IN (SELECT id FROM base_cell WHERE name = ?)"
            " AND notebook_id IN (SELECT n.id FROM submitted_notebook n"
            " JOIN submitted_assignment a ON a.id = n.assignment_id WHERE a.student_id = ?)"
        )
        with closing(sqlite3.connect(tmp_path / "gradebook.db")) as connection, connection:
            assert connection.execute(where, [*columns.values(), cell, student_id]).rowcount > 0

    return write


def give(
    marks: Any, mark: Mark | None, *students: str, question: Question = WHY, by: By = TINA
) -> tuple[StoredMark, ...]:
    """Give a mark to students whose answers are as they are now."""
    seen = {student: (mark, marks.mark(question, student).version) for student in students}
    return marks.give(question, seen, by)[0]


def columns(database: Database, student_id: str = "ada") -> Mapping[str, tuple[Any, ...]]:
    """What nbgrader's columns say, by cell."""
    return {
        row.grade_id: (row.manual_score, row.extra_credit, row.needs_manual, row.manual_comment)
        for row in database.question_scores("ps1")
        if row.student_id == student_id
    }


def with_item(marks: Any, points: str = "1", question: Question = WHY) -> RubricItem:
    """Make a rubric item."""
    return marks.add_item(question, D(points), "Names the area.", TINA).rubric.items[-1]


def test_a_mark_is_written_to_nbgraders_columns(database: Database, marks: Any) -> None:
    """Points, extra credit and comment; the cell waits no more, others are as they were."""
    item = with_item(marks, "1.5")
    before = columns(database)
    (stored,) = give(marks, Mark((item.id,), D("0.25"), D("0.5"), "Good.", flagged=True), "ada")
    assert {**before, "why": (1.75, 0.5, False, "Good.")} == columns(database)
    assert (D("1.75"), "Tina", NOON, True, False) == (
        stored.points,
        stored.grader,
        stored.time,
        stored.flagged,
        stored.waiting,
    )
    assert stored == marks.mark(WHY, "ada")
    assert (None, None, True, None) == columns(database, "bob")["why"]


def test_a_mark_that_is_taken_back_leaves_nothing(database: Database, marks: Any) -> None:
    """The answer waits again; a cell of tests has its automatic score."""
    before = columns(database)
    give(marks, Mark(adjustment=D(1), comment="x", extra_credit=D(1)), "ada")
    give(marks, Mark(adjustment=D(1), comment="It prints the right number."), "ada", question=TESTS)
    assert (1.0, None, False, None) == columns(database)["test_square"]
    for question in (WHY, TESTS):
        (stored,) = give(marks, None, "ada", question=question)
        assert stored.mark is None
    assert before == columns(database)


def test_an_override_needs_a_reason(marks: Any) -> None:
    """The comment says why the tests are not right; nbgrader has no place for it, we have."""
    with pytest.raises(MarkingError, match="for a reason"):
        give(marks, Mark(adjustment=D(1)), "ada", question=TESTS)
    (stored,) = give(marks, Mark(adjustment=D(1), comment="A typo."), "ada", question=TESTS)
    assert (D(1), "A typo.", False) == (stored.points, stored.mark and stored.mark.comment, stored.foreign)


def test_nothing_is_written_over_what_another_wrote(database: Database, marks: Any) -> None:
    """The line names who and when, and the whole group stays as it was."""
    seen = {student: marks.mark(WHY, student).version for student in ("ada", "bob")}
    give(marks, Mark(adjustment=D(1)), "bob", by=BEN)
    with pytest.raises(StaleError, match=r"bob: Ben wrote at 12:01:00 UTC on 04 March 2026"):
        marks.give(WHY, {student: (Mark(), version) for student, version in seen.items()}, TINA)
    assert [None, 1.0] == [columns(database, student)["why"][0] for student in ("ada", "bob")]


def test_nothing_is_written_over_what_the_form_grader_wrote(marks: Any, by_hand: Hand) -> None:
    """It leaves no version behind, but its columns are others."""
    seen = marks.mark(WHY, "ada").version
    by_hand("ada", "why", manual_score=2.5, needs_manual_grade=0)
    with pytest.raises(StaleError, match="form grader"):
        marks.give(WHY, {"ada": (Mark(), seen)}, TINA)


def test_nothing_is_written_over_an_answer_that_nobody_has_seen(
    marks: Any, record: Callable[..., None], graded: Callable[..., Graded]
) -> None:
    """Graded anew between look and click: another answer."""
    seen = marks.mark(WHY, "ada").version
    record(graded("ada", why="Quite another reason."), key="k2")
    with pytest.raises(StaleError, match="the answer is another one"):
        marks.give(WHY, {"ada": (Mark(), seen)}, TINA)


def test_what_the_form_grader_wrote_later_is_what_is_shown(marks: Any, by_hand: Hand) -> None:
    """Its points as our mark's adjustment, its comment, and that they come from there."""
    item = with_item(marks)
    give(marks, Mark((item.id,), comment="Good."), "ada")
    by_hand("ada", "why", manual_score=2.5, extra_credit=0.5)
    by_hand("ada", "why", table="comment", manual_comment="Better.")
    stored = marks.mark(WHY, "ada")
    assert Mark((item.id,), D("1.5"), D("0.5"), "Better.") == stored.mark
    assert (D("2.5"), True) == (stored.points, stored.foreign)
    by_hand("bob", "why", manual_score=3, needs_manual_grade=0)
    assert (Mark(adjustment=D(3)), True) == (marks.mark(WHY, "bob").mark, marks.mark(WHY, "bob").foreign)


def test_nbgraders_own_interface_sees_a_mark_and_is_seen(marks: Any, tmp_path: Path) -> None:
    """Both ways: points, extra credit, comment, and whether a person has to look."""
    give(marks, Mark(adjustment=D("1.5"), extra_credit=D(1), comment="Good."), "ada")
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as nbgraders:
        grade = nbgraders.find_grade("why", "p1", "ps1", "ada")
        comment = nbgraders.find_comment("why", "p1", "ps1", "ada")
        assert (2.5, False, "Good.") == (grade.score, grade.needs_manual_grade, comment.comment)
        assert nbgraders.find_grade("why", "p1", "ps1", "bob").needs_manual_grade
        grade.manual_score, comment.manual_comment = 3, "Better."
        nbgraders.db.commit()
    stored = marks.mark(WHY, "ada")
    assert (D(3), "Better.", True) == (stored.points, stored.mark.comment, stored.foreign)


@pytest.mark.parametrize("score", [7.0, -1.0, 1 / 3, float("inf")])
def test_any_number_of_the_form_grader_can_be_shown(marks: Any, by_hand: Hand, score: float) -> None:
    """More than there is, less than nothing, a third: never an error."""
    by_hand("ada", "why", manual_score=score, extra_credit=-score, needs_manual_grade=0)
    assert "ada" in {row.student_id for row in marks.marks(WHY)}


def test_a_regrade_that_finds_another_answer_makes_it_wait(
    marks: Any, record: Callable[..., None], graded: Callable[..., Graded]
) -> None:
    """The mark stays and says that the answer has changed since; the same answer again does not."""
    give(marks, Mark(adjustment=D(2)), "ada")
    record(graded("ada"), key="k2")
    assert (False, False) == (marks.mark(WHY, "ada").waiting, marks.mark(WHY, "ada").changed)
    record(graded("ada", why="Another."), key="k3")
    stored = marks.mark(WHY, "ada")
    assert (True, True, D(2)) == (stored.waiting, stored.changed, stored.points)
    give(marks, stored.mark, "ada")
    assert (False, False) == (marks.mark(WHY, "ada").waiting, marks.mark(WHY, "ada").changed)


def test_an_item_that_changes_changes_all_who_carry_it(database: Database, marks: Any) -> None:
    """In one action; others and those of other questions stay."""
    item = with_item(marks)
    give(marks, Mark((item.id,)), "ada")
    give(marks, Mark(adjustment=D(1)), "bob")
    stored = marks.rubric(WHY)
    after = marks.change_item(WHY, replace(item, points=D("2.5")), stored.version, BEN)
    assert ([2.5, 1.0], D("2.5")) == (
        [columns(database, student)["why"][0] for student in ("ada", "bob")],
        after.rubric.items[0].points,
    )
    assert ("Tina", NOON) == (marks.mark(WHY, "ada").grader, marks.mark(WHY, "ada").time)
    marks.undo(BEN)
    assert (1.0, stored.rubric) == (columns(database)["why"][0], marks.rubric(WHY).rubric)


def test_an_item_that_goes_leaves_all_who_carry_it(database: Database, marks: Any) -> None:
    """And is put back with them."""
    item = with_item(marks)
    give(marks, Mark((item.id,)), "ada", "bob")
    marks.remove_item(WHY, item.id, marks.rubric(WHY).version, TINA)
    assert (0.0, Rubric()) == (columns(database)["why"][0], marks.rubric(WHY).rubric)
    marks.undo(TINA)
    assert (1.0, (item.id,)) == (columns(database)["why"][0], marks.mark(WHY, "bob").mark.items)


def test_another_start_counts_items_anew_and_keeps_what_was_typed(database: Database, marks: Any) -> None:
    """Points without items are what a person said."""
    item = with_item(marks, "-1")
    give(marks, Mark((item.id,)), "ada")
    give(marks, Mark(adjustment=D(1)), "bob")
    marks.start(WHY, "full", marks.rubric(WHY).version, TINA)
    assert [2.0, 1.0] == [columns(database, student)["why"][0] for student in ("ada", "bob")]
    marks.undo(TINA)
    assert [0.0, 1.0] == [columns(database, student)["why"][0] for student in ("ada", "bob")]


def test_a_rubric_is_not_changed_over_what_another_changed(marks: Any) -> None:
    """The line names who."""
    item = with_item(marks)
    seen = marks.rubric(WHY).version
    marks.change_item(WHY, replace(item, text="Names it."), seen, BEN)
    with pytest.raises(StaleError, match="the rubric: Ben"):
        marks.remove_item(WHY, item.id, seen, TINA)


def test_undo_puts_back_exactly_what_was_there(database: Database, marks: Any, by_hand: Hand) -> None:
    """One action after the other, back to what the form grader had written."""
    by_hand("ada", "why", manual_score=2.5, extra_credit=0.0, needs_manual_grade=0)
    by_hand("ada", "why", table="comment", manual_comment="From there.")
    first = columns(database)
    give(marks, Mark(adjustment=D(1), comment="Mine."), "ada", "bob")
    second = (columns(database), marks.mark(WHY, "ada").mark)
    give(marks, None, "ada")
    marks.undo(TINA)
    assert second == (columns(database), marks.mark(WHY, "ada").mark)
    marks.undo(TINA)
    assert (first, True) == (columns(database), marks.mark(WHY, "ada").foreign)
    assert (None, None, True, None) == columns(database, "bob")["why"]
    with pytest.raises(MarkingError, match="nothing to undo"):
        marks.undo(TINA)


@pytest.mark.parametrize("by_us", [True, False])
def test_undo_stops_where_another_has_written(database: Database, marks: Any, by_hand: Hand, by_us: bool) -> None:
    """Another grader, or the form grader: nothing changes."""
    give(marks, Mark(adjustment=D(1)), "ada", "bob")
    if by_us:
        give(marks, Mark(adjustment=D(2)), "bob", by=BEN)
    else:
        by_hand("bob", "why", manual_score=2)
    with pytest.raises(StaleError, match="bob: Ben wrote" if by_us else "bob: nbgrader's form grader"):
        marks.undo(TINA)
    assert [1.0, 2.0] == [columns(database, student)["why"][0] for student in ("ada", "bob")]


def test_an_item_that_another_has_used_is_not_undone(marks: Any) -> None:
    """Their mark would lose its points without anybody having looked."""
    item = with_item(marks)
    give(marks, Mark((item.id,)), "ada", by=BEN)
    with pytest.raises(StaleError, match="ada: Ben wrote"):
        marks.undo(TINA)


def test_a_flag_changes_no_points_and_is_undone(database: Database, marks: Any) -> None:
    """On an answer that waits as on one that is graded; it leaves no line in the audit trail."""
    lines = len(database.audit())
    flagged = marks.flag(WHY, "ada", marks.mark(WHY, "ada").version, TINA, flagged=True)
    assert (True, None, True) == (flagged.flagged, flagged.mark, flagged.waiting)
    marks.undo(TINA)
    assert not marks.mark(WHY, "ada").flagged
    assert lines == len(database.audit())


def test_every_change_leaves_its_line_in_the_audit_trail(database: Database, marks: Any) -> None:
    """With the assignment's points before and after, the grader and the question."""
    give(marks, Mark(adjustment=D("1.5"), extra_credit=D(1)), "ada")
    marks.undo(TINA)
    done, undone = database.audit(student_id="ada", item="ps1")[-2:]
    assert ("2", "4.5", "Tina: p1/why, not graded → 1.5 and 1 extra") == (done.before, done.after, done.source)
    assert ("4.5", "2", NOON) == (undone.before, undone.after, undone.time)


def test_an_unknown_student_or_item_is_refused(marks: Any) -> None:
    """With a line that says what to do."""
    with pytest.raises(StoreError, match="no graded answer by zoe"):
        marks.give(WHY, {"zoe": (Mark(), "0.0.0")}, TINA)
    with pytest.raises(MarkingError, match="no item 'gone'"):
        give(marks, Mark(("gone",)), "ada")


def test_a_glance_says_what_progress_needs(marks: Any) -> None:
    """Of all questions that people grade, not of tests."""
    give(marks, Mark(adjustment=D(2)), "ada")
    found = {(g.question, g.student_id): (g.manual_score, g.waiting) for g in marks.glances("ps1")}
    expected = {(q, s): (None, True) for q in (WHY, DRAW) for s in ("ada", "bob")}
    assert {**expected, (WHY, "ada"): (2.0, False)} == {key: value for key, value in found.items() if key[0] != TESTS}


def test_comments_are_offered_and_kept(marks: Any) -> None:
    """Those of marks by use, those of the bank before they are used; one that goes leaves the marks alone."""
    give(marks, Mark(comment="Why?"), "ada", "bob")
    marks.keep_comment(WHY, "Units!", TINA)
    marks.keep_comment(WHY, "Units!", BEN)
    assert [("Why?", 2), ("Units!", 0)] == [(remark.text, remark.uses) for remark in marks.comments(WHY)]
    assert () == marks.comments(DRAW)
    marks.drop_comment(WHY, "Units!")
    assert ["Why?"] == [remark.text for remark in marks.comments(WHY)]


def test_a_claim_is_one_at_a_time_and_expires(marks: Any) -> None:
    """Another is told who has an answer; after five minutes without a sign nobody has."""
    assert marks.claim(WHY, "ada", TINA) is None
    assert "Tina" == marks.claim(WHY, "ada", BEN).grader
    assert marks.claim(WHY, "bob", TINA) is None
    assert ["bob"] == [claim.student_id for claim in marks.claims("ps1", TINA)]
    late = By("Ben", NOON + timedelta(minutes=6))
    assert () == marks.claims("ps1", late)
    assert marks.claim(WHY, "bob", late) is None
    marks.release(late)
    assert () == marks.claims("ps1", late)


def test_a_request_has_its_thread_and_decision(marks: Any) -> None:
    """Asked once, answered by the version that was seen, with the points before and after."""
    new = NewRequest("ps1", WHY, "ada", "Please  look again.", D(1))
    asked = marks.add_request(new, TINA)
    assert marks.add_request(replace(new, message="Please look again."), BEN) is None
    answered = marks.answer_request(asked.id, "Which line?", RequestStatus.OPEN, None, asked.version, BEN)
    with pytest.raises(StaleError, match="the request: Ben wrote"):
        marks.answer_request(asked.id, "No.", RequestStatus.DECLINED, D(1), asked.version, TINA)
    done = marks.answer_request(asked.id, "Yes.", RequestStatus.ACCEPTED, D(2), answered.version, TINA)
    assert ["ada", "Ben", "Tina"] == [message.author for message in done.messages]
    assert (RequestStatus.ACCEPTED, D(1), D(2)) == (done.status, done.before, done.after)
    whole = marks.add_request(NewRequest("ps1", None, "bob", "All of it.", None), BEN)
    assert [whole.id, done.id] == [request.id for request in marks.requests()]


def test_a_decision_and_its_mark_are_written_together(marks: Any) -> None:
    """Both, with what came of them, or neither; undo takes the mark back."""
    new = [NewRequest("ps1", WHY, student, "Look.", None) for student in ("ada", "bob", "ada")]
    asked, other, known = marks.add_requests([(request, TINA) for request in new])
    assert (None, 2) == (known, marks.open_requests())
    seen = marks.mark(WHY, "ada").version
    give(marks, Mark(), "ada", by=BEN)
    with pytest.raises(StaleError, match="ada: Ben wrote"):
        marks.decide_request(asked.id, "Yes.", RequestStatus.ACCEPTED, 1, TINA, (Mark(adjustment=D(1)), seen))
    wanted = (Mark(adjustment=D(1)), marks.mark(WHY, "ada").version)
    with pytest.raises(StaleError, match="the request: ada wrote"):
        marks.decide_request(asked.id, "Yes.", RequestStatus.ACCEPTED, 2, TINA, wanted)
    assert (D(0), 2) == (marks.mark(WHY, "ada").points, marks.open_requests())
    done = marks.decide_request(asked.id, "Yes.", RequestStatus.ACCEPTED, 1, TINA, wanted)
    assert (None, D(1), "Yes.") == (done.before, done.after, done.messages[-1].text)
    assert [(other.id, RequestStatus.OPEN), (asked.id, RequestStatus.ACCEPTED)] == list(marks.request_places())
    marks.undo(TINA)
    assert D(0) == marks.mark(WHY, "ada").points
    assert D(1) == marks.request(asked.id).after


def test_two_databases_see_each_other(database: Database, marks: Any, tmp_path: Path) -> None:
    """Two graders' programs at once: the second is told, not obeyed."""
    with Database(tmp_path / "gradebook.db") as other:
        seen = other.marks.mark(WHY, "ada").version
        give(marks, Mark(adjustment=D(1)), "ada")
        with pytest.raises(StaleError):
            other.marks.give(WHY, {"ada": (Mark(), seen)}, BEN)
        assert D(1) == other.marks.mark(WHY, "ada").points


def test_a_database_of_an_older_grader_gets_the_new_tables(database: Database, marks: Any, tmp_path: Path) -> None:
    """In place, with all that is in it; the second opening changes nothing."""
    path = tmp_path / "gradebook.db"
    new = [table.name for table in OURS.tables.values() if table.name not in {"grader_outcome", "grader_score"}]
    with closing(sqlite3.connect(path)) as connection, connection:
        for name in set(new) - {"grader_audit", VERSION.name}:
            connection.execute(f"DROP TABLE {name}")
        connection.execute("UPDATE grader_schema SET version = 1")
    scores = database.question_scores()
    for _ in range(2):
        with Database(path) as upgraded:
            assert scores == upgraded.question_scores()
            give(upgraded.marks, Mark(adjustment=D(1)), "ada")
            assert D(1) == upgraded.marks.mark(WHY, "ada").points
            upgraded.marks.undo(TINA)


def test_a_database_of_a_newer_grader_is_refused(marks: Any, tmp_path: Path) -> None:
    """Rather than misread."""
    with closing(sqlite3.connect(tmp_path / "gradebook.db")) as connection, connection:
        connection.execute("UPDATE grader_schema SET version = 99")
    with pytest.raises(StoreError, match="newer grader"):
        Database(tmp_path / "gradebook.db")
