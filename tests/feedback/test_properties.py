"""Whatever a student writes, the page is ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.feedback import AssignmentRow, IndexPage, render_index_page, render_notebook_page
from grader.model import Incident, IncidentKind, Repair

HOSTILE = st.sampled_from(
    [
        "<",
        ">",
        '"',
        "'",
        "&",
        "</pre>",
        "</div>",
        "</article>",
        "</main>",
        "</style>",
        "</title>",
        "<script>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<svg",
        "<math>",
        "<mtext>",
        "<table>",
        "<td>",
        "<p>",
        "<a href=",
        "javascript:",
        "<img src=",
        " onerror=x ",
        "<h1>",
        " style=x ",
        " id=a ",
        "$",
        "$$",
        "\\text{",
        "}",
        "\\href{",
        "\\begin{align}",
        "\\end{align}",
        "```",
        "`",
        "![",
        "](",
        ")",
        "\n",
        "\n\n",
        "|",
        "&lt;",
        "&#60;",
        "\x00",
        "\x1b[31m",
        "\x1b]8;;",
        "\ud800",
        "\u202e",
        "data:image/svg+xml,",
    ]
)
TEXT = st.lists(HOSTILE | st.text(max_size=5), max_size=10).map("".join)
MIME = st.sampled_from(
    ["text/html", "text/markdown", "text/latex", "text/plain", "image/svg+xml", "image/png", "image/jpeg"]
)
OUTPUT = st.one_of(
    st.builds(lambda text, name: {"output_type": "stream", "name": name, "text": text}, TEXT, TEXT),
    st.builds(
        lambda data: {"output_type": "display_data", "data": data}, st.dictionaries(MIME | TEXT, TEXT, max_size=3)
    ),
    st.builds(
        lambda n, v, t: {"output_type": "error", "ename": n, "evalue": v, "traceback": t}, TEXT, TEXT, st.lists(TEXT)
    ),
)
CELL = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["code", "markdown", "raw"]) | TEXT,
        "source": TEXT,
        "metadata": st.fixed_dictionaries({"nbgrader": st.fixed_dictionaries({"grade_id": st.just("q") | TEXT})}),
        "outputs": st.lists(OUTPUT, max_size=2),
        "execution_count": st.integers() | TEXT,
        "attachments": st.dictionaries(TEXT, st.dictionaries(MIME, TEXT, max_size=1), max_size=1),
    }
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cells=st.lists(CELL, min_size=1, max_size=3), words=TEXT, language=TEXT)
def test_no_text_of_a_student_changes_the_page(
    make: Any, inspect: Any, cells: list[dict[str, Any]], words: str, language: str
) -> None:
    """Known elements and attributes only, all closed, one article a cell, and a text that can be encoded."""
    page = make.page(
        *cells,
        student_name=words,
        student_id=words[::-1],
        notebook_name=words,
        late=words or None,
        graded_at=words or None,
        index_href=words or None,
        repairs=(Repair("x", words, "q"),),
        incidents=(Incident(IncidentKind.CRASH, words, 0),),
        questions=(make.question(reason=words, comments=(words,)),),
    )
    page.notebook["metadata"]["language_info"] = {"name": language}
    html = render_notebook_page(page)
    found = inspect(html)
    assert len(cells) == found.tags["article"]
    assert 1 == found.tags["footer"]
    html.encode()
    inspect(render_notebook_page(replace(page, rejection=words)))


@settings(deadline=None, max_examples=80)
@given(words=TEXT)
def test_no_name_changes_the_index(inspect: Any, words: str) -> None:
    """Titles, ids, labels and paths are text."""
    row = AssignmentRow(words, words, words, 1.0, 2.0, links=((words, words),), due=words, late=words)
    html = render_index_page(IndexPage(words, words, words[::-1], (row,), ((words, words),), words))
    assert 1 == inspect(html).tags["table"]
    html.encode()
