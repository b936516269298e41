"""Text that is about to be escaped into HTML: what HTML, UTF-8 or an eye cannot bear is taken out first."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")

P = ParamSpec("P")
R = TypeVar("R")


def remembered(longest: int, most: int = 1024) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep the results of a pure function of a text, but not of long texts: a student must not fill the memory."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        kept = lru_cache(maxsize=most)(function)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            short = len(str(args[0])) <= longest
            return kept(*args, **kwargs) if short else function(*args, **kwargs)  # type: ignore[arg-type]

        return call

    return decorate


def words(text: str) -> frozenset[str]:
    """The words of a list that reads better as running text."""
    return frozenset(text.split())


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


def shorten(text: str, limit: int) -> tuple[str, int]:
    """Begin and end of a text longer than `limit` characters, and how many were left out between them."""
    if len(text) <= limit:
        return text, 0
    head, tail = limit * 4 // 5, limit // 5
    left_out = len(text) - head - tail
    return f"{text[:head]}\n… {left_out:,} characters left out …\n{text[-tail:]}", left_out


def points(number: float | None) -> str:
    """A number of points with at most two decimals, or a dash where there is none."""
    if number is None or not math.isfinite(number):
        return "\N{EN DASH}"
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def join(value: object) -> str:
    """The text of an nbformat multi-line string: a string, or a list of strings; anything else is no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return "".join(part for part in value if isinstance(part, str))
    return ""
