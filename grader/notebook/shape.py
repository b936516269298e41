"""Any JSON that is meant as a notebook, brought into the shape of nbformat 4.5, with a note of what had to be changed.

What every editor does (other minor versions, missing cell ids, fields of its own) is passed over in silence; what may
have cost the student something is noted.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grader.model import Repair
from grader.notebook.metadata import meta_of
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence

DEEPEST = 100
"""How deep values may nest: real notebooks stay below 30, and what copies a notebook goes down recursively."""

_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TAG = re.compile(r"[^,]+")
_OLD_OUTPUTS = {"pyout": "execute_result", "pyerr": "error", "update_display_data": "display_data"}
_OLD_MIME = {
    "text": "text/plain",
    "html": "text/html",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "latex": "text/latex",
    "json": "application/json",
    "javascript": "application/javascript",
}
_HIGHEST_HEADING = 6


@dataclass(slots=True)
class Notes:
    """The repairs made so far; each kind is told once, with the cells that it concerns."""

    sentences: dict[str, str] = field(default_factory=dict)
    cells: dict[str, list[int]] = field(default_factory=dict)

    def add(self, kind: str, sentence: str, cell: int | None = None) -> None:
        """Note a repair; `sentence` may say `{cells}` where the numbers of the cells belong."""
        self.sentences.setdefault(kind, sentence)
        numbers = self.cells.setdefault(kind, [])
        if cell is not None and cell not in numbers:
            numbers.append(cell)

    def repairs(self) -> tuple[Repair, ...]:
        """The notes as repairs, in the order in which they were made."""
        return tuple(
            Repair(kind, sentence.replace("{cells}", _numbered(self.cells[kind])))
            for kind, sentence in self.sentences.items()
        )


def tamed(value: Any, notes: Notes, depth: int = 0) -> Any:
    """The JSON value without what cannot be written again: lone surrogates, NaN, infinities, bottomless nesting."""
    if isinstance(value, str):
        sound = value if value.isascii() else encodable(value)
        if sound is not value:
            notes.add("surrogates", "The file held broken characters (halves of a pair); they were replaced.")
        return sound
    if isinstance(value, float) and not math.isfinite(value):
        notes.add(
            "not-a-number", "A value in the file was NaN or infinite, which a notebook cannot hold; it was left out."
        )
        return None
    if not isinstance(value, dict | list):
        return value
    if depth >= DEEPEST:
        notes.add("too-deep", "A value in the file was nested too deeply to be real; it was left out.")
        return None
    if isinstance(value, dict):
        return {tamed(key, notes, depth): tamed(item, notes, depth + 1) for key, item in value.items()}
    return [tamed(item, notes, depth + 1) for item in value]


def encodable(text: str) -> str:
    """The text with what UTF-8 cannot carry made whole or replaced.

    A high and a low surrogate that stand together are one character, written by an editor that counts in UTF-16.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def shaped_cells(cells: Sequence[Any], notes: Notes) -> list[dict[str, Any]]:
    """The cells as nbformat 4.5 wants them, with ids; entries that are no cells are left out."""
    shaped = [
        _shaped_cell(cell, number, notes) for number, cell in enumerate(cells, 1) if _is_cell(cell, number, notes)
    ]
    if give_ids(shaped):
        notes.add("duplicate-id", "Some cells had the same internal id, as copied cells do; they were told apart.")
    return shaped


def shaped_metadata(metadata: object) -> dict[str, Any]:
    """A notebook's metadata without the fields that readers trip over."""
    if not isinstance(metadata, dict):
        return {}
    kept = {
        key: value
        for key, value in metadata.items()
        if key not in ("orig_nbformat", "orig_nbformat_minor", "signature")
    }
    spec, info, widgets = kept.get("kernelspec"), kept.get("language_info"), kept.get("widgets")
    if isinstance(spec, dict) and isinstance(spec.get("name"), str):
        kept["kernelspec"] = {"display_name": spec["name"], **spec}
        if not isinstance(kept["kernelspec"]["display_name"], str):
            kept["kernelspec"]["display_name"] = spec["name"]
    else:
        kept.pop("kernelspec", None)
    if not (isinstance(info, dict) and _proper_language(info)):
        kept.pop("language_info", None)
    if not (isinstance(widgets, dict) and all(isinstance(view, dict) and "state" in view for view in widgets.values())):
        kept.pop("widgets", None)
    for name, kind in (("title", str), ("authors", list)):
        if name in kept and not isinstance(kept[name], kind):
            del kept[name]
    return kept


