"""The page of a whole submission: what it tells, what is given on it, and what nobody can do to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from grader.marking import Question
from grader.model import CellScore, Graded, GradedKind, GradedNotebook, Incident, IncidentKind
from grader.notebook import instructor_version, release
from grader.pipeline.course import OpenCourse, open_course
from grader.pipeline.whole import CellDiff, DiffLine
from grader.review.attempts import _stretches
from grader.review.differences import line_by_line
from grader.review.sheet import Line, read_from
from grader.store import Database, StoredMark
from tests.making import make_cell, make_notebook, solved

NOW = datetime(2026, 9, 21, 12, tzinfo=UTC)
_NONE: Any = (Decimal(0), None, None, None, "", False)
HIDDEN = Question("ps1", "squares", "test_hidden")


def at(student: str, *more: str) -> str:
    """The address of a submission to `ps1`, or of something below it."""
    return "/".join((f"/assignments/ps1/students/{student}", *more))


def seen(text: str) -> str:
    """The version of the answer in the panel."""
    found = re.search(r'name="seen" value="([^"]*)"', text)
    assert found
    return found[1]


def press(client: Any, student: str, question: str, **fields: str) -> Any:
    """Press something in the panel of a question, as its page shows it unless `seen` says otherwise."""
    path = at(student, "at", "squares", question)
    plain = {"seen": fields.get("seen") or seen(client.get(f"{path}/panel").text), "adjustment": "0", "comment": ""}
    return client.post(path, plain | fields, hx_request="true")


# --- what it tells ---------------------------------------------------------------------------------------------------
def test_the_head_tells_points_state_and_what_should_be_known(client: Callable[..., Any]) -> None:
    """Points of all, what waits, flags with their evidence, repairs; what a student wrote is text."""
    page = client().get(at("bob")).text

    assert '<b>1</b><span class="of"> / 8</span>' in page
    assert '<span class="state-dot waiting">waiting</span> <span class="quiet">1 by hand</span>' in page
    assert "Reads the &lt;script&gt;test&lt;/script&gt;" in page
    assert '<pre class="evidence" tabindex="0">import inspect</pre>' in page
    assert "The &lt;u&gt;kernel&lt;/u&gt; was set again." in page
    assert "=Cell() " not in page
    assert "Bob =Cell()" in page


def test_every_score_stands_at_its_cell(waiting: OpenCourse, inside: Callable[..., Any]) -> None:
    """The notebook as it was graded, each question with its points where its cell is."""
    page = inside(waiting).get(at("ada")).text

    article = page.partition('aria-label="Why">')[2].partition("</article>")[0]
    assert 'id="verdict-1"' in article
    assert "Waiting for a person" in article
    assert "It is x times x." in article
    assert "drawn" in page.partition('aria-label="Plot">')[2].partition("</article>")[0]
    assert re.search(r'data-cell="cell-1-\d" ?', page)


def test_reading_begins_at_what_tests_are_about() -> None:
    """The page goes to the student's cells above tests, and to a task's own cell above the student's."""
    line = Line(1, HIDDEN, "Tests", True, StoredMark(HIDDEN, "ada", GradedKind.TESTS, *_NONE), "", (), "cell-2-9")

    assert "cell-2-7" == read_from(line, (6, 8))
    assert "cell-2-9" == read_from(line, (9, 10))
    assert "cell-2-9" == read_from(line, ())
    assert "" == read_from(replace(line, anchor=""), (3,))


def test_limits_are_told_at_the_cell_where_they_were_reached(waiting: OpenCourse, inside: Callable[..., Any]) -> None:
    """An incident leads to its cell, and stands there, too."""
    with waiting.database() as database:
        incident = Incident(IncidentKind.CRASH, "the kernel died while this cell ran", 4, "plot")
        graded = replace(_graded("squares"), incidents=(incident,))
        database.record(
            Graded("ada", "ps1", (graded,)), key="k", engine="test", timestamp=None, finished_at=NOW, problems=()
        )

    page = inside(waiting).get(at("ada")).text

    assert '<a href="#cell-1-5">Plot</a>: the kernel died while this cell ran' in page
    assert '<p class="cell-notice incident">Hit a limit: the kernel died while this cell ran</p>' in page


