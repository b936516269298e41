"""The gradebook, out: what one system writes, our own importer reads back into the same scores."""

from __future__ import annotations

import csv
import io
import json
from fractions import Fraction

import pytest

from grader.errors import ScoresError
from grader.gradebook import Policies, Status, anonymous, compute, export, read_scores, to_json, to_page, to_workbook
from grader.gradebook.formats.cells import unsafe
from grader.gradebook.formats.table import read_table
from grader.model import Student

CLASS = (
    Student("0042", "Lovelace", "Ada", "ada@example.org", {"username": "ada", "canvas_id": "9001"}),
    Student("0043", "O'Toole", "Pat", "pat@example.org"),
    Student("0044", "Smith, Jr", '"Bo"', "bo@example.org"),
    Student("0045", "=HYPERLINK(1)", "@evil", "eve@example.org"),
    Student("0046", "Ωmega", "", "omega@example.org"),
)
SCORES = {
    "0042": "8.5",
    "0043": "0",
    "0044": "10",
    "0045": "7.25",
}


@pytest.fixture
def book(item, score):
    """Five students and two items; one student is excused from the first, one has nothing in the second."""
    items = [item("hw1", 10, title="HW 1"), item("hw2", 20)]
    scores = {student: {"hw1": score(points), "hw2": score(10)} for student, points in SCORES.items()}
    scores["0046"] = {"hw1": score(None, status=Status.EXCUSED)}
    return compute(Policies(), CLASS, items, scores)


def read_back(data, item, **more):
    """What our importer finds."""
    plan = read_scores(data, "x", item=item, roster=CLASS, **more)
    assert plan.problems == ()
    return {student: score.score for student, score in plan.scores.items()}


EXPECTED = {student: Fraction(points) for student, points in SCORES.items()}


@pytest.mark.parametrize("system", ["canvas", "blackboard", "brightspace"])
def test_what_we_write_for_a_system_we_read_back(book, item, system):
    """Quotes, commas, apostrophes and formulas in names change nothing."""
    found = read_back(export(book, system).data, item("hw1", title="HW 1"))
    assert EXPECTED == {student: points for student, points in found.items() if points is not None}


def test_canvas_knows_excused_scores(book, item):
    """`EX` out, excused in."""
    plan = read_scores(export(book, "canvas").data, "x", item=item("hw1", title="HW 1"), roster=CLASS)
    assert plan.scores["0046"].status is Status.EXCUSED


def test_a_moodle_gradebook_import_maps_columns_by_title(book, item):
    """One column, named as the course wants it."""
    data = export(book, "moodle", ["hw1=Grade one"]).data
    assert data.startswith(b"ID number,Full name,Email address,Grade one\n")
    assert EXPECTED == read_back(data, item("hw1"), columns={"score": "Grade one"})


def test_the_columns_of_canvas_are_those_its_help_names(book):
    """Student, ID, ids of the information system, section; then points possible."""
    rows = list(csv.reader(io.StringIO(export(book, "canvas", ["hw1", "total=Course total"]).data.decode())))
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "HW 1", "Course total"]
    assert rows[1] == ["    Points Possible", "", "", "", "", "10", "100"]
    assert ["Lovelace, Ada", "9001", "0042", "ada", "", "8.5", "61.67"] in rows
    assert ["'=HYPERLINK(1), @evil", "", "0045", "", "", "7.25", "57.50"] in rows


def test_blackboard_gets_utf16_with_tabs_and_every_cell_quoted(book):
    """As it writes them itself."""
    text = export(book, "blackboard", ["hw1"]).data.decode("utf-16")
    assert text.splitlines()[0] == '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"HW 1 [Total Pts: 10 Score]"'


def test_brightspace_rows_end_in_a_number_sign(book):
    """And the letter is a text grade."""
    lines = export(book, "brightspace", ["hw1"]).data.decode().splitlines()
    assert lines[0] == "OrgDefinedId,Username,HW 1 Points Grade,End-of-Line Indicator"
    assert all(line.endswith(",#") for line in lines[1:])


CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Other (7),HW 1 (11),hw2 (12),Final Score\n"
    ",,,,,,Manual Posting,,\n"
    "    Points Possible,,,,,5,10.00,20.00,(read only)\n"
    '"Lovelace, Ada",9001,0042,ada,A,5,,,\n'
    '"Zed, Who",9009,7777,zed,A,5,1,1,\n'
    '"Smith, Jr, ""Bo""",9003,0044,,B,1,,,\n'
)


def test_a_template_keeps_ids_rows_and_titles(book):
    """Columns that the gradebook does not have are left out, so that nothing of them changes."""
    done = export(book, "canvas", template=CANVAS.encode())
    rows = list(csv.reader(io.StringIO(done.data.decode())))
    assert rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "HW 1 (11)", "hw2 (12)"],
        ["", "", "", "", "", "Manual Posting", ""],
        ["    Points Possible", "", "", "", "", "10.00", "20.00"],
        ["Lovelace, Ada", "9001", "0042", "ada", "A", "8.5", "10"],
        ['Smith, Jr, "Bo"', "9003", "0044", "", "B", "10", "10"],
    ]
    assert done.notes[0] == "total is in no column of the template"
    assert 'row 5: "7777", "zed", "9009", "Zed, Who" is nobody on the roster; left out' in done.notes
    assert "0045 is not in the template" in done.notes


