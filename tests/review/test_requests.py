"""Regrade requests: taken in, listed, answered, decided with what came of it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from grader.marking import Mark, Question
from grader.pipeline.course import OpenCourse
from grader.pipeline.marking import Marking
from grader.pipeline.regrades import Regrades
from grader.review import Settings, create_app
from grader.store import By
from grader.store.requests import NewRequest

WHY = Question("ps1", "squares", "why")
TABLE = (
    b"student,question,message,time\n"
    b"ada,why,<script>alert(1)</script> please,2026-09-22 10:00\nbob,plot,Look again.,2026-09-23 10:00\n"
)
Asked = Callable[..., Any]


class Desk:
    """Staff with the pages of requests, asked in-process."""

    def __init__(self, opened: OpenCourse, client: Any, marking: Marking) -> None:
        self.opened, self.client, self.marking = opened, client, marking
        self._csrf = client.csrf()

    def send(self, path: str, fields: Any = (), **options: Any) -> Any:
        """Send a form of ours; files make it one of several parts."""
        headers = {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}
        return self.client.ask("POST", path, data={"csrf": self._csrf} | dict(fields), headers=headers, **options)

    def take_in(self, data: bytes, name: str = "asked.csv") -> Any:
        """Import a table."""
        return self.send("/requests/import", files={"table": (name, data, "text/csv")})

    def ids(self) -> list[str]:
        """In the order of the list."""
        return list(dict.fromkeys(re.findall(r'/requests/([0-9a-f]{8,})"', self.client.get("/requests").text)))

    def page(self, request: str) -> str:
        """One request."""
        return html.unescape(self.client.get(f"/requests/{request}").text)

    def decide(self, request: str, do: str, text: str = "", **fields: str) -> Any:
        """Press a button below what was typed; versions are those of the page as it is, unless told otherwise."""
        page = self.page(request)
        versions = re.findall(r'name="(version|seen)" value="([^"]*)"', page)
        if "points" not in fields and (found := re.search(r'name="points" value="([^"]*)"', page)):
            fields["points"] = found[1]
        return self.send(f"/requests/{request}", {**dict(versions), "do": do, "text": text, **fields})

    def give(self, student: str, points: str, question: Question = WHY) -> None:
        """Somebody grades."""
        stored = self.marking.database.marks.mark(question, student)
        self.marking.mark(question, student, Mark(adjustment=Decimal(points)), stored.version)


@pytest.fixture
def desk(waiting: OpenCourse, grading: Asked) -> Desk:
    """Two requests, on answers that wait."""
    client = grading("tina").client
    desk = Desk(waiting, client, Marking.of(waiting, client.app.state.desk.database, "ben"))
    assert 200 == desk.take_in(TABLE).status_code
    return desk


def text_of(page: str) -> str:
    """What a reader reads."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def test_a_table_is_taken_in_once(desk: Desk) -> None:
    """Again, it changes nothing; a row that cannot be taken is named with its column, the others are taken."""
    again = desk.take_in(TABLE + b"zoe,why,x,\ncem,why,,\ncem,why,x,01/02/2026\ncem,why,New.,\n")
    text = html.unescape(text_of(again.text))
    assert "1 taken in, 2 known before, 3 rows not taken in" in text
    assert 'asked.csv, row 4, column student: "zoe" is nobody on the roster' in text
    assert "asked.csv, row 5, column message: no message" in text
    assert "asked.csv, row 6, column time: '01/02/2026' is no time" in text
    assert 3 == len(desk.ids())


def test_what_is_no_table_is_told(desk: Desk) -> None:
    """With its name and what is wrong; nothing is taken in."""
    for data, line in ((b"x,y\n1,2\n", "no column holds a student_id"), (b"", "missing"), (b'a,"b\n', "is no table")):
        told = desk.take_in(data, "<b>.csv")
        assert (400, True) == (told.status_code, line in html.unescape(told.text))
    assert "&lt;b&gt;.csv: is no table" in told.text
    assert 400 == desk.send("/requests/import").status_code
    assert 413 == desk.take_in(b"x" * 16_100_000).status_code
    assert 2 == len(desk.ids())