def test_a_student_without_a_submission_has_a_page(client: Callable[..., Any]) -> None:
    """It says so, and offers nothing that could not be done."""
    page = client().get(at("eve")).text

    assert "Nothing was handed in." in page
    assert 'id="grading"' not in page
    assert "Grade again" not in page


def test_a_refused_submission_tells_why(client: Callable[..., Any]) -> None:
    """The reason stands where the notebook would, and it can be graded again."""
    page = client().get(at("fay")).text

    assert "<b>Could not be read:</b> No notebook could be read." in page
    assert 'id="regrade-button"' in page


def test_what_is_not_graded_yet_can_be(waiting: OpenCourse, inside: Callable[..., Any]) -> None:
    """A submission that nobody has looked at is one press from being graded."""
    waiting.folder.write_submission("new", "ps1", {"squares.ipynb": b"{}"})

    page = inside(open_course(waiting.folder.root)).get(at("new")).text

    assert "It is not graded yet." in page
    assert ">Grade <kbd" in page


def test_a_graded_notebook_that_is_gone_is_told(client: Callable[..., Any]) -> None:
    """Scores stand even then."""
    page = client().get(at("ada")).text

    assert "The graded notebook is not there any more" in page
    assert 'id="verdict-2"' in page


def test_several_notebooks_stand_one_below_the_other(two_notebooks: Any) -> None:
    """Each with its title, its questions numbered through, its own preview."""
    page = two_notebooks.get(at("ada")).text

    assert ["part_1", "part_2"] == re.findall(r'<h2 id="sheet-\d">(\w+)', page)
    assert ["1", "2", "3", "4"] == re.findall(r'<div class="verdict [a-z]+" id="verdict-(\d)"', page)
    assert "/preview/ada/ps1/part_1" in page
    assert "/preview/ada/ps1/part_2" in page
    assert "cell-2-3" == re.findall(r'data-cell="([^"]*)"', two_notebooks.get(at("ada", "at", "part_2", "why")).text)[0]


@pytest.mark.parametrize(
    "path",
    [
        at("nobody"),
        at("..%2fbob"),
        at("-%2d-force"),
        "/assignments/exam/students/bob",
        at("bob", "at", "squares", "nothing"),
        at("eve", "at", "squares", "essay"),
        at("bob", "at", "other", "essay", "panel"),
        "/preview/bob/ps1/nothing",
        at("bob", "differences?old=nothing"),
    ],
)
def test_what_is_not_there_is_told(client: Callable[..., Any], path: str) -> None:
    """No page but one that says so for a student, a question or an attempt that does not exist."""
    assert 404 == client().get(path).status_code


def test_other_pages_lead_here(client: Callable[..., Any]) -> None:
    """From the assignment, the student and the class."""
    inside = client()

    for page in ("/assignments/ps1", "/students/bob", "/class"):
        assert f'href="{at("bob")}"' in inside.get(page).text


# --- what is given on it ---------------------------------------------------------------------------------------------
def test_an_override_needs_a_reason(client: Callable[..., Any], database: Database) -> None:
    """Without one nothing is written, and it is told what is missing."""
    told = press(client(), "cem", "test_hidden", do="points", points="4")

    assert 400 == told.status_code
    assert "Write the reason first" in told.headers["hx-trigger"]
    assert database.marks.mark(HIDDEN, "cem").mark is None


def test_an_override_needs_points(client: Callable[..., Any]) -> None:
    """A reason alone is no override, and takes none back."""
    told = press(client(), "cem", "test_hidden", do="points", points=" ", comment="because")

    assert "Type the points" in told.headers["hx-trigger"]


