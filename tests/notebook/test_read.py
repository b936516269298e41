"""Reading whatever arrives, and writing it in one canonical form."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.errors import NotebookError
from grader.notebook import dump, read
from grader.notebook.read import MAX_CELLS, MAX_CONTAINERS

CODE = {"cell_type": "code", "metadata": {}, "source": "x = 'é'", "outputs": [], "execution_count": None, "id": "one"}
TEXT = {"cell_type": "markdown", "metadata": {}, "source": "# Title", "id": "two"}
PLAIN = {"cells": [CODE, TEXT], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def as_bytes(document: object) -> bytes:
    """A document as Jupyter would write it."""
    return json.dumps(document, ensure_ascii=False).encode()


def with_cell(**fields: object) -> bytes:
    """A notebook of one code cell with these fields."""
    return as_bytes({**PLAIN, "cells": [{**CODE, **fields}]})


def kinds(data: bytes) -> list[str]:
    """The kinds of repairs that reading takes."""
    return [repair.kind for repair in read(data, "hw.ipynb").repairs]


def only_cell(data: bytes) -> dict:
    """The first cell of what is read."""
    return read(data, "hw.ipynb").notebook["cells"][0]


def test_a_sound_notebook_is_read_as_it_is() -> None:
    """A notebook of nbformat 4.5 needs no repair and keeps its cells."""
    found = read(as_bytes(PLAIN), "hw.ipynb")
    assert found.repairs == ()
    assert found.notebook == nbformat.from_dict(PLAIN)


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-16-be"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.encode("utf-32"),
        lambda text: text.encode("cp1252"),
    ],
    ids=["utf-8 bom", "utf-16 bom", "utf-16-le", "utf-16-be", "utf-16-be bom", "utf-32 bom", "cp1252"],
)
def test_every_encoding_that_editors_write_is_read(encode) -> None:
    """The text of the cells is the same in every encoding."""
    assert only_cell(encode(json.dumps(PLAIN, ensure_ascii=False)))["source"] == "x = 'é'"


def test_a_broken_byte_in_utf_8_costs_that_character_only() -> None:
    """What is else valid UTF-8 is not read as another encoding."""
    data = as_bytes({**PLAIN, "cells": [{**CODE, "source": "é?"}]}).replace(b"?", b"\xff")
    assert only_cell(data)["source"] == "é\ufffd"
    assert kinds(data) == ["encoding"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\0\0", "empty"),
        (b"PK\x03\x04abc", "zip archive"),
        (b"%PDF-1.7", "PDF"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b"[" * 100_000, "nested too deeply"),
        (b"not json", "line 1, column 1"),
        (b'{\n "cells": [\n', "line 3"),
        (b'"text"', "no notebook"),
        (b"[1, 2]", "no notebook"),
        (b"{}", "no list of cells"),
        (b'{"cells": {}}', "no list of cells"),
        (as_bytes(PLAIN)[:-1] + b', "cells": []}', "'cells' twice"),
    ],
)
def test_what_is_no_notebook_is_rejected_with_the_reason(data: bytes, reason: str) -> None:
    """The reason names the file, in one line."""
    with pytest.raises(NotebookError) as caught:
        read(data, "hw\n1.ipynb")
    assert reason in str(caught.value)
    assert str(caught.value).startswith("hw\\x0a1.ipynb: ")
    assert "\n" not in str(caught.value)


def test_size_and_number_of_cells_and_values_are_bounded() -> None:
    """A file that would take too much time or memory is rejected before it does."""
    cells = b'{"cells": [' + b"{}," * MAX_CELLS + b"{}]}"
    values = b'{"cells": [' + b"[]," * (MAX_CONTAINERS + 1) + b"0]}"
    with pytest.raises(NotebookError, match="5,001 cells"):
        read(cells, "hw.ipynb")
    with pytest.raises(NotebookError, match="more values"):
        read(values, "hw.ipynb")
    with pytest.raises(NotebookError, match="more than the 10"):
        read(as_bytes(PLAIN), "hw.ipynb", max_bytes=10)


def test_long_output_of_many_numbers_is_no_reason_to_reject() -> None:
    """Commas and brackets within text are no values."""
    text = "[1, 2], " * 1_100_000
    output = {"output_type": "stream", "name": "stdout", "text": text}
    assert only_cell(with_cell(outputs=[output]))["outputs"][0]["text"] == text


def test_numbers_that_json_cannot_hold_are_left_out() -> None:
    """NaN, infinities and numbers of thousands of digits become null; writing never fails on them."""
    metadata = b'{"a": NaN, "b": -Infinity, "c": 1e999, "d": ' + b"9" * 5000 + b', "e": 7}'
    data = b'{"nbformat": 4, "nbformat_minor": 5, "cells": [], "metadata": ' + metadata + b"}"
    found = read(data, "hw.ipynb")
    assert found.notebook["metadata"] == {"a": None, "b": None, "c": None, "d": None, "e": 7}
    assert [repair.kind for repair in found.repairs] == ["not-a-number"]


def test_half_characters_are_mended() -> None:
    """A lone surrogate is replaced, and two halves that belong together become their character."""
    data = json.dumps(PLAIN).encode().replace(b"# Title", b"\\ud83d\\ude00 and \\ud800")
    found = read(data, "hw.ipynb")
    assert found.notebook["cells"][1]["source"] == "😀 and \ufffd"
    assert dump(found.notebook).encode()


def test_deep_nesting_below_the_parser_s_limit_is_cut() -> None:
    """Metadata nested hundreds of levels deep is left out, so that copying the notebook cannot overflow the stack."""
    deep = b'{"a":' * 300 + b"1" + b"}" * 300
    data = b'{"nbformat": 4, "nbformat_minor": 5, "cells": [], "metadata": ' + deep + b"}"
    assert kinds(data) == ["too-deep"]


def test_the_same_field_twice_is_told() -> None:
    """Of a harmless field the last one counts, as in Jupyter."""
    data = as_bytes(PLAIN)[:-1] + b', "nbformat_minor": 4}'
    assert kinds(data) == ["duplicate-key"]


def test_what_follows_a_notebook_in_its_file_is_left_out() -> None:
    """A disk's padding or a second document after the end does no harm."""
    assert kinds(as_bytes(PLAIN) + b"\0\0\0") == ["extra-data"]
    assert kinds(as_bytes(PLAIN) + as_bytes(PLAIN)) == ["extra-data"]


