"""Pages in a real browser: nothing runs, nothing leaves, everything fits."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from grader.feedback import AssignmentRow, IndexPage, render_index_page, render_notebook_page
from grader.feedback.plain import words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.browser

PAYLOADS = (
    '<script>window.hit=1;alert("XSS1")</script>',
    "<img src=x onerror=\"window.hit=1;alert('XSS2')\">",
    '<img src="https://x.invalid/beacon.png">',
    '[c](javascript:alert("XSS3"))',
    "![](https://x.invalid/beacon.png)",
    r'$\href{javascript:alert("XSS4")}{x}$ $\text{</mtext></math><img src=x onerror=alert(1)>}$',
    r"$\style{background:url(//x.invalid)}{x}$ $\class{verdict}{y}$",
    '<iframe src="//x.invalid"></iframe><form action="//x.invalid"><input autofocus onfocus=alert(1)></form>',
    '<meta http-equiv=refresh content="0;url=//x.invalid"><base href="//x.invalid/">',
    '<link rel=stylesheet href="//x.invalid/x.css"><link rel=prefetch href="//x.invalid/x.css">',
    "<style>@import '//x.invalid/x.css'; .total{display:none}</style>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<details open ontoggle=alert(1)><summary>x</summary></details><video src=//x.invalid onerror=alert(1)></video>",
    '</pre></div></article></section></main></body></html><script>alert("out")</script>',
    "<a href='https://x.invalid' ping='https://x.invalid/ping' style='position:fixed;inset:0'>everything</a>",
    "<object data='data:text/html,<script>alert(1)</script>'></object><embed src='//x.invalid'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'>",
)
SVG = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40' onload='alert(11)'>"
    "<script>alert(12)</script><style>rect{fill:red}</style><rect width='20' height='20'/>"
    "<image href='https://x.invalid/a.png' width='9' height='9'/><foreignObject width='9' height='9'>"
    "<body xmlns='http://www.w3.org/1999/xhtml'><iframe src='https://x.invalid'/></body></foreignObject></svg>"
)


OUT_OF_REACH = """
(() => {
  const scrolls = e => e && (/auto|scroll/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  return [...document.querySelectorAll('main *, header *')]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement))
    .map(e => e.outerHTML.slice(0, 80));
})()
"""


@dataclass
class Seen:
    """What a page did while it was open."""

    page: Any
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    navigations: list[str] = field(default_factory=list)
    popups: list[Any] = field(default_factory=list)
    console: list[str] = field(default_factory=list)


class Open:
    """Opens pages in the browser and watches them."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self._browser, self._folder = browser, folder
        self._contexts: list[Any] = []

    def __call__(self, html: str, **options: Any) -> Seen:
        """Open the page from a file, as a student does."""
        context = self._browser.new_context(**options)
        self._contexts.append(context)
        seen = Seen(context.new_page())
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("framenavigated", lambda frame: seen.navigations.append(frame.url))
        seen.page.on("popup", lambda popup: seen.popups.append(popup))  # noqa: PLW0108 - Playwright marks the function
        seen.page.on("console", lambda message: seen.console.append(message.text))
        seen.page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
        file = self._folder / "page.html"
        file.write_text(html, encoding="utf-8")
        seen.page.goto(file.as_uri(), wait_until="load")
        return seen

    def close(self) -> None:
        """Close what was opened."""
        for context in self._contexts:
            context.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Open a page in a browser of its own."""
    opened = Open(browser, tmp_path)
    yield opened
    opened.close()


def _hostile(make: Any) -> Any:
    cells = [make.markdown(payload) for payload in PAYLOADS]
    cells += [make.code(payload, make.shown({"text/html": payload})) for payload in PAYLOADS]
    cells += [make.code("", make.shown({"text/markdown": payload}), make.printed(payload)) for payload in PAYLOADS]
    cells.append(make.code("", make.shown({"image/svg+xml": SVG})))
    cells.append(make.code("", make.shown({"image/png": '" onerror=alert(18) x="'})))
    cells.append(make.code("", make.shown({"application/javascript": "alert(13)"})))
    everything = "".join(PAYLOADS)
    question = make.question(reason=everything, comments=PAYLOADS, title=everything)
    return make.page(*cells, student_name=everything, late=everything, questions=(question,))


def test_a_hostile_notebook_does_nothing(make: Any, open_page: Open) -> None:
    """No dialog, no request but for the page and its pictures, no navigation, nothing left for the policy to stop."""
    page = _hostile(make)
    seen = open_page(render_notebook_page(page))
    seen.page.wait_for_function("document.readyState === 'complete' && [...document.images].every(i => i.complete)")
    assert [] == seen.dialogs
    assert [] == [url for url in seen.requests if not url.startswith(("data:image/", "file:"))]
    assert 1 == len([url for url in seen.requests if url.startswith("file:")])
    assert 1 == len(seen.navigations)
    assert [] == seen.popups
    assert [] == seen.console
    assert seen.page.evaluate("window.hit") is None


def test_a_browser_reads_a_hostile_page_as_it_was_meant(make: Any, open_page: Open) -> None:
    """In the tree that the browser builds, as in the text that we checked, nothing can act."""
    page = _hostile(make)
    tree = open_page(render_notebook_page(page)).page.evaluate(
        """() => {
          const all = [...document.querySelectorAll('*')];
          return {
            elements: [...new Set(all.map(e => e.localName))],
            handlers: all.flatMap(e => [...e.attributes]).map(a => a.name)
              .filter(n => /^on|^style$|^srcdoc$|^ping$/.test(n)),
            articles: document.querySelectorAll('main > section > article').length,
            outside: document.querySelectorAll('body > :not(header, main, footer, svg)').length,
            foreign: all.filter(e => e.namespaceURI.endsWith('MathML') && !e.closest('math')).length,
          };
        }"""
    )
    acting = words("script iframe object embed form input button link base video audio source foreignObject image")
    assert set() == acting & set(tree["elements"])
    assert [] == tree["handlers"]
    assert len(page.notebook["cells"]) == tree["articles"]
    assert 0 == tree["outside"]
    assert 0 == tree["foreign"]


def test_pictures_and_formulas_are_drawn(make: Any, open_page: Open) -> None:
    """Bitmaps and SVGs have a size; formulas are elements of MathML that take room; the policy hides neither."""
    cells = (
        make.markdown(r"$$\frac{1}{n}\sum_{i=1}^n x_i$$"),
        make.code("", make.shown({"image/png": make.png_base64(30, 20)})),
        make.code("", make.shown({"image/svg+xml": SVG})),
    )
    seen = open_page(render_notebook_page(make.page(*cells)))
    seen.page.wait_for_function("[...document.images].every(i => i.complete)")
    assert [30, 40] == seen.page.evaluate("[...document.images].map(i => i.naturalWidth)")
    height, namespace = seen.page.evaluate(
        "(m => [m.getBoundingClientRect().height, m.namespaceURI])(document.querySelector('math'))"
    )
    assert height > 20
    assert "http://www.w3.org/1998/Math/MathML" == namespace
    assert [] == seen.console


def _wide(make: Any) -> Any:
    row = "<td>" + "</td><td>".join(["0.123456789"] * 40) + "</td>"
    cells = (
        make.markdown("x" * 400),
        make.markdown("$$" + " + ".join(["x_{1}"] * 80) + "$$"),
        make.markdown("inline $" + " + ".join(["x_{1}"] * 80) + "$ formula"),
        make.markdown("|" + "a|" * 40 + "\n|" + "-|" * 40 + "\n|" + "wide|" * 40),
        make.markdown("```\n" + "y = 1; " * 100 + "\n```\n\n`" + "z" * 300 + "`"),
        make.code(
            "value = " + "1 + " * 200 + "1",
            make.printed("=" * 500),
            make.shown({"text/html": f"<table><tr>{row}</table>"}),
        ),
        make.code("", make.shown({"image/png": make.png_base64(2000, 10)}), make.printed("w" * 300, "stderr")),
    )
    question = make.question("q" * 200, title="t" * 200, reason="r" * 300, comments=("c" * 300,))
    return make.page(*cells, questions=(question,), student_name="n" * 200, assignment_title="a" * 100, late="l" * 200)


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_screen(make: Any, open_page: Open, width: int) -> None:
    """What is wide scrolls in its own box or breaks; the page never scrolls sideways."""
    rows = tuple(AssignmentRow("t" * 90, "c" * 90, "s" * 90, 1.0, 2.0, links=(("l" * 90, "x"),) * 5) for _ in range(3))
    for html in (
        render_notebook_page(_wide(make)),
        render_index_page(IndexPage("c" * 99, "n" * 99, "i" * 99, rows, (("l" * 99, "v" * 99),))),
    ):
        seen = open_page(html, viewport={"width": width, "height": 800})
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        assert [] == seen.page.evaluate(OUT_OF_REACH)


def test_the_parts_of_a_page_have_roles_and_names(make: Any, open_page: Open) -> None:
    """Banner, main, content information and named regions; headings go down one level at a time."""
    page = make.page(make.markdown("# One\n\n## Two"), questions=(make.question(),), late="Late.")
    seen = open_page(render_notebook_page(page))
    levels = json.loads(
        seen.page.evaluate(
            "JSON.stringify([...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.localName[1]))"
        )
    )
    assert 1 == levels[0]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    for role in ("banner", "main", "contentinfo"):
        assert 1 == seen.page.get_by_role(role).count()
    assert 1 == seen.page.get_by_role("region", name="Score by question").count()
    assert 1 == seen.page.get_by_role("columnheader", name="Points").count()


def test_a_page_prints_whole(make: Any, open_page: Open) -> None:
    """On paper nothing scrolls: long lines break."""
    seen = open_page(render_notebook_page(_wide(make)), viewport={"width": 700, "height": 900})
    seen.page.emulate_media(media="print")
    hidden = seen.page.evaluate(
        "[...document.querySelectorAll('pre')].filter(p => p.scrollWidth > p.clientWidth).length"
    )
    assert 0 == hidden
    assert seen.page.pdf()[:5] == b"%PDF-"
