"""Grading a class: what has to be done is planned from hashes, done by workers, and kept row by row."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from grader import __version__
from grader.errors import ConfigError, GraderError
from grader.grading import NOTEBOOK
from grader.model import Bundle, Faulted, Graded, Missing, Outcome, Rejected, Submission
from grader.notebook import dump, imported_modules
from grader.pipeline import pool
from grader.pipeline.bundle import Skipped, load_bundle, skipped
from grader.pipeline.environments import settings
from grader.pipeline.overlap import overlapped
from grader.pipeline.oversight import Overseer
from grader.pipeline.pool import Done, Failed, Workers, Workplace, run
from grader.pipeline.worker import PRELOAD, EngineChoice, Task, grade_task, write_bundle
from grader.store import OutcomeStatus
from grader.text import escape

if TYPE_CHECKING:
    from grader.pipeline.course import OpenCourse
    from grader.store import Database

_SPARE_BYTES = 8_000_000
"""Beside results: what a database's log and a few temporary files take."""

Result = Done[Task, Graded | Rejected] | Failed[Task]


@dataclass(frozen=True, slots=True)
class GradeJob:
    """One submission that has to be graded, and the key under which its result will be known."""

    student_id: str
    assignment: str
    key: str
    outdated: str = ""
    """What has changed, where nothing but environment or engine makes a result that stood stand no more."""


@dataclass(frozen=True, slots=True)
class AssignmentPlan:
    """What has to be done for one assignment."""

    bundle: Bundle
    jobs: tuple[GradeJob, ...]
    unchanged: tuple[str, ...]
    """Students whose result stands."""
    missing: tuple[str, ...]
    """Students on the roster who handed in nothing."""


@dataclass(frozen=True, slots=True)
class GradePlan:
    """What a run of `grader grade` has to do."""

    assignments: tuple[AssignmentPlan, ...]
    skipped: tuple[Skipped, ...] = ()
    engine: EngineChoice = field(default_factory=EngineChoice)

    @property
    def jobs(self) -> tuple[GradeJob, ...]:
        """Every submission to grade, assignment by assignment."""
        return tuple(job for planned in self.assignments for job in planned.jobs)


@dataclass(frozen=True, slots=True)
class GradeRequest:
    """What the user asked to be graded."""

    assignments: tuple[str, ...] = ()
    students: tuple[str, ...] = ()
    force: bool = False
    engine: EngineChoice = field(default_factory=EngineChoice)


def foresee(opened: OpenCourse) -> None:
    """Where something seems to have come in since the last run, let workers begin to start before the plan is made."""
    pool.foresee(PRELOAD, opened.folder.submissions, opened.database_file)


def plan_grade(opened: OpenCourse, database: Database, request: GradeRequest) -> GradePlan:
    """Compare the keys of all submissions with those of the results that stand."""
    _refuse_unknown_students(opened, request.students)
    chosen = opened.course.chosen(request.assignments)
    not_possible = {a.name: reason for a in chosen if (reason := skipped(a))}
    return GradePlan(
        assignments=tuple(
            _plan_assignment(opened, database, load_bundle(opened, a), request)
            for a in chosen
            if a.name not in not_possible
        ),
        skipped=tuple(not_possible.values()),
        engine=request.engine,
    )


def carry_out(
    opened: OpenCourse,
    database: Database,
    plan: GradePlan,
    workers: int | Workplace,
    overseer: Overseer | None = None,
) -> Iterator[Outcome]:
    """Grade what is planned, yielding each outcome once its files and its row stand.

    `workers` are so many processes here, or workers elsewhere; where `overseer` asks for an end, only what has begun is
    finished. Raises before anything is run: `SandboxError` if there is no sandbox here to run it in, `StoreError` if
    the disk has clearly too little room for the results.
    """
    if plan.jobs and plan.engine.sandbox and isinstance(workers, int):
        from grader.execution import find_sandbox

        find_sandbox()
    opened.folder.refuse_too_full(_least_bytes(plan))
    opened.keep_snapshot("grade")
    if plan.jobs:
        settings(opened.folder, plan.engine).remember(opened.folder)
    database.sync_students(opened.students)
    for planned in plan.assignments:
        yield from _begin_assignment(opened, database, planned, plan.engine)
    if not plan.jobs:
        return
    with opened.folder.scratch() as private:
        tasks = _tasks(opened, plan, private)
        where = Workers(min(workers, len(plan.jobs)), PRELOAD) if isinstance(workers, int) else workers
        results = run(tasks, grade_task, where, overseer)
        for result in overlapped(results, lambda result: _written(opened, result)):
            match result:
                case Done(task, outcome):
                    attempt = outcome.attempt if isinstance(outcome, Graded) else 0
                    _record(database, outcome, plan.engine, task.attempts[attempt], key=task.key)
                    yield outcome
                case Failed(task, reason):
                    fault = Faulted(task.attempts[0].student_id, task.attempts[0].assignment, reason)
                    _record(database, fault, plan.engine, task.attempts[0])
                    yield fault