def test_an_override_shows_wherever_the_points_stand(client: Callable[..., Any], database: Database) -> None:
    """Panel, list, verdict and total are another at once; undo puts all of them back."""
    inside = client()

    told = press(
        inside,
        "cem",
        "test_hidden",
        do="points",
        points="3,5",
        comment="The tolerance was <script>too strict</script>.",
    )

    assert Decimal("3.5") == database.marks.mark(HIDDEN, "cem").points
    assert '<b>3.5</b><span class="of"> / 8</span>' in told.text
    assert 'id="verdict-2" hx-swap-oob="true"' in told.text
    assert "in place of the 3 that tests gave" in told.text
    assert "<script>" not in told.text
    undone = inside.post(at("cem", "at", "squares", "test_hidden", "undo"), hx_request="true")
    assert "Undone: gave 3.5 of 4" in undone.headers["hx-trigger"]
    assert database.marks.mark(HIDDEN, "cem").mark is None
    assert '<b>3</b><span class="of"> / 8</span>' in undone.text


def test_an_override_is_taken_back(client: Callable[..., Any], database: Database) -> None:
    """Then the tests count again."""
    inside = client()
    press(inside, "cem", "test_hidden", do="zero", comment="Copied.")

    told = press(inside, "cem", "test_hidden", do="clear")

    assert "By tests" in told.text
    assert Decimal(3) == database.marks.mark(HIDDEN, "cem").points


def test_what_somebody_else_wrote_is_not_overwritten(client: Callable[..., Any], database: Database) -> None:
    """Whoever saw less is told who was quicker, and may give theirs all the same."""
    one, other = client(grader="one"), client(grader="other")
    before = seen(one.get(at("dia", "at", "squares", "essay", "panel")).text)
    press(other, "dia", "essay", do="full")

    told = press(one, "dia", "essay", do="zero", seen=before)

    assert 409 == told.status_code
    assert "Yours was not saved" in told.text
    assert "other wrote at" in told.text
    assert Decimal(3) == database.marks.mark(replace(HIDDEN, grade_id="essay"), "dia").points
    other.post(at("dia", "at", "squares", "essay", "undo"), hx_request="true")


def test_an_override_is_given_all_the_same(client: Callable[..., Any], database: Database) -> None:
    """What was not written is offered with its points and its reason."""
    one, other = client(grader="one"), client(grader="other")
    before = seen(one.get(at("dia", "at", "squares", "test_hidden", "panel")).text)
    press(other, "dia", "test_hidden", do="full", comment="Theirs.")
    told = press(one, "dia", "test_hidden", do="points", points="1", comment="Mine.", seen=before)
    assert 409 == told.status_code
    offered = re.search(r'<div hidden><input type="hidden" name="adjustment" value="([^"]*)">', told.text)
    assert offered

    press(one, "dia", "test_hidden", do="save", adjustment=offered[1], comment="Mine.", seen=seen(told.text))

    stored = database.marks.mark(HIDDEN, "dia")
    assert (Decimal(1), "one") == (stored.points, stored.grader)
    press(one, "dia", "test_hidden", do="clear")


def test_what_came_in_since_it_was_graded_is_told(waiting: OpenCourse, inside: Callable[..., Any]) -> None:
    """Nobody is graded by what was there before; a result that is newer than all of it is left alone."""
    told = "It was handed in anew, or its assignment was changed, since it was graded."
    graded = Graded("ada", "ps1", (_graded("squares"),))
    with waiting.database() as database:
        now = datetime.now(UTC)
        database.record(graded, key="k", engine="test", timestamp=None, finished_at=now, problems=())
    assert told not in inside(waiting).get(at("ada")).text

    with waiting.database() as database:
        database.record(graded, key="k", engine="test", timestamp=None, finished_at=NOW, problems=())

    assert told in inside(waiting).get(at("ada")).text


def test_an_answer_is_marked_here_as_in_the_queue(
    grading: Callable[..., Any], points: Callable[[], dict[str, float]]
) -> None:
    """The same panel, with its rubric; the submission shows the items that were given."""
    tina = grading()
    item = tina.add("says **why**", "2")

    told = press(tina.client, "ada", "why", do="save", item=item, comment="Good.")

    assert 2 == points()["ada"]
    assert '<ul class="carried" aria-label="Rubric items"><li><span class="worth">+2</span>' in told.text
    assert f'value="{item}" checked' in tina.page("ada").text
    assert "Good." in tina.client.get(at("ada")).text


