"""Markdown and its formulas."""

from __future__ import annotations

from typing import Any

import pytest

from grader.feedback.mathematics import formula
from grader.feedback.prose import markdown


@pytest.mark.parametrize(
    "source",
    [
        "$x^2$",
        "a $x$ b",
        "$$x$$",
        "$$\nx\n$$",
        "text\n$$\na\n= b\n- c\n$$\ntext",
        r"\begin{align} a &= b \end{align}",
        "text\n\\begin{equation}\na\n\n= b\n\\end{equation}",
        r"\\(x\\)",
        r"\\[x\\]",
        "- a list\n\n  $$\n  x\n  $$",
        "> $$x$$",
        "|a|\n|-|\n|$x$|",
    ],
)
def test_formulas_are_where_jupyter_sees_them(source: str) -> None:
    """One formula, set as MathML, and no dollar left."""
    html = markdown(source)
    assert 1 == html.count("<math")
    assert "$" not in html


@pytest.mark.parametrize(
    "source",
    ["`$x$`", "```\n$x$\n```", r"\$x\$", "from $5 to $6", "one $ alone", "$ x $", r"\begin{center}x\end{center}"],
)
def test_dollars_that_are_no_formula_stay(source: str) -> None:
    """Code, escaped dollars and amounts of money are text."""
    assert "<math" not in markdown(source)


def test_an_underscore_in_a_formula_is_no_emphasis() -> None:
    """A formula is taken out before Markdown reads its stars and underscores."""
    html = markdown("$a_1*b_2$ and $c_3*d_4$")
    assert "<em>" not in html
    assert 4 == html.count("<msub>")


@pytest.mark.parametrize(
    "tex",
    [
        r"\frac",
        "{",
        r"\newcommand{\a}{\a\a}\a",
        r"\def\a{x}\a",
        "x" * 5000,
        "{" * 3000 + "}" * 3000,
        r"\begin{matrix}" * 300,
    ],
)
def test_a_formula_that_cannot_be_set_is_shown_as_its_source(tex: str) -> None:
    """Broken, endless and self-defining formulas are shown as they were written."""
    html = formula(tex, display=False)
    assert html.startswith('<span class="tex">')
    assert tex[:10] in html


@pytest.mark.parametrize(
    "tex",
    [
        r"\text{<script>alert(1)</script>}",
        r"\text{&lt;script&gt;}",
        r"\href{javascript:alert(1)}{x}",
        r"\style{position:fixed}{x}",
        r"\class{verdict}{x}",
        r"\cssId{your-notebook}{x}",
        r"\color{red\" onclick=\"alert(1)}{x}",
        r"\unicode[onload=alert(1)]{x41}",
        r"\mathrm{<img src=x onerror=alert(1)>}",
        r"\operatorname{</math><script>}",
    ],
)
def test_no_formula_carries_markup(tex: str, inspect: Any, make: Any) -> None:
    """Links, styles, classes, names and tags inside formulas are text or nothing."""
    from grader.feedback import render_notebook_page

    found = inspect(render_notebook_page(make.page(make.markdown(f"${tex}$"))))
    assert 0 == found.tags["script"]
    assert "javascript:" not in found.text


def test_align_environments_carry_no_numbers() -> None:
    """Jupyter does not number equations."""
    assert "(1)" not in markdown(r"\begin{align} a &= b \\ c &= d \end{align}")


@pytest.mark.parametrize(
    ("letter", "tex"),
    [
        ("𝐦", r"\mathbf m"),
        ("𝐱", r"\mathbf{xy}"),
        ("𝟎", r"\mathbf{0}"),
        ("𝝋", r"\boldsymbol{\varphi}"),
        ("𝐖", r"\mathbf{W}"),
        ("ℝ", r"\mathbb R"),
        ("𝔼", r"\mathbb E"),
        ("ℒ", r"\mathcal L"),
        ("𝔤", r"\mathfrak g"),
        ("ℭ", r"\mathfrak C"),
        ("𝛁", r"\boldsymbol{\nabla}"),
        ("𝚊", r"\mathtt{ab}"),
    ],
)
def test_letters_are_of_the_alphabet_that_was_meant(letter: str, tex: str) -> None:
    """A vector that is not bold is another quantity; browsers leave the attribute for it aside."""
    html = formula(tex, display=False)
    assert letter in html
    assert "mathvariant" not in html


