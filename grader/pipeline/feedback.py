"""Feedback: a page a notebook and an index a student, made anew only where something changed."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from grader import __version__
from grader.errors import StoreError
from grader.feedback import (
    AssignmentRow,
    IndexPage,
    NotebookPage,
    render_index_page,
    render_notebook_page,
)
from grader.gradebook import ItemGrade, Status, StudentGrade, explain, shown
from grader.grading import NOTEBOOK
from grader.model import Bundle, Notebook
from grader.notebook import read, redact, redact_unexecuted
from grader.pipeline import pool
from grader.pipeline.bundle import Skipped, load_bundle, skipped
from grader.pipeline.feedback_scores import Mine, marks_by_student, question_scores
from grader.pipeline.gradebook import build, notebook_totals
from grader.pipeline.overlap import overlapped
from grader.pipeline.pool import Done, Failed, Workers, run
from grader.store import NotebookFacts, OutcomeRow, OutcomeStatus

if TYPE_CHECKING:
    from grader.config import Assignment
    from grader.model import Student
    from grader.pipeline.course import OpenCourse
    from grader.store import Database
    from grader.store import QuestionScore as StoredQuestion

PRELOAD = ("grader.notebook.formats", "grader.pipeline.feedback", "grader.feedback.render", "grader.notebook.redact")
_MEMORY = "feedback.json"
_AT = "%d %B %Y, %H:%M %Z"


@dataclass(frozen=True, slots=True)
class PageJob:
    """One page to write: all that it says, but for the notebook itself, which is read when its turn comes."""

    page: NotebookPage
    assignment: str
    digest: str
    """Of everything that goes into the page."""

    @property
    def path(self) -> str:
        """Below `feedback/`."""
        return f"{self.page.student_id}/{self.assignment}/{self.page.notebook_name}.html"


@dataclass(frozen=True, slots=True)
class IndexJob:
    """One student's index to write."""

    page: IndexPage
    digest: str

    @property
    def path(self) -> str:
        """Below `feedback/`."""
        return f"{self.page.student_id}/index.html"


@dataclass(frozen=True, slots=True)
class FeedbackPlan:
    """The pages that differ from what stands."""

    jobs: tuple[PageJob, ...]
    unchanged: int
    indexes: tuple[IndexJob, ...]
    """Those that differ, too."""
    bundles: Mapping[str, Bundle]
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """A page that stands, by its path below `feedback/`."""

    path: str


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A page that could not be made, through a fault of ours."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Task:
    """What a worker needs to render one page."""

    job: PageJob
    autograded: bytes | None
    """None where somebody removed it."""
    instructor: Notebook


def foresee(opened: OpenCourse) -> None:
    """Where scores seem to be newer than the pages, let workers begin to start before the plan is made."""
    if opened.database_file is not None:
        pool.foresee(PRELOAD, opened.database_file, opened.folder.private / _MEMORY)


def plan_feedback(opened: OpenCourse, database: Database, names: Iterable[str], *, force: bool = False) -> FeedbackPlan:
    """Compare what every page would say with what the pages that stand were made from."""
    chosen = opened.course.chosen(names)
    left_out = {a.name: reason for a in chosen if (reason := skipped(a))}
    bundles = {a.name: load_bundle(opened, a) for a in chosen if a.name not in left_out}
    remembered = {} if force else _remembered(opened)
    jobs = [job for a in chosen if a.name in bundles for job in _page_jobs(opened, database, a, bundles[a.name])]
    changed = tuple(job for job in jobs if not _stands(opened, job, remembered))
    indexes = (IndexJob(page, _digest(page)) for page in _indexes(opened, database))
    return FeedbackPlan(
        jobs=changed,
        unchanged=len(jobs) - len(changed),
        indexes=tuple(job for job in indexes if not _stands(opened, job, remembered)),
        bundles=bundles,
        skipped=tuple(left_out.values()),
    )


def _stands(opened: OpenCourse, job: PageJob | IndexJob, remembered: Mapping[str, str]) -> bool:
    return remembered.get(job.path) == job.digest and (opened.folder.feedback / job.path).is_file()


