"""Grading in a real browser, by keyboard: a whole question, its rubric, a group, two graders, a restart."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from grader.marking import Question
from grader.pipeline import gradebook
from grader.pipeline.course import OpenCourse, open_course
from grader.pipeline.queue import key_of
from grader.review import Settings, create_app
from grader.review.server import listening

pytestmark = pytest.mark.browser
WHY = "/assignments/ps1/questions/squares/why"
PLOT = "/assignments/ps1/questions/squares/plot"
SAVED = re.compile("^Saved")
Run = Callable[..., Any]
PATIENCE = 5000
"""Milliseconds: more than anything here takes."""


@contextmanager
def running(opened: OpenCourse, grader: str) -> Iterator[Settings]:
    """A run of `grader review` with a connection to the database of its own."""
    import uvicorn

    with opened.database() as database, listening(0) as listener:
        settings = Settings(listener.getsockname()[1], grader=grader)
        config = uvicorn.Config(create_app(opened, database, settings), ws="none", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield settings
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture
def run(waiting: OpenCourse, visit: Callable[..., Any]) -> Iterator[Run]:
    """Start the app for a grader and open a page of it; `page.leave()` ends that run."""
    with ExitStack() as runs:

        def start(path: str, grader: str = "tina", **options: Any) -> Any:
            house = runs.enter_context(ExitStack())
            settings = house.enter_context(running(waiting, grader))
            page = visit(settings, viewport={"width": 1280, "height": 720}, **options)
            house.callback(page.context.close)
            page.set_default_timeout(PATIENCE)
            page.origin, page.leave = settings.origin, house.close
            page.goto(settings.origin + path)
            return page

        yield start


def points(opened: OpenCourse) -> dict[str, float]:
    """What stands in the gradebook."""
    with opened.database() as database:
        book = gradebook.build(opened, database)
    return {row.student.student_id: float(row.items["ps1"].score or 0) for row in book.rows}


def expect(page: Any, selector: str) -> Any:
    """What is to come true of a part of the page."""
    from playwright.sync_api import expect as expected

    return expected(page.locator(selector))


def press(page: Any, *keys: str) -> None:
    """Press keys, one after the other; a text in angle brackets is typed."""
    for key in keys:
        if key.startswith("<"):
            page.keyboard.type(key[1:-1])
        else:
            page.keyboard.press(key)


def where(page: Any) -> str:
    """Which answer is shown."""
    return str(page.locator("#where .number").inner_text())


def go(page: Any, key: str) -> None:
    """Press a key that leads to another answer, and wait until it is there."""
    before = where(page)
    press(page, key)
    expect(page, "#where .number").not_to_have_text(before)


def test_a_whole_question_by_keyboard(run: Run, waiting: OpenCourse) -> None:
    """From the assignment to the last answer without a mouse; an item is made, given, edited for all who carry it."""
    page = run("/assignments/ps1")
    page.locator("a.button.primary").first.press("Enter")
    page.wait_for_url(f"**{WHY}/answers/*")
    expect(page, "#saved").to_have_text("Not graded yet")
    press(page, "a")
    expect(page, "#new-text").to_be_focused()
    press(page, "<Names the rule $x^2$>", "Tab", "<1.5>", "Enter")
    expect(page, "#saved").to_have_text(SAVED)
    expect(page, "#points").to_have_value("1.5")
    expect(page, "dialog#rubric").to_be_hidden()
    for left in range(4, -1, -1):
        go(page, "n")
        press(page, "1")
        expect(page, "#saved").to_have_text(SAVED)
        expect(page, ".strip-bar b").to_have_text(str(left))
    assert [1.5] * 6 == [points(waiting)[student] for student in ("ada", "bob", "cem", "dot", "eva", "mal")]
    press(page, "c", "<Good, *but* $y$>", "Escape")
    expect(page, "#preview em").to_have_text("but")
    expect(page, "#saved").to_have_text(SAVED)
    press(page, "p", "<2.5>", "Enter")
    expect(page, "#score .badge").to_have_text("+1 free")
    press(page, "r")
    expect(page, ".rubric-items .kind").to_have_text("6 answers carry it")
    page.get_by_label("Points of item 1").fill("+0.5")
    page.get_by_role("button", name="Save for 6").press("Enter")
    expect(page, "#toasts").to_contain_text("with effect on 6 answers")
    press(page, "Escape")
    expect(page, "#points").to_have_value("1.5")
    assert [0.5] * 5 + [1.5] == sorted(points(waiting)[s] for s in ("ada", "bob", "cem", "dot", "eva", "mal"))
    expect(page, "#onward").to_contain_text("Finish")
    press(page, "n")
    page.wait_for_url("**/assignments/ps1")
    assert [] == page.said


def test_keys_flags_undo_and_focus(run: Run, waiting: OpenCourse) -> None:
    """Full, zero, flag, undo with what was undone; a field stays the one that is typed in while its words are saved."""
    page = run(WHY)
    press(page, "x")
    expect(page, ".flag").to_have_attribute("aria-pressed", "true")
    press(page, "f")
    expect(page, "#points").to_have_value("3")
    press(page, "e", "<0.5>", "Enter")
    expect(page, "#saved").to_have_text(SAVED)
    press(page, "c", "<One>")
    expect(page, "#saved").to_have_text(SAVED)
    press(page, "< two>")
    expect(page, "#comment").to_be_focused()
    expect(page, "#comment").to_have_value("One two")
    first = where(page)
    press(page, "Control+Enter")
    expect(page, "#where .number").not_to_have_text(first)
    expect(page, "#where").to_be_focused()
    assert 3.5 in points(waiting).values()
    press(page, "z")
    expect(page, "#points").to_have_value("0")
    go(page, "k")
    expect(page, "#comment").to_have_value("One two")
    press(page, "u")
    expect(page, "#toasts").to_contain_text("Undone: gave 0 of 3 to one answer")
    expect(page, "#where .number").not_to_have_text(first)
    expect(page, "#saved").to_have_text("Not graded yet")
    press(page, "?")
    text = page.locator("#help-keys").inner_text()
    for words in ("Next that is not graded", "Full points", "Mark scheme", "Undo what you did last", "Flag"):
        assert words in text
    press(page, "Escape")
    page.goto(page.origin + "/assignments/ps1")
    expect(page, "main").to_contain_text("1 flagged")
    assert [] == page.said


def test_a_comment_waits_for_points(run: Run, waiting: OpenCourse) -> None:
    """Written first, it grades nobody; it is there again after a look elsewhere, and saved with the points."""
    page = run(WHY)
    press(page, "c", "<Words first>", "Escape")
    expect(page, "#saved").to_have_text("The comment is saved with the points")
    go(page, "j")
    assert 0 == sum(points(waiting).values())
    expect(page, "#comment").to_have_value("")
    go(page, "k")
    expect(page, "#comment").to_have_value("Words first")
    press(page, "f")
    expect(page, "#saved").to_have_text(SAVED)
    go(page, "n")
    press(page, "b")
    expect(page, ".said").to_be_focused()
    press(page, "1")
    expect(page, "#comment").to_have_value("Words first")
    press(page, "z")
    expect(page, "#saved").to_have_text(SAVED)
    page.reload()
    expect(page, "#comment").to_have_value("Words first")


def test_a_group_by_keyboard(run: Run, waiting: OpenCourse) -> None:
    """From the list to a grade for all of them, undone, given again, taken back for one; blanks in one stroke."""
    page = run(f"{WHY}/groups")
    press(page, "j", "Enter")
    page.wait_for_url(f"**{WHY}/groups/*")
    expect(page, "#members-title").to_have_text("3 answers say this")
    press(page, "a")
    expect(page, "#new-text").to_be_focused()
    press(page, "<Half>", "Tab", "<1.5>", "Enter")
    expect(page, ".item input").to_be_checked()
    press(page, "c", "<To all>", "Escape", "s")
    expect(page, "#toasts").to_contain_text("Gave 1.5 of 3 to 3 answers")
    expect(page, "#comment").to_have_value("")
    assert [1.5] * 3 == [points(waiting)[student] for student in ("ada", "bob", "cem")]
    press(page, "u")
    expect(page, "#toasts").to_contain_text("Undone: gave 1.5 of 3 to 3 answers")
    assert 0 == sum(points(waiting).values())
    press(page, "f")
    expect(page, "#saved").to_have_text("All 3 graded")
    page.get_by_role("button", name="Take back").first.click()
    expect(page, "#saved").to_have_text("1 of 3 not graded")
    assert [0.0, 3.0, 3.0] == sorted(points(waiting)[student] for student in ("ada", "bob", "cem"))
    while "Left blank" not in page.locator("#answer-title").inner_text():
        go(page, "j")
    press(page, "p", "<1>", "Escape", "s")
    expect(page, "#toasts").to_contain_text("Gave 1 of 3 to 2 answers")
    assert {"fay": 1.0, "gus": 1.0}.items() <= points(waiting).items()
    assert [] == page.said


def test_two_graders_and_a_restart(run: Run, waiting: OpenCourse) -> None:
    """Each sees where the other is; what is stale is told with both; after a restart it goes on where it was left."""
    tina, ben = run(WHY, "tina"), run("/", "ben")
    first = where(tina)
    expect(tina, "#strip").to_contain_text("left")
    ben.goto(ben.origin + WHY)
    assert where(ben) != first
    expect(ben, ".others").to_contain_text("tina")
    go(ben, "k")
    assert where(ben) == first
    expect(ben, ".others .here").to_contain_text("tina is at this answer")
    press(tina, "f")
    expect(tina, "#saved").to_have_text(SAVED)
    press(ben, "z")
    expect(ben, ".conflict").to_contain_text("tina wrote at")
    expect(ben, "#points").to_have_value("3")
    assert [3.0] == [score for score in points(waiting).values() if score]
    ben.get_by_role("button", name="Give mine all the same").click()
    expect(ben, ".conflict").to_have_count(0)
    expect(ben, "#points").to_have_value("0")
    assert 0 == sum(points(waiting).values())
    ben.leave()
    go(tina, "n")
    press(tina, "f")
    expect(tina, "#saved").to_have_text(SAVED)
    graded = tina.url.removeprefix(tina.origin)
    tina.leave()
    again = run(WHY, "tina")
    expect(again, "#saved").to_have_text("Not graded yet")
    expect(again, ".strip-bar b").to_have_text("4")
    again.goto(again.origin + graded)
    expect(again, "#points").to_have_value("3")


def test_what_is_not_saved_is_told(run: Run) -> None:
    """Nobody goes on from what was refused, or could not be sent."""
    page = run(WHY)
    before = where(page)
    press(page, "p", "<much>", "Enter")
    expect(page, "#saved").to_have_text("Not saved")
    expect(page, "#alerts").to_contain_text("no number")
    press(page, "n")
    expect(page, "#alerts").to_contain_text("Not saved: try again")
    assert before == where(page)
    page.locator("#points").fill("2")
    press(page, "Enter")
    expect(page, "#saved").to_have_text(SAVED)
    page.route("**/answers/*", lambda route: route.abort())
    press(page, "f")
    expect(page, "#saved").to_have_text("Not saved")
    page.unroute("**/answers/*")
    press(page, "f")
    expect(page, "#saved").to_have_text(SAVED)
    go(page, "n")


def test_a_hostile_answer_has_no_effect(run: Run) -> None:
    """The corpus' Markdown and outputs: nothing runs, asks, or takes the keys of the page."""
    page = run(f"{WHY}/answers")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.on(
        "request", lambda request: None if request.url.startswith((page.origin, "data:")) else asked.append(request.url)
    )
    for name, path in (("why", WHY), ("plot", PLOT)):
        page.goto(f"{page.origin}{path}/answers/{key_of(Question('ps1', 'squares', name), 'mal')}")
        assert page.evaluate("window.pwned === undefined")
        assert 1 == page.locator("form#panel").count()
        press(page, "f")
        expect(page, "#saved").to_have_text(SAVED)
    assert [] == asked
    assert [] == [line for line in page.said if "alert" in line or "pwned" in line]