def give_ids(cells: Sequence[MutableMapping[str, Any]]) -> bool:
    """Give every cell that has no id of its own one that depends on nothing but its place, type and grade_id.

    The cells are changed. True when two had the same id.
    """
    taken: set[str] = set()
    missing: list[tuple[int, MutableMapping[str, Any]]] = []
    twice = False
    for index, cell in enumerate(cells):
        own = cell.get("id")
        if isinstance(own, str) and _CELL_ID.fullmatch(own):
            if own not in taken:
                taken.add(own)
                continue
            twice = True
        missing.append((index, cell))
    for index, cell in missing:
        cell["id"] = _new_id(index, cell, taken)
        taken.add(cell["id"])
    return twice


def _new_id(index: int, cell: Mapping[str, Any], taken: set[str]) -> str:
    meta = meta_of(cell)
    seed = f"{index}:{cell['cell_type']}:{meta.grade_id if meta else ''}"
    attempt = 0
    while True:
        found = hashlib.sha256(f"{seed}:{attempt}".encode()).hexdigest()[:12]
        if found not in taken:
            return found
        attempt += 1


def _is_cell(cell: object, number: int, notes: Notes) -> bool:
    if isinstance(cell, dict):
        return True
    notes.add("no-cell", "The file's list of cells held something that is no cell ({cells}); it was left out.", number)
    return False


def _shaped_cell(cell: dict[str, Any], number: int, notes: Notes) -> dict[str, Any]:
    """One cell with exactly the fields that its type has."""
    source = _source(cell, number, notes)
    cell_type = _cell_type(cell, number, notes)
    if cell.get("cell_type") == "heading":
        level = _count(cell.get("level")) or 1
        source = "#" * min(level, _HIGHEST_HEADING) + " " + " ".join(source.splitlines())
    metadata = _cell_metadata(cell.get("metadata"), cell_type)
    shaped = {"id": cell.get("id"), "cell_type": cell_type, "metadata": metadata, "source": source}
    if cell_type == "code":
        if "collapsed" not in metadata and isinstance(cell.get("collapsed"), bool):
            metadata["collapsed"] = cell["collapsed"]
        shaped["execution_count"] = _count(cell.get("execution_count", cell.get("prompt_number")))
        shaped["outputs"] = list(_outputs(cell.get("outputs"), number, notes))
    elif attachments := _attachments(cell.get("attachments")):
        shaped["attachments"] = attachments
    return shaped


def _source(cell: dict[str, Any], number: int, notes: Notes) -> str:
    source = cell.get("source", cell.get("input"))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        # nbformat ends lines wherever `splitlines` does; a tool that forgot the line ends left none at all
        cut = len(source) > 1 and all(line.splitlines(keepends=True) == line.splitlines() for line in source)
        return ("\n" if cut else "").join(source)
    if isinstance(source, str):
        return source
    notes.add("no-source", "Without readable text: {cells}; what could be read of it was kept.", number)
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return "" if source is None or isinstance(source, dict) else str(source)


def _cell_type(cell: dict[str, Any], number: int, notes: Notes) -> str:
    cell_type = cell.get("cell_type")
    if cell_type in ("code", "markdown", "raw"):
        return str(cell_type)
    if cell_type in ("heading", "html"):
        return "markdown"
    meta = meta_of(cell)
    if meta and meta.cell_type in ("code", "markdown", "raw"):
        guessed = meta.cell_type
    else:
        looks_run = any(key in cell for key in ("outputs", "execution_count", "prompt_number"))
        guessed = "code" if looks_run else "markdown"
    shown = f"of the unknown type '{escape(cell_type, 40)}'" if isinstance(cell_type, str) else "without a type"
    notes.add("cell-type", f"Cells {shown} were read as {guessed} cells: {{cells}}.", number)
    return guessed