def _least_bytes(plan: GradePlan) -> int:
    """What the results take at least: each submission's notebooks are rebuilt from the instructor's."""
    sizes = ((sum(len(dump(n)) for n in planned.bundle.releases.values()), planned) for planned in plan.assignments)
    needed = sum(size * len(planned.jobs) for size, planned in sizes)
    return needed + _SPARE_BYTES if needed else 0


def default_workers() -> int:
    """As many as this process may use processors."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _refuse_unknown_students(opened: OpenCourse, ids: Iterable[str]) -> None:
    known = dict.fromkeys(student.student_id for student in opened.students)
    if unknown := [student_id for student_id in ids if student_id not in known]:
        raise ConfigError(*(_unknown_student(student_id, [*known]) for student_id in unknown))


def _unknown_student(student_id: str, known: list[str]) -> str:
    close = difflib.get_close_matches(student_id, known, n=1)
    hint = f'did you mean "{close[0]}"?' if close else "ids are as in roster.csv and submitted/"
    return f'there is no student "{escape(student_id)}": {hint}'


def _plan_assignment(opened: OpenCourse, database: Database, bundle: Bundle, request: GradeRequest) -> AssignmentPlan:
    known = {} if request.force else database.keys(bundle.assignment)
    handed_in = opened.folder.submitters(bundle.assignment)
    wanted = set(request.students) or {*handed_in, *(s.student_id for s in opened.roster or ())}
    setting = settings(opened.folder, request.engine)
    jobs, unchanged = [], []
    for student_id in handed_in:
        if student_id not in wanted:
            continue
        key_under = partial(result_key, _attempts(opened, student_id, bundle.assignment), bundle)
        key, before = key_under(str(setting.now)), known.get(student_id)
        if before == key:
            unchanged.append(student_id)
        else:
            why = setting.why_outdated(before, key_under) if before else ""
            jobs.append(GradeJob(student_id, bundle.assignment, key, why))
    missing = tuple(sorted(wanted - set(handed_in)))
    return AssignmentPlan(bundle, tuple(jobs), tuple(unchanged), missing)


def result_key(attempts: Sequence[Submission], bundle: Bundle, setting: str) -> str:
    """The hash of all that a result depends on."""
    work = [part for attempt in attempts for part in (attempt.digest, str(attempt.timestamp))]
    parts = [*work, bundle.digest, setting, __version__]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _begin_assignment(
    opened: OpenCourse, database: Database, planned: AssignmentPlan, engine: EngineChoice
) -> Iterator[Missing]:
    """Make the database know the assignment, and who has nothing in it."""
    bundle = planned.bundle
    notebooks = {name: (source, bundle.releases[name]) for name, source in bundle.sources.items()}
    database.sync_assignment(
        bundle.assignment, due=opened.course.assignments[bundle.assignment].due, notebooks=notebooks
    )
    known = _known_as_missing(database, bundle.assignment) if planned.missing else set()
    for student_id in planned.missing:
        missing = Missing(student_id, bundle.assignment)
        if student_id not in known:
            _record(database, missing, engine)
        yield missing


def _known_as_missing(database: Database, assignment: str) -> set[str]:
    """Whose row says so already: a run that finds nothing new leaves the database as it is."""
    return {row.student_id for row in database.outcomes(assignment) if row.status is OutcomeStatus.MISSING}


def _tasks(opened: OpenCourse, plan: GradePlan, private: Path) -> Iterator[Task]:
    """What workers are handed, one by one: a submission is read when its turn comes."""
    modules = imported_modules(source for planned in plan.assignments for source in planned.bundle.sources.values())
    for planned in plan.assignments:
        file = write_bundle(planned.bundle, private) if planned.jobs else private
        for job in planned.jobs:
            yield Task(_attempts(opened, job.student_id, job.assignment), job.key, file, plan.engine, modules)


def _written(opened: OpenCourse, result: Result) -> Result:
    """Write the graded notebooks, synced: only then is the row committed that says they stand."""
    if isinstance(result, Done):
        outcome = result.result
        files = {f"{graded.name}{NOTEBOOK}": dump(graded.notebook).encode() for graded in outcome.notebooks}
        opened.folder.write_autograded(outcome.student_id, outcome.assignment, files)
    return result


def _record(
    database: Database, outcome: Outcome, engine: EngineChoice, submission: Submission | None = None, key: str = ""
) -> None:
    database.record(
        outcome,
        key=key,
        engine=str(engine),
        timestamp=submission.timestamp if submission else None,
        finished_at=datetime.now(UTC),
        problems=submission.problems if submission else (),
    )


def _attempts(opened: OpenCourse, student_id: str, assignment: str) -> tuple[Submission, ...]:
    """What counts of a student's work; where the best attempt counts, all of them, the latest first."""
    submission = opened.folder.read_submission(student_id, assignment)
    if submission is None:
        raise GraderError(f"submitted/{student_id}/{assignment} was removed while grading; run this again")
    if opened.course.assignments[assignment].attempts != "best":
        return (submission,)
    return (submission, *opened.folder.read_attempts(student_id, assignment))
