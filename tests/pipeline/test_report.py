"""The report is gathered from a course's folder and database."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from grader.model import (
    CellScore,
    Flag,
    Graded,
    GradedKind,
    GradedNotebook,
    Incident,
    IncidentKind,
    Missing,
    Outcome,
    Rejected,
    Repair,
)
from grader.notebook import instructor_version, release
from grader.pipeline import report
from grader.pipeline.course import OpenCourse, open_course
from grader.report import RemarkKind, Report, RiskRule
from grader.store import Database, ImportedScore
from tests.making import squares

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(days=3)


def graded(student: str, visible: float, hidden: float, essay: float | None, **more: object) -> Graded:
    """A graded submission to ps1; an essay without points waits for a person."""
    scores = (
        CellScore("test_visible", GradedKind.TESTS, 1, visible, needs_manual=False, reason=""),
        CellScore("test_hidden", GradedKind.TESTS, 4, hidden, needs_manual=False, reason=""),
        CellScore("essay", GradedKind.ANSWER, 3, essay, needs_manual=essay is None, reason=""),
    )
    notebook = GradedNotebook("squares", squares(), scores, seconds=float(len(student)), **more)  # type: ignore[arg-type]
    return Graded(student, "ps1", (notebook,))


def record(database: Database, *outcomes: Outcome) -> None:
    """Write outcomes down as a grading run does, each an hour after the one before."""
    instructor = instructor_version(squares())
    database.sync_assignment("ps1", due=None, notebooks={"squares": (instructor, release(instructor))})
    for hours, outcome in enumerate(outcomes):
        database.record(
            outcome,
            key="k",
            engine="test",
            timestamp=EARLIER,
            finished_at=EARLIER + timedelta(hours=hours),
            problems=(),
        )


@pytest.fixture
def opened(course: Path) -> OpenCourse:
    """The small course."""
    return open_course(course)


@pytest.fixture
def database(opened: OpenCourse) -> Iterator[Database]:
    """Its database, which knows the class."""
    with opened.database() as database:
        database.sync_students(opened.students)
        yield database


def gathered(opened: OpenCourse, database: Database, **options: object) -> Report:
    """The report of a fixed moment."""
    return report.gather(opened, database, now=NOW, **options)  # type: ignore[arg-type]


def test_a_course_at_its_beginning_has_a_report(opened: OpenCourse, database: Database) -> None:
    """Before anything is graded nobody is at risk; what is due and not there is missing once somebody has a score."""
    found = gathered(opened, database)
    assert 3 == found.students
    assert () == found.questions == found.durations == found.remarks == found.waiting == found.total.percents


def test_scores_in_part_and_who_waits(opened: OpenCourse, database: Database) -> None:
    """An answer that waits leaves a score of the tests alone; it is listed by question, with the time of the oldest."""
    record(database, graded("ada", 1, 4, None), graded("bob", 1, 0, None), graded("cem", 1, 4, 3))
    found = gathered(opened, database)
    (ps1,) = (spread for spread in found.items if spread.name == "ps1")
    assert ([20, 100, 100], 2) == (sorted(ps1.percents), ps1.partial)
    (waiting,) = found.waiting
    assert (2, 1, "squares") == (waiting.waiting, waiting.graded, waiting.notebook)
    assert waiting.since.startswith("29 October 2026, 12:00")


def test_questions_leave_out_what_could_not_be_read(opened: OpenCourse, database: Database) -> None:
    """A rejected submission has no points, but says nothing of how hard a question is."""
    notebook = GradedNotebook("squares", squares(), graded("bob", 0, 0, 0.0).notebooks[0].scores, rejection="not JSON")
    rejected = Rejected("bob", "ps1", "squares.ipynb: not JSON", (notebook,))
    record(database, graded("ada", 1, 2, 3), rejected, Missing("cem", "ps1"))
    found = gathered(opened, database)
    (ps1,) = found.questions
    assert [("test_visible", 1, 1.0), ("test_hidden", 1, 0.5), ("essay", 1, 1.0)] == [
        (one.question.grade_id, one.count, one.difficulty) for one in ps1.figures
    ]
    assert [(RemarkKind.REJECTED, "bob")] == [(one.kind, one.student.student_id) for one in found.remarks]


def test_missing_and_at_risk_as_of_today(opened: OpenCourse, database: Database) -> None:
    """What is due and not there is missing, and a rule says who is at risk; what is due later is neither."""
    record(database, graded("ada", 1, 4, 3), graded("bob", 0, 0, 0), Missing("cem", "ps1"))
    found = gathered(opened, database, rule=RiskRule(Fraction(50), 1))
    assert {"cem": ["ps1"]} == {one.student.student_id: [item.name for item in one.items] for one in found.absences}
    assert {"bob", "cem"} == {risk.student.student_id for risk in found.risks}
    before_due = datetime(2026, 9, 1, tzinfo=UTC)
    assert () == report.gather(opened, database, now=before_due).absences


def test_remarks_say_where_and_link_to_the_page(opened: OpenCourse, database: Database) -> None:
    """Flags with evidence, limits with the question, repairs; links only to feedback pages that are written."""
    page = opened.folder.feedback / "ada" / "ps1" / "squares.html"
    page.parent.mkdir(parents=True)
    page.write_text("x")
    facts = {
        "flags": (Flag("tampering", "A test had been changed.", "test_visible", "-a\n+b"),),
        "incidents": (Incident(IncidentKind.TIME, "it ran too long", 3, "test_hidden"),),
        "repairs": (Repair("renamed", "The file was renamed."),),
    }
    record(database, graded("ada", 1, 0, 3, **facts), graded("bob", 1, 4, 3, incidents=facts["incidents"]))
    found = gathered(opened, database)
    assert {RemarkKind.FLAG: "-a\n+b", RemarkKind.LIMIT: "", RemarkKind.REPAIR: ""} == {
        one.kind: one.evidence for one in found.remarks if one.student.student_id == "ada"
    }
    limits = [one for one in found.remarks if one.kind is RemarkKind.LIMIT]
    titles = {one.question.grade_id: one.question.title for one in found.questions[0].figures}
    assert {f"{titles['test_hidden']}: it ran too long"} == {one.sentence for one in limits}
    assert [(("squares", "feedback/ada/ps1/squares.html"),), ()] == [one.links for one in limits]


def test_links_lead_from_where_the_report_lies(opened: OpenCourse, database: Database, tmp_path: Path) -> None:
    """Written somewhere else, its links find the course's feedback all the same."""
    page = opened.folder.feedback / "ada" / "ps1" / "squares.html"
    page.parent.mkdir(parents=True)
    page.write_text("x")
    record(database, graded("ada", 1, 4, 3, repairs=(Repair("renamed", "The file was renamed."),)))
    beside = tmp_path / "elsewhere" / "deep"
    (remark,) = gathered(opened, database, beside=beside).remarks
    assert page.resolve() == (beside / remark.links[0][1]).resolve()


