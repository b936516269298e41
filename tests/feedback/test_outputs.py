"""Each kind of output, in the richest form that is safe."""

from __future__ import annotations

from typing import Any

import pytest

from grader.feedback.outputs import MAX_OUTPUTS, outputs


def _only(make: Any, data: dict[str, Any]) -> Any:
    (shown,) = outputs(make.code("", make.shown(data)))
    return shown


def test_what_was_printed_in_pieces_is_one_text(make: Any) -> None:
    """Until something else comes between, or the other stream."""
    cell = make.code("", *(make.printed(text) for text in "ab"), make.printed("c", "stderr"), make.printed("d"))
    assert [("stream", "ab"), ("stderr", "c"), ("stream", "d")] == [(o.kind, o.body) for o in outputs(cell)]


def test_an_error_shows_its_traceback(make: Any) -> None:
    """With colours, escaped, and without the rule above it."""
    lines = ["\x1b[31m-----\x1b[39m", "\x1b[31mE\x1b[0m: <b>", "end"]
    error = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": lines}
    (shown,) = outputs(make.code("", error))
    assert ("error", '<span class="ansi-red">E</span>: &lt;b&gt;\nend') == (shown.kind, shown.body)


def test_an_error_without_traceback_shows_its_name(make: Any) -> None:
    """Redacted errors have none."""
    (shown,) = outputs(make.code("", {"output_type": "error", "ename": "Error", "evalue": "<v>", "traceback": []}))
    assert "Error: &lt;v&gt;" == shown.body


@pytest.mark.parametrize(
    ("kind", "part", "data"),
    [
        ("html", "<b>x</b>", {"text/html": "<b>x</b>", "text/plain": "p"}),
        ("html", "<b>x</b>", {"text/html": ["<b>", "x</b>"], "image/png": "AAAA"}),
        ("prose", "<em>x</em>", {"text/markdown": "*x*", "text/plain": "p"}),
        ("formula", "<math", {"text/latex": r"$\displaystyle x^2$", "text/plain": "x**2"}),
        ("formula", "<math", {"text/latex": "$$x^2$$"}),
        ("formula", "<math", {"text/latex": r"\begin{align} x \end{align}"}),
        ("picture", "data:image/svg+xml;base64,", {"image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg"/>'}),
        ("text", "p&lt;", {"text/plain": "p<"}),
        ("text", "p", {"text/plain": ["p"], "application/vnd.jupyter.widget-view+json": {"model_id": "m"}}),
        ("text", "p", {"text/plain": "p", "application/javascript": "alert(1)"}),
        ("text", "p", {"text/plain": "p", "text/html": "<script>alert(1)</script>"}),
        ("text", "p", {"text/plain": "p", "text/html": "<div>" + "<b>x</b>" * 200_000 + "</div>"}),
        ("text", "p", {"text/plain": "p", "image/png": "AAAA"}),
        ("note", "application/javascript", {"application/javascript": "alert(1)"}),
        ("note", "image/png", {"image/png": '" onerror=alert(18) x="'}),
        ("note", "no data", {}),
    ],
)
def test_the_richest_safe_form_is_shown(make: Any, kind: str, part: str, data: dict[str, Any]) -> None:
    """What cannot be shown safely gives way to the next form, at last to plain text or a note."""
    shown = _only(make, data)
    assert kind == shown.kind
    assert part in shown.body
    assert "alert" not in shown.body


def test_a_picture_is_described_by_its_text(make: Any) -> None:
    """A figure says what it is."""
    shown = _only(make, {"image/png": make.png_base64(30, 20), "text/plain": '<Figure "x" 30x20>'})
    assert 'alt="&lt;Figure &#34;x&#34; 30x20&gt;" width="30" height="20"' in shown.body
    assert 'alt="Picture made by this cell"' in _only(make, {"image/png": make.png_base64()}).body


def test_thousands_of_outputs_are_counted_instead(make: Any) -> None:
    """A loop that displays something is not shown to its end."""
    cell = make.code("", *(make.shown({"text/plain": "x"}) for _ in range(MAX_OUTPUTS + 1000)))
    shown = outputs(cell)
    assert MAX_OUTPUTS + 1 == len(shown)
    assert "1,000 more outputs of this cell are left out here." == shown[-1].body


@pytest.mark.parametrize("strange", [None, "x", [None, 3, "x"], [{}], [{"output_type": "display_data", "data": 3}]])
def test_outputs_that_are_none_are_no_fault(make: Any, strange: object) -> None:
    """Whatever stands there, the page is made."""
    assert len(outputs(make.code() | {"outputs": strange})) <= 1
