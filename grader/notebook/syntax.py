"""Python source to a syntax tree, whoever wrote it."""

from __future__ import annotations

import ast
import warnings

LONGEST = 500_000
"""Characters of a source that is parsed: its tree takes some hundred times their size in memory."""


def parsed(source: str) -> ast.Module | None:
    """The tree of a source; None where it is no Python, or too long, or nested too deeply to be read.

    What the parser has to say about odd but valid source is for its author, and nobody's here.
    """
    if len(source) > LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
