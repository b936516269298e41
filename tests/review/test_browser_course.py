"""The app's frame and its course pages in a real browser, under the app's own policy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.review import Settings
from grader.review.server import _WAY_IN

pytestmark = pytest.mark.browser
PATHS = ("/", "/assignments/ps1", "/class", "/students/bob", "/report", "/nope")


@pytest.fixture(scope="module")
def settings(serving: Callable[..., Settings]) -> Settings:
    """One run of the app for this module."""
    return serving(grader="ta")


@pytest.fixture(scope="module")
def cookies(settings: Settings, visit: Callable[..., Any]) -> list[Any]:
    """The session that the one-time link gave."""
    page = visit(settings)
    found: list[Any] = page.context.cookies()
    page.context.close()
    return found


@pytest.fixture
def at(settings: Settings, cookies: list[Any], browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a page of the app in a context of its own; what the browser complains about is in `said`."""
    contexts = []

    def make(path: str, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": 1280, "height": 720}, **options)
        contexts.append(context)
        context.add_cookies(cookies)
        page = context.new_page()
        page.said = []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.goto(settings.origin + path)
        return page

    yield make
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(
    at: Callable[..., Any], settings: Settings, violations: Callable[[Any], list[str]], scheme: str
) -> None:
    """Axe finds nothing, in either theme, with the sheet of keys open as well; nothing is wider than the screen."""
    page = at("/", color_scheme=scheme)
    for path in PATHS:
        page.goto(settings.origin + path)
        page.wait_for_selector(".coming", state="detached")
        assert [] == violations(page), path
        assert 1280 >= page.evaluate("document.documentElement.scrollWidth")
    page.keyboard.press("?")
    assert page.locator("dialog#help").is_visible()
    assert [] == violations(page)
    assert [] == [said for said in page.said if "404" not in said]


def test_everything_is_reached_by_keyboard(at: Callable[..., Any]) -> None:
    """The first stop skips to the page; letters lead to pages and lines; a field takes letters as letters."""
    page = at("/")
    page.keyboard.press("Tab")
    assert "Skip to the page" == page.evaluate("document.activeElement.textContent")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/assignments/ps1")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/class")
    page.keyboard.press("/")
    page.keyboard.type("j lovelace ADA")
    assert "j lovelace ADA" == page.locator("input[type=search]").input_value()
    page.keyboard.press("Escape")
    assert "BODY" == page.evaluate("document.activeElement.tagName")
    assert [] == page.said


def test_keys_can_be_switched_off(at: Callable[..., Any]) -> None:
    """For those who speak to their browser; it stays so on the next page, and the button still opens the sheet."""
    page = at("/")
    page.keyboard.press("?")
    page.locator("#keys-on").uncheck()
    page.keyboard.press("Escape")
    page.goto(page.url + "class")
    page.keyboard.press("?")
    assert not page.locator("dialog#help").is_visible()
    page.locator("#open-help").click()
    assert not page.locator("#keys-on").is_checked()


def test_the_sheet_lists_the_keys_of_this_page(at: Callable[..., Any]) -> None:
    """Those that can be pressed here and now."""
    page = at("/students/bob")
    page.keyboard.press("?")
    text = page.locator("#help-keys").inner_text()
    assert {"Next student", "Previous student", "Up: the class", "Assignments"} <= set(text.split("\n"))
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.wait_for_url("**/students/fay")


def names(page: Any) -> list[str]:
    """The class as the table shows it now."""
    found: list[str] = page.locator("#table tbody tr:visible th a").all_inner_texts()
    return [name.split()[0] for name in found]


def test_the_table_sorts_and_finds(at: Callable[..., Any]) -> None:
    """By any title, both ways, what is empty at the end; a word without its accents finds a name."""
    page = at("/class")
    by_total = page.get_by_role("button", name="So far")
    by_total.click()
    assert ["Eve", "Dia", "Ada"] == [name for name in names(page) if name != "Fay"][:3]
    assert ["Bob", "Cem"] == sorted(names(page)[-2:])
    by_total.click()
    assert "Ada" == names(page)[0]
    assert ["Bob", "Cem"] == sorted(names(page)[-2:])
    assert "descending" == page.locator("#table th[aria-sort]").get_attribute("aria-sort")
    page.get_by_role("searchbox").fill("oz CEM")
    assert ["Cem"] == names(page)
    assert "1 of 6" == page.locator("#count").inner_text()
    page.get_by_role("searchbox").fill("")
    assert 6 == len(names(page))


def test_a_link_shows_what_to_look_at(at: Callable[..., Any]) -> None:
    """From the overview to the submissions that are flagged."""
    page = at("/")
    page.get_by_role("link", name="1 flagged").click()
    page.wait_for_url("**look=flagged*")
    assert ["Bob"] == names(page)


def test_the_theme_is_chosen_and_kept(at: Callable[..., Any]) -> None:
    """A button turns day into night; the next page comes in it; turned back, it follows the system again."""
    page = at("/", color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    day = page.evaluate(paper)
    page.locator("#theme").click()
    night = page.evaluate(paper)
    assert day != night
    page.reload()
    assert night == page.evaluate(paper)
    page.locator("#theme").click()
    assert day == page.evaluate(paper)
    assert [] == [cookie for cookie in page.context.cookies() if cookie["name"] == "grader-theme"]


def test_messages_of_the_server_are_told(at: Callable[..., Any]) -> None:
    """What an answer's header carries stands in a corner, as text, and can be closed."""
    page = at("/")
    told = json.dumps({"grader:toast": {"text": "<b>gone</b>\nonce more", "kind": "error"}})
    page.route("**/told", lambda route: route.fulfill(status=409, headers={"HX-Trigger": told, "HX-Reswap": "none"}))
    page.evaluate("htmx.ajax('POST', '/told', {target: '#main'}).catch(() => {})")
    toast = page.locator("#alerts .toast")
    toast.wait_for()
    assert "<b>gone</b>\nonce more" == toast.locator("p").inner_text()
    toast.get_by_role("button").click()
    assert 0 == toast.count()
    assert page.locator("h1").is_visible()


def test_htmx_sends_the_secret(at: Callable[..., Any]) -> None:
    """Every write that htmx makes carries it."""
    page = at("/")
    with page.expect_request("**/write") as asked:
        page.evaluate("htmx.ajax('POST', '/write', {target: '#main', swap: 'none'}).catch(() => {})")
    secret = page.locator("meta[name=csrf]").get_attribute("content")
    assert secret == asked.value.headers["x-csrf-token"]


def test_the_link_from_a_file_leads_in(serving: Callable[..., Settings], browser: Any, tmp_path: Path) -> None:
    """As `grader review` opens it: past the file and the token to the page, which holds a session then."""
    settings = serving(assignment="ps1")
    way = tmp_path / "way.html"
    way.write_text(_WAY_IN.format(address=settings.address))
    context = browser.new_context()
    page = context.new_page()
    page.goto(way.as_uri())
    page.wait_for_url("**/assignments/ps1")
    assert "Problem set 1" == page.locator("h1").inner_text()
    assert "token" not in page.url
    stranger = browser.new_context()
    other = stranger.new_page()
    other.goto(settings.address)
    assert "This door is closed" == other.locator("h1").inner_text()
    stranger.close()
    context.close()
