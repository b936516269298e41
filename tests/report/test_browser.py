"""The report in a real browser: fits a phone, asks for nothing, reads with a keyboard and without eyes."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from grader.report import render_report

pytestmark = pytest.mark.browser
LONG = "W" * 120


def opened(browser: Any, folder: Path, html: str, **options: Any) -> tuple[Any, list[str], list[str]]:
    """Open the page from a file; gives the page, what it asked for and what the browser complained about."""
    page = browser.new_context(**options).new_page()
    requests: list[str] = []
    console: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: console.append(message.text))
    file = folder / "report.html"
    file.write_text(html, encoding="utf-8")
    page.goto(file.as_uri(), wait_until="load")
    return page, [url for url in requests if not url.startswith("data:image/svg")], console


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen(make: Any, browser: Any, tmp_path: Path, width: int) -> None:
    """Wide tables scroll in boxes of their own, names of any length break; everything unfolded, too."""
    page, _, _ = opened(
        browser, tmp_path, render_report(make.report(text=LONG)), viewport={"width": width, "height": 800}
    )
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_asks_for_nothing_and_the_policy_stops_nothing(make: Any, browser: Any, tmp_path: Path, scheme: Any) -> None:
    """One request, the file itself; every plot is drawn."""
    page, requests, console = opened(browser, tmp_path, render_report(make.report()), color_scheme=scheme)
    page.wait_for_function("[...document.images].every(i => i.complete)")
    assert [(tmp_path / "report.html").as_uri()] == requests
    assert [] == console
    assert min(page.evaluate("[...document.images].map(i => i.naturalWidth)")) > 0
    page.context.close()


def test_headings_landmarks_and_regions(make: Any, browser: Any, tmp_path: Path) -> None:
    """Headings go down one level at a time, links on the page lead somewhere, boxes that scroll take focus."""
    page, _, _ = opened(browser, tmp_path, render_report(make.report()))
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.localName[1])")
    assert 1 == levels[0]
    assert 1 == levels.count(1)
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    for role in ("banner", "main", "contentinfo", "navigation"):
        assert 1 == page.get_by_role(role).count()
    assert [] == page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.hash.slice(1))"
        ".filter(id => !document.getElementById(id))"
    )
    assert 0 == page.locator(".scroll:not([tabindex])").count()
    page.context.close()


def test_it_prints_with_everything_on_paper(make: Any, browser: Any, tmp_path: Path) -> None:
    """What is folded on the screen is printed, what scrolls is whole."""
    page, _, _ = opened(browser, tmp_path, render_report(make.report()), viewport={"width": 700, "height": 900})
    page.emulate_media(media="print")
    assert page.pdf()[:5] == b"%PDF-"
    assert page.locator("#look ~ details table").is_visible()
    page.context.close()