def carry_out(opened: OpenCourse, plan: FeedbackPlan, workers: int) -> Iterator[Written | Unwritten]:
    """Render and write the pages of the plan, and the index of every student whose index changed."""
    if not plan.jobs and not plan.indexes:
        return
    remembered = _remembered(opened)
    try:
        if plan.jobs:
            results = run(
                (_task(opened, plan, job) for job in plan.jobs),
                _render,
                Workers(min(workers, len(plan.jobs)), PRELOAD),
            )
            for result in overlapped(results, lambda result: _kept(opened, result)):
                match result:
                    case Done(task):
                        remembered[task.job.path] = task.job.digest
                        yield Written(task.job.path)
                    case Failed(task, reason):
                        yield Unwritten(task.job.path, reason)
        for index in overlapped(plan.indexes, lambda index: _write_index(opened, index)):
            remembered[index.path] = index.digest
    finally:
        _remember(opened, remembered)


def _kept(opened: OpenCourse, result: Done[_Task, str] | Failed[_Task]) -> Done[_Task, str] | Failed[_Task]:
    if isinstance(result, Done):
        _write(opened, result.job.job, result.result)
    return result


def _write_index(opened: OpenCourse, index: IndexJob) -> IndexJob:
    opened.folder.write_feedback_index(index.page.student_id, render_index_page(index.page))
    return index


def _render(task: _Task) -> str:
    job = task.job
    if task.autograded is None:
        again = f"grader grade {job.assignment} --student {job.page.student_id} --force"
        raise StoreError(f"the graded notebook is gone; make it again with: {again}")
    notebook = read(task.autograded, job.page.notebook_name).notebook
    hide = redact if job.page.executed else redact_unexecuted
    return render_notebook_page(replace(job.page, notebook=hide(notebook, task.instructor)))


def _task(opened: OpenCourse, plan: FeedbackPlan, job: PageJob) -> _Task:
    name = job.page.notebook_name
    path = opened.folder.autograded_of(job.page.student_id, job.assignment) / f"{name}{NOTEBOOK}"
    try:
        autograded = path.read_bytes()
    except OSError:
        autograded = None
    return _Task(job, autograded, plan.bundles[job.assignment].sources[name])


def _write(opened: OpenCourse, job: PageJob, html: str) -> None:
    opened.folder.write_page(job.path, html)


