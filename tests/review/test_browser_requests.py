"""Regrade requests in a real browser: taken in, decided by keyboard, readable for everybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grader.pipeline.course import OpenCourse

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TABLE = b"student,question,message\nada,why,<img src=x onerror=alert(1)>\nbob,why,Look.\nzoe,why,Look.\n"


def test_requests_by_keyboard(
    waiting: OpenCourse, at_work: Callable[..., Any], violations: Callable[[Any], list[str]]
) -> None:
    """From the table to the last decision; axe finds nothing wrong in either theme; nothing a student says acts."""
    tina = at_work(waiting, "tina", "/requests")
    asked: list[str] = []
    tina.page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))

    def look() -> None:
        for scheme in ("dark", "light"):
            tina.page.emulate_media(color_scheme=scheme)
            assert [] == violations(tina.page), (tina.page.url, scheme)
        assert 1280 >= tina.page.evaluate("document.documentElement.scrollWidth")

    tina.press("e")
    tina.page.wait_for_url("**/requests/new")
    tina.page.locator("#file").set_input_files({"name": "asked.csv", "mimeType": "text/csv", "buffer": TABLE})
    tina.page.get_by_role("button", name="Import").press("Enter")
    tina.expect("#outcome").to_have_text("2 taken in, 1 row not taken in")
    look()
    tina.press("n")
    tina.page.wait_for_url("**/requests")
    look()
    tina.press("j", "Enter")
    tina.page.wait_for_url("**/requests/*")
    look()
    tina.press("p", "<9>", "Escape", "c", "<Yes>", "Control+Enter")
    tina.expect("#problem").to_contain_text("more than the 3 there are")
    tina.expect("#text").to_have_value("Yes")
    tina.press("p", "<2>", "Escape", "a")
    tina.expect("#decided .big").to_have_text("– → 2 / 3 +2")
    tina.expect(".topbar .badge").to_contain_text("1")
    look()
    tina.press("u")
    tina.expect("#decided").to_contain_text("The points have changed since")
    tina.press("c", "<Once more>", "Escape", "s")
    tina.expect("#decision").to_contain_text("Accept")
    assert [] == asked
