"""Independent jobs over workers: bounded in flight, and a job that kills its worker costs only itself."""

from __future__ import annotations

import ctypes
import gc
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import forkserver
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from grader.errors import ExecutionFault, GraderError
from grader.pipeline.meeting import meet
from grader.pipeline.oversight import InFlight, Nobody, Overseer

_log = logging.getLogger(__name__)

Job = TypeVar("Job")
Result = TypeVar("Result")

_AHEAD = 2
"""Jobs in flight a worker: one that runs and one that waits, so that memory does not grow with the class."""
_LOOK_SECONDS = 1.0
"""How often it is seen to how many workers there are."""
_MOST_SUSPECTS = 64
"""Jobs to be done once more, before nothing else is begun until they are: each is held in memory."""
_PR_SET_PDEATHSIG = 1
_STARTS = 3
"""How often it is tried to start workers, before it is said that none can be started."""
_NOT_TAKEN = (BrokenExecutor, OSError, EOFError)
"""What handing a job out raises where workers are gone, or cannot be started."""


@dataclass(frozen=True, slots=True)
class Done(Generic[Job, Result]):
    """A job and its result."""

    job: Job
    result: Result


@dataclass(frozen=True, slots=True)
class Failed(Generic[Job]):
    """A job that could not be done, twice, through no fault of the submission."""

    job: Job
    reason: str


class Workplace(Protocol):
    """Where jobs are done: on this machine (`Workers`) or on many (`cluster.Cluster`)."""

    @property
    def lost(self) -> tuple[type[BaseException], ...]:
        """What a job raises whose worker died."""

    def capacity(self) -> int:
        """Tell how many workers there are now; waits while there is none, raises `GraderError` if none can come."""

    def open(self) -> AbstractContextManager[Executor]:
        """Open an executor of all workers; one that takes no more jobs lets them raise `BrokenExecutor`."""

    def open_apart(self, most: int) -> AbstractContextManager[Sequence[Executor]]:
        """Open executors of one worker each, that does nothing else: at least one, at most so many."""


def run(
    jobs: Iterable[Job], work: Callable[[Job], Result], workers: Workplace, overseer: Overseer | None = None
) -> Iterator[Done[Job, Result] | Failed[Job]]:
    """Do every job, yielding each as it completes.

    A job that raised, or that was in flight when a worker died, is done once more, with a worker of its own: so the one
    that kills workers is known, and the others are not blamed for it. Where the overseer asks for an end, what has
    begun is finished and yielded, and of the other jobs nothing more is heard.
    """
    source, watching = iter(jobs), overseer or Nobody()
    more = True
    while more and not watching.stopping():
        suspects: list[Job] = []
        more = yield from _together(source, work, workers, suspects, watching)
        if not watching.stopping():
            yield from _apart(suspects, work, workers)


class _StoppedError(Exception):
    """All that is waited for has ended; what a worker has begun since is not."""


def _together(
    source: Iterator[Job], work: Callable[[Job], Result], workers: Workplace, suspects: list[Job], overseer: Overseer
) -> Generator[Done[Job, Result], None, bool]:
    """Work through the source until it ends or too much is lost; the generator's value: whether there may be more."""
    running: InFlight[Job, Result] = InFlight()
    ended: SimpleQueue[Future[Result]] = SimpleQueue()
    drawing = True
    with suppress(_StoppedError), workers.open() as pool:
        while True:
            if overseer.stopping():
                drawing = False
                running.keep_begun()
                if not running:
                    raise _StoppedError
            for job in islice(source, max(0, workers.capacity() * _AHEAD - len(running)) if drawing else 0):
                try:
                    future = pool.submit(work, job)
                except _NOT_TAKEN:
                    suspects.append(job)
                    drawing = False
                    break
                running.add(future, job)
                future.add_done_callback(ended.put)
            if not running:
                return not drawing
            overseer.see(running.look(0 if overseer.stopping() else workers.capacity()))
            try:
                future = ended.get(timeout=_LOOK_SECONDS)
            except Empty:
                continue
            if future not in running:
                continue
            job, fault = running.end(future), _fault(future)
            if fault is None:
                yield Done(job, future.result())
            else:
                suspects.append(job)
                drawing = drawing and not isinstance(fault, BrokenExecutor) and len(suspects) < _MOST_SUSPECTS
    return False


def _apart(
    suspects: Sequence[Job], work: Callable[[Job], Result], workers: Workplace
) -> Iterator[Done[Job, Result] | Failed[Job]]:
    """Do each once more, as many at once as there are workers for one each; what is taken back comes again."""
    while suspects:
        workers.capacity()
        with workers.open_apart(len(suspects)) as pools:
            begun = [(job, pool.submit(work, job)) for job, pool in zip(suspects, pools, strict=False)]
            for job, future in begun:
                while not wait([future], timeout=_LOOK_SECONDS).done:
                    workers.capacity()
                if not future.cancelled():
                    yield _second(job, future, workers)
        suspects = [*(job for job, future in begun if future.cancelled()), *suspects[len(begun) :]]


