"""The roster is read as people save it, and everything wrong with it is told at once."""

from __future__ import annotations

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import ConfigError
from grader.model import Student
from grader.roster import read_roster, valid_student_id

ADA = Student("ada", "Lovelace", "Ada", "ada@x")


def test_columns_are_found_by_title() -> None:
    """Any order, any capitals, blanks for underscores; further columns are kept by their titles."""
    text = "E-Mail,First Name,Section,STUDENT_ID,last name,email\n,Ada, B1 ,ada,Lovelace,ada@x\n"
    (student,) = read_roster(text)
    assert (ADA.student_id, ADA.name, ADA.email) == (student.student_id, student.name, student.email)
    assert {"E-Mail": "", "Section": "B1"} == student.extra


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_dialects(delimiter: str, start: str, newline: str) -> None:
    """Commas, semicolons and tabs, with or without a byte order mark, with either line end, quotes as needed."""
    rows = [["student_id", "last_name", "first_name", "email"], ["ada", "Lovelace", "Ada", "ada@x"]]
    rows += [["007", f'O"T{delimiter}oole\nJr', "", ""], ["", "", "", ""]]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=newline).writerows(rows)
    assert (ADA, Student("007", f'O"T{delimiter}oole\nJr')) == read_roster(start + text.getvalue())


def test_only_ids() -> None:
    """A column of ids is a roster; the id serves as the name."""
    assert ["ada", "zoë"] == [student.name for student in read_roster("student_id\nada\n zoë \n")]


def test_everything_wrong_is_told_at_once() -> None:
    """A line each with file, row and remedy, in the order of the rows."""
    text = "student_id,last_name\n,Nobody\n../etc,Path\nada,One\nada,Two\nbob,O,Toole\n.x,Dot\n"
    with pytest.raises(ConfigError) as caught:
        read_roster(text, "class.csv")
    assert (
        "class.csv, line 2: no student_id; fill it in or delete the row",
        "class.csv, line 3",
        "class.csv, line 5: ada is in line 4 too; keep one",
        "class.csv, line 6: 3 cells under 2 titles; put text with commas in quotes",
        "class.csv, line 7",
    ) == tuple(message if "cannot be" not in message else message.split(":")[0] for message in caught.value.messages)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column `student_id`"),
        ("id,name\n1,x\n", "no column `student_id` .the titles are: id, name."),
        ("student_id,Section,Section\n", "two columns are called `Section`"),
        ("student_id,Student ID\n", "two columns are called `student_id`"),
        ('student_id\n"ada\n', "not a CSV file"),
    ],
)
def test_titles(text: str, message: str) -> None:
    """A table without a column of ids, with two of one title or that is no table is refused."""
    with pytest.raises(ConfigError, match=message):
        read_roster(text)


def test_the_same_id_in_two_spellings_is_one() -> None:
    """Composed and decomposed accents look the same, so they are a duplicate."""
    with pytest.raises(ConfigError, match="is in line 2 too"):
        read_roster("student_id\nzo\u00eb\nzoe\u0308\n")


@pytest.mark.parametrize("text", ["ada", "007", "O'Toole", "zoë", "a.b@c.d", "a b", "学生1", "a..b", "x" * 128])
def test_ids(text: str) -> None:
    """What people have as ids."""
    assert valid_student_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        ".x",
        "a/b",
        "a\\b",
        "a\0",
        "a\n",
        "\x1b[31m",
        " a",
        "a ",
        "\u202ea",
        "a\u200b",
        "x" * 129,
        "é" * 101,
        "\ud800",
    ],
)
def test_no_ids(text: str) -> None:
    """Nothing that can be a path, fool a reader or be too long for a folder's name."""
    assert not valid_student_id(text)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_roster_or_told_to_be_none(text: str) -> None:
    """No text breaks the reader; the ids that it gives are fit for folders."""
    with suppress(ConfigError):
        assert all(valid_student_id(student.student_id) for student in read_roster(text))
    with suppress(ConfigError):
        assert all(valid_student_id(student.student_id) for student in read_roster(f"student_id,x\n{text}"))
