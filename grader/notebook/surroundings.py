"""What a notebook missed of its student's machine: modules, files, the network. None of it is a wrong answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from grader.model import Executed, Incident, IncidentKind, Notebook, RunStatus
from grader.notebook.metadata import HIDDEN_TESTS, has_region, meta_of, source_of
from grader.text import escape

_MODULE = re.compile(r"No module named '([\w.]+)'", re.ASCII)
_FILE = re.compile(r"No such file or directory: '([^'\n]{1,200})'")
_NETWORK_ERRORS = frozenset(
    {
        "ConnectError",
        "ConnectionError",
        "ConnectionRefusedError",
        "ConnectTimeout",
        "gaierror",
        "HTTPError",
        "MaxRetryError",
        "NameResolutionError",
        "NewConnectionError",
        "URLError",
    }
)
_NO_NETWORK = ("Name or service not known", "Network is unreachable", "Temporary failure in name resolution")


def missed(executed: Executed, instructor: Notebook) -> tuple[Incident, ...]:
    """What cells failed for want of, once each, in the words that staff and students read.

    Cells with hidden tests are left out: what they name is not for students.
    """
    hidden = {
        meta.grade_id
        for cell in instructor["cells"]
        if (meta := meta_of(cell)) and has_region(source_of(cell), HIDDEN_TESTS)
    }
    found: dict[str, Incident] = {}
    for index, (cell, run) in enumerate(zip(executed.notebook["cells"], executed.runs, strict=True)):
        meta = meta_of(cell)
        if run is None or run.status is not RunStatus.RAISED or (meta and meta.grade_id in hidden):
            continue
        for sentence in _sentences(cell):
            grade_id = meta.grade_id if meta else None
            found.setdefault(sentence, Incident(IncidentKind.ENVIRONMENT, sentence, index, grade_id))
    return tuple(found.values())


def _sentences(cell: Mapping[str, Any]) -> Iterator[str]:
    for output in cell["outputs"]:
        if output["output_type"] != "error":
            continue
        name, said = output["ename"].rsplit(".", 1)[-1], output["evalue"]
        if name in {"ModuleNotFoundError", "ImportError"} and (match := _MODULE.search(said)):
            yield f"it imports {escape(match[1], 60)}, which this environment lacks"
        elif name == "FileNotFoundError" and (match := _FILE.search(said)):
            yield f"it reads “{escape(match[1], 100)}”, which is not there when it is graded"
        elif name in _NETWORK_ERRORS or any(words in said for words in _NO_NETWORK):
            yield "it asks for something from the network, which is not there when it is graded"
