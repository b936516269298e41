"""Scores from elsewhere are kept exactly, and every change of a score is accounted for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import ScoresError
from grader.model import Graded
from grader.store import Database, ImportedScore, ScoreStatus

DAY = datetime(2026, 1, 2, tzinfo=UTC)


def normal(student_id: str, score: str, max_score: str | None = None, comment: str = "") -> ImportedScore:
    """A score of a student."""
    maximum = None if max_score is None else Decimal(max_score)
    return ImportedScore(student_id, Decimal(score), maximum, comment=comment)


def test_scores_come_back_exactly(database: Database) -> None:
    """What was imported is what is stored, with where it came from, by item and student."""
    ada, bob = normal("ada", "9.10", "10", "Good, =1+1"), ImportedScore("bob", None, status=ScoreStatus.EXCUSED)
    database.import_scores("hw2", [bob], source="two.csv", imported_at=DAY)
    database.import_scores("hw1", [bob, ada], source="one.csv", imported_at=DAY)
    stored = database.scores()
    assert [("hw1", ada), ("hw1", bob), ("hw2", bob)] == [(row.item, row.score) for row in stored]
    assert ("one.csv", DAY) == (stored[0].source, stored[0].imported_at)
    assert [ada, bob] == [row.score for row in database.scores("hw1")]


def test_importing_again_updates_and_tells_what_changed(database: Database) -> None:
    """Only changes are told, each with what was there before; who is not in the file keeps the score."""
    ada, bob, eve = normal("ada", "1"), normal("bob", "2"), normal("eve", "3")
    first = database.import_scores("hw1", [ada, bob], source="a.csv", imported_at=DAY)
    assert [("ada", None, ada), ("bob", None, bob)] == [(row.student_id, row.before, row.after) for row in first]
    better = normal("bob", "2.5")
    again = database.import_scores("hw1", [better, eve], source="b.csv", imported_at=DAY + timedelta(1))
    assert [("bob", bob, better), ("eve", None, eve)] == [(row.student_id, row.before, row.after) for row in again]
    assert [ada, better, eve] == [row.score for row in database.scores("hw1")]
    assert () == database.import_scores("hw1", [ada, better, eve], source="c.csv", imported_at=DAY)


def test_a_dry_run_changes_nothing(database: Database) -> None:
    """`score_changes` tells what `import_scores` would do, and does not do it."""
    (change,) = database.score_changes("hw1", [normal("ada", "1")])
    assert (None, Decimal(1)) == (change.before, change.after.score)
    assert ((), ()) == (database.scores(), database.audit())


def test_the_audit_trail_has_every_change(database: Database) -> None:
    """Time, item, student, before, after and source, oldest first."""
    database.import_scores("hw1", [normal("ada", "1", "10")], source="a.csv", imported_at=DAY)
    excused = ImportedScore("ada", None, status=ScoreStatus.EXCUSED)
    database.import_scores("hw1", [excused, normal("bob", "2")], source="b.csv", imported_at=DAY + timedelta(1))
    assert [
        (DAY, "hw1", None, "1 of 10", "a.csv"),
        (DAY + timedelta(1), "hw1", "1 of 10", "excused", "b.csv"),
    ] == [(row.time, row.item, row.before, row.after, row.source) for row in database.audit(student_id="ada")]
    assert ["ada", "ada", "bob"] == [row.student_id for row in database.audit(item="hw1")]


def test_autograded_scores_are_in_the_audit_trail(
    database: Database, record: Callable[..., None], graded: Callable[..., Graded]
) -> None:
    """A first grading and a regrade that changes the score are there; one that changes nothing is not."""
    for auto in (2.0, 2.0, 1.0):
        record(graded(auto=auto))
    rows = database.audit()
    assert [(None, "2"), ("2", "1")] == [(row.before, row.after) for row in rows]
    assert {("ps1", "ada", "autograder (test)")} == {(row.item, row.student_id, row.source) for row in rows}


def test_a_student_is_there_once(database: Database) -> None:
    """Two scores of one student are refused, and nothing is imported."""
    with pytest.raises(ScoresError, match="two scores for ada"):
        database.import_scores("hw1", [normal("ada", "1"), normal("ada", "2")], source="a.csv", imported_at=DAY)
    assert () == database.scores()


@pytest.mark.parametrize(
    ("score", "status"),
    [
        (None, ScoreStatus.NORMAL),
        (Decimal(1), ScoreStatus.EXCUSED),
        (Decimal(0), ScoreStatus.MISSING),
        (Decimal("nan"), ScoreStatus.NORMAL),
        (Decimal("inf"), ScoreStatus.NORMAL),
    ],
)
def test_scores_that_make_no_sense_cannot_be_made(score: Decimal | None, status: ScoreStatus) -> None:
    """A score is a number, or there is a reason why there is none."""
    with pytest.raises(ScoresError):
        ImportedScore("ada", score, status=status)


@settings(deadline=None, max_examples=30)
@given(score=st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-1000, max_value=10**12))
def test_no_digit_is_lost(tmp_path_factory: pytest.TempPathFactory, score: Decimal) -> None:
    """Any decimal comes back as it was."""
    path = tmp_path_factory.getbasetemp() / "digits.db"
    with Database(path) as opened:
        opened.import_scores("hw1", [ImportedScore("ada", score)], source="a", imported_at=DAY)
        (row,) = opened.scores("hw1")
    assert row.score.score is not None
    assert score.as_tuple() == row.score.score.as_tuple()