def _second(job: Job, future: Future[Result], workers: Workplace) -> Done[Job, Result] | Failed[Job]:
    fault = _fault(future)
    if fault is None:
        return Done(job, future.result())
    if isinstance(fault, workers.lost):
        return Failed(job, "the worker process died, twice")
    if isinstance(fault, GraderError):
        return Failed(job, str(fault))
    if not isinstance(fault, Exception):
        raise fault
    _log.error("a job failed twice", exc_info=fault)  # our bug in one job must not end the run
    return Failed(job, f"{type(fault).__name__}: {fault}")


def _fault(future: Future[Any]) -> BaseException | None:
    return CancelledError() if future.cancelled() else future.exception()


@dataclass(frozen=True, slots=True)
class Workers:
    """Processes on this machine: how many, and what they need."""

    count: int
    preload: tuple[str, ...] = ()
    """Modules that are imported once, before workers are forked."""
    lost: ClassVar = (BrokenExecutor,)

    def capacity(self) -> int:
        """As many as were asked for."""
        return self.count

    def open(self) -> AbstractContextManager[Executor]:
        """Open a pool, which is broken as a whole when one of its processes dies."""
        return _pool(self)

    @contextmanager
    def open_apart(self, most: int) -> Iterator[Sequence[Executor]]:
        """Open pools of one process, each of which is seen to start: nothing else is wrong with the machine."""
        with ExitStack() as stack:
            yield _started(replace(self, count=1), min(most, self.count), stack)


def _started(workers: Workers, count: int, stack: ExitStack) -> Sequence[Executor]:
    """So many pools, of which each has a worker that works; `stack` closes them.

    It is tried again: of a fork server that was killed it may not be known yet that it is dead.
    """
    for tries_left in reversed(range(_STARTS)):
        try:
            with ExitStack() as attempt:
                pools = [attempt.enter_context(_pool(workers)) for _ in range(count)]
                for begun in [pool.submit(_nothing) for pool in pools]:
                    begun.result()
                stack.push(attempt.pop_all())
                return pools
        except _NOT_TAKEN as error:
            if not tries_left:
                raise ExecutionFault(
                    f"no worker process can be started here ({error or type(error).__name__}); see whether memory, "
                    "disk and the number of processes (ulimit -u) suffice, and run the same command again"
                ) from error
            time.sleep(_LOOK_SECONDS)
    raise AssertionError


def _nothing() -> None:
    """Do nothing: a worker that did has started."""


def foresee(preload: Sequence[str], cause: Path, result: Path | None) -> None:
    """Let the imports of workers begin at once, where the dates say that a plan, once it is made, will have work.

    That is if something at `cause`, or directly in it, is newer than `result`, which is made of it. A wrong guess costs
    a second of another processor, or the time that a right one saves.
    """
    if sys.platform == "linux" and _changed(cause) > (_changed(result) if result else 0.0):
        _prepare_fork_server(preload)
        forkserver.ensure_running()


def _changed(path: Path) -> float:
    """When it was last changed, or what lies directly in it; long ago where there is no such thing."""
    try:
        with ExitStack() as stack:
            inside = stack.enter_context(os.scandir(path)) if path.is_dir() else ()
            return max([path.stat().st_mtime, *(entry.stat().st_mtime for entry in inside)])
    except OSError:
        return 0.0


def _prepare_fork_server(preload: Sequence[str]) -> None:
    multiprocessing.get_context("forkserver").set_forkserver_preload([*preload])
    meet()


@contextmanager
def _pool(workers: Workers) -> Iterator[Executor]:
    context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    if sys.platform == "linux":
        _prepare_fork_server(workers.preload)
    pool = ProcessPoolExecutor(workers.count, mp_context=context, initializer=_begin)
    finished = False
    try:
        yield pool
        finished = not _broken(pool)
    finally:
        # a worker that was being started when another died is not told to end: waiting for it would last for ever
        pool.shutdown(wait=finished, cancel_futures=True)
        if not finished:
            for process in multiprocessing.active_children():
                process.terminate()


def _broken(pool: Executor) -> bool:
    try:
        pool.submit(_nothing)
    except _NOT_TAKEN:
        return True
    return False


def _begin() -> None:
    """Tie a worker to its parent's life, and leave Ctrl-C to the parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # the fork server ends when nobody holds this any more; workers that did would outlive a parent that was killed
        os.close(forkserver._forkserver._forkserver_alive_fd)  # type: ignore[attr-defined]  # noqa: SLF001 - no other way
    gc.freeze()  # what was imported before the fork is no garbage, and looking at it would copy its pages
    # a handler of ours, not SIG_IGN: that would be inherited by kernels, which must be interruptible
    signal.signal(signal.SIGINT, lambda *_: None)
