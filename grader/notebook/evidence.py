"""Short, harmless excerpts of what students wrote, for staff to judge by."""

from __future__ import annotations

from difflib import unified_diff

from grader.text import escape

_LINES = 20
_DIFFED = 400
"""Lines of a source beyond which a difference is not worked out."""


def excerpt(source: str, lines: int = _LINES) -> str:
    """The first lines of a source."""
    given = source[:20_000].split("\n")
    more = ["…"] if len(given) > lines or len(source) > 20_000 else []
    return "\n".join([*(escape(line) for line in given[:lines]), *more])


def difference(before: str, after: str) -> str:
    """What was changed, as a unified difference without context."""
    old, new = before[:20_000].splitlines(), after[:20_000].splitlines()
    if max(len(old), len(new)) > _DIFFED:
        return excerpt(after)
    changed = [line for line in unified_diff(old, new, lineterm="", n=0) if not line.startswith(("---", "+++", "@@"))]
    return excerpt("\n".join(changed))