def test_a_flag_shows_in_the_list(grading: Callable[..., Any]) -> None:
    """Flagged here, it is flagged in the queue."""
    tina = grading()
    path = at("bob", "at", "squares", "why")

    told = tina.send(f"{path}/flag", {"seen": seen(tina.client.get(f"{path}/panel").text)})

    assert '<span class="visually-hidden">flagged</span>' in told.text
    assert 'aria-pressed="true"' in tina.page("bob").text


def test_undo_says_what_it_was_elsewhere(grading: Callable[..., Any]) -> None:
    """The last thing that was done may have been another student's."""
    tina = grading()
    tina.save("bob", "full")

    told = tina.send(f"{at('ada', 'at', 'squares', 'plot')}/undo")

    assert (
        "Undone: gave 3 of 3 to one answer in “Why” (Givenbob Familybob)"
        in json.loads(told.headers["hx-trigger"])["grader:toast"]["text"]
    )


def test_the_next_student_who_waits_is_found(grading: Callable[..., Any]) -> None:
    """In the roster's order; at the end of all, the assignment."""
    tina = grading()

    assert at("bob") == tina.client.get(at("ada", "next-waiting")).headers["location"]
    assert at("ada") == tina.client.get(at("mal", "next-waiting")).headers["location"]


def test_read_only_offers_no_write(client: Callable[..., Any]) -> None:
    """Everything that would write is disabled, and refused all the same."""
    inside = client(read_only=True)
    page = inside.get(at("bob", "at", "squares", "test_hidden")).text
    writes = re.findall(r"<button[^>]*(?:data-do|data-post|regrade-button)[^>]*>", page)

    assert 6 <= len(writes)
    assert all("disabled" in button for button in writes)
    assert (
        403 == inside.post(at("bob", "at", "squares", "essay"), {"do": "full", "seen": "", "comment": ""}).status_code
    )


# --- what the student sees -------------------------------------------------------------------------------------------
def test_the_preview_is_what_the_student_will_read(grading: Callable[..., Any], waiting: OpenCourse) -> None:
    """A document in which nothing may run, with what was given a moment ago and no mark scheme; nothing is written."""
    tina = grading()
    press(tina.client, "ada", "why", do="full", comment="Well *said*.")

    told = tina.client.get("/preview/ada/ps1/squares")

    assert "script-src" not in told.headers["content-security-policy"]
    assert "default-src 'none'" in told.headers["content-security-policy"]
    assert "Well <em>said</em>." in told.text
    assert "MARK-SCHEME" not in told.text
    assert not (waiting.folder.root / "feedback").exists()


# --- differences -----------------------------------------------------------------------------------------------------
def test_differences_are_shown_from_what_was_handed_out(grading: Callable[..., Any]) -> None:
    """Only cells that are another, word by word; text of a student is text."""
    page = grading().client.get(at("mal", "differences")).text

    assert "cells differ" in page
    assert "What was handed out" in page
    assert "<script>window" not in page
    assert "<form action" not in page


def test_attempts_are_compared(waiting: OpenCourse, inside: Callable[..., Any]) -> None:
    """An attempt that does not count can be chosen on either side."""
    kept = waiting.folder.root / ".grader" / "attempts" / "ada" / "ps1" / "first"
    kept.mkdir(parents=True)
    (kept / "squares.ipynb").write_text(json.dumps(_answers("It was x.")))

    page = inside(waiting).get(at("ada", "differences?old=first&new=submitted")).text

    assert '<option value="first" selected>' in page
    assert "<del>was</del>" in page.replace("</del> <del>", "")
    assert "2 attempts" in inside(waiting).get(at("ada")).text


def test_what_is_too_long_is_compared_by_lines() -> None:
    """A notebook that was made to be slow is shown all the same."""
    lines = tuple(DiffLine("gone", "x " * 900) for _ in range(40)) + tuple(
        DiffLine("new", "y " * 900) for _ in range(40)
    )
    cells = [CellDiff("same", "code", ()), *[CellDiff("changed", "code", lines)] * 30, CellDiff("same", "code", ())]

    found = list(_stretches(cells))

    assert ["same", *["changed"] * 30, "same"] == [one.kind for one in found]
    last = found[-2].differences
    assert last is not None
    assert line_by_line([(line.kind, line.text) for line in lines]) == last


