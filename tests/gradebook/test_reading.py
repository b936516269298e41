"""Files of scores, in: what is certain is matched, everything else is listed."""

from __future__ import annotations

from fractions import Fraction

import pytest

from grader.errors import ScoresError
from grader.gradebook import Status, read_scores
from grader.model import Student

ROSTER = (
    Student("s01", "Lovelace", "Ada", "ada@example.org"),
    Student("s02", "O'Toole", "Pat", "pat@example.org"),
    Student("0042", "Smith, Jr", "Bo", "bo@example.org"),
)


@pytest.fixture
def read(item):
    """Read a text as the scores of an item with 10 points."""

    def reader(text: str | bytes, **more):
        data = text.encode() if isinstance(text, str) else text
        return read_scores(data, "scores.csv", item=item("hw1"), roster=ROSTER, **more)

    return reader


def numbers(plan):
    """The scores that would be stored."""
    return {student: score.score for student, score in plan.scores.items()}


def test_ids_and_emails_name_students(read):
    """Either column is enough, and case does not matter in an address."""
    assert numbers(read("student_id,score\ns01,7.5\n")) == {"s01": Fraction("7.5")}
    assert numbers(read("Email,Points\nPAT@example.org,3\n")) == {"s02": 3}


def test_whoever_is_in_no_row_is_told(read):
    """Blank cells and absent students are two things, and neither is a zero."""
    plan = read("student_id,score\ns01,\ns02,0\n")
    assert (numbers(plan), plan.blank, plan.absent) == ({"s02": 0}, ("s01",), ("0042",))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("s99,5", 'row 2: "s99" is nobody on the roster'),
        ("s01,ten", 'row 2: s01: "ten" is no number'),
        ("s01,11", "row 2: s01: 11 is more than the 10 points there are"),
        ("s01,-1", "row 2: s01: -1 is less than nothing"),
        (",5", "row 2: names no student"),
        ('s01,"1,234"', 'row 2: s01: "1,234" may be 1.234 or 1234; write it without the comma'),
        ("s01,1e3", 'row 2: s01: "1e3" is no number'),
        ("s01,nan", 'row 2: s01: "nan" is no number'),
    ],
)
def test_what_is_not_certain_is_listed_with_its_row(read, row, said):
    """Nothing of such a row is imported."""
    plan = read(f"student_id,score\n{row}\n")
    assert ([str(problem) for problem in plan.problems], plan.scores) == ([said], {})


def test_a_student_in_two_rows_is_a_problem_in_both(read):
    """Nobody knows which one holds."""
    plan = read("student_id,score\ns01,5\ns02,1\ns01,6\n")
    assert [str(p) for p in plan.problems] == [
        "row 2: s01 is in rows 2, 4; keep one",
        "row 4: s01 is in rows 2, 4; keep one",
    ]
    assert numbers(plan) == {"s02": 1}


def test_an_id_and_an_email_of_two_people_are_a_problem(read):
    """A row that names two students names nobody."""
    plan = read("student_id,email,score\ns01,pat@example.org,5\n")
    assert "may be any of s01, s02" in str(plan.problems[0])


def test_lost_leading_zeros_are_found_and_told(read):
    """A spreadsheet made 42 of 0042; only one student can be meant."""
    plan = read("student_id,score\n42,5\n")
    assert numbers(plan) == {"0042": 5}
    assert plan.notes == ("row 2: taken for 0042: leading zeros were lost in the file",)


def test_ex_is_excused(read):
    """In any case of letters."""
    assert read("student_id,score\ns01,ex\n").scores["s01"].status is Status.EXCUSED


def test_decimal_commas_are_read_where_they_cannot_be_anything_else(read):
    """A file with semicolons writes decimals with a comma; elsewhere 8,5 is no thousands."""
    assert numbers(read("student_id;score\ns01;8,5\ns02;1,125\n")) == {"s01": Fraction("8.5"), "s02": Fraction("1.125")}
    assert numbers(read('student_id,score\ns01,"8,5"\n')) == {"s01": Fraction("8.5")}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_encodings_are_recognised(read, encoding):
    """Spreadsheets save what they like."""
    assert numbers(read("student_id\tscore\ns01\t5\n".encode(encoding))) == {"s01": 5}


def test_a_windows_file_is_read_and_told(read):
    """A comment with an umlaut in Windows-1252 costs nobody a score."""
    plan = read("student_id,score,comment\ns01,5,schön\n".encode("cp1252"))
    assert (plan.scores["s01"].comment, plan.notes) == (
        "schön",
        ("the file is not UTF-8; it was read as Windows-1252",),
    )


def test_another_maximum_is_kept_for_scaling(read):
    """45 of 50 is within the maximum of an item with 10 points."""
    assert read("student_id,score,max\ns01,45,50\n").scores["s01"].max_score == 50
    assert "more than the 50 points" in str(read("student_id,score,max\ns01,51,50\n").problems[0])


def test_columns_can_be_named(read):
    """Titles in any language."""
    plan = read("Matrikel;Punkte\ns01;5\n", columns={"student_id": "matrikel", "score": "Punkte"})
    assert numbers(plan) == {"s01": 5}


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "is empty"), ("a,b\n1,2\n", "no column holds a student_id or an email"), ("student_id,x\n", "holds a score")],
)
def test_a_file_that_is_no_table_of_scores_is_refused(read, text, said):
    """One line that names the file."""
    with pytest.raises(ScoresError, match=said):
        read(text)


def test_what_changes_is_shown(read, score):
    """Importing again updates; equal scores are no change."""
    plan = read("student_id,score\ns01,5\ns02,6\n", before={"s01": score(5), "s02": score(4)})
    assert [str(change) for change in plan.changes] == ["s02: 4 → 6"]


def test_an_apostrophe_against_formulas_is_taken_off(item):
    """What our own CSV wrote, our importer reads."""
    roster = [Student("-7")]
    plan = read_scores(b"student_id,score\n'-7,5\n", "x.csv", item=item("a"), roster=roster)
    assert list(plan.scores) == ["-7"]