@pytest.mark.parametrize(
    "name",
    [
        "align",
        "align*",
        "aligned",
        "alignat",
        "alignedat",
        "eqnarray",
        "split",
        "gather",
        "gathered",
        "cases",
        "dcases",
        "matrix",
    ],
)
def test_environments_are_tables(name: str) -> None:
    """Two rows, and no `&` or name of an environment left as text."""
    argument = "{2}" if "at" in name and name.startswith("align") else ""
    html = formula(rf"\begin{{{name}}}{argument} a &= b \\ c &= d \end{{{name}}}", display=True)
    assert 2 == html.count("<mtr>")
    assert "&amp;" not in html
    assert "begin" not in html


def test_an_environment_that_is_unknown_is_shown_as_source() -> None:
    """Half a formula would be a wrong one."""
    assert formula(r"\begin{tikzcd} a &= b \end{tikzcd}", display=True).startswith('<pre class="tex">')


def test_an_equation_is_its_content() -> None:
    """Jupyter shows it without a number."""
    assert "<mi>x</mi>" in formula(r"\begin{equation} x \end{equation}", display=True)


def test_limits_stand_below_an_operator() -> None:
    """In a display; in a line the browser moves them itself."""
    assert "<munder><mo movablelimits" in formula(r"\operatorname*{argmin}_x f", display=True)


def test_attached_pictures_are_embedded(make: Any) -> None:
    """A picture pasted into a cell is part of the cell."""
    attachments = {"my plot.png": {"image/png": make.png_base64()}}
    html = markdown("![a *plot*](<attachment:my plot.png>)", attachments)
    assert f'src="data:image/png;base64,{make.png_base64()}"' in html
    assert 'alt="a *plot*"' in html


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("[picture not shown: cat at https://x.invalid/cat.png]", "![cat](https://x.invalid/cat.png)"),
        ("[picture not shown: cat at //x.invalid/cat.png]", "![cat](//x.invalid/cat.png)"),
        ("[picture not shown: cat at cat.png]", "![cat](cat.png)"),
        ("[picture not shown: cat]", "![cat](attachment:cat.png)"),
        ("[picture not shown: cat]", "![cat](data:image/png;base64,AAAA)"),
        ("[picture not shown: without a description at x.png]", "![](x.png)"),
    ],
)
def test_other_pictures_are_named_and_not_fetched(text: str, source: str) -> None:
    """A page that fetched a picture would tell its server who reads it and when."""
    html = markdown(source)
    assert text in html
    assert "<img" not in html


def test_headings_stand_below_those_of_the_page() -> None:
    """The page has one h1 and its sections are h2, whatever a cell says."""
    html = markdown("# One\n\n## Two\n\n<h1>Raw</h1>\n\n### Three")
    assert ["h3", "h4", "h3", "h3"] == [part[:2] for part in html.split("<")[1:] if part[0] == "h"]


def test_fenced_code_is_coloured() -> None:
    """In a language that we know; in any other it is text."""
    assert '<span class="k">def</span>' in markdown("```python\ndef f(): pass\n```")
    assert "<pre><code>&lt;b&gt;</code></pre>" in markdown("```nonsense\n<b>\n```")


@pytest.mark.parametrize(
    "source",
    [
        "$" * 20_000,
        "$$" * 20_000,
        r"\\(" * 5_000,
        "\\begin{align}\n" * 1_000,
        "[" * 20_000,
        "*a **b " * 5_000,
        "> " * 5_000,
        "<div>" * 20_000,
        "**" * 5_000 + "a" + "**" * 5_000,
        "![" * 5_000,
        "|" * 5_000 + "\n" + "|-" * 5_000,
        "x" * 300_000,
    ],
)
def test_no_markdown_takes_out_of_proportion(source: str) -> None:
    """Nested and unfinished constructs by the thousand yield a page of moderate size."""
    assert len(markdown(source)) < 600_000