# --- a hostile notebook, seen by a browser ---------------------------------------------------------------------------
@pytest.mark.browser
def test_a_browser_shows_a_hostile_submission_without_harm(
    waiting: OpenCourse, visit: Callable[..., Any], served: Callable[..., Any], violations: Callable[..., Any]
) -> None:
    """Nothing of it runs or is taken for a part of ours; keys lead through it; axe finds nothing, light or dark."""
    from playwright.sync_api import expect

    page = visit(served(waiting), viewport={"width": 1280, "height": 720})
    page.goto(page.url.partition("?")[0].rstrip("/") + at("mal"))

    assert page.evaluate("window.pwned") is None
    assert 1 == page.locator("#panel").count()
    page.keyboard.press("j")
    expect(page.locator("#grading")).to_have_attribute("data-number", "2")
    expect(page.locator("#contents a[aria-current]")).to_contain_text("Plot")
    page.keyboard.press("f")
    expect(page.locator("#total")).to_contain_text("2 / 5")
    expect(page.locator("#verdict-2")).to_contain_text("Full marks")
    assert page.url.endswith("/at/squares/plot")
    assert 1280 >= page.evaluate("document.documentElement.scrollWidth")
    assert page.evaluate("window.pwned") is None
    assert [] == page.said
    page.goto(page.url.partition("/students/")[0] + "/students/ada")
    assert [] == violations(page)
    page.emulate_media(color_scheme="dark")
    assert [] == violations(page)
    page.goto(f"{page.url}/differences")
    assert [] == violations(page)
    page.context.close()


# --- courses ---------------------------------------------------------------------------------------------------------
def _source() -> dict[str, Any]:
    return make_notebook(
        make_cell("markdown", "# Squares"),
        {**make_cell("markdown", "## Why"), "id": "asks"},
        make_cell("markdown", "MARK-SCHEME", "why", grade=True, solution=True, points=3),
        {**make_cell("markdown", "## Plot"), "id": "asks-2"},
        make_cell("code", "### BEGIN SOLUTION\n1\n### END SOLUTION", "plot", grade=True, solution=True, points=2),
    )


def _answers(said: str) -> dict[str, Any]:
    return solved(instructor_version(_source()), why=said, plot="2")


def _graded(name: str) -> GradedNotebook:
    scores = (
        CellScore("why", GradedKind.ANSWER, 3, None, needs_manual=True, reason=""),
        CellScore("plot", GradedKind.ANSWER, 2, None, needs_manual=True, reason=""),
    )
    return GradedNotebook(name, _answers("x"), scores)


@pytest.fixture
def two_notebooks(tmp_path: Path, inside: Callable[..., Any]) -> Any:
    """A client of a course whose assignment has two notebooks."""
    source = tmp_path / "source_assignments" / "ps1"
    source.mkdir(parents=True)
    for name in ("part_1", "part_2"):
        (source / f"{name}.ipynb").write_text(json.dumps(_source()))
    (tmp_path / "course.toml").write_text(
        '[course]\nid = "two"\n[categories]\nnotebooks = 100\n[assignments.ps1]\ncategory = "notebooks"\n'
    )
    (tmp_path / "roster.csv").write_text("student_id,last_name,first_name\nada,Lovelace,Ada\n")
    course, instructor = open_course(tmp_path), instructor_version(_source())
    files = {f"{name}.ipynb": json.dumps(_answers("x")).encode() for name in ("part_1", "part_2")}
    course.folder.write_submission("ada", "ps1", files)
    course.folder.write_autograded("ada", "ps1", files)
    with course.database() as database:
        database.sync_students(course.students)
        notebooks = {name: (instructor, release(instructor)) for name in ("part_1", "part_2")}
        database.sync_assignment("ps1", due=None, notebooks=notebooks)
        graded = Graded("ada", "ps1", (_graded("part_1"), _graded("part_2")))
        database.record(graded, key="k", engine="test", timestamp=None, finished_at=NOW, problems=())
    return inside(course)