CONFLICT = """{{
 "cells": [{{"cell_type": "code", "metadata": {{}}, "outputs": [], "execution_count": null,
<<<<<<< HEAD
  "source": "{ours}"
||||||| base
  "source": "{base}"
=======
  "source": "{theirs}"
>>>>>>> main
 }}], "metadata": {{}}, "nbformat": 4, "nbformat_minor": 4
}}
"""


@pytest.mark.parametrize(
    ("ours", "theirs", "kept"), [("mine", "other", "mine"), ('br"oken', "other", "other"), ("mine", 'br"oken', "mine")]
)
def test_an_unresolved_merge_is_read_from_the_side_that_is_a_notebook(ours: str, theirs: str, kept: str) -> None:
    """The student's own side comes first; the line of the conflict is told."""
    data = CONFLICT.format(ours=ours, base="old", theirs=theirs).encode()
    found = read(data, "hw.ipynb")
    assert found.notebook["cells"][0]["source"] == kept
    assert [repair.kind for repair in found.repairs] == ["merge-conflict"]
    assert "line 3" in found.repairs[0].sentence


def test_an_unresolved_merge_without_a_readable_side_is_rejected_with_its_line() -> None:
    """Nothing is guessed where neither side is JSON."""
    with pytest.raises(NotebookError, match="line 3: an unresolved merge"):
        read(CONFLICT.format(ours='"', base="", theirs='"').encode(), "hw.ipynb")


def test_conflict_markers_in_a_cell_are_the_student_s_text() -> None:
    """Only markers between the lines of the file are a merge."""
    source = "<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> main"
    assert only_cell(with_cell(source=source))["source"] == source


@pytest.mark.parametrize(
    ("given_source", "expected"),
    [
        (["a\n", "b"], "a\nb"),
        (["a", "b"], "a\nb"),
        (["a"], "a"),
        (["\r", "0"], "\r0"),
        (["a\n", 7, "b"], "a\nb"),
        (None, ""),
        (12, "12"),
        ({"a": 1}, ""),
    ],
)
def test_source_in_any_shape_is_read(given_source: object, expected: str) -> None:
    """A list of lines is joined, also where the tool that wrote it forgot the line ends."""
    assert only_cell(with_cell(source=given_source))["source"] == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"cell_type": "sql"}, "code"),
        ({"cell_type": None}, "code"),
        ({"cell_type": "heading", "level": 2}, "markdown"),
        ({"cell_type": "x", "metadata": {"nbgrader": {"grade_id": "q", "cell_type": "raw"}}}, "raw"),
    ],
)
def test_unknown_cell_types_become_known_ones(fields: dict, expected: str) -> None:
    """By nbgrader's record, else by whether the cell looks run."""
    assert only_cell(with_cell(**fields))["cell_type"] == expected


