"""CPU of everything but execution, part by part: `python benchmarks/overhead.py [STUDENTS]`.

A small class is graded first; then each part of the pipeline does its work again in this process, with the executed
notebooks at hand instead of a kernel, and its CPU time is taken.
"""

# ruff: noqa: SLF001 - it measures the parts of the pipeline one by one
from __future__ import annotations

import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.workloads import ASSIGNMENT, small_numpy, write_course
from grader.execution import open_engine
from grader.grading import grade_submission
from grader.model import Executed, Files, Limits, Notebook, Outcome, Submission
from grader.notebook import imported_modules
from grader.pipeline import feedback, grade, gradebook
from grader.pipeline.bundle import load_bundle
from grader.pipeline.course import OpenCourse, open_course
from grader.pipeline.pool import Done
from grader.pipeline.worker import EngineChoice, Task
from grader.store import Database

_FIRST = 5


class Clock:
    """CPU seconds of each time that a part was done."""

    def __init__(self) -> None:
        self._spent: dict[str, list[float]] = {}

    def add(self, part: str, work: Callable[[], Any]) -> Any:
        """Do some work on account of a part, and give what it gives."""
        began = time.process_time()
        found = work()
        self._spent.setdefault(part, []).append(time.process_time() - began)
        return found

    def milliseconds(self, students: int) -> Mapping[str, float]:
        """CPU milliseconds a submission, by part; the first few times, which import modules, are start-up."""
        return {part: 1000 * _mean(times) * len(times) / students for part, times in self._spent.items()}


def _mean(times: Sequence[float]) -> float:
    warm = times[_FIRST:] or times
    return sum(warm) / len(warm)


def overhead(students: int = 100) -> Mapping[str, float]:
    """CPU milliseconds a submission of every part but execution."""
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as folder:
        root = Path(folder)
        write_course(root, small_numpy(), students)
        clock = Clock()
        _measure(open_course(root), clock)
        return clock.milliseconds(students)


def _measure(opened: OpenCourse, clock: Clock) -> None:
    (assignment,) = opened.course.chosen([ASSIGNMENT])
    bundle = load_bundle(opened, assignment)
    executed = iter(list(_executed(opened)))

    def replay(notebook: Notebook, files: Files, limits: Limits, *more: Any) -> Executed:  # noqa: ARG001 - model.Execute
        return next(executed)

    with opened.database() as database:
        plan = grade.plan_grade(opened, database, grade.GradeRequest())
        list(grade._begin_assignment(opened, database, plan.assignments[0], EngineChoice()))
        for job in plan.jobs:
            attempts = clock.add("read the submission", lambda job=job: _attempts(opened, job))
            task = Task(attempts, job.key, opened.folder.root, EngineChoice(), ())
            clock.add("hand over", lambda task=task: pickle.loads(pickle.dumps(task)))
            outcome = clock.add(
                "read, restore, score", lambda task=task: grade_submission(task.attempts[0], bundle, replay)
            )
            given = clock.add("hand over", lambda outcome=outcome: pickle.loads(pickle.dumps(outcome)))
            clock.add("write", lambda task=task, given=given: grade._written(opened, Done(task, given)))
            clock.add("record", lambda task=task, given=given: _record(database, task, given))
        pages = clock.add("feedback: plan", lambda: feedback.plan_feedback(opened, database, ()))
        for job in pages.jobs:
            task = clock.add("hand over", lambda job=job: feedback._task(opened, pages, job))
            html = clock.add("feedback: render", lambda task=task: feedback._render(task))
            clock.add("feedback: write", lambda job=job, html=html: feedback._write(opened, job, html))
        for index in pages.indexes:
            clock.add("feedback: index", lambda index=index: feedback._write_index(opened, index))
        clock.add("gradebook", lambda: gradebook.write(opened, gradebook.build(opened, database), None))


def _attempts(opened: OpenCourse, job: grade.GradeJob) -> tuple[Submission, ...]:
    return grade._attempts(opened, job.student_id, job.assignment)


def _record(database: Database, task: Task, given: Outcome) -> None:
    grade._record(database, given, task.engine, task.attempts[0], key=task.key)


def _executed(opened: OpenCourse) -> Iterator[Executed]:
    """What execution gives for everybody, in order."""
    (assignment,) = opened.course.chosen([ASSIGNMENT])
    bundle = load_bundle(opened, assignment)
    found: list[Executed] = []
    with open_engine("auto", preload=imported_modules(bundle.sources.values())) as engine:

        def keep(notebook: Notebook, files: Files, limits: Limits, *more: Any) -> Executed:
            found.append(engine.execute(notebook, files, limits, *more))
            return found[-1]

        for student in opened.folder.submitters(ASSIGNMENT):
            submission = opened.folder.read_submission(student, ASSIGNMENT)
            assert submission is not None
            grade_submission(submission, bundle, keep)
            yield found.pop()


if __name__ == "__main__":
    spent = overhead(*(int(argument) for argument in sys.argv[1:]))
    for part, milliseconds in spent.items():
        print(f"{part:24} {milliseconds:6.2f} ms")
    print(f"{'together':24} {sum(spent.values()):6.2f} ms")
