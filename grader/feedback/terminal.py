"""Text that was written for a terminal: colours become classes, everything else that steers a terminal goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from grader.feedback.plain import shorten
from grader.page import clean, show_directions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

MAX_TEXT = 40_000
_NO_COLOUR = re.compile(r"\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b\[[0-?]{40,}[@-~]?")
"""Titles, links and other strings for the terminal itself, and colours that no program means."""
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


def terminal(text: str) -> Markup:
    """The text with its colours as classes (`ansi-red`), cut in the middle when it is very long."""
    whole = _NO_COLOUR.sub("", shorten(text.replace("\r\n", "\n"), MAX_TEXT)[0])
    if "\x1b" not in whole and "\r" not in whole:
        return escape(show_directions(clean(whole)))
    from rich.ansi import AnsiDecoder

    decoder = AnsiDecoder()
    return Markup("\n").join(Markup().join(_pieces(decoder.decode_line(line))) for line in whole.split("\n"))


def _pieces(line: Text) -> Iterator[Markup]:
    """The line piece by piece, in a `span` where it has a style that is shown."""
    position = 0
    for span in line.spans:
        yield _shown(line.plain[position : span.start])
        names = "" if isinstance(span.style, str) else " ".join(_classes(span.style))
        piece = _shown(line.plain[span.start : span.end])
        yield Markup('<span class="{}">{}</span>').format(names, piece) if names else piece
        position = span.end
    yield _shown(line.plain[position:])


def _shown(text: str) -> Markup:
    return escape(show_directions(clean(text)))


def _classes(style: Style) -> Iterator[str]:
    if style.bold:
        yield "ansi-bold"
    if style.italic:
        yield "ansi-italic"
    if style.underline:
        yield "ansi-underline"
    if style.reverse:
        yield "ansi-reverse"
    if style.color and not style.color.is_default:
        yield f"ansi-{_name(style.color)}"
    if style.bgcolor and not style.bgcolor.is_default:
        yield f"ansi-on-{_name(style.bgcolor)}"


def _name(colour: Color) -> str:
    """The nearest of the terminal's eight colours; the style sheet answers for their contrast."""
    from rich.color import ColorSystem

    number = colour.downgrade(ColorSystem.STANDARD).number
    return _COLOURS[(number or 0) % 8]