def test_a_repair_names_the_cells_that_it_concerns() -> None:
    """One sentence a kind, with all cell numbers, and nothing that could fool a terminal."""
    cells = [{**CODE, "cell_type": "sql\x1b[31m"}, CODE, {**CODE, "cell_type": "sql"}, 5]
    repairs = read(as_bytes({**PLAIN, "cells": cells}), "hw.ipynb").repairs
    assert {repair.kind: repair.sentence for repair in repairs} == {
        "no-cell": "The file's list of cells held something that is no cell (cell 4); it was left out.",
        "cell-type": "Cells of the unknown type 'sql\\x1b[31m' were read as code cells: cells 1, 3.",
        "duplicate-id": "Some cells had the same internal id, as copied cells do; they were told apart.",
    }


def test_cells_without_an_id_get_one_that_never_changes() -> None:
    """The ids of an older notebook depend on its content alone, are unique, and leave given ids alone."""
    bare = {key: value for key, value in CODE.items() if key != "id"}
    data = as_bytes({**PLAIN, "nbformat_minor": 2, "cells": [bare, TEXT, bare, {**bare, "id": "bad id!"}]})
    first, second = (read(data, "hw.ipynb") for _ in range(2))
    ids = [cell["id"] for cell in first.notebook["cells"]]
    assert first == second
    assert len(set(ids)) == 4
    assert ids[1] == "two"
    assert first.repairs == ()


OLD_OUTPUTS = [
    {"output_type": "pyout", "prompt_number": 3, "text": ["7"], "metadata": {}},
    {"output_type": "stream", "stream": "stderr", "text": "careful"},
    {"output_type": "pyerr", "ename": "E", "evalue": "v", "traceback": ["t"]},
    {"output_type": "display_data", "png": "aGk=", "metadata": {}},
]


@pytest.mark.parametrize(("version", "lines"), [(2, ["a", "b"]), (3, ["a\n", "b"])])
def test_old_notebooks_are_read_as_nbformat_reads_them(version: int, lines: list[str]) -> None:
    """Worksheets, headings and outputs of nbformat 2 and 3 come out as nbformat's own upgrade makes them."""
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Part\nA", "metadata": {}},
        {"cell_type": "code", "input": lines, "language": "python", "prompt_number": 3, "collapsed": False}
        | {"outputs": OLD_OUTPUTS, "metadata": {}},
        {"cell_type": "html", "source": "<b>x</b>", "metadata": {}},
    ]
    sheets = [{"cells": cells[:1], "metadata": {}}, {"cells": cells[1:], "metadata": {}}]
    data = as_bytes({"nbformat": version, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": sheets})
    expected = nbformat.reads(data.decode(), as_version=4)
    found = read(data, "hw.ipynb")
    strip = [{key: cell[key] for key in cell if key != "id"} for cell in found.notebook["cells"]]
    assert strip == [{key: cell[key] for key in cell if key != "id"} for cell in expected.cells]
    assert found.repairs == ()


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({"a": 1}, []),
        (["x", {"output_type": "strange"}, {}], []),
        ([{"output_type": "stream"}], [{"output_type": "stream", "name": "stdout", "text": ""}]),
        (
            [{"output_type": "error", "traceback": "no list"}],
            [{"output_type": "error", "ename": "", "evalue": "", "traceback": []}],
        ),
        (
            [{"output_type": "display_data", "data": {"text/plain": ["a", "b"], "image/png": 3}, "extra": 1}],
            [{"output_type": "display_data", "data": {"text/plain": "ab"}, "metadata": {}}],
        ),
    ],
)
def test_outputs_of_any_shape_are_brought_into_form(outputs: object, expected: list) -> None:
    """What is no output is left out; missing fields are filled in."""
    assert only_cell(with_cell(outputs=outputs))["outputs"] == expected


