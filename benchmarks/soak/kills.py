"""What strikes while a class is graded: signals to the processes of one run, at random moments."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

_OURS = Path("/proc/self/ns/pid").stat().st_ino


def inside(process: psutil.Process) -> bool:
    """Whether a process is in a sandbox."""
    try:
        return Path(f"/proc/{process.pid}/ns/pid").stat().st_ino != _OURS
    except OSError:
        return False


def _descendants(run: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return psutil.Process(run).children(recursive=True)
    return []


def _of(run: int, chosen: Callable[[psutil.Process], bool]) -> list[psutil.Process]:
    found = []
    for process in _descendants(run):
        with suppress(psutil.Error):
            if chosen(process):
                found.append(process)
    return found


def _word(process: psutil.Process, word: str) -> bool:
    return any(word in part for part in process.cmdline())


def _worker(process: psutil.Process) -> bool:
    """A child of the server that forks workers."""
    parent = process.parent()
    return not inside(process) and parent is not None and _word(parent, "forkserver") and _word(process, "forkserver")


def _server(process: psutil.Process) -> bool:
    parent = process.parent()
    return not inside(process) and _word(process, "forkserver") and not (parent and _word(parent, "forkserver"))


def _sandbox(process: psutil.Process) -> bool:
    return not inside(process) and process.name() == "bwrap"


def _warm(process: psutil.Process) -> bool:
    """The one that kernels are forked from; a kernel that is killed cannot be told from one that ends itself."""
    parent = process.parent()
    return (
        inside(process) and _word(process, "grader.execution.warm") and parent is not None and parent.name() == "bwrap"
    )


VICTIMS: dict[str, Callable[[psutil.Process], bool]] = {
    "worker": _worker,
    "server of workers": _server,
    "sandbox": _sandbox,
    "warm process": _warm,
}
TO_THE_RUN = {
    "coordinator": (signal.SIGKILL,),
    "interrupt": (signal.SIGINT,),
    "interrupt twice": (signal.SIGINT, signal.SIGINT),
    "terminate": (signal.SIGTERM,),
}
KINDS = ("nothing", *VICTIMS, *TO_THE_RUN)


def strike(kind: str, run: int, chance: random.Random) -> bool:
    """Let one fault happen to a run; whether there was anything to strike."""
    if kind in TO_THE_RUN:
        for number in TO_THE_RUN[kind]:
            with suppress(ProcessLookupError):
                os.kill(run, number)
        return True
    found = _of(run, VICTIMS[kind])
    if not found:
        return False
    with suppress(psutil.Error):
        chance.choice(found).kill()
        return True
    return False
