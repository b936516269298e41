"""Text that was written for a terminal: colours become classes, everything else that steers a terminal goes."""

from __future__ import annotations

import re

from markupsafe import Markup

from grader.feedback.plain import clean, shorten, show_directions

MAX_TEXT = 40_000
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-Z\\^-~])", re.DOTALL)
_COLOUR = re.compile(r"\x1b\[([0-9;]*)m")
_OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")
_LEVELS = (0, 95, 135, 175, 215, 255)
_MARK = "\ue000"
"""Stands for ESC while the other control characters go; any in the text itself goes before."""


def terminal(text: str) -> Markup:
    """The text with its colours as classes (`ansi-red-fg`), cut in the middle when it is very long."""
    from nbconvert.filters.ansi import ansi2html

    whole = _SEQUENCE.sub(_kept, shorten(text, MAX_TEXT)[0].replace(_MARK, "\ufffd").replace("\r\n", "\n"))
    lines = _OVERWRITTEN.sub("", whole)
    safe = show_directions(clean(lines.replace("\x1b[", _MARK))).replace(_MARK, "\x1b[")
    return Markup(ansi2html(safe))  # type: ignore[no-untyped-call]  # noqa: S704 - it escapes the text before it adds spans


def _kept(match: re.Match[str]) -> str:
    colour = _COLOUR.fullmatch(match.group())
    return f"\x1b[{_sixteen(colour[1])}m" if colour else ""


def _sixteen(codes: str) -> str:
    """The same colour codes with those of 256 or 16 million colours brought down to the sixteen that have a class."""
    numbers = [int(code[:4]) if code else 0 for code in codes.split(";")]
    kept: list[int] = []
    while numbers:
        code = numbers.pop(0)
        if code not in {38, 48}:
            kept.append(code)
            continue
        mode = numbers.pop(0) if numbers else 0
        count = {5: 1, 2: 3}.get(mode, 0)
        values, numbers = numbers[:count], numbers[count:]
        if len(values) == count and count:
            kept.append(_nearest(_rgb(values[0]) if mode == 5 else (values[0], values[1], values[2])) + code - 38)
    return ";".join(map(str, kept))


def _rgb(number: int) -> tuple[int, int, int]:
    if number < 16:
        bright = 255 if number > 7 else 160
        return (bright * (number & 1), bright * (number >> 1 & 1), bright * (number >> 2 & 1))
    if number < 232:
        cube = number - 16
        return (_LEVELS[cube // 36], _LEVELS[cube // 6 % 6], _LEVELS[cube % 6])
    grey = 8 + 10 * (min(number, 255) - 232)
    return (grey, grey, grey)


def _nearest(rgb: tuple[int, int, int]) -> int:
    """The foreground code 30-37 whose channels are on where these are more than half as bright as the brightest."""
    top = max(rgb)
    on = [value > top / 2 and value > 40 for value in rgb]
    return 30 + on[0] + 2 * on[1] + 4 * on[2]
