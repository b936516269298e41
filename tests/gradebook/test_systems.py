"""Exports of learning systems, in, with the traps that real ones hold."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from fractions import Fraction

import pytest

from grader.errors import ScoresError
from grader.gradebook import Status, read_scores
from grader.model import Student

ROSTER = (
    Student("0042", "Lovelace", "Ada", "ada@example.org", {"kaggle": "ada_l", "canvas_id": "9001"}),
    Student("0043", "O'Toole", "Pat", "pat@example.org", {"Kaggle user": "Pat-OT"}),
    Student("0044", "Smith, Jr", "Bo", "bo@example.org", {"kaggle": "bo"}),
    Student("0045", "Ng", "Eve", "eve@example.org", {"kaggle": "eve_ng"}),
)
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,HW 1 (11),=HYPERLINK(1) (12),Current Score,Final Score\n"
    ",,,,,,Manual Posting,,\n"
    "    Points Possible,,,,,10.00,50.00,(read only),(read only)\n"
    '"Lovelace, Ada",9001,0042,ada,A,9.50,EX,95,95\n'
    '"O\'Toole, Pat",9002,0043,pat,A,N/A,40,0,0\n'
    '"Smith, Jr, Bo",9003,,,B,,10,0,0\n'
    '"Student, Test",9004,abc,def,B,1,1,0,0\n'
)


@pytest.fixture
def read(item):
    """Read text or bytes as the scores of hw1 with 10 points."""

    def reader(content: str | bytes, name="hw1", points=10, points_rule=None, **more):
        data = content.encode() if isinstance(content, str) else content
        what = item(name, points, title=more.pop("title", ""))
        return read_scores(data, "export.csv", item=what, roster=ROSTER, points=points_rule, **more)

    return reader


def numbers(plan):
    """The scores that would be stored."""
    return {student: score.score for student, score in plan.scores.items()}


def test_canvas_rows_that_are_no_students_are_left_out(read):
    """Manual Posting, Points Possible and the test student are nobody; N/A and a blank are no score."""
    plan = read(CANVAS)
    assert (plan.format, numbers(plan), plan.blank) == ("canvas", {"0042": Fraction("9.5")}, ("0043", "0044"))
    assert plan.problems == ()


def test_a_canvas_column_is_chosen_by_its_title(read):
    """Even by one that is a formula; EX is excused, the maximum comes from Points Possible."""
    plan = read(CANVAS, columns={"score": "=HYPERLINK(1)"})
    assert plan.scores["0042"].status is Status.EXCUSED
    assert (plan.scores["0043"].score, plan.scores["0043"].max_score) == (40, 50)
    assert plan.scores["0044"].score == 10
    assert [found.matched_by for found in plan.matched] == ["student_id", "student_id", "name"]


def test_an_item_that_is_in_no_column_is_told_with_the_columns_that_are_there(read):
    """Totals that nobody may write are none of them."""
    with pytest.raises(ScoresError, match=r"no column for essay; name one of: HW 1, =HYPERLINK\(1\)$"):
        read(CANVAS, name="essay")


def test_a_column_is_found_by_the_title_of_the_item(read):
    """The course calls it hw_a, Canvas calls it by its title."""
    assert numbers(read(CANVAS, name="hw_a", title="HW 1")) == {"0042": Fraction("9.5")}


def test_gradescope_assignment_exports(read):
    """Leading zeros, Missing with a blank, lateness over a day, a score over the maximum."""
    plan = read(
        "First Name,Last Name,SID,Email,Sections,Total Score,Max Points,Status,Submission ID,Submission Time,"
        "Lateness (H:M:S)\n"
        "Ada,Lovelace,0042,ada@example.org,,8.5,10.0,Graded,1,2026-01-01 10:00:00 -0500,225:07:02\n"
        "Pat,O'Toole,0043,pat@example.org,,,10.0,Missing,,,\n"
        'Bo,"Smith, Jr",0044,bo@example.org,,11.0,10.0,Graded,2,2026-01-01 10:00:00 -0500,00:00:00\n'
        "Eve,Ng,0045,eve@example.org,,,10.0,Ungraded,3,2026-01-01 10:00:00 -0500,00:00:00\n"
    )
    assert (plan.format, numbers(plan)) == ("gradescope", {"0042": Fraction("8.5"), "0043": None})
    assert plan.scores["0042"].late == timedelta(hours=225, minutes=7, seconds=2)
    assert plan.scores["0043"].status is Status.MISSING
    assert [str(p) for p in plan.problems] == ["row 4: 0044: 11 is more than the 10 points there are"]
    assert plan.blank == ("0045",)


def test_scores_over_the_maximum_come_in_where_the_course_allows_extra_credit(read):
    """`most` is the highest score there is."""
    text = "Name,SID,Total Score,Max Points,Status\nAda,0042,11,10,Graded\nPat,0043,12,10,Graded\n"
    plan = read(text, most=Fraction(11))
    assert numbers(plan) == {"0042": 11}
    assert len(plan.problems) == 1


def test_gradescope_course_exports(read):
    """One assignment out of several; each has its own maximum and lateness."""
    plan = read(
        "First Name,Last Name,SID,Email,section_name,Lab 01,Lab 01 - Max Points,Lab 01 - Submission Time,"
        "Lab 01 - Lateness (H:M:S),HW 1,HW 1 - Max Points,HW 1 - Submission Time,HW 1 - Lateness (H:M:S)\n"
        "Ada,Lovelace,0042,ada@example.org,A,1,2,,,20,40,,24:00:01\n"
    )
    assert (plan.scores["0042"].score, plan.scores["0042"].max_score) == (20, 40)
    assert plan.scores["0042"].late == timedelta(days=1, seconds=1)


def test_moodle_worksheets_with_semicolons_and_decimal_commas(read):
    """As German and French installations write them, with a byte order mark."""
    text = (
        "Identifier;Full name;Email address;Status;Grade;Maximum Grade;Grade can be changed;Last modified (grade);"
        "Feedback comments\n"
        "Participant 657737;Ada Lovelace;ada@example.org;Submitted for grading;8,75;10,00;Yes;-;<p>Good</p>\n"
        "Participant 657738;Pat O'Toole;;No submission;;10,00;Yes;-;\n"
    )
    plan = read(text.encode("utf-8-sig"))
    assert (plan.format, plan.scores["0042"].score) == ("moodle", Fraction("8.75"))
    assert (plan.scores["0042"].comment, plan.scores["0043"].status) == ("<p>Good</p>", Status.MISSING)


def test_blackboard_exports_in_utf16_with_tabs(read):
    """The number after the bar is the column's id; a user name may hold an underscore."""
    text = (
        '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"HW 1 [Total Pts: 10 Score] |1281892"\t'
        '"Weighted Total [Total Pts: up to 100 Percentage] |7"\n'
        '"Lovelace"\t"Ada"\t"ada_l"\t"0042"\t"7.5"\t"80"\n'
        '"Ng"\t"Eve"\t"eve"\t""\t"Needs Grading(3)"\t""\n'
    )
    plan = read(text.encode("utf-16"))
    assert (plan.format, numbers(plan)) == ("blackboard", {"0042": Fraction("7.5")})
    assert str(plan.problems[0]) == 'row 3: 0045: "Needs Grading(3)" is no number'


