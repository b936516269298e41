"""Small classes and the reports about them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from grader.gradebook import Gradebook, Item, ItemScore, Policies, Status, compute
from grader.model import Student
from grader.report import (
    AssignmentQuestions,
    Durations,
    Mark,
    Question,
    Remark,
    RemarkKind,
    Report,
    RiskRule,
    Waiting,
    absences,
    at_risk,
    figures,
    item_spreads,
    total_spread,
    trends_of,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)


class Make:
    """Makers of gradebooks and reports."""

    @staticmethod
    def book(*rows: dict[str, object], items: tuple[Item, ...] | None = None) -> Gradebook:
        """A gradebook with a row a student, `s0`, `s1`, ...: points, a status, or nothing, by item."""
        names = dict.fromkeys(name for row in rows for name in row)
        items = items or tuple(Item(name, "work", Fraction(10), f"Title of {name}", NOW) for name in names)
        students = [Student(f"s{number}", f"Last{number}", "First") for number in range(len(rows))]
        scores = {
            student.student_id: {
                name: ItemScore(None, value) if isinstance(value, Status) else ItemScore(Fraction(value))
                for name, value in row.items()
            }
            for student, row in zip(students, rows, strict=True)
        }
        categories = dict.fromkeys((item.category for item in items), 100 // max(1, len({i.category for i in items})))
        return compute(
            Policies.model_validate({"categories": categories} if categories else {}),
            students,
            items,
            scores,
            as_of=NOW,
        )

    def report(self, book: Gradebook | None = None, text: str = "", **changes: Any) -> Report:
        """A report with something in every section; `text` stands wherever a person could have written."""
        book = book or self.book(*({"hw1": number, "hw2": 10 - number % 4} for number in range(11)), {})
        who = Student(f"id{text}", f"Last{text}", f"First{text}")
        link = ((f"page{text}", f"feedback/{text}/ps1/page.html"),)
        spreads = item_spreads(book, {})
        questions = [Question(f"book{text}", f"q{number}", f"Question {number}{text}", 2.0) for number in range(3)]
        marks = [
            Mark(f"s{n}", f"book{text}", f"q{q}", float((n + q) % 3), n > 7 + q) for n in range(11) for q in range(3)
        ]
        plain = {
            "course_title": f"A course{text}",
            "made_at": "1 November 2026, 12:00 UTC",
            "zone": ZoneInfo("UTC"),
            "students": len(book.rows),
            "total": total_spread(book),
            "items": spreads,
            "trends": trends_of(book, spreads),
            "rule": RiskRule(),
            "risks": at_risk(book, RiskRule()),
            "absences": absences(book),
            "waiting": (Waiting(f"ps1{text}", f"book{text}", f"Why?{text}", 3, 4, "1 November 2026, 11:00 UTC"),),
            "questions": (AssignmentQuestions("ps1", f"Problem set 1{text}", figures(questions, marks)),),
            "durations": (Durations("ps1", f"Problem set 1{text}", (0.004, 1.5, 60.0), who, link),),
            "remarks": tuple(
                Remark(kind, f"Problem set 1{text}", who, f"What was found{text}", f"-a\n+b{text}", link)
                for kind in RemarkKind
            ),
        }
        return Report(**(plain | changes))


@pytest.fixture(scope="session")
def make() -> Make:
    """Makers of gradebooks and reports."""
    return Make()


@pytest.fixture
def hostile_names() -> Callable[[str], Gradebook]:
    """A gradebook in which item, category and student are called that, and one more item that nobody has."""

    def made(text: str) -> Gradebook:
        items = (
            Item(f"hw{text}", f"cat{text}", Fraction(10), f"Title{text}", NOW),
            Item(f"gone{text}", f"cat{text}", Fraction(10), f"Gone{text}", NOW),
        )
        students = [Student(f"{number}{text}", f"Last{text}", f"First{text}") for number in range(6)]
        scores = {s.student_id: {f"hw{text}": ItemScore(Fraction(n))} for n, s in enumerate(students)}
        scores["0" + text] |= {f"gone{text}": ItemScore(Fraction(1))}
        policies = Policies.model_validate({"categories": {f"cat{text}": 100}})
        return compute(policies, students, items, scores, as_of=NOW)

    return made
