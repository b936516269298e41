"""Whatever a kernel sends, what is kept is valid, within the budget, and in the right cell."""

import json

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook

from grader.execution.kernel import Message, parse_json
from grader.execution.outputs import Recorder

KINDS = [
    "stream",
    "display_data",
    "update_display_data",
    "execute_result",
    "error",
    "clear_output",
    "status",
    "comm_open",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
BUNDLES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["stdout", "stderr", "x"]) | JSON,
        "text": st.text(max_size=30) | JSON,
        "data": st.dictionaries(st.sampled_from(["text/plain", "text/html", "application/json", ""]), JSON) | JSON,
        "metadata": JSON,
        "transient": st.just({"display_id": "d"}) | JSON,
        "ename": JSON,
        "evalue": JSON,
        "traceback": JSON,
        "wait": JSON,
        "execution_count": JSON,
    },
)


def message(kind, **content):
    """Make a message as a kernel sends it."""
    return Message(kind, content, len(json.dumps(content)))


def recorded(*messages, limit=1 << 20):
    """Record messages of one cell; returns its outputs."""
    recorder = Recorder(limit)
    recorder.begin(1)
    for one in messages:
        recorder.add(one)
    return recorder.outputs()[0]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(KINDS), BUNDLES), max_size=12))
def test_anything_becomes_valid_outputs(pairs):
    """A notebook with whatever was recorded passes nbformat's schema."""
    recorder = Recorder(200)
    for count, half in enumerate((pairs[::2], pairs[1::2]), 1):
        recorder.begin(count)
        for kind, content in half:
            recorder.add(message(kind, **content))
    cells = [new_code_cell("x", outputs=nbformat.from_dict(outputs)) for outputs in recorder.outputs()]
    nbformat.validate(new_notebook(cells=cells))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_parsed_json_can_be_written_again(data):
    """What is read from a hostile sender is None or can be written as UTF-8 JSON."""
    json.dumps(parse_json(data), allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize("data", [b"[" * 100_000, b"NaN", b"[Infinity]", b"9" * 10_000, b"{", b"\xff"])
def test_what_is_no_json_is_none(data):
    """Depth, not-a-number, endless numbers and broken text are refused, not raised."""
    assert parse_json(data) is None


def test_a_lone_surrogate_is_replaced():
    """A half of a surrogate pair, which no file can hold, is shown as a replacement."""
    assert parse_json(b'{"a\\ud800": ["\\uDFFF", "\\ud83d\\ude00"]}') == {"a�": ["�", "😀"]}


def test_streams_are_merged():
    """Consecutive prints to one stream are one output; the other stream between them is not moved."""
    found = recorded(
        message("stream", name="stdout", text="a"),
        message("stream", name="stdout", text="b"),
        message("stream", name="stderr", text="c"),
        message("stream", name="stdout", text="d"),
    )
    assert [(output["name"], output["text"]) for output in found] == [
        ("stdout", "ab"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]


def test_too_much_is_dropped_with_a_note():
    """Printed text beyond the budget is cut, and a note on stderr says so."""
    found = recorded(*[message("stream", name="stdout", text="x" * 100)] * 20, limit=1000)
    assert found[0]["text"] == "x" * 1000
    assert found[-1]["name"] == "stderr"
    assert "dropped" in found[-1]["text"]


def test_the_number_of_outputs_is_bounded():
    """A hundred thousand displays leave a thousand, and a note."""
    found = recorded(*[message("display_data", data={"text/plain": "x"}, metadata={})] * 3000)
    assert len(found) == 1001


def test_a_score_outlives_a_flood():
    """The value of a cell is kept when nothing else fits: it may be the partial credit."""
    found = recorded(
        message("stream", name="stdout", text="x" * 5000),
        message("execute_result", data={"text/plain": "2.5"}, metadata={}),
        limit=1000,
    )
    assert [output["data"]["text/plain"] for output in found if output["output_type"] == "execute_result"] == ["2.5"]


def test_a_huge_error_keeps_its_name():
    """An exception with 100 kB of text is shown shortened."""
    found = recorded(message("error", ename="E", evalue="x" * 100_000, traceback=["y" * 100_000]), limit=1000)
    assert found[0]["ename"] == "E"
    assert len(json.dumps(found)) < 50_000


def test_small_results_do_not_count_as_dropped():
    """After a flood in one cell, an ordinary result in the next is not reported as too much."""
    recorder = Recorder(10)
    recorder.begin(1)
    recorder.add(message("stream", name="stdout", text="x" * 50))
    assert recorder.dropped
    recorder.begin(2)
    recorder.add(message("execute_result", data={"text/plain": "1"}, metadata={}))
    assert not recorder.dropped


def test_a_display_is_updated_within_its_cell():
    """An update reaches displays of the same id in this cell; earlier cells, which students are shown, stay."""
    shown = message("display_data", data={"text/plain": "old"}, metadata={}, transient={"display_id": "d"})
    recorder = Recorder(1 << 20)
    recorder.begin(1)
    recorder.add(shown)
    recorder.begin(2)
    recorder.add(shown)
    recorder.add(message("update_display_data", data={"text/plain": "new"}, transient={"display_id": "d"}))
    assert [cell[0]["data"]["text/plain"] for cell in recorder.outputs()] == ["old", "new"]


@pytest.mark.parametrize(("wait", "expected"), [(False, []), (True, ["a"])])
def test_clearing(wait, expected):
    """`clear_output` empties the cell at once, or when the next output comes."""
    printed = message("stream", name="stdout", text="a")
    assert [output["text"] for output in recorded(printed, message("clear_output", wait=wait))] == expected
    after = recorded(printed, message("clear_output", wait=wait), message("stream", name="stdout", text="b"))
    assert [output["text"] for output in after] == ["b"]


def test_the_results_number_is_ours():
    """A kernel cannot choose the execution count of a result."""
    found = recorded(message("execute_result", data={"text/plain": "1"}, metadata={}, execution_count="<script>"))
    assert found[0]["execution_count"] == 1
