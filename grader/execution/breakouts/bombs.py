"""Cells that take whatever they get, up to an end of their own: far beyond the limits, and nothing for the machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from grader.execution.engines import Engine
from grader.model import Executed, IncidentKind, Limits, Notebook, RunStatus
from grader.text import escape

_GRACE_SECONDS = 30
"""Beyond a cell's limit: a kernel is started and ended besides, on a machine that has more to do."""


@dataclass(frozen=True, slots=True)
class Bomb:
    """A cell, what it may use, and the limit that has to stop it."""

    name: str
    source: str
    limits: Limits
    kind: IncidentKind

    @property
    def limit(self) -> str:
        """The limit in words."""
        words = {
            IncidentKind.PROCESSES: f"at {self.limits.processes} processes",
            IncidentKind.MEMORY: f"at {self.limits.memory_mb} MB",
            IncidentKind.DISK: f"at {self.limits.disk_mb} MB",
            IncidentKind.TIME: f"after {self.limits.cell_seconds:g} s",
            IncidentKind.OUTPUT: f"cut to {self.limits.output_mb:g} MB",
        }
        return words[self.kind]


def _written(folder: str) -> str:
    return f"with open({folder + '/bomb'!r}, 'wb') as file:\n    for _ in range(64): file.write(bytes(1 << 20))"


_WIDE = Limits(cell_seconds=60, notebook_seconds=120, memory_mb=1024, processes=64, disk_mb=16)
BOMBS: Final = (
    Bomb(
        "processes",
        "import os, time\nfor _ in range(8): os.fork()\ntime.sleep(10)",
        Limits(cell_seconds=60, memory_mb=8192, processes=40),
        IncidentKind.PROCESSES,
    ),
    Bomb(
        "memory of one process",
        "import mmap\nblock = mmap.mmap(-1, 1 << 30)\nfor _ in range(64): block.write(bytes(16 << 20))",
        Limits(cell_seconds=60, memory_mb=400),
        IncidentKind.MEMORY,
    ),
    Bomb(
        "memory of several processes",
        "import os, time\nfor _ in range(6):\n    if os.fork() == 0:\n"
        "        block = bytearray(b'x') * (150 << 20); time.sleep(10); os._exit(0)\ntime.sleep(10)",
        Limits(cell_seconds=60, memory_mb=400),
        IncidentKind.MEMORY,
    ),
    *(Bomb(f"disk: {folder}", _written(folder), _WIDE, IncidentKind.DISK) for folder in (".", "/tmp", "/dev/shm")),  # noqa: S108
    Bomb(
        "many files",
        "import os\nos.mkdir('many')\nfor number in range(150_000): open(f'many/{number}', 'x').close()",
        _WIDE,
        IncidentKind.DISK,
    ),
    Bomb(
        "time",
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nend = time.monotonic() + 20\n"
        "while time.monotonic() < end: pass",
        Limits(cell_seconds=1, notebook_seconds=60),
        IncidentKind.TIME,
    ),
    Bomb(
        "output",
        "for _ in range(20): print('x' * (1 << 20))",
        Limits(cell_seconds=60, output_mb=1),
        IncidentKind.OUTPUT,
    ),
)


def thrown(engine: Engine, bomb: Bomb, mark: str) -> str | None:
    """Run a bomb and a cell after it; what went wrong, or None. What the bomb starts carries `mark` in its name."""
    named = f"import subprocess\nsubprocess.Popen(['sh', '-c', 'sleep 600; : {mark}'], start_new_session=True)\n"
    began = time.monotonic()
    executed = engine.execute(code_notebook(named + bomb.source, "print(1)"), {}, bomb.limits)
    took = time.monotonic() - began
    if bomb.kind not in {incident.kind for incident in executed.incidents if incident.cell == 0}:
        kinds = ", ".join(incident.kind for incident in executed.incidents) or "nothing"
        outputs = escape(executed.notebook["cells"][0]["outputs"], 200)
        return f"not stopped {bomb.limit}; what was noticed: {kinds} {outputs}"
    last = executed.runs[1]
    if last is None or last.status is not RunStatus.COMPLETED:
        return f"{bomb.limit} it was stopped, but the next cell was not run"
    if took > bomb.limits.cell_seconds + _GRACE_SECONDS:
        return f"it took {took:.0f} s, with a limit of {bomb.limits.cell_seconds:g} s"
    return None


def code_notebook(*sources: str) -> Notebook:
    """A notebook of code cells."""
    cells: list[Mapping[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(sources)
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


def printed(executed: Executed, cell: int) -> str:
    """What a cell printed."""
    outputs = executed.notebook["cells"][cell]["outputs"]
    return "".join(o["text"] for o in outputs if o["output_type"] == "stream" and o["name"] == "stdout")