def test_only_the_table_may_be_sent_as_a_file(desk: Desk) -> None:
    """No other form takes one."""
    told = desk.send("/requests", {"student": "ada"}, files={"x": ("x", b"x", "text/plain")})
    assert 400 == told.status_code
    assert 413 == desk.send("/requests", {"student": "x" * 1_100_000}).status_code


def test_thousands_are_taken_in_and_shown(desk: Desk) -> None:
    """A form's export of a whole year: quick, and as much of it shown as a browser likes."""
    rows = "".join(f"ada,why,Message {number},\n" for number in range(3000))
    done = desk.take_in(b"student,question,message,time\n" + rows.encode())
    assert "3000 taken in" in done.text
    text = text_of(desk.client.get("/requests?state=open").text)
    assert "The first 1000 of 3002" in text


def test_one_is_entered_by_hand(desk: Desk) -> None:
    """The student by id, name or address; about a question or all of an assignment."""
    made = desk.send("/requests", {"student": "Givencem Familycem", "about": str(WHY), "message": "Mine is right."})
    assert 303 == made.status_code
    text = text_of(desk.client.get(made.headers["location"]).text)
    assert "Givencem Familycem Why" in text
    assert "Mine is right." in text
    whole = desk.send("/requests", {"student": "cem", "about": "ps1", "message": "All of it."})
    assert "Givencem Familycem Problem set 1" in text_of(desk.client.get(whole.headers["location"]).text)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"student": "zoe<"}, "is nobody on the roster"),
        ({"about": "ps1/squares/none"}, "there is no question"),
        ({"message": "  "}, "a message needs words"),
        ({"student": "ada", "message": "<script>alert(1)</script> please"}, "asked that in the same words before"),
    ],
)
def test_what_cannot_be_entered_is_told(desk: Desk, change: dict[str, str], line: str) -> None:
    """And what was typed is still there."""
    typed = {"student": "cem", "about": str(WHY), "message": "Mine & yours."} | change
    told = desk.send("/requests", typed)
    assert 400 == told.status_code
    assert line in html.unescape(told.text)
    assert html.escape(typed["message"]).replace("&#x27;", "&#39;").strip() in told.text
    assert "<script>alert" not in told.text


def test_the_list_has_the_open_ones_first(desk: Desk) -> None:
    """With the points now and what a decision changed; filtered by state and assignment; counted in the head."""
    first, second = desk.ids()
    desk.decide(first, "accept", "Yes.", points="2")
    assert [second, first] == desk.ids()
    page = html.unescape(desk.client.get("/requests").text)
    row = text_of("<main" + page.partition(f"/requests/{first}")[2].partition("</tr>")[0])
    assert "accepted tina 2 / 3 +2 – → 2" in row
    assert "<script>alert" not in page.replace("<script>alert(1)</script> please", "")
    assert "<script>alert" not in desk.client.get("/requests").text
    shown = {"state=accepted": 1, "state=declined": 0, "assignment=ps1&state=open": 1, "assignment=x": 0}
    for query, number in shown.items():
        text = desk.client.get(f"/requests?{query}").text
        assert number == len(set(re.findall(r'/requests/[0-9a-f]{8,}"', text)))
    assert "Regrade requests open" in desk.client.get("/").text
    desk.decide(second, "decline", "No.")
    assert "Regrade requests open" not in desk.client.get("/").text


def test_accepted_with_other_points(desk: Desk, points: Callable[[], dict[str, float]]) -> None:
    """The points, the reply and the effect; extra credit, comment and flag stay; the student's feedback has them."""
    desk.give("ada", "1")
    request = desk.ids()[0]
    assert 303 == desk.decide(request, "accept", "You are right.", points="2,5").status_code
    text = text_of(desk.page(request))
    assert "accepted by tina" in text
    assert "– → 2.5 / 3 +2.5" in text
    assert 2.5 == points()["ada"]
    stored = desk.marking.database.marks.mark(WHY, "ada")
    assert stored.mark
    assert ("", Decimal("2.5"), "tina") == (stored.mark.comment, stored.points, stored.grader)