def test_brightspace_exports(read):
    """A number sign before the id, the maximum within the title, a row's end marked."""
    text = (
        "OrgDefinedId,Username,HW 1 Points Grade <Numeric MaxPoints:20 Weight:5>,End-of-Line Indicator\n"
        "#0042,ada,15,#\n#0045,eve,,#\n"
    )
    plan = read(text)
    assert (plan.format, plan.scores["0042"].score, plan.scores["0042"].max_score) == ("brightspace", 15, 20)
    assert plan.blank == ("0045",)


BOARD = (
    "Rank,TeamId,TeamName,LastSubmissionDate,Score,SubmissionCount,TeamMemberUserNames\n"
    '1,5,"🚀 to, the moon",2026-01-01 10:00:00,0.90,9,"ada_l, Pat-OT"\n'
    "2,6,=cmd(),2026-01-01 10:00:00,0.70,9,bo\n"
    "2,7,tie,2026-01-01 10:00:00,0.70,9,stranger\n"
    "4,8,last,2026-01-01 10:00:00,5e-1,9,Eve_Ng\n"
)


def zipped(text: str) -> bytes:
    """As Kaggle hands it out."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("comp-publicleaderboard.csv", "\ufeff" + text)
    return out.getvalue()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("linear 0.5=0 0.9=100", {"0042": 100, "0043": 100, "0044": 50, "0045": 0}),
        ("linear 0.6=40 0.8=100", {"0042": 100, "0043": 100, "0044": 70, "0045": 40}),
        ("baseline 0.6=50", {"0042": 100, "0043": 100, "0044": Fraction("66.67"), "0045": 0}),
        ("percentile", {"0042": 100, "0043": 100, "0044": 75, "0045": 25}),
        ("bands 1=100 2=90", {"0042": 100, "0043": 100, "0044": 90, "0045": 0}),
    ],
)
def test_a_leaderboard_becomes_points_by_a_stated_rule(read, rule, expected):
    """Team members by user name, ties at the same rank, a zip with a byte order mark."""
    plan = read(zipped(BOARD), points=100, name="midterm", points_rule=rule)
    assert (plan.format, numbers(plan)) == ("kaggle", expected)
    assert [str(p) for p in plan.problems] == ['row 4: "stranger" is nobody on the roster']
    assert plan.scores["0042"].comment == "team 🚀 to, the moon, rank 1 of 4"


def test_an_error_measure_is_better_when_it_is_lower(read):
    """The line goes down, and so does the baseline's."""
    board = "TeamId,TeamName,SubmissionDate,Score\n1,ada_l,x,0.1\n2,bo,x,0.3\n3,Pat-OT,x,0.6\n"
    assert numbers(read(board, points=100, points_rule="linear 0.5=0 0.1=100")) == {"0042": 100, "0044": 50, "0043": 0}
    assert numbers(read(board, points=100, points_rule="baseline 0.5=0")) == {"0042": 100, "0044": 50, "0043": 0}


