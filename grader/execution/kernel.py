"""What a running kernel is to the rest of this package, whichever engine started it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from grader.model import Files, Limits, Notebook

_DEEPEST = 100
"""How many containers in one another are taken from a kernel."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something a kernel published about the cell that runs; all of it is the student's word."""

    kind: str
    """Jupyter's message type: stream, display_data, update_display_data, execute_result, error, clear_output."""
    content: Mapping[str, Any] | None
    """None where it was malformed, or too large and dropped in transit."""
    size: int
    """Bytes on the wire."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The kernel's answer to one request; every message about that cell came before it."""

    completed: bool
    """True only if the answer to this very request says "ok"."""
    ename: str = ""
    evalue: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a whole sandbox uses at one moment."""

    memory_bytes: int = 0
    """Anonymous and shared memory of all its processes; library code that all workers share does not count."""
    processes: int = 0
    files: int = 0
    """Files and folders in its working file system; what they hold is limited by the file system's size."""


class KernelDied(Exception):  # noqa: N818 - an event in a notebook's run, which its runner handles; no error of ours
    """The kernel's process, or its last channel, is gone."""


class Kernel(Protocol):
    """One kernel in a sandbox of its own. `submit` one cell, `receive` until its `Reply`, `close` at any time."""

    def submit(self, source: str, *, counted: bool = True) -> None:
        """Ask for one cell to be run, in the history or beside it; raises KernelDied."""

    def receive(self, seconds: float) -> Message | Reply | None:
        """Wait that long at most for the next message about the cell that was submitted last; raises KernelDied.

        What belongs to another request, or is not understood, is never returned.
        """

    def interrupt(self) -> None:
        """Ask the running cell to stop, as a person's Ctrl-C does."""

    def usage(self) -> Usage:
        """Measure what the whole sandbox uses now."""

    def close(self) -> None:
        """Kill everything in the sandbox at once and leave nothing behind; may be called twice."""


StartKernel: TypeAlias = Callable[[Notebook, Files, Limits], Kernel]
"""Start a kernel for this notebook whose working folder holds exactly these files; raises ExecutionFault."""


def parse_json(data: bytes) -> Any:
    """Read JSON from a hostile sender: a value that can be written as UTF-8 JSON again, or None."""
    try:
        value = json.loads(data.decode("utf-8", "replace"), parse_constant=_refuse, parse_float=_finite)
        if data.count(b"[") + data.count(b"{") > _DEEPEST and _is_deep(value):
            return None  # or what reads, copies or writes it later would run out of stack
        return _without_lone_surrogates(value) if b"\\ud" in data or b"\\uD" in data else value
    except (ValueError, RecursionError):
        return None


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        lists = [item if isinstance(item, list) else item.values() for item in level if isinstance(item, (list, dict))]
        level = [item for items in lists for item in items]
    return any(isinstance(item, (list, dict)) for item in level)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _finite(digits: str) -> float:
    """The number, if JSON can hold what Python makes of it: 1e999 would be infinite."""
    number = float(digits)
    if math.isinf(number):
        raise ValueError(digits)
    return number


def _without_lone_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_lone_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_lone_surrogates(key): _without_lone_surrogates(item) for key, item in value.items()}
    return value
