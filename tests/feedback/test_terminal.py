"""Printed text and tracebacks."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grader.feedback.terminal import MAX_TEXT, terminal


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<span class="ansi-red">no</span>', "\x1b[31mno\x1b[0m"),
        ('<span class="ansi-bold ansi-red">no</span>', "\x1b[1;91mno\x1b[0m"),
        ('<span class="ansi-red">no</span>', "\x1b[38;2;250;0;0mno\x1b[0m"),
        ('<span class="ansi-on-blue">no</span>', "\x1b[44mno"),
        ('<span class="ansi-red">a</span>\n<span class="ansi-red">b</span>', "\x1b[31ma\nb"),
        ("plain", "\x1b]0;title\x07plain"),
        ("link", "\x1b]8;;https://x.invalid\x1b\\link\x1b]8;;\x1b\\"),
        ("100%", " 10%\r 50%\r100%"),
        ("a\nb", "a\r\nb"),
        ("&lt;/pre&gt;&lt;h1&gt;Score 100", "</pre><h1>Score 100"),
        ("\\u202eevil", "\u202eevil"),
        ("x", f"\x1b[{'9' * 5000}mx"),
    ],
)
def test_only_colours_are_left_of_what_steers_a_terminal(html: str, text: str) -> None:
    """Colours become one of eight classes; titles, links, movements and overwritten lines go."""
    assert html == terminal(text)


def test_a_flood_is_cut_in_the_middle() -> None:
    """Ten million characters would stop the reader's browser."""
    shown = terminal("x" * 10_000_000)
    assert len(shown) < MAX_TEXT + 100
    assert "9,960,000 characters left out" in shown


@given(st.text(st.sampled_from("\x1b[]0;38m5\\\x07\r\n<\"'&K²a\u202e\ud800"), max_size=60))
@example("\x1b[²m")
@example("\x1b[1;;m\x1b[mx")
def test_no_text_gets_through_as_markup(text: str) -> None:
    """Whatever was printed, the only markup is our own spans, and they are closed."""
    html = terminal(text)
    opened = html.count('<span class="ansi-')
    assert opened == html.count("<span") == html.count("</span>")
    assert html.count("<") == 2 * opened
    assert "\x1b" not in html
    html.encode()
