"""What a cell printed, showed or raised, each as safe markup with a word that says what it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from grader.feedback.images import MIMES, picture
from grader.feedback.mathematics import formula
from grader.feedback.plain import join
from grader.feedback.prose import markdown
from grader.feedback.sanitise import sanitise
from grader.feedback.terminal import terminal
from grader.page import clean, clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_HTML = 1_000_000
MAX_OUTPUTS = 300
_LONGEST_RULE = 500
_RULE = re.compile(r"(?:\x1b\[[0-9;]*m|-)+")
"""The line of dashes with which IPython begins a traceback."""
_TAG = re.compile(r"<[^>]*>")
_RICHEST_FIRST = (
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "text/latex",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
)


@dataclass(frozen=True, slots=True)
class Output:
    """One thing below a code cell."""

    kind: str
    """The CSS class that sets it: stream, stderr, error, text, html, prose, formula, picture or note."""
    label: str
    """What it is, for a screen reader."""
    body: Markup


def outputs(cell: Mapping[str, Any]) -> tuple[Output, ...]:
    """All outputs of a code cell, as many as a person would look at."""
    found = [output for output in cell.get("outputs") or () if isinstance(output, dict)]
    shown = tuple(_merged(found[:MAX_OUTPUTS]))
    if len(found) <= MAX_OUTPUTS:
        return shown
    return (*shown, _note(f"{len(found) - MAX_OUTPUTS:,} more outputs of this cell are left out here."))


def _merged(found: Sequence[Mapping[str, Any]]) -> Iterator[Output]:
    """The outputs in order; what was printed piece by piece is one text again."""
    pending: list[str] = []
    name = ""
    for output in found:
        stream = str(output.get("name")) if output.get("output_type") == "stream" else ""
        if pending and stream != name:
            yield _stream(name, "".join(pending))
            pending = []
        name = stream
        if stream:
            pending.append(join(output.get("text")))
        else:
            yield _error(output) if output.get("output_type") == "error" else _display(output)
    if pending:
        yield _stream(name, "".join(pending))


def _stream(name: str, text: str) -> Output:
    kind, label = ("stderr", "Messages on stderr") if name == "stderr" else ("stream", "Printed")
    return Output(kind, label, terminal(text))


def _error(output: Mapping[str, Any]) -> Output:
    traceback = output.get("traceback")
    lines = [str(line) for line in traceback] if isinstance(traceback, list | tuple) else []
    text = "\n".join(lines[1:] if lines and _RULE.fullmatch(lines[0][:_LONGEST_RULE]) else lines)
    return Output("error", "Error", terminal(text or f"{output.get('ename')}: {output.get('evalue')}"))


def _note(text: str) -> Output:
    return Output("note", "Note", escape(text))


def _display(output: Mapping[str, Any]) -> Output:
    """The richest form of a result that can be shown safely; its plain text when no other can."""
    data = output.get("data")
    bundle = {str(mime): join(value) for mime, value in data.items()} if isinstance(data, dict) else {}
    plain = bundle.get("text/plain", "")
    for mime in _RICHEST_FIRST:
        shown = _rich(mime, bundle[mime], plain) if mime in bundle else None
        if shown is not None:
            return shown
    if plain:
        return Output("text", "Result", terminal(plain))
    kinds = ", ".join(clean_line(mime, 60) for mime in list(bundle)[:3]) or "no data"
    return _note(f"A result that cannot be shown here ({kinds}).")


def _rich(mime: str, value: str, plain: str) -> Output | None:
    if mime in MIMES:
        return _picture(mime, value, plain)
    if mime == "text/latex":
        tex = value.strip()
        return Output(
            "formula", "Formula", formula(tex.strip("$"), display=not tex.startswith("$") or tex.startswith("$$"))
        )
    if len(value) > MAX_HTML:
        return None
    kind, body = ("prose", markdown(value)) if mime == "text/markdown" else ("html", sanitise(value))
    return Output(kind, "Result", body) if "<img" in body or _TAG.sub("", body).strip() else None


def _picture(mime: str, value: str, plain: str) -> Output | None:
    found = picture(mime, value)
    if found is None:
        return None
    size = Markup(' width="{}" height="{}"').format(found.width, found.height) if found.width else ""
    label = clean_line(clean(plain)) or "Picture made by this cell"
    return Output("picture", "Picture", Markup('<img src="{}" alt="{}"{}>').format(found.uri, label, size))
