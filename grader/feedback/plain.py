"""Texts of notebooks: joined, shortened where they are long, their results kept where the same text comes again."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

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


def shorten(text: str, limit: int) -> tuple[str, int]:
    """Begin and end of a text longer than `limit` characters, and how many were left out between them."""
    if len(text) <= limit:
        return text, 0
    head, tail = limit * 4 // 5, limit // 5
    left_out = len(text) - head - tail
    return f"{text[:head]}\n… {left_out:,} characters left out …\n{text[-tail:]}", left_out


def join(value: object) -> str:
    """The text of an nbformat multi-line string: a string, or a list of strings; anything else is no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return "".join(part for part in value if isinstance(part, str))
    return ""
