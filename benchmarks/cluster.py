"""What a Dask cluster costs and how far it goes, on this machine: `python -m benchmarks.cluster [--students 20000]`.

Scheduler and workers are processes of their own, as on machines of their own; what they do is real but for notebooks'
execution, for which a stand-in waits as long as the recorded execution took and gives its outputs.
"""

# ruff: noqa: SLF001 - it measures the writer apart from what feeds it
from __future__ import annotations

import argparse
import functools
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil

from benchmarks.grading import machine
from benchmarks.workloads import ASSIGNMENT, small_numpy, write_course
from grader.execution import open_engine
from grader.grading import grade_submission
from grader.model import (
    Bundle,
    Executed,
    Files,
    Graded,
    Limits,
    Notebook,
    ProbeRun,
    Probes,
    Rejected,
    RunStatus,
    Submission,
)
from grader.notebook import imported_modules
from grader.pipeline import grade, gradebook
from grader.pipeline.bundle import load_bundle
from grader.pipeline.cluster import Cluster
from grader.pipeline.course import OpenCourse, open_course
from grader.pipeline.joining import Where, joined
from grader.pipeline.overlap import overlapped
from grader.pipeline.pool import Done, Workers, Workplace, run
from grader.pipeline.worker import PRELOAD, EngineChoice, Task, unpack, write_bundle

_RECORDED = "GRADER_BENCH_RECORDED"
_STUDENTS_RECORDED = 8
_JOB_SECONDS = 0.1
_FIRST = 10
_MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a few students' notebooks gave when they were executed."""

    executed: tuple[Executed, ...]
    outcomes: tuple[Graded | Rejected, ...]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print, row by row."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--students", type=int, default=2000, help="of the simulated class")
    parser.add_argument("--workers", type=int, default=4, help="that grade the simulated class")
    parser.add_argument("--jobs", type=int, default=200, help="of each measurement of the overhead")
    parser.add_argument("--only", choices=["overhead", "workers", "class"], action="append")
    parser.add_argument("--quick", action="store_true", help="a simulated class of 300, rough figures")
    parser.add_argument("--full", action="store_true", help="a simulated class of 100,000")
    options = parser.parse_args(arguments)
    if options.quick:
        options.students, options.jobs = 300, 60
    elif options.full:
        options.students = 100_000
    print(*machine(), sep="\n")
    parts: dict[str, Callable[[], Iterator[str]]] = {
        "overhead": lambda: of_a_job(options.jobs),
        "workers": lambda: by_workers(options.jobs),
        "class": lambda: of_a_class(options.students, options.workers),
    }
    for name in options.only or parts:
        for line in parts[name]():
            print(line, flush=True)


def of_a_job(jobs: int) -> Iterator[str]:
    """The same jobs, which wait a tenth of a second and give a real outcome, here and through Dask."""
    with recorded_course(1) as (opened, task), _cluster(2) as cluster:
        tasks = [replace(task, key=str(number)) for number in range(jobs)]
        here, there = Workers(2, PRELOAD), cluster
        yield f"\n{jobs} jobs of {_JOB_SECONDS * 1000:.0f} ms, 2 workers: ms a job, and more than with the local pool"
        for turn in range(3):
            local, dask = (1000 * 2 * _seconds_each(tasks, place) for place in (here, there))
            yield f"round {turn + 1}: local {local:6.1f}, Dask {dask:6.1f}: {dask / local - 1:+.1%}  (goal <= +10 %)"
        del opened


def by_workers(students: int) -> Iterator[str]:
    """A class graded for real, by 1, 2 and 4 workers of a cluster."""
    yield f"\nworkers of a cluster, {students} submissions graded for real: submissions a second"
    for workers in (1, 2, 4):
        with recorded_course(students, record=False) as (opened, _), _cluster(workers) as cluster:
            began = time.perf_counter()
            done = sum(1 for _ in _graded(opened, cluster))
            yield f"{workers:9} {done / (time.perf_counter() - began):8.1f}/s"