def test_a_column_of_a_template_can_be_named(book):
    """The total goes where the person says."""
    done = export(book, "canvas", ["total=Other"], template=CANVAS.encode())
    rows = list(csv.reader(io.StringIO(done.data.decode())))
    assert (rows[0][-1], rows[3][-1]) == ("Other (7)", "61.67")
    with pytest.raises(ScoresError, match='no column for "Nowhere"'):
        export(book, "canvas", ["total=Nowhere"], template=CANVAS.encode())


def test_a_moodle_worksheet_is_filled_in_its_own_dialect(book, item):
    """Semicolons, a decimal comma, and everything else as it was."""
    sheet = (
        "Identifier;Full name;Email address;Status;Grade;Maximum Grade;Last modified (grade);Feedback comments\n"
        "Participant 1;Ada Lovelace;ada@example.org;Submitted;;10,00;-;fine\n"
    )
    done = export(book, "moodle", ["hw1"], template=sheet.encode())
    assert done.data.decode().splitlines()[1] == "Participant 1;Ada Lovelace;ada@example.org;Submitted;8,5;10,00;-;fine"
    assert read_back(done.data, item("hw1")) == {"0042": Fraction("8.5")}


def test_a_blackboard_template_keeps_the_column_ids(book):
    """A column without its id would become text."""
    sheet = (
        '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"HW 1 [Total Pts: 10 Score] |1281892"\n'
        '"x"\t"y"\t"ada"\t""\t""\n'
    )
    done = export(book, "blackboard", ["hw1"], template=sheet.encode("utf-16"))
    assert done.data.decode("utf-16").splitlines()[0].endswith('"HW 1 [Total Pts: 10 Score] |1281892"')
    assert done.data.decode("utf-16").splitlines()[1] == '"x"\t"y"\t"ada"\t""\t"8.5"'


@pytest.mark.parametrize(
    ("system", "wanted", "template", "said"),
    [
        ("sakai", (), None, "is no system; there are canvas"),
        ("canvas", ("hw9",), None, "is no column of the gradebook; there are total, current"),
        ("moodle", (), CANVAS.encode(), "is an export of canvas, not of moodle"),
        ("canvas", (), b"a,b\n1,2\n", "is an export of no system"),
    ],
)
def test_what_cannot_be_written_is_told(book, system, wanted, template, said):
    """One line with what there is."""
    with pytest.raises(ScoresError, match=said):
        export(book, system, wanted, template=template)


def test_a_workbook_holds_text_and_numbers_but_no_formula(book, item):
    """And the same gradebook gives the same bytes."""
    import openpyxl

    data = to_workbook(book)
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {"s", "n"} == {cell.data_type for cell in cells}
    assert "=HYPERLINK(1)" in {cell.value for cell in cells}
    assert data == to_workbook(book)
    assert EXPECTED == {
        key: score.score
        for key, score in read_scores(
            data, "x.xlsx", item=item("hw1"), roster=CLASS, columns={"student_id": "student_id", "score": "hw1 (10)"}
        ).scores.items()
        if score.score is not None
    }


def test_the_page_runs_nothing(item, score):
    """Names are text, and the page forbids scripts."""
    student = Student("s1", "<script>alert(1)</script>", "\u202eevil")
    page = to_page(compute(Policies(), [student], [item("a")], {"s1": {"a": score(1)}}), "A <b> course")
    assert "<script" not in page
    assert "\u202e" not in page
    assert "default-src 'none'" in page
    assert "A &lt;b&gt; course" in page


def test_json_has_stable_keys(book):
    """Numbers are numbers; what is not there is null."""
    table = json.loads(to_json(book))
    ada = next(row for row in table["students"] if row["student_id"] == "0042")
    assert ada == {
        "student_id": "0042",
        "last_name": "Lovelace",
        "first_name": "Ada",
        "email": "ada@example.org",
        "total": 61.67,
        "current": 61.67,
        "letter": None,
        "categories": {"assignments": 61.67},
        "items": {
            "hw1": {"status": "graded", "score": 8.5, "counted": 8.5},
            "hw2": {"status": "graded", "score": 10, "counted": 10},
        },
        "ungraded": [],
    }


def test_an_anonymous_gradebook_names_nobody(book):
    """The best total comes first, so that the order of names cannot be read off."""
    table = read_table(export(anonymous(book), "canvas").data, "x")
    text = "".join(unsafe(cell) for row in table.rows for cell in row.cells)
    assert not any(part in text for student in CLASS for part in (student.student_id, student.email) if part)
    assert [row.student.student_id for row in anonymous(book).rows] == [f"student-{n}" for n in range(1, 6)]
    totals = [row.final.total for row in anonymous(book).rows]
    assert totals == sorted(totals, reverse=True)
