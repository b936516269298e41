"""Our own CSV, out."""

from __future__ import annotations

import csv
import io

import pytest

from grader.gradebook import Policies, Status, compute, to_csv
from grader.gradebook.formats.cells import safe, unsafe
from grader.model import Student


def rows_of(text: str) -> list[dict[str, str]]:
    """Read it as any program would."""
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_holds_student_categories_items_total_and_what_is_ungraded(demo, ada, item, score):
    """Percentages have the stated digits; points are as they are."""
    items = [item("essay", 20, "project"), item("nb1", 8, "notebooks"), item("exam", 50, "midterm")]
    scores = {"s01": {"essay": score(17.5), "nb1": score(3, status=Status.WAITING, waiting=1)}}
    (row,) = rows_of(to_csv(compute(demo, [ada], items, scores)))
    assert row == {
        "student_id": "s01",
        "last_name": "Lovelace",
        "first_name": "Ada",
        "email": "ada@example.org",
        "total": "50.78",
        "current": "87.50",
        "project %": "87.50",
        "midterm %": "0.00",
        "notebooks %": "37.50",
        "homeworks %": "",
        "participation %": "",
        "essay (20)": "17.5",
        "nb1 (8)": "3",
        "exam (50)": "",
        "ungraded": "nb1 (1 question), exam",
    }


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "\rx", "＝1"])
def test_no_cell_of_text_is_a_formula(text):
    """An apostrophe stands in front, and the importers take it off again."""
    assert safe(text) == f"'{text}"
    assert unsafe(safe(text)) == text


@pytest.mark.parametrize("text", ["O'Toole", "'tis", "007", "a=b", ""])
def test_other_text_stays_as_it_is(text):
    """Only what could start a formula is touched."""
    assert text == safe(text) == unsafe(text)


def test_names_with_commas_quotes_and_line_breaks_survive(item):
    """The CSV is quoted properly."""
    student = Student("s01", 'Smith, "Jr"', "A\nB")
    (row,) = rows_of(to_csv(compute(Policies(), [student], [], {})))
    assert (row["last_name"], row["first_name"]) == ('Smith, "Jr"', "A\nB")


def test_an_empty_class_has_a_header(demo):
    """The header is the same for the same course, whoever is in it."""
    assert to_csv(compute(demo, [], [], {})) == (
        "student_id,last_name,first_name,email,total,current,"
        "project %,midterm %,notebooks %,homeworks %,participation %,ungraded\n"
    )