def _cell_metadata(metadata: object, cell_type: str) -> dict[str, Any]:
    """A cell's metadata without the fields whose type the format forbids."""
    if not isinstance(metadata, dict):
        return {}
    kept = {key: value for key, value in metadata.items() if key != "trusted"}
    proper: dict[str, Callable[[Any], bool]] = {
        "name": lambda value: isinstance(value, str) and bool(value) and "\n" not in value,
        "tags": _proper_tags,
        "jupyter": lambda value: isinstance(value, dict),
        "format": lambda value: cell_type != "raw" or isinstance(value, str),
        "collapsed": lambda value: cell_type != "code" or isinstance(value, bool),
        "scrolled": lambda value: cell_type != "code" or isinstance(value, bool) or value == "auto",
        "execution": lambda value: (
            cell_type != "code" or (isinstance(value, dict) and all(isinstance(time, str) for time in value.values()))
        ),
    }
    return {key: value for key, value in kept.items() if key not in proper or proper[key](value)}


def _proper_tags(value: object) -> bool:
    if not isinstance(value, list) or not all(isinstance(tag, str) and _TAG.fullmatch(tag) for tag in value):
        return False
    return len(set(value)) == len(value)


def _proper_language(info: dict[str, Any]) -> bool:
    texts = ("file_extension", "mimetype", "pygments_lexer")
    return (
        isinstance(info.get("name"), str)
        and all(isinstance(info.get(key, ""), str) for key in texts)
        and isinstance(info.get("codemirror_mode", ""), str | dict)
    )


def _outputs(outputs: object, number: int, notes: Notes) -> Iterator[dict[str, Any]]:
    for output in outputs if isinstance(outputs, list) else []:
        shaped = _shaped_output(output) if isinstance(output, dict) else None
        if shaped is None:
            notes.add("output", "Outputs that are none were left out: {cells}.", number)
        else:
            yield shaped


def _shaped_output(output: dict[str, Any]) -> dict[str, Any] | None:
    raw = output.get("output_type")
    kind = _OLD_OUTPUTS.get(raw, raw) if isinstance(raw, str) else None
    metadata = output.get("metadata")
    match kind:
        case "stream":
            name = output.get("name", output.get("stream"))
            return {
                "output_type": kind,
                "name": name if isinstance(name, str) else "stdout",
                "text": _joined(output.get("text")),
            }
        case "error":
            traceback = output.get("traceback")
            lines = [line for line in traceback if isinstance(line, str)] if isinstance(traceback, list) else []
            ename, evalue = (str(output.get(key) or "") for key in ("ename", "evalue"))
            return {"output_type": kind, "ename": ename, "evalue": evalue, "traceback": lines}
        case "display_data" | "execute_result":
            data = output.get("data")
            bundle = {
                "output_type": kind,
                "data": _bundle(data if isinstance(data, dict) else _old_bundle(output)),
                "metadata": metadata if isinstance(metadata, dict) else {},
            }
            count = output.get("execution_count", output.get("prompt_number"))
            return bundle | ({"execution_count": _count(count)} if kind == "execute_result" else {})
        case _:
            return None


def _old_bundle(output: dict[str, Any]) -> dict[str, Any]:
    """The data of an output of nbformat 2 or 3, which stood beside its other fields."""
    return {mime: output[name] for name, mime in _OLD_MIME.items() if name in output}


def _bundle(data: dict[str, Any]) -> dict[str, Any]:
    bundle: dict[str, Any] = {}
    for mime, value in data.items():
        if mime == "application/json" or (mime.startswith("application/") and mime.endswith("+json")):
            bundle[mime] = value
        elif isinstance(value, str | list):
            bundle[mime] = _joined(value)
    return bundle


def _attachments(attachments: object) -> dict[str, dict[str, Any]]:
    if not isinstance(attachments, dict):
        return {}
    return {name: _bundle(bundle) for name, bundle in attachments.items() if isinstance(bundle, dict)}


def _joined(text: object) -> str:
    if isinstance(text, list):
        return "".join(line for line in text if isinstance(line, str))
    return text if isinstance(text, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _numbered(cells: Sequence[int]) -> str:
    shown = ", ".join(map(str, cells[:10])) + (f" and {len(cells) - 10} more" if len(cells) > 10 else "")
    return f"cell {shown}" if len(cells) == 1 else f"cells {shown}"