def of_a_class(students: int, workers: int) -> Iterator[str]:
    """A simulated class through the real scheduler, database and gradebook."""
    with recorded_course(students) as (opened, _), _cluster(workers) as cluster:
        recorded = _recorded(os.environ[_RECORDED])
        waits = sum(sum(run.seconds for run in one.runs if run) for one in recorded.executed) / len(recorded.executed)
        yield f"\n{students} submissions, {workers} workers, execution of {1000 * waits:.0f} ms replayed"
        yield f"{'done':>9} {'seconds':>9} {'a second':>9} {'coordinator':>13} {'scheduler':>13} {'largest worker':>15}"
        began, step = time.perf_counter(), max(1, students // 20)
        with opened.database() as database, patch.object(grade, "grade_task", replayed):  # all but execution is real
            plan = grade.plan_grade(opened, database, grade.GradeRequest())
            last = planned = time.perf_counter()
            yield f"{0:9} {0:9.1f} {'':9} {_memory()}   planned in {planned - began:.1f} s"
            for number, _ in enumerate(grade.carry_out(opened, database, plan, cluster), start=1):
                if number % step == 0:
                    now = time.perf_counter()
                    yield f"{number:9} {now - planned:9.1f} {step / (now - last):9.1f} {_memory()}"
                    last = now
        grading = time.perf_counter() - began
        with opened.database() as database:
            book = gradebook.build(opened, database)
            gradebook.write(opened, book, None)
        yield f"grading {grading:.1f} s, gradebook {time.perf_counter() - began - grading:.1f} s"
    with recorded_course(1000) as (opened, _):
        yield f"the writer alone (files, rows, one process): {_writer_rate(opened):.0f} a second"


def replayed(task: Task, bundle: bytes) -> Graded | Rejected:
    """`grade_task` with a stand-in for execution alone."""
    recorded = _recorded(os.environ[_RECORDED])
    number = int(task.attempts[0].student_id[1:]) % len(recorded.executed)
    execute = functools.partial(_replay, recorded.executed[number])
    return grade_submission(task.attempts[0], _bundle(bundle), execute)


def waiting(task: Task, bundle: bytes | None = None) -> Graded | Rejected:  # noqa: ARG001 - as any work
    """A job of a known length with an outcome of a usual size."""
    time.sleep(_JOB_SECONDS)
    return _recorded(os.environ[_RECORDED]).outcomes[0]


def _replay(recorded: Executed, notebook: Notebook, _files: Files, _limits: Limits, probes: Probes = {}, /) -> Executed:  # noqa: B006
    """Wait as long as it took, and give the outputs that there were."""
    time.sleep(sum(run.seconds for run in recorded.runs if run))
    pairs = zip(notebook["cells"], recorded.notebook["cells"], strict=True)
    cells = [{**cell, "outputs": was["outputs"]} if "outputs" in was else cell for cell, was in pairs]
    executed = type(recorded.notebook)({**notebook, "cells": [type(recorded.notebook)(cell) for cell in cells]})
    raised = {index: tuple(_fails(source) for source in sources) for index, sources in probes.items()}
    return replace(recorded, notebook=executed, probes=raised)


def _fails(source: str) -> ProbeRun:
    """A probe fails with the word that it was made with, unless somebody tampered."""
    word = source.rpartition("'")[0].rpartition("'")[2]
    return ProbeRun(RunStatus.RAISED, word, word)


@functools.cache
def _recorded(path: str) -> Recorded:
    found = pickle.loads(Path(path).read_bytes())
    assert isinstance(found, Recorded)
    return found


@functools.lru_cache(maxsize=1)
def _bundle(packed: bytes) -> Bundle:
    bundle = unpack(packed)
    assert isinstance(bundle, Bundle)
    return bundle


@contextmanager
def recorded_course(students: int, *, record: bool = True) -> Iterator[tuple[OpenCourse, Task]]:
    """A class in which everybody has handed in, some of whom were executed; and the task of the first."""
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as folder:
        root = Path(folder)
        write_course(root, small_numpy(), max(students, _STUDENTS_RECORDED))
        opened = open_course(root)
        bundle = load_bundle(opened, opened.course.chosen([ASSIGNMENT])[0])
        file = root / "recorded"
        if record:
            file.write_bytes(pickle.dumps(_record(opened, bundle)))
        os.environ[_RECORDED] = str(file)
        first = opened.folder.read_submission("s00000", ASSIGNMENT)
        assert first is not None
        yield opened, Task((first,), "key", write_bundle(bundle, root), EngineChoice(), ())


def _record(opened: OpenCourse, bundle: Bundle) -> Recorded:
    executed: list[Executed] = []
    outcomes = []
    with open_engine("auto", preload=imported_modules(bundle.sources.values())) as engine:

        def keep(notebook: Notebook, files: Files, limits: Limits, *more: Any) -> Executed:
            executed.append(engine.execute(notebook, files, limits, *more))
            return executed[-1]

        for student in opened.folder.submitters(ASSIGNMENT)[:_STUDENTS_RECORDED]:
            submission = opened.folder.read_submission(student, ASSIGNMENT)
            assert submission is not None
            outcomes.append(grade_submission(submission, bundle, keep))
    return Recorded(tuple(executed), tuple(outcomes))


@contextmanager
def _cluster(workers: int) -> Iterator[Cluster]:
    """A scheduler and workers in processes of their own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    with ExitStack() as stack:
        stack.enter_context(_process("dask_scheduler", "--host", "127.0.0.1", "--port", str(port)))
        for _ in range(workers):
            stack.enter_context(_process("dask_worker", address, "--nthreads", "1", "--no-nanny"))
        cluster = stack.enter_context(joined(Where(address), EngineChoice()))
        while cluster.capacity() < workers:
            time.sleep(0.2)
        yield cluster


@contextmanager
def _process(program: str, *options: str) -> Iterator[None]:
    command = [sys.executable, "-m", f"distributed.cli.{program}", *options, "--no-dashboard"]
    environment = {**os.environ, "DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH": "0"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            yield
        finally:
            process.kill()


def _memory() -> str:
    """What coordinator, scheduler and the largest of the workers hold in memory."""
    held: dict[str, float] = {}
    for process in (psutil.Process(), *psutil.Process().children()):
        command = " ".join(process.cmdline())
        kind = next((kind for kind in ("dask_scheduler", "dask_worker") if kind in command), "")
        if kind or process.pid == os.getpid():
            held[kind] = max(held.get(kind, 0.0), process.memory_info().rss / _MB)
    return f"{held['']:10.1f} MB {held['dask_scheduler']:10.1f} MB {held['dask_worker']:12.1f} MB"


def _graded(opened: OpenCourse, place: Workplace) -> Iterator[object]:
    with opened.database() as database:
        plan = grade.plan_grade(opened, database, grade.GradeRequest())
        yield from grade.carry_out(opened, database, plan, place)


def _seconds_each(tasks: Sequence[Task], place: Workplace) -> float:
    """From one result to the next, once workers have begun."""
    times = []
    for result in run(tasks, waiting, place):
        assert isinstance(result, Done)
        times.append(time.perf_counter())
    return (times[-1] - times[_FIRST]) / (len(times) - 1 - _FIRST)


def _writer_rate(opened: OpenCourse) -> float:
    """How many outcomes a second become durable files and rows when they need not be waited for."""
    outcomes = _recorded(os.environ[_RECORDED]).outcomes
    with opened.database() as database:
        plan = grade.plan_grade(opened, database, grade.GradeRequest())
        list(grade._begin_assignment(opened, database, plan.assignments[0], plan.engine))
        results = list(_results(plan, outcomes))
        began = time.perf_counter()
        for result in overlapped(results, lambda result: grade._written(opened, result)):
            grade._record(database, result.result, plan.engine, result.job.attempts[0], key=result.job.key)
        return len(results) / (time.perf_counter() - began)


def _results(plan: grade.GradePlan, outcomes: Sequence[Graded | Rejected]) -> Iterator[Done[Task, Graded | Rejected]]:
    for number, job in enumerate(plan.jobs):
        submission = Submission(job.student_id, job.assignment, {}, "")
        task = Task((submission,), job.key, Path(), plan.engine, ())
        yield Done(task, replace(outcomes[number % len(outcomes)], student_id=job.student_id))


if __name__ == "__main__":
    from benchmarks.cluster import main as begin  # by its name, by which workers know it

    begin()