def test_accepted_as_it_was_graded_since(desk: Desk) -> None:
    """Who regrades in the queue first, accepts what stands: nothing is written twice."""
    request = desk.ids()[0]
    desk.give("ada", "1.5")
    before = desk.marking.database.marks.mark(WHY, "ada").version
    desk.decide(request, "accept", "See the rubric.")
    assert before == desk.marking.database.marks.mark(WHY, "ada").version
    assert "– → 1.5 / 3 +1.5" in text_of(desk.page(request))


def test_declined_replied_and_opened_again(desk: Desk, points: Callable[[], dict[str, float]]) -> None:
    """A thread of who said what; no points change."""
    request = desk.ids()[0]
    desk.decide(request, "reply", "Which part?")
    desk.decide(request, "decline", "It says $x$ times $y$.", points="3")
    assert 0 == points()["ada"]
    text = text_of(desk.page(request))
    assert "declined by tina" in text
    assert text.index("Which part?") < text.index("It says $x$ times $y$.")
    desk.decide(request, "reply", "Looking once more.")
    assert "Accept" in text_of(desk.page(request))


def test_who_was_slower_is_told(desk: Desk, points: Callable[[], dict[str, float]]) -> None:
    """With 409, what was typed, and nothing written: neither the points nor the decision."""
    request = desk.ids()[0]
    page = desk.page(request)
    version, seen = (re.search(f'name="{name}" value="([^"]*)"', page)[1] for name in ("version", "seen"))  # type: ignore[index]
    desk.give("ada", "1")
    told = desk.decide(request, "accept", "My reply", points="2", seen=seen)
    assert 409 == told.status_code
    assert "ben wrote at" in told.text
    assert "My reply</textarea>" in told.text
    assert 'value="2"' in told.text
    assert 409 == desk.decide(request, "accept", "As it is", points="1", seen=seen).status_code
    assert 1 == points()["ada"]
    Regrades(desk.marking).reply(request, "I do this one.", int(version))
    told = desk.decide(request, "accept", "Mine", points="2", version=version)
    assert 409 == told.status_code
    assert "the request: ben wrote at" in told.text
    assert 1 == points()["ada"]
    assert "Mine" not in desk.page(request)


@pytest.mark.parametrize(
    ("do", "text", "points", "line"),
    [
        ("accept", "", "2", "a message needs words"),
        ("decline", " ", "", "a message needs words"),
        ("accept", "Yes.", "4", "more than the 3 there are"),
        ("accept", "Yes.", "-1", "less than nothing"),
        ("accept", "Yes.", "two", "is no number of points"),
        ("accept", "x" * 20_000 + "y", "2", "longer than 20,000"),
        ("explode", "Yes.", "2", "do is"),
    ],
)
def test_what_makes_no_sense_is_told(desk: Desk, do: str, text: str, points: str, line: str) -> None:
    """And nothing is written."""
    request = desk.ids()[0]
    told = desk.decide(request, do, text, points=points)
    assert 400 == told.status_code
    assert line in html.unescape(told.text)
    assert "Accept" in text_of(desk.page(request))
    assert desk.marking.database.marks.mark(WHY, "ada").points is None


def test_the_points_are_undone_here(desk: Desk, points: Callable[[], dict[str, float]]) -> None:
    """What was said stays; the page tells that the points are others now."""
    request = desk.ids()[0]
    desk.decide(request, "accept", "Yes.", points="2")
    assert "Undo: gave 2 of 3 to one answer" in text_of(desk.page(request))
    assert 303 == desk.send(f"/requests/{request}/undo").status_code
    assert 0 == points()["ada"]
    assert "The points have changed since: – now." in text_of(desk.page(request))
    told = desk.send(f"/requests/{request}/undo")
    assert (400, True) == (told.status_code, "was not here" in told.text)


def test_undo_does_not_take_what_another_wrote(desk: Desk, points: Callable[[], dict[str, float]]) -> None:
    """It is stale then."""
    request = desk.ids()[0]
    desk.decide(request, "accept", "Yes.", points="2")
    desk.give("ada", "1")
    assert 409 == desk.send(f"/requests/{request}/undo").status_code
    assert 1 == points()["ada"]


