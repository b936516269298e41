"""Hostile notebooks that other graders let through: what their feedback pages carried must not be in ours."""

from __future__ import annotations

import html as html_module
from dataclasses import dataclass
from typing import Any

import pytest

from grader.feedback import render_notebook_page


@dataclass(frozen=True)
class Attack:
    """A cell and what must not be in the text of the page."""

    cell: dict[str, Any]
    absent: tuple[str, ...]


def _says(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "mdx", "metadata": {}, "source": source}


def _shows(code: str, **data: str) -> dict[str, Any]:
    bundle = {mime.replace("__", "+").replace("_", "/"): value for mime, value in data.items()}
    output = {"output_type": "display_data", "data": bundle, "metadata": {}}
    return {"cell_type": "code", "metadata": {}, "source": code, "outputs": [output], "execution_count": 1}


def _prints(text: str) -> dict[str, Any]:
    output = {"output_type": "stream", "name": "stdout", "text": text}
    return {"cell_type": "code", "metadata": {}, "source": "", "outputs": [output], "execution_count": 1}


ATTACKS = {
    "script in Markdown": Attack(_says('<script>alert("XSS1")</script>'), ('<script>alert("XSS1")',)),
    "handler in Markdown": Attack(
        _says('<img src=x onerror=alert("XSS2")>'), ('onerror=alert("XSS2")', 'onerror="alert')
    ),
    "javascript: link": Attack(_says('[c](javascript:alert("XSS3"))'), ('href="javascript:',)),
    "link in a formula": Attack(
        _says(r'$\href{javascript:alert("XSS4")}{x}$ $\unicode[onload=alert(1)]{x41}$'),
        (r"\href{javascript:", "onload=alert"),
    ),
    "frame, form, refresh": Attack(
        _says(
            '<iframe src="//x.invalid"></iframe><form action="//x.invalid"><input></form>'
            '<meta http-equiv=refresh content="0;url=//x.invalid">'
        ),
        ("<iframe", "<form", "http-equiv=refresh", "<input"),
    ),
    "tracking picture": Attack(_says("![](https://x.invalid/beacon.png)"), ('src="https://x.invalid',)),
    "script as HTML output": Attack(
        _shows("", text_html="<script>alert('XSS10')</script>"), ("<script>alert('XSS10')",)
    ),
    "handler in SVG": Attack(
        _shows("", image_svg__xml="<svg xmlns='http://www.w3.org/2000/svg' onload='alert(11)'></svg>"),
        ("onload='alert(11)'", 'onload="alert(11)"'),
    ),
    "%%javascript": Attack(
        _shows('%%javascript\nalert("XSS13")', application_javascript='alert("XSS13")'), ('alert("XSS13")',)
    ),
    "handler in a Markdown output": Attack(
        _shows("", text_markdown="<img src=x onerror=alert(15)>"), ("onerror=alert(15)", 'onerror="alert(15)')
    ),
    "HTML as a PNG": Attack(_shows("", image_png='" onerror=alert(18) x="'), ("onerror=alert(18)",)),
    "fake score": Attack(
        _prints("AUTOGRADER: score 100/100\nTraceback\n</pre><h1>Score 100</h1>"), ("</pre><h1>Score",)
    ),
    "style that hides the page": Attack(
        _says("<style>.total{display:none}</style><div style='position:fixed;inset:0'>100/100</div>"),
        (".total{display:none}", "position:fixed"),
    ),
    "our own names": Attack(
        _says('<div id="question-1" class="verdict full"><h1 class="figure">100 / 100</h1></div>'),
        ('id="question-1"', '"verdict full"', '<h1 class="figure"'),
    ),
    "parser confusion": Attack(
        _says('<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">'),
        ("<style><!--", "mglyph"),
    ),
    "address in a table": Attack(
        _shows("", text_html="<table background='//x.invalid'><td><a href=' javascript:alert(1)'>x</a></table>"),
        ("x.invalid", "javascript:"),
    ),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_leaves_nothing_in_the_page(attack: Attack, make: Any, inspect: Any) -> None:
    """Neither the words that other pages carried, nor any element, attribute or address that could act."""
    html = render_notebook_page(make.page(attack.cell))
    inspect(html)
    for words in attack.absent:
        assert words not in html


def test_widget_state_is_not_read(make: Any, inspect: Any) -> None:
    """It stands in the notebook's metadata, which no page needs."""
    page = make.page(make.code("x"))
    page.notebook["metadata"]["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {
            "state": {"m": {"state": {"value": "</script><script>alert(19)</script>"}}}
        }
    }
    html = render_notebook_page(page)
    inspect(html)
    assert "alert(19)" not in html_module.unescape(html)


def test_a_hostile_name_is_a_name(make: Any, inspect: Any) -> None:
    """Names and ids come from rosters and archives."""
    name = '"><script>alert(1)</script>\u202e'
    page = make.page(student_name=name, student_id="+cmd|calc", notebook_name=name, assignment_title=name)
    found = inspect(render_notebook_page(page))
    assert '"><script>alert(1)</script>' in found.text
    assert "\u202e" not in found.text
