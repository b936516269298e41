"""The audit trail of a course."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from grader.errors import ScoresError
from grader.pipeline.course import OpenCourse, open_course
from grader.pipeline.log import log
from grader.store import Database, ImportedScore

START = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


@pytest.fixture
def opened(course: Path) -> OpenCourse:
    """The small course, in New York."""
    config = course / "course.toml"
    config.write_text(config.read_text().replace('id = "small"', 'id = "small"\ntimezone = "America/New_York"'))
    return open_course(course)


@pytest.fixture
def database(opened: OpenCourse) -> Iterator[Database]:
    """Its database: two imports of the exam, the second with one change."""
    with opened.database() as database:
        first = [ImportedScore("ada", Decimal(40)), ImportedScore("bob", Decimal("30.5"))]
        database.import_scores("exam", first, source="exam.csv", imported_at=START)
        again = [ImportedScore("ada", Decimal(45)), first[1]]
        database.import_scores("exam", again, source="exam-2.csv", imported_at=START + timedelta(days=1))
        yield database


def test_newest_last_with_what_was_before(opened: OpenCourse, database: Database) -> None:
    """A change that changes nothing is none; each has its source; the student is named as in the roster."""
    assert [
        ("Ada Lovelace", None, "40", "exam.csv"),
        ("Bob =Cell()", None, "30.5", "exam.csv"),
        ("Ada Lovelace", "40", "45", "exam-2.csv"),
    ] == [(one.student.name, one.before, one.after, one.source) for one in log(opened, database)]


def test_times_are_in_the_zone_of_the_course(opened: OpenCourse, database: Database) -> None:
    """Half past ten at night in Greenwich is half past six in the evening in New York."""
    first = log(opened, database)[0]
    assert "2026-07-01 18:30 EDT" == f"{first.time:%Y-%m-%d %H:%M %Z}"


def test_one_student_or_one_item(opened: OpenCourse, database: Database) -> None:
    """Each alone and both together; a student or an item without changes has none."""
    assert 2 == len(log(opened, database, student_id="ada"))
    assert 3 == len(log(opened, database, item="exam"))
    assert 1 == len(log(opened, database, student_id="bob", item="exam"))
    assert () == log(opened, database, student_id="cem")
    assert () == log(opened, database, item="ps1")


@pytest.mark.parametrize(
    ("names", "words"),
    [({"student_id": "adda"}, 'no student "adda": did you mean "ada"'), ({"item": "exma"}, 'did you mean "exam"')],
)
def test_a_wrong_name_gets_a_suggestion(
    opened: OpenCourse, database: Database, names: dict[str, str], words: str
) -> None:
    """Silence would look like a clean trail."""
    with pytest.raises(ScoresError, match=words):
        log(opened, database, **names)


def test_who_left_the_roster_stays_in_the_trail(opened: OpenCourse, database: Database) -> None:
    """By the id alone."""
    database.import_scores("exam", [ImportedScore("gone", Decimal(1))], source="exam.csv", imported_at=START)
    assert ["gone"] == [one.student.name for one in log(opened, database, student_id="gone")]
