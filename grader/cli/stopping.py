"""Ctrl-C once: finish what runs. Ctrl-C twice: stop now."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from grader.cli import show
from grader.text import escape

if TYPE_CHECKING:
    from grader.pipeline.oversight import Running

_LONG = 3.0
"""Seconds from which on it is said that a job still runs."""
_SHOWN = 2


@dataclass
class Onlooker:
    """Looks on while workers do their jobs, for a bar that shows it, and asks for an end when Ctrl-C was pressed."""

    noun: str
    running: str = ""
    """What has run for longest, in words."""
    asked: bool = False
    insisted: bool = False
    """Ctrl-C a second time: an exception says so at once, but one that is raised inside of a callback is lost."""
    _said: bool = False

    def __str__(self) -> str:
        return self.running

    def stopping(self) -> bool:
        """Whether Ctrl-C was pressed."""
        if self.insisted:
            raise KeyboardInterrupt
        return self.asked

    def see(self, running: Sequence[Running[Any]]) -> None:
        """Note what has run for longest; after Ctrl-C, say once what is waited for."""
        long = [f"{escape(one.job, 60)} {one.seconds:.0f} s" for one in running if one.seconds >= _LONG]
        self.running = ", ".join(long[:_SHOWN])
        if self.asked and not self._said:
            self._said = True
            many = show.count(len(running), self.noun)
            show.say(f"stopping    when what runs is finished ({many}); Ctrl-C again stops at once", "yellow")


@contextmanager
def finishing(noun: str) -> Iterator[Onlooker]:
    """Let the first Ctrl-C ask for an end instead of being one; the second is one.

    At the end of the body, an end that was asked for ends the command: with exit status 130 and the line that resumes.
    """
    onlooker = Onlooker(noun)

    def ask(_number: int, _frame: FrameType | None) -> None:
        # the first is only noted: whatever is being written or printed at this moment goes on
        onlooker.insisted = onlooker.asked
        onlooker.asked = True
        if onlooker.insisted:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield onlooker
    finally:
        signal.signal(signal.SIGINT, before)
    if onlooker.asked:
        raise click.Abort
