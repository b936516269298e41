"""The page: whole, accessible, the same every time, and nothing in it that a student wrote as markup."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from grader.gradebook import Gradebook
from grader.page import palettes
from grader.report import RemarkKind, render_report
from grader.report.render import MAX_REMARKS

HOSTILE = (
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    "</title></style></table></main><h1>x",
    "{{ 7 * 7 }}{% raw %}",
    "$x_1$ & \\frac",
    "\u202egnp.exe\x00\x1b[31m\ud800",
)


def plots_of(html: str) -> list[ET.Element]:
    """Parse every plot of a page."""
    uris = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    return [ET.fromstring(base64.b64decode(uri)) for uri in uris]


def test_the_same_report_gives_the_same_text(make: Any) -> None:
    """No clock, no random names in plots."""
    assert render_report(make.report()) == render_report(make.report())


def test_the_policy_allows_our_style_sheet_and_no_script(make: Any) -> None:
    """As on the pages for students."""
    html = render_report(make.report())
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f'content="{policy}"' in html
    assert "<script" not in html
    assert not re.search(r'\s(style|on\w+)="', html)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(make: Any, hostile_names: Callable[[str], Gradebook], text: str) -> None:
    """In names, titles, categories, sentences, evidence, links and plots: the page has the elements it would have."""

    def shape(html: str) -> list[str]:
        return re.findall(r"<(/?[a-zA-Z][a-zA-Z0-9]*)", re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL))

    html = render_report(make.report(hostile_names(text), text))
    assert shape(render_report(make.report(hostile_names("x"), "x"))) == shape(html)
    assert not set("\x00\x1b\u202e\ud800") & set(html)
    assert "49" not in re.sub(r"base64,[^\"]+|<style>.*?</style>", "", html, flags=re.DOTALL) or "7 * 7" not in text
    assert plots_of(html)


def test_every_plot_has_words_and_a_table_behind(make: Any) -> None:
    """An alt text with the numbers, and a size, so that nothing jumps."""
    html = render_report(make.report())
    pictures = re.findall(r"<img [^>]*>", html)
    assert len(pictures) == len(plots_of(html)) == 1 + 2 + 1 + 1
    for picture in pictures:
        assert re.search(r'alt="[^"]*[Mm]edian[^"]*"', picture)
        assert re.search(r'width="\d+" height="\d+"', picture)
    assert "Histogram. 11 scores, median 50 %, the middle half from 25 to 75 %, all from 0 to 100 %." in html


def test_every_table_has_a_caption_and_scopes(make: Any) -> None:
    """And a header for each row."""
    tables = re.findall(r"<table.*?</table>", render_report(make.report()), re.DOTALL)
    assert len(tables) > 8
    for table in tables:
        assert 1 == table.count("<caption")
        assert 'scope="col"' in table
        assert table.count("<tr>") - 1 == table.count('scope="row"')


def test_plots_have_the_colours_of_both_themes(make: Any) -> None:
    """Each colour of a plot is a variable of the page's palette, and the dark ones are there."""
    plot = base64.b64decode(re.findall(r"svg\+xml;base64,([^\"]+)", render_report(make.report()))[0]).decode()
    style, drawing = plot.split("</style>", 1)
    assert f"--link: {palettes()['dark']['link']};" in style
    assert "prefers-color-scheme: dark" in style
    assert "var(--link" in drawing
    assert set() == set(re.findall(r"(?:fill|stroke): (#\w+)", drawing))


def test_a_course_at_its_beginning_is_a_page_too(make: Any) -> None:
    """Nobody, nothing graded: sentences instead of empty tables."""
    nothing = dict.fromkeys(("trends", "risks", "absences", "waiting", "questions", "durations", "remarks"), ())
    html = render_report(make.report(make.book(), **nothing))
    for sentence in ("Nobody has a grade yet.", "Nothing waits.", "Nobody is missing anything", "Nobody, by this rule"):
        assert sentence in html
    assert [] == plots_of(html)


def test_a_flood_of_remarks_is_cut_and_counted(make: Any) -> None:
    """Of each kind as many as somebody would read, and how many more there are."""
    remark = next(remark for remark in make.report().remarks if remark.kind is RemarkKind.FLAG)
    html = render_report(replace(make.report(), remarks=(remark,) * (MAX_REMARKS + 7)))
    assert MAX_REMARKS == html.count("What was found")
    assert "7 more are left out" in html


def test_links_lead_nowhere_else(make: Any) -> None:
    """Only to places on the page and to relative paths, percent-encoded."""
    html = render_report(make.report(text="/../x y?#%"))
    targets = set(re.findall(r'href="([^"]*)"', html))
    assert all(re.fullmatch(r"#[a-z]+|\./[\w./%~-]+", target) for target in targets)
    assert any("%20y%3F%23%25" in target for target in targets)
