"""Requests for a regrade from a table: nothing is guessed, every row that cannot be taken is named."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from grader.errors import MarkingError
from grader.marking import Question, ReadRequests, read_requests
from grader.model import Student

QUESTIONS = (Question("ps1", "p1", "why"), Question("ps1", "p1", "draw"), Question("ps2", "p1", "why"))
CLASS = (Student("ada", "Lovelace", "Ada", "ada@example.edu"), Student("bob"))


def read(text: str) -> ReadRequests:
    """Read a CSV."""
    zone = ZoneInfo("Europe/Berlin")
    return read_requests(text.encode(), "asked.csv", roster=CLASS, questions=QUESTIONS, zone=zone)


def test_a_row_is_a_request() -> None:
    """Student, question, message and time, by titles in any order."""
    found = read("Message,Question,Student,Time\nPlease look,draw,ada,2026-09-20 22:00\n")
    (one,) = found.requests
    assert ("ada", QUESTIONS[1], "Please look", 2) == (one.student_id, one.question, one.message, one.row)
    assert datetime(2026, 9, 20, 20, tzinfo=UTC) == one.time
    assert () == found.problems


@pytest.mark.parametrize("student", ["ada", "ada@example.edu", "Ada Lovelace"])
def test_a_student_is_found_as_the_roster_knows_them(student: str) -> None:
    """By id, address or name."""
    assert "ada" == read(f"student,question,message\n{student},draw,x\n").requests[0].student_id


def test_a_request_may_be_about_a_whole_assignment() -> None:
    """Then it names no question; a zone in a time counts."""
    (one,) = read("student,assignment,message,time\nbob,ps2,x,2026-09-20T22:00+05:00\n").requests
    assert ("ps2", None) == (one.assignment, one.question)
    assert datetime(2026, 9, 20, 22, tzinfo=timezone(timedelta(hours=5))) == one.time


def test_an_assignment_tells_questions_of_one_name_apart() -> None:
    """`why` alone could be of two."""
    found = read("student,assignment,question,message\nada,ps2,why,x\nada,,why,x\nada,,ps1/p1/why,x\n")
    assert [QUESTIONS[2], QUESTIONS[0]] == [one.question for one in found.requests]
    assert found.problems[0].startswith("asked.csv, row 3, column question: 'why' could be several")


def test_each_row_that_cannot_be_taken_is_named() -> None:
    """The others are taken."""
    rows = ["zoe,draw,x,", "ada,nothing,x,", "ada,draw,,", "ada,draw,x,yesterday", ",draw,x,", "ada,,x,", "bob,draw,y,"]
    found = read("student,question,message,time\n" + "\n".join(rows))
    assert ["bob"] == [one.student_id for one in found.requests]
    told = [line.removeprefix("asked.csv, row ").partition(":")[0] for line in found.problems]
    columns = ("student", "question", "message", "time", "student", "question")
    assert [f"{row}, column {title}" for row, title in enumerate(columns, 2)] == told


def test_times_of_forms_are_read() -> None:
    """With an offset and without; what could be of two days is not guessed."""
    rows = ["2026/09/20 10:05:00 PM GMT+2", "2026/09/20 12:05:00 AM", "09/10/2026 10:00", "0001-01-01"]
    found = read("Timestamp,Username,Question,Message\n" + "".join(f"{row},ada,draw,x\n" for row in rows))
    assert [datetime(2026, 9, 20, 20, 5, tzinfo=UTC), datetime(2026, 9, 19, 22, 5, tzinfo=UTC)] == [
        one.time for one in found.requests
    ]
    assert ["asked.csv, row 4, column Timestamp", "asked.csv, row 5, column Timestamp"] == [
        line.partition(":")[0] for line in found.problems
    ]


@pytest.mark.parametrize("data", [b"", b'a,"b\n', b"PK\x03\x04 damaged"])
def test_what_is_no_table_is_refused(data: bytes) -> None:
    """As a request that cannot be read, whatever it was read with."""
    with pytest.raises(MarkingError, match=r"^asked\.csv: "):
        read_requests(data, "asked.csv", roster=CLASS, questions=QUESTIONS, zone=UTC)


def test_a_table_without_the_columns_is_refused() -> None:
    """All that is missing, in one line with the titles that are there."""
    with pytest.raises(MarkingError, match="a student_id or a question or a message; the titles are: who, what"):
        read("who,what\nada,x\n")


def test_what_a_student_wrote_is_escaped_in_messages() -> None:
    """A name that paints the terminal red does not."""
    assert "\x1b" not in "".join(read("student,question,message\n\x1b[31mx,draw,y\nada,\x1b[31m,y\n").problems)
