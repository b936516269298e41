"""What is fuzzed: each a strategy for inputs, and a check that raises where another thing than was promised happens."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from grader.model import RunStatus
from tests.fuzz import checks, seeds
from tests.fuzz.hostile import DEEP, JSON, PIECES, TEXT, damaged, mangled


@dataclass(frozen=True)
class Target:
    """Something that parses what others wrote."""

    inputs: st.SearchStrategy[Any]
    check: Callable[[Any], None]
    good: tuple[bytes, ...] = ()
    """Good files, where the input is bytes as they are: a coverage-guided fuzzer starts from them."""


MESSAGE = st.sampled_from(["stream", "display_data", "update_display_data", "execute_result", "error", "clear_output"])
CONTENT = {
    "name": "stdout", "text": "1", "data": {"text/plain": "4", "application/json": [1]}, "metadata": {}, "wait": True,
    "transient": {"display_id": "d"}, "ename": "E", "evalue": "v", "traceback": ["---> 1 x"], "execution_count": 1,
}  # fmt: skip
NAMES = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), min_size=1, max_size=4).map("".join).filter(bool)
ENTRIES = st.dictionaries(
    st.lists(NAMES.map(lambda name: name.replace("/", "")).filter(bool), min_size=1, max_size=3).map("/".join),
    st.binary(max_size=20) | damaged([seeds.NOTEBOOK[0], seeds.ARCHIVE[0], b"Name: Ada (ada)\nx"]),
    max_size=6,
)
METADATA = st.tuples(st.just("submission_metadata.yml"), damaged([seeds.YAML.encode()]))
LAYOUTS = st.sampled_from(
    [None, "canvas", "moodle", "blackboard", "gradescope", "brightspace", "classroom", "nbgrader", "folders"]
)


def _text(good: tuple[bytes, ...]) -> st.SearchStrategy[str]:
    return damaged(good).map(lambda data: data.decode("utf-8", "replace")) | TEXT


def _as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


TARGETS: dict[str, Target] = {
    "notebook": Target(
        damaged(seeds.NOTEBOOK) | mangled(checks.answered()).map(_as_json) | DEEP.map(_as_json),
        checks.check_notebook_bytes,
        seeds.NOTEBOOK,
    ),
    "submission": Target(
        st.dictionaries(
            st.sampled_from(
                ["squares.ipynb", "Squares (1).ipynb", "b/x.ipynb", ".ipynb", "a.txt", "copy of squares-1.ipynb"]
            ),
            mangled(checks.answered(), 8).map(_as_json),
            min_size=1,
            max_size=2,
        ),
        checks.check_submission,
    ),
    "executed": Target(
        st.tuples(
            st.just(checks.answered()) | mangled(checks.answered()),
            st.lists(st.tuples(MESSAGE, mangled(CONTENT)), max_size=4),
            st.lists(st.sampled_from(RunStatus), max_size=4),
        ),
        checks.check_executed,
    ),
    "code": Target(_text(seeds.CODE), checks.check_code),
    "markup": Target(_text((b"<p class='x'>a</p><b>![a](attachment:a) [b][c]\n\n[c]: http://d",)), checks.check_markup),
    "picture": Target(
        damaged([seeds.SVG, seeds.PNG, seeds.GIF]), checks.check_picture, (seeds.SVG, seeds.PNG, seeds.GIF)
    ),
    "archive": Target(damaged(seeds.ARCHIVE), checks.check_archive, seeds.ARCHIVE),
    "layout": Target(
        st.tuples(
            st.builds(lambda named, more: [*named.items(), *more], ENTRIES, st.lists(METADATA, max_size=1)),
            LAYOUTS,
        ),
        checks.check_layout,
    ),
    "requests": Target(damaged(seeds.REQUESTS), checks.check_requests, seeds.REQUESTS),
    "stamp": Target(
        TEXT | _text((b"2026-09-20 22:00:00.000000 Europe/Berlin", b"0001-01-01 00:00:00 +2300")), checks.check_stamp
    ),
    "scores": Target(damaged(seeds.SCORE) | seeds.workbooks(), checks.check_scores, seeds.SCORE),
    "course": Target(_text(tuple(text.encode() for text in seeds.COURSE)), checks.check_course_text),
    "frames": Target(
        damaged([seeds.framed(b"{}", b"x" * 100, b'{"a": [1e999]}'), b""])
        | st.lists(JSON | DEEP).map(lambda found: seeds.framed(*map(_as_json, found))),
        checks.check_frames,
        (seeds.framed(b'{"a": "\\ud800"}'),),
    ),
    "wire": Target(
        damaged(
            [
                seeds.GREETING + b"\x01\x01a\x00\x01b",
                seeds.GREETING + b"\x02" + b"\xff" * 8,
                seeds.GREETING + b"\x01\x00" * 2000,
            ]
        ),
        checks.check_wire,
        (seeds.GREETING + b"\x01\x01a\x00\x01b",),
    ),
}