def test_requests_lead_on(desk: Desk) -> None:
    """To the answer in the queue, to the submission, to the next that is open."""
    first, second = desk.ids()
    page = desk.page(first)
    (answer,) = re.findall(r'href="(/assignments/ps1/questions/squares/why/answers/\w+)"', page)
    assert "It is x times x." in desk.client.get(answer).text
    assert f'href="/requests/{second}" data-key="n"' in page
    desk.decide(second, "decline", "No.")
    assert 'href="/requests" data-key="n"' in desk.page(first)


def test_read_only_hides_and_refuses(desk: Desk) -> None:
    """Nothing to press that would be refused."""
    request = desk.ids()[0]
    reader = type(desk.client)(
        create_app(desk.opened, desk.marking.database, Settings(8000, token="once", read_only=True))
    )
    reader.get("/?token=once")
    assert "/requests/new" not in reader.get("/requests").text
    page = reader.get(f"/requests/{request}").text.partition("<main")[2]
    assert not re.search(
        r"<(button|textarea|input type=\"text\")[^>]*>(?<! disabled>)", page.partition('class="go"')[0]
    )
    assert 403 == reader.ask("POST", f"/requests/{request}", data={"do": "accept"}).status_code


def test_what_is_not_there(desk: Desk) -> None:
    """Told with 404."""
    assert 404 == desk.client.get("/requests/nothing").status_code
    assert 404 == desk.send("/requests/nothing", {"do": "accept", "text": "x", "version": "1"}).status_code


def test_a_whole_assignment_is_regraded_elsewhere_and_accepted(desk: Desk) -> None:
    """What changed since it was asked is the effect, of all its questions together."""
    made = desk.send("/requests", {"student": "cem", "about": "ps1", "message": "All of it."}).headers["location"]
    desk.give("cem", "1")
    desk.give("cem", "2", Question("ps1", "squares", "plot"))
    desk.decide(made.rpartition("/")[2], "accept", "Read anew.")
    assert "– → 3 / 5 +3" in text_of(desk.client.get(made).text)


def test_a_score_of_tests_is_changed_for_the_reason_that_is_replied(
    client: Callable[..., Any], opened: OpenCourse
) -> None:
    """It stands in the feedback, as every override's reason does."""
    inside = client(grader="tina")
    desk = Desk(opened, inside, Marking.of(opened, inside.app.state.desk.database, "ben"))
    hidden = Question("ps1", "squares", "test_hidden")
    made = desk.send("/requests", {"student": "bob", "about": str(hidden), "message": "It works for me."})
    request = made.headers["location"].rpartition("/")[2]
    page = desk.page(request)
    assert "The tests" in page
    assert 'href="/assignments/ps1/students/bob/at/squares/test_hidden"' in page
    assert 303 == desk.decide(request, "accept", "Right for floats.", points="3").status_code
    stored = desk.marking.database.marks.mark(hidden, "bob")
    assert stored.mark
    assert (Decimal(3), "Right for floats.") == (stored.points, stored.mark.comment)
    assert "0 → 3 / 4 +3" in text_of(desk.page(request))


def test_requests_about_what_is_gone_are_still_there(desk: Desk) -> None:
    """A course changes; what was asked stays to be read and answered."""
    by = By("ben", datetime(2026, 9, 24, tzinfo=UTC))
    for question in (Question("ps0", "squares", "why"), Question("ps1", "squares", "old")):
        desk.marking.database.marks.add_request(NewRequest(question.assignment, question, "left", "Look.", None), by)
    assert 4 == len(desk.ids())
    for request in desk.ids()[2:]:
        assert "The sources do not have this question any more." in text_of(desk.page(request))
        desk.decide(request, "decline", "It is not there any more.")
        assert "declined by tina" in text_of(desk.page(request))


def test_a_table_comes_from_our_page(desk: Desk) -> None:
    """Without its secret, nothing is read."""
    told = desk.client.ask("POST", "/requests/import", files={"table": ("x.csv", b"student\nada\n", "text/csv")})
    assert 403 == told.status_code
