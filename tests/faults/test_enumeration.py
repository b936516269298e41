"""Every point at which the outside world can fail, let fail: the same command, run again, ends as if nothing had been.

The suite tries an even sample; `GRADER_FAULTS=all` tries each point at each pass with each fault and says how it went.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from grader.pipeline.course import open_course
from grader.store import CourseFolder
from tests.faults.rehearsing import STEPS, Ended, Rehearsal, database_of, in_child, manual_of, tree

pytestmark = pytest.mark.slow

FAULTS = ("{}:kill", "{}:ENOSPC", "{}+:ENOSPC", "{}:EIO")
"""Death; a write that fails; a disk that is full from then on; a disk that fails once."""
SAMPLE = 23
"""Of so many faults the suite tries one; where there are few, of five."""


def every_fault(passed: Counter[str]) -> Iterator[str]:
    """Each fault at each pass of each point."""
    for point, passes in sorted(passed.items()):
        for number in range(1, passes + 1):
            for fault in FAULTS:
                yield f"{point}:{fault.format(number)}"


@pytest.mark.parametrize("step", [step for step in STEPS if step != "manual"])
def test_a_fault_anywhere_costs_nothing(
    rehearsal: Rehearsal, tmp_path: Path, capsys: pytest.CaptureFixture[str], step: str
) -> None:
    """Death or one clear line; and after the same command again the same bytes, and nothing that is not in them."""
    everything = os.environ.get("GRADER_FAULTS") == "all"
    course, passed = rehearsal.home / "course", rehearsal.passed[step]
    expected, files = state(rehearsal.after(step)), tree(rehearsal.before(step))
    given = manual_of(rehearsal.before(step)), manual_of(rehearsal.after(step))
    tried: Counter[str] = Counter()
    faults = [*every_fault(passed)]
    for fault in faults if everything else faults[:: SAMPLE if len(faults) > 100 else 5]:
        shutil.rmtree(course, ignore_errors=True)
        shutil.copytree(rehearsal.before(step), course)
        first = in_child(partial(do, step, course), fault)
        tried[told(first, fault)] += 1
        assert manual_of(course) in given, fault
        assert [] == torn(course, files, expected[0]), fault
        again = in_child(partial(do, step, course))
        assert (0, "") == (again.status, again.said), fault
        hold(course)
        assert expected == state(course), fault
    assert tried["killed"]
    assert tried["one clear line"]
    if everything:
        with capsys.disabled():
            print(f"\n{step}: {sum(passed.values())} points, {tried.total()} faults, {dict(tried)}, lost: 0")  # noqa: T201 - the figures of docs/reliability.md


def do(step: str, course: Path) -> None:
    """Do one step of a course."""
    STEPS[step](open_course(course))


def hold(course: Path) -> None:
    """Do what every command does that changes a course."""
    with CourseFolder(course).lock("test"):
        pass


def state(course: Path) -> tuple[dict[str, bytes], list[object]]:
    """All that a course holds."""
    return tree(course), database_of(course)


def torn(course: Path, before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    """Files that are neither what they were nor what they will be; the memory of pages grows with the pages."""
    return [
        path
        for path, content in tree(course).items()
        if content not in (before.get(path), after.get(path))
        and not Path(path).name.startswith(("gradebook.db-", "feedback.json"))
        and ".grader-tmp-" not in path
    ]


def told(first: Ended, fault: str) -> str:
    """How a fault showed itself; where there is a message, it has to be clear."""
    if first.status == 0:
        return "went on without"
    if first.status == 9:
        assert fault.endswith("kill")
        return "killed"
    assert "\n" not in first.said
    assert "run the same command again" in first.said, first.said
    return "one clear line"


@pytest.mark.parametrize("step", ["grade again", "mark", "restore"])
def test_death_at_any_moment_costs_nothing(rehearsal: Rehearsal, capsys: pytest.CaptureFixture[str], step: str) -> None:
    """Not at a point of ours but anywhere, in the middle of SQLite's own writes, too: at even moments of the step."""
    everything = os.environ.get("GRADER_FAULTS") == "all"
    course, expected = rehearsal.home / "moment", state(rehearsal.after(step))
    moments, deaths = 400 if everything else 6, 0
    began = time.monotonic()
    shutil.copytree(rehearsal.before(step), course)
    assert 0 == in_child(partial(do, step, course)).status
    whole = time.monotonic() - began
    for moment in range(moments):
        shutil.rmtree(course)
        shutil.copytree(rehearsal.before(step), course)
        ended = in_child(partial(do_for, whole * moment / moments, step, course))
        deaths += ended.status == signal.SIGALRM
        again = in_child(partial(do, step, course))
        assert (0, "") == (again.status, again.said), moment
        hold(course)
        assert expected == state(course), moment
    shutil.rmtree(course)
    assert deaths
    if everything:
        with capsys.disabled():
            print(f"\n{step}: {moments} moments, {deaths} deaths, lost: 0")  # noqa: T201 - as above


def do_for(seconds: float, step: str, course: Path) -> None:
    """Begin a step, and die of a signal that nobody catches after so many seconds."""
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))
    do(step, course)
