"""Program text with the classes of Pygments; instructors' cells come again with every student, so results are kept."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from grader.feedback.plain import remembered, shorten
from grader.page import clean, show_directions

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SOURCE = 100_000
_LONGEST_COLOURED = 30_000
_READ_FAST = ("python", "r", "julia")
_FASTER = {"ipython3": "python"}
"""What reads a long text: without the colours of magics and shell lines, the rest of which is tried at each place."""
_RUN = re.compile(r"\s{400}|(.)\1{400}|(..)\2{200}", re.DOTALL)
"""Something over and over, or white space without an end: lexers take time that is quadratic in it."""
_LEXERS = {
    "python": "python",
    "ipython": "ipython3",
    "ipython3": "ipython3",
    "r": "r",
    "julia": "julia",
    "bash": "bash",
    "sh": "bash",
    "shell": "bash",
    "sql": "sql",
    "json": "json",
    "c": "c",
    "c++": "cpp",
    "cpp": "cpp",
    "java": "java",
    "javascript": "javascript",
    "html": "html",
    "yaml": "yaml",
    "toml": "toml",
    "scala": "scala",
    "octave": "octave",
    "matlab": "matlab",
}


def language_of(metadata: Mapping[str, Any]) -> str:
    """The name of a notebook's language as `highlight` takes it; Python when nothing says otherwise."""
    info, spec = metadata.get("language_info"), metadata.get("kernelspec")
    name = info.get("name") if isinstance(info, dict) else None
    name = name or (spec.get("language") if isinstance(spec, dict) else None) or "python"
    return "ipython3" if str(name).lower() == "python" else str(name).lower()


@remembered(longest=10_000)
def highlight(source: str, language: str) -> Markup:
    """The source, escaped and coloured; too long or in a language that we do not know, escaped alone."""
    text = show_directions(shorten(clean(source), MAX_SOURCE)[0])
    name = _LEXERS.get(language.lower())
    if len(text) > _LONGEST_COLOURED // 10:
        name = _FASTER.get(name or "", name)
    longest = _LONGEST_COLOURED if name in _READ_FAST else _LONGEST_COLOURED // 10
    if name is None or len(text) > longest or _RUN.search(text):
        return escape(text)
    from pygments import highlight as coloured

    return Markup(coloured(text, _lexer(name), _formatter()).rstrip("\n"))  # noqa: S704 - Pygments escapes


@lru_cache
def _lexer(name: str) -> Any:
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


@lru_cache(maxsize=1)
def _formatter() -> Any:
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(nowrap=True)