def _remembered(opened: OpenCourse) -> dict[str, str]:
    """What the pages that stand were made from; lost or damaged, they are simply made again."""
    try:
        known = json.loads((opened.folder.private / _MEMORY).read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(opened: OpenCourse, remembered: Mapping[str, str]) -> None:
    opened.folder.write_private(_MEMORY, json.dumps(remembered, sort_keys=True))


def preview(opened: OpenCourse, database: Database, student_id: str, assignment: str) -> Mapping[str, str]:
    """The pages of one submission as its student would see them now, by notebook; nothing is written."""
    (chosen,) = opened.course.chosen([assignment])
    bundle = load_bundle(opened, chosen)
    plan = FeedbackPlan((), 0, (), {assignment: bundle})
    jobs = [job for job in _page_jobs(opened, database, chosen, bundle) if job.page.student_id == student_id]
    return {job.page.notebook_name: _render(_task(opened, plan, job)) for job in jobs}


def _page_jobs(opened: OpenCourse, database: Database, assignment: Assignment, bundle: Bundle) -> Iterator[PageJob]:
    students = {student.student_id: student for student in opened.students}
    questions: dict[tuple[str, str], list[StoredQuestion]] = defaultdict(list)
    for question in database.question_scores(assignment.name):
        questions[question.student_id, question.notebook].append(question)
    marks = marks_by_student(database, assignment.name)
    for row in database.outcomes(assignment.name):
        if row.status not in {OutcomeStatus.GRADED, OutcomeStatus.REJECTED} or row.student_id not in students:
            continue
        for facts in row.notebooks:
            if facts.name in bundle.sources:
                mine = Mine(questions[row.student_id, facts.name], marks.get(row.student_id, {}))
                page = _page(opened, assignment, bundle, students[row.student_id], row, facts, mine)
                yield PageJob(page, assignment.name, _digest(page, row.key, bundle.digest))


def _page(  # noqa: PLR0913, PLR0917 - the student's row, seen from every side
    opened: OpenCourse,
    assignment: Assignment,
    bundle: Bundle,
    student: Student,
    row: OutcomeRow,
    facts: NotebookFacts,
    mine: Mine,
) -> NotebookPage:
    total = notebook_totals(mine.questions).get(student.student_id)
    return NotebookPage(
        course_title=opened.course.title,
        assignment_title=assignment.title,
        student_name=student.name,
        student_id=student.student_id,
        notebook_name=facts.name,
        notebook={},
        questions=question_scores(bundle.sources[facts.name], facts, mine),
        score=float(total.score) if total else 0.0,
        max_score=float(total.max_score) if total else 0.0,
        repairs=facts.repairs,
        incidents=facts.incidents,
        rejection=facts.rejection,
        late=late_words(assignment, row.timestamp),
        graded_at=f"{row.finished_at.astimezone(opened.course.zone):{_AT}}",
        index_href="../index.html",
        executed=assignment.execute,
    )


def late_words(assignment: Assignment, handed_in: datetime | None) -> str | None:
    """By how much it was late, in a sentence; None where it was not."""
    if assignment.due is None or handed_in is None or handed_in <= assignment.due:
        return None
    minutes = int((handed_in - assignment.due).total_seconds() // 60)
    days, hours = minutes // 1440, minutes % 1440 // 60
    parts = [f"{days} d"] if days else []
    parts += [f"{hours} h"] if hours else []
    parts += [f"{minutes % 60} min"] if not days else []
    return f"Handed in {' '.join(parts)} late."


def _digest(page: NotebookPage | IndexPage, *more: str) -> str:
    return hashlib.sha256("\0".join([repr(page), *more, __version__]).encode("utf-8", "surrogatepass")).hexdigest()


def _indexes(opened: OpenCourse, database: Database) -> Iterator[IndexPage]:
    book = build(opened, database)
    outcomes = {(row.student_id, row.assignment): row for row in database.outcomes()}
    comments = {(stored.score.student_id, stored.item): stored.score.comment for stored in database.scores()}
    for row in book.rows:
        student = row.student
        yield IndexPage(
            course_title=opened.course.title,
            student_name=student.name,
            student_id=student.student_id,
            rows=tuple(
                _index_row(
                    opened,
                    opened.course.assignments[name],
                    grade,
                    outcomes.get((student.student_id, name)),
                    comments.get((student.student_id, name), ""),
                )
                for name, grade in row.items.items()
            ),
            totals=_totals(row),
            explanation=explain(book, student.student_id, grade="current" if row.ungraded else "final"),
        )


def _index_row(
    opened: OpenCourse, assignment: Assignment, grade: ItemGrade, outcome: OutcomeRow | None, comment: str
) -> AssignmentRow:
    notebooks = outcome.notebooks if outcome else ()
    return AssignmentRow(
        title=assignment.title,
        category=assignment.category,
        status=_status(grade, outcome),
        score=None if grade.score is None else float(grade.score),
        max_score=float(grade.item.points),
        waiting=grade.status is Status.WAITING,
        links=tuple((facts.name, f"{assignment.name}/{facts.name}.html") for facts in notebooks),
        due=f"{assignment.due.astimezone(opened.course.zone):{_AT}}" if assignment.due else None,
        late=late_words(assignment, outcome.timestamp) if outcome else None,
        comment=comment,
    )


def _status(grade: ItemGrade, outcome: OutcomeRow | None) -> str:
    if outcome and outcome.status is OutcomeStatus.REJECTED:
        return f"could not be read: {outcome.reason}"
    if outcome and outcome.status is OutcomeStatus.FAULTED:
        return "not graded yet"
    words = {
        Status.GRADED: "graded",
        Status.WAITING: f"{grade.waiting} to be graded by a person",
        Status.MISSING: "nothing handed in",
        Status.EXCUSED: "excused",
        Status.NOT_DUE: "not due yet",
        Status.UNGRADED: "not graded yet",
    }
    return words[grade.status]


def _totals(row: StudentGrade) -> tuple[tuple[str, str], ...]:
    current = row.current.total
    so_far = (("Total so far", f"{shown(current, 1)} %"),) if current is not None else ()
    categories = (
        (name, f"{shown(100 * grade.fraction, 1)} %")
        for name, grade in row.current.categories.items()
        if grade.fraction is not None
    )
    return (*so_far, *categories)
