"""Looking on while jobs are done, and ending them so that nothing is lost."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from grader.errors import ExecutionFault
from grader.execution import moment
from grader.pipeline import pool
from grader.pipeline.oversight import Running
from grader.pipeline.pool import Done, Workers, run


@dataclass
class Threads:
    """Jobs done in threads of this process."""

    count: int
    lost: ClassVar = ()

    def capacity(self) -> int:
        """As many as were asked for."""
        return self.count

    def open(self) -> AbstractContextManager[Executor]:
        """Open the threads."""
        return ThreadPoolExecutor(self.count)


@dataclass
class Onlooker:
    """Notes what it sees, and asks for an end once a given job has been seen to run."""

    stop_at: object = None
    seen: list[Sequence[Running[Any]]] = field(default_factory=list)

    def stopping(self) -> bool:
        """Whether the job was seen."""
        return any(running.job == self.stop_at for look in self.seen for running in look)

    def see(self, running: Sequence[Running[Any]]) -> None:
        """Note it."""
        self.seen.append(running)


def test_what_has_begun_is_finished_and_nothing_else_begins() -> None:
    """Asked to end while job 4 runs, the pool finishes it and gives its result; the next is not begun."""
    overseer, begun = Onlooker(stop_at=4), []
    go_on = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number == 4:
            threading.Timer(0.2, go_on.set).start()
            go_on.wait(30)
        return number

    results = list(run(range(100), work, Threads(1), overseer))  # type: ignore[arg-type] # it opens nothing apart
    assert [0, 1, 2, 3, 4] == [r.job for r in results if isinstance(r, Done)]
    assert set(begun) <= {0, 1, 2, 3, 4, 5}, "one more may have been taken by a worker by then; it is not waited for"


def test_an_end_before_the_beginning_begins_nothing() -> None:
    """Asked to end while it was still planned, a run draws no job."""
    overseer = Onlooker(stop_at=0, seen=[[Running(0, 0.0)]])
    assert [] == list(run(iter([1, 2]), abs, Threads(1), overseer))  # type: ignore[arg-type]


def test_the_longest_running_are_seen_first() -> None:
    """What is seen are the jobs that workers have begun, none of those that wait for one."""
    overseer, gates = Onlooker(), {number: threading.Event() for number in range(5)}
    gates[0].set()
    results = run(gates, lambda number: gates[number].wait(30), Threads(2), overseer)  # type: ignore[arg-type]
    assert 0 == next(results).job
    for gate in gates.values():
        gate.set()
    assert {1, 2, 3, 4} == {result.job for result in results}
    assert [0, 1] == [running.job for running in overseer.seen[0]]
    assert all(len(look) <= 2 for look in overseer.seen)
    assert all(look[0].seconds >= look[-1].seconds for look in overseer.seen if look)


def fail_to_begin() -> None:
    """Die as a worker does for which there is no memory."""
    os._exit(3)


def test_workers_that_cannot_start_are_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one failure a submission: nothing is wrong with any of them."""
    monkeypatch.setattr(pool, "_begin", fail_to_begin)
    with pytest.raises(ExecutionFault, match="no worker process can be started here"):
        list(run(range(10), abs, Workers(2)))


def test_a_killed_fork_server_is_started_again() -> None:
    """Even where it is not known yet that it is dead: every job is done."""
    for _ in range(3):
        assert 4 == len([result for result in run(range(4), abs, Workers(2)) if isinstance(result, Done)])
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)  # type: ignore[attr-defined]
    assert 4 == len([result for result in run(range(4), abs, Workers(2)) if isinstance(result, Done)])


def test_nothing_of_a_killed_run_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed with all that tracks it: the folder in which its workers meet and its semaphores go with the next run."""
    from grader.pipeline import meeting

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    child = os.fork()
    if child == 0:
        os.setsid()
        meeting._folder.cache_clear()
        meeting.meet()
        resource_tracker._resource_tracker = tracker = resource_tracker.ResourceTracker()  # the parent's is another
        resource_tracker.register = tracker.register
        with multiprocessing.get_context("forkserver").Lock():
            os.killpg(0, signal.SIGKILL)
    os.waitpid(child, 0)
    (left,) = tmp_path.iterdir()
    assert 1 == len(moment.semaphores(left.name))
    (tmp_path / left.name.replace("pool", "kernel")).mkdir()
    others = {"grader-pool-1-alive", "grader-pool-of-somebody"}
    for name in others:
        (tmp_path / name).mkdir()
    moment._sweep.cache_clear()
    made = meeting._folder.__wrapped__(os.getpid())
    assert {made.name, *others} == {path.name for path in tmp_path.iterdir()}
    assert [] == moment.semaphores(left.name)


def test_time_is_monotonic() -> None:
    """Durations do not depend on the clock of the wall: no code of ours asks for it but to write a date down."""
    package = Path(pool.__file__).parents[1]
    assert [] == [str(path) for path in package.rglob("*.py") if "time.time(" in path.read_text()]
    assert time.get_clock_info("monotonic").monotonic


def test_semaphores_that_go_meanwhile_are_nobodys() -> None:
    """Other threads tidy up at an end at once, too: what vanishes while it is listed is no error."""
    folder, ended = f"grader-pool-{os.getpid()}-{uuid4().hex}", threading.Event()
    paths = [Path(f"/dev/shm/sem.{folder}-{number}") for number in range(50)]

    def come_and_go() -> None:
        while not ended.is_set():
            for path in paths:
                path.touch()
                path.unlink()

    with ThreadPoolExecutor(1) as threads:
        going = threads.submit(come_and_go)
        try:
            assert all(set(paths) >= set(moment.semaphores(folder)) for _ in range(300))
        finally:
            ended.set()
        going.result()