def test_times_are_those_of_the_notebooks(opened: OpenCourse, database: Database) -> None:
    """Seconds a submission, and who took longest."""
    record(database, graded("ada", 1, 4, 3), graded("bobby", 1, 4, 3), Missing("cem", "ps1"))
    (opened.folder.root / "submitted" / "bobby" / "ps1").mkdir(parents=True)
    (found,) = gathered(opened, database).durations
    assert ([3.0, 5.0], "bobby") == (sorted(found.seconds), found.slowest.student_id)


def test_it_is_one_file(opened: OpenCourse, database: Database) -> None:
    """`report.html` of the course: plots inside, nothing beside it."""
    record(database, *(graded(name, 1, 4, 3) for name in ("ada", "bob", "cem")))
    scores = [ImportedScore(name, Decimal(40 + place)) for place, name in enumerate(("ada", "bob", "cem"))]
    database.import_scores("exam", scores, source="exam.csv", imported_at=EARLIER)
    path = report.write(opened, gathered(opened, database))
    html = path.read_text(encoding="utf-8")
    assert opened.folder.root / "report.html" == path
    assert "<title>small – report for staff</title>" in html
    plots = [base64.b64decode(uri) for uri in re.findall(r"svg\+xml;base64,([^\"]+)", html)]
    assert 6 == len(plots)  # total, two items, two categories, times
    assert all(plot.startswith(b"<svg") for plot in plots)
