"""Text that is about to be escaped into HTML: what HTML, UTF-8 or an eye cannot bear is taken out first."""

from __future__ import annotations

import math
import re
from urllib.parse import quote

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def clean(text: object) -> str:
    """The text without control characters, lone surrogates and noncharacters; each becomes U+FFFD."""
    return _UNPRINTABLE.sub("\ufffd", str(text).replace("\r\n", "\n").replace("\r", "\n"))


def clean_line(text: object, limit: int = 300) -> str:
    """A name or a title in one line, which cannot turn the direction of what stands beside it."""
    line = " ".join(_DIRECTIONS.sub("", clean(text)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def show_directions(text: str) -> str:
    """Program text in which the characters that reorder a line for the eye are spelled out."""
    return _DIRECTIONS.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def points(number: float | None) -> str:
    """A number of points with at most two decimals, or a dash where there is none."""
    if number is None or not math.isfinite(number):
        return "\N{EN DASH}"
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def href(path: str) -> str:
    """A relative path as an address that no browser takes for anything else."""
    return "./" + quote(clean(path), errors="replace")
