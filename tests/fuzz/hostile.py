"""Values that students and learning systems could send: good ones with something wrong in them, and worse."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

PIECES = [
    "", " ", "\x00", "\n", "\r", "\r\n", "\t", "\x1b[31m", "\x1b]0;x\x07", "\u202e", "\ud800", "\udfff", "\ufeff",
    "\u0301" * 9, "\u0661", "\u00b2", "İ", "ß", "𝑨", "..", "/", "\\", "<", ">", '"', "'", "&", "</b>",
    "<b a='</b>'>", "<!--", "-->", "<![CDATA[", "<script>", "</script >", "<textarea>", "<table>", "<math><mtext>",
    "<img src=", "data:image/svg+xml,", "javascript:", "$", "$$", "\\(", "\\begin{align}", "\\end{align}",
    "\\href{", "\\unicode[", "\\frac", "\\left(", "{", "}", "```", "`", "![", "](", "[a]: b", "|-",
    "def square(x):", "    return 1", "import ctypes", "%%bash", "!ls", "get_ipython()", "### BEGIN HIDDEN TESTS",
    "### END SOLUTION", "=1+1", "@x", "-1", "+1", "1e999", "1,5", "0x1", "nan", "Infinity", "9" * 400, "1" * 5000,
    "EX", "N/A", "ada", "bob", "square", "essay", "test_hidden", "copy (1)", "squares.ipynb", "squares-1.ipynb",
    "_LATE_1_2_", "_attempt_2026-01-01-00-00-00_", "_1_assignsubmission_file_", "1-2 - Ada - Sep 24, 2026 926 PM",
    "+ps1+2026-01-01 00:00:00 UTC", "0001-01-01 00:00:00 +2300", "9999-12-31 23:59:59 -2300", "*a", "&a [", "- ",
    "? ", "{a: ", "[[", "]", "nan", "x" * 300,
]  # fmt: skip
TEXT = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=4).map("".join)
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.sampled_from([10**30, -(10**299), 1e308, -0.0, 2**63, 2**64])
)
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
DEEP = st.integers(1, 400).map(lambda depth: json.loads("[" * depth + "]" * depth))


@st.composite
def mangled(draw: Callable[..., Any], whole: Any, most: int = 5) -> Any:
    """The JSON value with some of its parts replaced, taken out, doubled or moved into others."""
    made = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, most))):
        places = list(_places(made))
        if not places:
            return made
        inside, key = places[draw(st.integers(0, len(places) - 1))]
        match draw(st.integers(0, 4)):
            case 0 | 1:
                inside[key] = draw(JSON | DEEP)
            case 2:
                del inside[key]
            case 3 if isinstance(inside, list):
                inside.insert(key, copy.deepcopy(inside[key]))
            case 3:
                inside[draw(TEXT)] = copy.deepcopy(inside[key])
            case _:
                other, at = places[draw(st.integers(0, len(places) - 1))]
                inside[key] = copy.deepcopy(other[at])
    return made


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a JSON value with each of its keys."""
    pending = [value]
    while pending:
        inside = pending.pop()
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        for key in keys:
            yield inside, key
        pending += [inside[key] for key in keys if isinstance(inside[key], dict | list)]


@st.composite
def damaged(draw: Callable[..., Any], seeds: Sequence[bytes]) -> bytes:
    """The bytes of a good file, cut, doubled and overwritten here and there."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 6))):
        at, size = draw(st.integers(0, len(data))), draw(st.integers(1, 40))
        match draw(st.integers(0, 5)):
            case 0:
                data[at : at + size] = b""
            case 1:
                data[at:at] = draw(TEXT).encode("utf-8", "surrogatepass")
            case 2:
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=4))
            case 3:
                data[at:at] = data[at : at + size] * draw(st.sampled_from([1, 2, 50]))
            case 4:
                data[at : at + 8] = draw(
                    st.sampled_from([b"\xff" * 8, b"\x00" * 8, b"99999999", b"\x80" + b"\xff" * 7])
                )
            case _:
                del data[at:]
    return bytes(data)