def test_what_an_editor_adds_is_passed_over_in_silence() -> None:
    """Fields of Deepnote, a widget view as Colab saves it, and a Colab minor version are noise, not repairs."""
    cell = {**CODE, "deepnote_cell_type": "code", "metadata": {"id": "x", "executionInfo": {"user": {}}}}
    widgets = {"application/vnd.jupyter.widget-state+json": {"abc": {"model_name": "B"}}}
    metadata = {"colab": {}, "widgets": widgets, "kernelspec": {"name": "python3"}}
    found = read(as_bytes({"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 0}), "hw.ipynb")
    assert found.repairs == ()
    assert "widgets" not in found.notebook["metadata"]
    assert found.notebook["metadata"]["kernelspec"]["display_name"] == "python3"
    assert "deepnote_cell_type" not in found.notebook["cells"][0]


def test_pasted_pictures_are_kept_on_text_cells() -> None:
    """Attachments belong to a student's answer."""
    cell = {**TEXT, "attachments": {"a.png": {"image/png": "aGk="}, "bad": 3}}
    assert only_cell(as_bytes({**PLAIN, "cells": [cell]}))["attachments"] == {"a.png": {"image/png": "aGk="}}


def test_a_notebook_in_a_wrapper_is_unwrapped() -> None:
    """A server's answer and a bare list of cells are notebooks too."""
    assert kinds(as_bytes({"type": "notebook", "content": PLAIN})) == ["wrapped"]
    assert kinds(as_bytes([CODE, TEXT])) == ["only-cells"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def anything_in(*names: str, **usual: st.SearchStrategy) -> st.SearchStrategy:
    """An object with some of these fields, which hold anything, and with these usual ones."""
    return st.fixed_dictionaries(usual, optional=dict.fromkeys(names, JSON))


OUTPUT_TYPE = st.sampled_from(["stream", "error", "display_data", "execute_result", "pyout", "pyerr"])
OUTPUT = anything_in(
    *("name", "text", "data", "metadata", "ename", "evalue", "traceback", "execution_count"), output_type=OUTPUT_TYPE
)
METADATA = anything_in(
    *("nbgrader", "tags", "name", "collapsed", "scrolled", "format", "execution", "jupyter", "trusted")
)
FIELDS = {
    "cell_type": st.sampled_from(["code", "markdown", "raw", "heading", "html"]),
    "source": st.text() | st.lists(st.text()),
    "metadata": METADATA,
    "outputs": st.lists(OUTPUT, max_size=3),
    "attachments": JSON,
    "execution_count": JSON,
    "id": st.just("same") | st.text(max_size=70),
}
CELL = st.fixed_dictionaries({}, optional={key: usual | JSON for key, usual in FIELDS.items()})
DOCUMENT = st.fixed_dictionaries(
    {},
    optional={
        "cells": st.lists(CELL | JSON, max_size=4) | JSON,
        "metadata": anything_in("kernelspec", "language_info", "widgets", "title", "authors") | JSON,
        "nbformat": st.integers(0, 9) | JSON,
        "nbformat_minor": JSON,
        "worksheets": JSON,
        "content": JSON,
    },
)
THOROUGH = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@THOROUGH
@given(DOCUMENT)
def test_any_json_gives_a_valid_notebook_or_a_reason(document: object) -> None:
    """What is read is valid nbformat 4.5, survives writing and reading, and is written the same again."""
    try:
        notebook = read(json.dumps(document).encode(), "hw.ipynb").notebook
    except NotebookError:
        return
    nbformat.validate(notebook)
    text = dump(notebook)
    again = read(text.encode(), "hw.ipynb")
    assert again.notebook == notebook
    assert again.repairs == ()
    assert dump(again.notebook) == text


@THOROUGH
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_a_notebook_or_a_reason(data: bytes) -> None:
    """Nothing but `NotebookError` comes out of garbage."""
    try:
        read(data, "hw.ipynb")
    except NotebookError as error:
        assert "\n" not in str(error)  # noqa: PT017 - the outcome may be either


@THOROUGH
@given(st.data())
def test_any_damage_to_a_notebook_gives_a_notebook_or_a_reason(data: st.DataObject) -> None:
    """Bytes cut out of or put into a file never do more than get it rejected."""
    whole = as_bytes(PLAIN)
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole)))))
    try:
        read(whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:], "hw.ipynb")
    except NotebookError as error:
        assert "\n" not in str(error)  # noqa: PT017 - the outcome may be either


def nbgrader_notebooks() -> list[Path]:
    """Every notebook that nbgrader is installed with."""
    import nbgrader

    return sorted(Path(nbgrader.__file__).parent.rglob("*.ipynb"))


@pytest.mark.parametrize("path", nbgrader_notebooks(), ids=lambda path: "/".join(path.parts[-3:]))
def test_nbgrader_s_own_notebooks_are_read_and_written_back(path: Path) -> None:
    """Every notebook that nbgrader's tests and manual use is read without a repair and written canonically."""
    found = read(path.read_bytes(), path.name)
    nbformat.validate(found.notebook)
    assert found.repairs == ()
    assert read(dump(found.notebook).encode(), path.name).notebook == found.notebook
