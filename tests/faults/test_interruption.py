"""Ctrl-C once asks for an end, twice is one; and what runs for long has a name."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress

import click
import pytest

from grader.cli.grade import Tally, _Now
from grader.cli.stopping import Onlooker, finishing
from grader.pipeline.oversight import Running


def interrupt() -> None:
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def work(presses: int) -> Iterator[str]:
    """Work, while somebody presses Ctrl-C so often."""
    with finishing("submission") as onlooker:
        yield "begun"
        for _ in range(presses):
            interrupt()
        assert onlooker.stopping()
        onlooker.see([Running("ada ps1", 1.0), Running("bob ps1", 0.5)])
        onlooker.see([Running("ada ps1", 2.0)])
        yield "to its end"


def test_once_asks_and_ends_the_command_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is interrupted; what is waited for is said once; then the command ends as an interrupted one does."""
    steps = work(presses=1)
    assert "begun" == next(steps)
    assert "to its end" == next(steps)
    with pytest.raises(click.Abort):
        next(steps)
    told = capsys.readouterr().err
    assert 1 == told.count("stopping")
    assert "when what runs is finished (2 submissions)" in told


def test_twice_interrupts_at_once() -> None:
    """The second Ctrl-C is what the first would be without us."""
    steps = work(presses=2)
    assert "begun" == next(steps)
    with pytest.raises(KeyboardInterrupt):
        next(steps)


def look_after_both() -> None:
    """Press Ctrl-C twice, where Python drops what is raised: in a callback; then look."""
    with finishing("submission") as onlooker:
        interrupt()
        with suppress(KeyboardInterrupt):
            interrupt()
        onlooker.stopping()


def test_twice_is_not_lost_in_a_callback() -> None:
    """The next look finds that it was pressed twice."""
    with pytest.raises(KeyboardInterrupt):
        look_after_both()


def test_afterwards_ctrl_c_is_what_it_was() -> None:
    """Only while workers work is it anything else."""
    before = signal.getsignal(signal.SIGINT)
    with finishing("submission") as onlooker:
        assert before != signal.getsignal(signal.SIGINT)
    assert not onlooker.asked
    assert before == signal.getsignal(signal.SIGINT)


def test_the_bar_names_what_runs_longest() -> None:
    """Two of those that have run for some seconds, with no more than harmless characters."""
    onlooker = Onlooker("submission")
    bar = _Now(Tally(), onlooker)
    assert "longest" not in str(bar)
    onlooker.see([Running("ada\x1b ps1", 41.4), Running("bob ps1", 9.0), Running("cem ps1", 8.0), Running("dan", 1.0)])
    assert str(bar).endswith(r"longest: ada\x1b ps1 41 s, bob ps1 9 s")
    onlooker.see([Running("dan ps1", 1.0)])
    assert "longest" not in str(bar)