@pytest.mark.parametrize(
    "rule", [None, "best", "linear 1=2", "linear 1=0 1=3", "bands", "bands 1.5=3", "linear a=1 b=2"]
)
def test_a_leaderboard_without_a_rule_is_refused(read, rule):
    """Nobody guesses how ranks become points."""
    with pytest.raises(ScoresError, match="points"):
        read(BOARD, points_rule=rule)


def workbook(*sheets) -> bytes:
    """A spreadsheet as bytes."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_workbooks_are_read(read):
    """Whole numbers are no decimals, lost leading zeros are found, empty sheets are passed over."""
    plan = read(workbook([], [["student_id", "score"], [42, 8.5], ["0043", 7]]))
    assert numbers(plan) == {"0042": Fraction("8.5"), "0043": 7}
    assert plan.notes == ("row 2: taken for 0042: leading zeros were lost in the file",)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04 broken", "cannot be unpacked"),
        (b"student_id,score\n" + b'"' * 999_999, "is no table"),
        (zipped("a").replace(b".csv", b".bin"), "holds 0 tables"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(read, data, said):
    """No traceback for any bytes that people send."""
    with pytest.raises(ScoresError, match=said) as error:
        read(data)
    assert len(error.value.messages) == 1


def test_an_archive_that_unpacks_to_too_much_is_refused(read, monkeypatch):
    """Before anything is unpacked."""
    monkeypatch.setattr("grader.gradebook.formats.table.MOST_UNPACKED", 10)
    with pytest.raises(ScoresError, match="unpacks to more"):
        read(zipped("x" * 100))


def test_a_leaderboard_needs_user_names_in_the_roster(item):
    """A user name that looks like somebody's address proves nothing."""
    with pytest.raises(ScoresError, match='no column "kaggle"'):
        read_scores(BOARD.encode(), "b.csv", item=item("m", 100), roster=[Student("bo")], points="percentile")
