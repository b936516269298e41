"""Independent jobs over worker processes: bounded in flight, and a job that kills its worker costs only itself."""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import forkserver
from typing import Generic, TypeVar

from grader.errors import GraderError

_log = logging.getLogger(__name__)

Job = TypeVar("Job")
Result = TypeVar("Result")

_AHEAD = 2
"""Jobs in flight a worker: one that runs and one that waits, so that memory does not grow with the class."""
_PR_SET_PDEATHSIG = 1


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


@dataclass(frozen=True, slots=True)
class Workers:
    """How many worker processes, and what they need."""

    count: int
    preload: tuple[str, ...] = ()
    """Modules that are imported once, before workers are forked."""


def run(
    jobs: Iterable[Job], work: Callable[[Job], Result], workers: Workers
) -> Iterator[Done[Job, Result] | Failed[Job]]:
    """Do every job, yielding each as it completes.

    A job that raised, or that was in flight when a worker died, is done once more, alone in a pool of its own: so the
    one that kills workers is known, and the others are not blamed for it.
    """
    source = iter(jobs)
    more = True
    while more:
        suspects: list[Job] = []
        more = yield from _one_pool(source, work, workers, suspects)
        for job in suspects:
            yield from _alone(job, work, workers)


def _one_pool(
    source: Iterator[Job], work: Callable[[Job], Result], workers: Workers, suspects: list[Job]
) -> Generator[Done[Job, Result], None, bool]:
    """Work through the source until it ends or a worker dies; whether there may be more is the generator's value."""
    running: dict[Future[Result], Job] = {}
    with _pool(workers) as pool:
        while True:
            for job in islice(source, workers.count * _AHEAD - len(running)):
                running[pool.submit(work, job)] = job
            if not running:
                return False
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                fault = future.exception()
                if fault is None:
                    yield Done(job, future.result())
                else:
                    suspects.append(job)
                if isinstance(fault, BrokenProcessPool):
                    suspects.extend(running.values())
                    return True


def _alone(job: Job, work: Callable[[Job], Result], workers: Workers) -> Iterator[Done[Job, Result] | Failed[Job]]:
    with _pool(replace(workers, count=1)) as pool:
        try:
            yield Done(job, pool.submit(work, job).result())
        except BrokenProcessPool:
            yield Failed(job, "the worker process died, twice")
        except GraderError as fault:
            yield Failed(job, str(fault))
        except Exception as bug:  # noqa: BLE001 - the worker's boundary: our bug in one job must not end the run
            _log.exception("a job failed twice", exc_info=bug)
            yield Failed(job, f"{type(bug).__name__}: {bug}")


@contextmanager
def _pool(workers: Workers) -> Iterator[Executor]:
    context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    if sys.platform == "linux":
        context.set_forkserver_preload([*workers.preload])
    pool = ProcessPoolExecutor(workers.count, mp_context=context, initializer=_begin)
    finished = False
    try:
        yield pool
        finished = True
    finally:
        pool.shutdown(wait=finished, cancel_futures=True)
        if not finished:
            for process in multiprocessing.active_children():
                process.terminate()


def _begin() -> None:
    """Tie a worker to its parent's life, and leave Ctrl-C to the parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # the fork server ends when nobody holds this any more; workers that did would outlive a parent that was killed
        os.close(forkserver._forkserver._forkserver_alive_fd)  # type: ignore[attr-defined]  # noqa: SLF001 - no other way
    # a handler of ours, not SIG_IGN: that would be inherited by kernels, which must be interruptible
    signal.signal(signal.SIGINT, lambda *_: None)