def test_pages_for_grading_are_accessible(run: Run, violations: Callable[[Any], list[str]]) -> None:
    """Axe finds nothing wrong in either theme, with every sheet open; nothing is wider than the screen."""
    page = run(WHY)

    def look() -> None:
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            assert [] == violations(page), (page.url, scheme)
        assert 1280 >= page.evaluate("document.documentElement.scrollWidth")

    press(page, "a")
    expect(page, "#new-text").to_be_focused()
    press(page, "<Slip>", "Tab", "<-0.5>", "Enter")
    expect(page, "#saved").to_have_text(SAVED)
    press(page, "m", "c", "<*Well* $x^2$>", "Escape")
    expect(page, "#preview em").to_have_text("Well")
    press(page, "x")
    expect(page, ".flag").to_have_attribute("aria-pressed", "true")
    look()
    for key, sheet in (("r", "#rubric-body h2"), ("b", "#bank-body h2"), ("l", "#all-body h2")):
        press(page, key)
        expect(page, sheet).to_be_visible()
        look()
        press(page, "Escape")
    page.goto(f"{page.origin}{WHY}/groups")
    look()
    press(page, "j", "Enter")
    page.wait_for_url(f"**{WHY}/groups/*")
    look()


def test_the_copy_is_of_its_own(answered: Path, waiting: OpenCourse) -> None:
    """Tests change copies: the course that they share stays as it was made."""
    assert answered != waiting.folder.root
    assert {0.0} == set(points(open_course(answered)).values())
    shutil.rmtree(waiting.folder.root)
