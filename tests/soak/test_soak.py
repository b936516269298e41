"""A soak in short: bombs and honest work are graded while processes are killed, and every invariant holds after it."""

import random
import subprocess
from pathlib import Path

import pytest

from benchmarks.soak.course import SHORT
from benchmarks.soak.kills import VICTIMS, strike
from benchmarks.soak.rounds import Faults, soak, told

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("sandbox")]


def test_nothing_is_lost_whatever_is_killed(tmp_path: Path) -> None:
    """A killed worker, a killed coordinator: the same scores, no process, file or mount, a sound database."""
    played = list(soak(tmp_path, SHORT, Faults(("worker", "coordinator")), rounds=2))
    assert [] == [line for one in played for line in one.broken]
    assert 3 == len(played)
    assert sum(one.strikes for one in played) >= 1, told(played)


def test_what_it_kills_is_there_to_be_killed() -> None:
    """Of a process without children nothing but itself can be struck."""
    chance = random.Random(1)
    with subprocess.Popen(["sleep", "600"]) as run:
        assert [] == [kind for kind in VICTIMS if strike(kind, run.pid, chance)]
        assert strike("coordinator", run.pid, chance)
    assert -9 == run.returncode
