"""What is kept of what a kernel says: valid outputs within a budget, whatever it sends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from grader.execution.kernel import Message

_MOST_OUTPUTS = 1000
_LONGEST_RESULT = 20_000
"""Characters of a result or an error that are kept even when the budget is spent: scores and reasons need them."""
_MOST_UNPAID = 5
"""Results and errors that a cell may have then; of further errors, each takes the place of the one before."""
_LONGEST_NAME = 200
_FLOOD_BYTES = 256 << 20
_JSON_TYPE = re.compile(r"application/(.+\+)?json", re.ASCII)
_CUT = " … (shortened)"

Output = dict[str, Any]


class Recorder:
    """The outputs of one notebook's cells, in nbformat's shape.

    Streams are merged as Jupyter's front ends do; `clear_output` and display updates within a cell are followed; widget
    messages are ignored (their plain text is an output of its own). What is beyond the budget is dropped and a note
    says so.
    """

    def __init__(self, limit_bytes: int) -> None:
        """Keep at most this many bytes for the whole notebook."""
        self._left = limit_bytes
        self._limit = limit_bytes
        self._cells: list[_Cell] = []
        self._displays: dict[str, list[Output]] = {}

    @property
    def dropped(self) -> bool:
        """Whether something of the current cell was dropped because it was too much."""
        return self._cells[-1].dropped

    @property
    def flooded(self) -> bool:
        """Whether the current cell sent so much that it should be stopped."""
        return self._cells[-1].received > max(_FLOOD_BYTES, 20 * self._limit)

    @property
    def last_error(self) -> tuple[str, str]:
        """Name and text of the last error that the current cell showed; empty if none."""
        shown = [output for output in self._cells[-1].outputs if output["output_type"] == "error"]
        return (shown[-1]["ename"], shown[-1]["evalue"]) if shown else ("", "")

    def begin(self, execution_count: int) -> None:
        """Start the next cell: what is added from now on is its output, and earlier cells change no more.

        An update from a later cell could carry what a hidden test calls with into a cell that students are shown.
        """
        self._cells.append(_Cell(execution_count))
        self._displays = {}

    def add(self, message: Message) -> None:
        """Take in one message about the current cell; what is not valid is ignored."""
        cell = self._cells[-1]
        cell.received += message.size
        if message.content is None:
            cell.dropped = cell.dropped or message.kind in _HANDLERS
            return
        handler = _HANDLERS.get(message.kind)
        if handler is not None:
            handler(self, message.content, message.size)

    def add_error(self, ename: str, evalue: str) -> None:
        """End the current cell with an error of the grader's own making, in words meant for the student."""
        line = f"{ename}: {evalue}"
        output = {"output_type": "error", "ename": ename, "evalue": evalue, "traceback": [line]}
        self._cells[-1].outputs.append(output)

    def outputs(self) -> list[list[Output]]:
        """Return the outputs of every cell that was begun, in that order."""
        return [[*map(_joined, cell.outputs), *self._notes(cell)] for cell in self._cells]

    def _notes(self, cell: _Cell) -> list[Output]:
        if not cell.dropped:
            return []
        megabytes = self._limit / (1 << 20)
        note = f"[grader: output beyond {megabytes:g} MB a notebook or {_MOST_OUTPUTS} outputs a cell was dropped]\n"
        return [{"output_type": "stream", "name": "stderr", "text": note}]

    def _pay(self, size: int) -> bool:
        """Take `size` bytes from the budget if they are there, else note that something is dropped."""
        if size > self._left:
            self._cells[-1].dropped = True
            return False
        self._left -= size
        return True

    def _kept_whole(self, size: int) -> bool:
        """Whether a result or an error is kept as it is: paid for, or one of the first of its cell and small."""
        if size <= self._left:
            self._left -= size
            return True
        cell = self._cells[-1]
        cell.unpaid += 1
        small = size <= _LONGEST_RESULT and cell.unpaid <= _MOST_UNPAID
        cell.dropped = cell.dropped or not small
        return small

    def _append(self, output: Output) -> bool:
        cell = self._cells[-1]
        cell.clear_if_asked()
        if len(cell.outputs) >= _MOST_OUTPUTS:
            cell.dropped = True
            return False
        cell.outputs.append(output)
        return True

    def _stream(self, content: Mapping[str, Any], _size: int) -> None:
        name, text = content.get("name"), content.get("text")
        if not isinstance(name, str) or name not in {"stdout", "stderr"} or not isinstance(text, str) or not text:
            return
        cell = self._cells[-1]
        kept = text[: self._left]
        self._left -= len(kept)
        cell.dropped = cell.dropped or len(kept) < len(text)
        cell.clear_if_asked()
        last = cell.outputs[-1] if cell.outputs else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"].append(kept)
        elif kept:
            self._append({"output_type": "stream", "name": name, "text": [kept]})

    def _display(self, content: Mapping[str, Any], size: int) -> None:
        self._update(content, size)
        bundle, display_id = _bundle(content), _display_id(content)
        if bundle is not None and self._pay(size):
            output = {"output_type": "display_data", **bundle}
            if self._append(output) and display_id is not None:
                self._displays.setdefault(display_id, []).append(output)

    def _update(self, content: Mapping[str, Any], size: int) -> None:
        bundle, display_id = _bundle(content), _display_id(content)
        if bundle is None or display_id is None:
            return
        if display_id in self._displays and self._pay(size):
            for output in self._displays[display_id]:
                output.update(bundle)

    def _result(self, content: Mapping[str, Any], size: int) -> None:
        bundle = _bundle(content)
        if bundle is None:
            return
        cell = self._cells[-1]
        if not self._kept_whole(size):
            if cell.unpaid > _MOST_UNPAID:
                return
            bundle = {"data": _shortened(bundle["data"]), "metadata": {}}
        cell.clear_if_asked()
        cell.outputs.append({"output_type": "execute_result", **bundle, "execution_count": cell.execution_count})

    def _error(self, content: Mapping[str, Any], size: int) -> None:
        ename, evalue, lines = (content.get(key) for key in ("ename", "evalue", "traceback"))
        if not (isinstance(ename, str) and isinstance(evalue, str)):
            return
        traceback = [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
        cell = self._cells[-1]
        if not self._kept_whole(size):
            evalue = _cut(evalue)
            traceback = [f"{_cut(ename)}: {evalue}"]
            if cell.unpaid > _MOST_UNPAID and cell.outputs and cell.outputs[-1]["output_type"] == "error":
                cell.outputs.pop()
        cell.clear_if_asked()
        cell.outputs.append({"output_type": "error", "ename": _cut(ename), "evalue": evalue, "traceback": traceback})

    def _clear(self, content: Mapping[str, Any], _size: int) -> None:
        cell = self._cells[-1]
        cell.clear_asked = True
        if not content.get("wait"):
            cell.clear_if_asked()


_HANDLERS = {
    "stream": Recorder._stream,  # noqa: SLF001 - a table of the class's own methods
    "display_data": Recorder._display,  # noqa: SLF001
    "update_display_data": Recorder._update,  # noqa: SLF001
    "execute_result": Recorder._result,  # noqa: SLF001
    "error": Recorder._error,  # noqa: SLF001
    "clear_output": Recorder._clear,  # noqa: SLF001
}


class _Cell:
    """One cell's outputs while it runs; a stream's text is a list of parts until it is finished."""

    def __init__(self, execution_count: int) -> None:
        self.execution_count = execution_count
        self.outputs: list[Output] = []
        self.received = 0
        self.dropped = False
        self.clear_asked = False
        self.unpaid = 0

    def clear_if_asked(self) -> None:
        if self.clear_asked:
            self.clear_asked = False
            self.outputs.clear()


def _joined(output: Output) -> Output:
    if output["output_type"] == "stream" and not isinstance(output["text"], str):
        return {**output, "text": "".join(output["text"])}
    return output


def _bundle(content: Mapping[str, Any]) -> Output | None:
    """Return a message's data and metadata as nbformat's schema wants them, or None if there are none."""
    data, metadata = content.get("data"), content.get("metadata")
    if not isinstance(data, dict):
        return None
    kept = {kind: value for kind, raw in data.items() if (value := _mime_value(kind, raw)) is not None}
    return {"data": kept, "metadata": metadata if isinstance(metadata, dict) else {}}


def _mime_value(kind: str, value: Any) -> Any:
    if len(kind) > _LONGEST_NAME or not kind.isprintable():
        return None
    if _JSON_TYPE.fullmatch(kind) or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "".join(value)
    return None


def _display_id(content: Mapping[str, Any]) -> str | None:
    transient = content.get("transient")
    display_id = transient.get("display_id") if isinstance(transient, dict) else None
    return display_id if isinstance(display_id, str) and len(display_id) <= _LONGEST_NAME else None


def _shortened(data: Mapping[str, Any]) -> dict[str, str]:
    plain = data.get("text/plain")
    return {"text/plain": _cut(plain) if isinstance(plain, str) else _CUT}


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_RESULT else text[:_LONGEST_RESULT] + _CUT
