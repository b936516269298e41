"""The report for staff, gathered from the gradebook, the database and the instructor's notebooks."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from grader.gradebook import exact
from grader.grading import NOTEBOOK
from grader.notebook import points_cells, read
from grader.pipeline.gradebook import build
from grader.report import (
    AssignmentQuestions,
    Durations,
    Mark,
    Question,
    Remark,
    RemarkKind,
    Report,
    RiskRule,
    Waiting,
    absences,
    at_risk,
    figures,
    item_spreads,
    render_report,
    total_spread,
    trends_of,
)
from grader.store import NotebookFacts, OutcomeRow, OutcomeStatus, atomic_write

if TYPE_CHECKING:
    from grader.config import Assignment
    from grader.model import Student
    from grader.pipeline.course import OpenCourse
    from grader.store import Database, QuestionScore

Titles: TypeAlias = Mapping[tuple[str, str], str]
"""Of questions, by notebook and grade id."""
Found: TypeAlias = tuple[RemarkKind, str, str, Sequence[str]]
"""Kind, sentence, evidence and the notebooks that it is about."""
FILE = "report.html"
_AT = "%d %B %Y, %H:%M %Z"


@dataclass(frozen=True, slots=True)
class _Graded:
    """One assignment as it was graded."""

    assignment: Assignment
    questions: tuple[Question, ...]
    outcomes: Mapping[str, OutcomeRow]
    """By student, of the class alone."""
    scores: tuple[QuestionScore, ...]
    """Of submissions that could be read."""


def write(opened: OpenCourse, report: Report, target: Path | None = None) -> Path:
    """Write the page whole, to `report.html` of the course unless told otherwise."""
    path = target or opened.folder.root / FILE
    atomic_write(path, render_report(report))
    return path


def gather(
    opened: OpenCourse, database: Database, *, now: datetime, rule: RiskRule | None = None, beside: Path | None = None
) -> Report:
    """Everything that the report says, as of a moment: what is not due then is not missing.

    Links to feedback pages lead from `beside`, the folder of the report: the course's own unless told otherwise.
    """
    rule = rule or RiskRule()
    book = build(opened, database, as_of=now)
    students = {row.student.student_id: row.student for row in book.rows}
    graded = [_graded(opened, database, a, students) for a in opened.course.notebook_assignments]
    pages = _Pages(opened, beside or opened.folder.root)
    spreads = item_spreads(book, {one.assignment.name: _graded_points(one) for one in graded})
    return Report(
        course_title=opened.course.title,
        made_at=f"{now.astimezone(opened.course.zone):{_AT}}",
        zone=opened.course.zone,
        students=len(book.rows),
        total=total_spread(book),
        items=spreads,
        trends=trends_of(book, spreads),
        rule=rule,
        risks=at_risk(book, rule),
        absences=absences(book),
        waiting=tuple(row for one in graded for row in _waiting(opened, one)),
        questions=tuple(_questions(one) for one in graded if one.scores),
        durations=tuple(found for one in graded if (found := _durations(one, students, pages))),
        remarks=tuple(remark for one in graded for remark in _remarks(one, students, pages)),
    )


def questions_of(opened: OpenCourse, database: Database, assignment: Assignment) -> AssignmentQuestions:
    """The questions of one assignment, and how the class did in each."""
    students = {student.student_id: student for student in opened.students}
    return _questions(_graded(opened, database, assignment, students))


class _Pages:
    """Where feedback pages stand, seen from the report."""

    def __init__(self, opened: OpenCourse, beside: Path) -> None:
        self._feedback = opened.folder.feedback
        self._way = Path(os.path.relpath(self._feedback, beside.resolve())).as_posix()

    def __call__(self, row: OutcomeRow, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """Label and path of the pages of these notebooks, as far as they are written."""
        paths = ((name, f"{row.student_id}/{row.assignment}/{name}.html") for name in names)
        return tuple((name, f"{self._way}/{path}") for name, path in paths if (self._feedback / path).is_file())


def _graded(opened: OpenCourse, database: Database, assignment: Assignment, students: Mapping[str, Student]) -> _Graded:
    outcomes = {row.student_id: row for row in database.outcomes(assignment.name) if row.student_id in students}
    unread = {
        (row.student_id, facts.name)
        for row in outcomes.values()
        for facts in row.notebooks
        if facts.rejection or row.status is OutcomeStatus.REJECTED
    }
    scores = tuple(
        score
        for score in database.question_scores(assignment.name)
        if score.student_id in outcomes
        and outcomes[score.student_id].status is not OutcomeStatus.REJECTED
        and (score.student_id, score.notebook) not in unread
    )
    return _Graded(assignment, tuple(_cells(opened, assignment)), outcomes, scores)


def _cells(opened: OpenCourse, assignment: Assignment) -> Iterator[Question]:
    for path, content in sorted(opened.folder.source_files(assignment.name).items()):
        if path.endswith(NOTEBOOK) and "/" not in path:
            for cell in points_cells(read(content, path).notebook):
                yield Question(path.removesuffix(NOTEBOOK), cell.grade_id, cell.title, cell.max_score)


def _graded_points(graded: _Graded) -> Mapping[str, Fraction]:
    points: dict[str, Fraction] = defaultdict(Fraction)
    for score in graded.scores:
        if not score.needs_manual:
            points[score.student_id] += exact(score.max_score)
    return points


def _questions(graded: _Graded) -> AssignmentQuestions:
    marks = [Mark(s.student_id, s.notebook, s.grade_id, s.score, s.needs_manual) for s in graded.scores]
    worth = (question for question in graded.questions if question.max_score > 0)
    return AssignmentQuestions(graded.assignment.name, graded.assignment.title, figures(worth, marks))


def _waiting(opened: OpenCourse, graded: _Graded) -> Iterator[Waiting]:
    by_question: dict[tuple[str, str], list[QuestionScore]] = defaultdict(list)
    for score in graded.scores:
        by_question[score.notebook, score.grade_id].append(score)
    for question in graded.questions:
        scores = by_question[question.notebook, question.grade_id]
        open_ones = [score for score in scores if score.needs_manual]
        if open_ones:
            oldest = min(graded.outcomes[score.student_id].finished_at for score in open_ones)
            yield Waiting(
                assignment=graded.assignment.title,
                notebook=question.notebook,
                question=question.title,
                waiting=len(open_ones),
                graded=len(scores) - len(open_ones),
                since=f"{oldest.astimezone(opened.course.zone):{_AT}}",
            )


def _durations(graded: _Graded, students: Mapping[str, Student], pages: _Pages) -> Durations | None:
    times = {
        student_id: seconds
        for student_id, row in graded.outcomes.items()
        if (seconds := sum(facts.seconds for facts in row.notebooks)) > 0
    }
    if not times:
        return None
    slowest = max(times, key=lambda student_id: times[student_id])
    row = graded.outcomes[slowest]
    return Durations(
        assignment=graded.assignment.name,
        title=graded.assignment.title,
        seconds=tuple(times.values()),
        slowest=students[slowest],
        links=pages(row, (facts.name for facts in row.notebooks)),
    )


def _remarks(graded: _Graded, students: Mapping[str, Student], pages: _Pages) -> Iterator[Remark]:
    by_hand = {(score.student_id, score.notebook) for score in graded.scores if score.flagged}
    titles = {(question.notebook, question.grade_id): question.title for question in graded.questions}
    for row in graded.outcomes.values():
        flagged = [facts.name for facts in row.notebooks if (row.student_id, facts.name) in by_hand]
        for kind, sentence, evidence, names in _found(row, flagged, titles):
            yield Remark(kind, graded.assignment.title, students[row.student_id], sentence, evidence, pages(row, names))


def _found(row: OutcomeRow, flagged: Sequence[str], titles: Titles) -> Iterator[Found]:
    every = [facts.name for facts in row.notebooks]
    if row.status is OutcomeStatus.REJECTED:
        yield RemarkKind.REJECTED, row.reason, "", every
    elif row.status is OutcomeStatus.FAULTED:
        yield RemarkKind.FAULTED, row.reason, "", every
    for problem in row.problems:
        yield RemarkKind.PROBLEM, problem, "", every
    for name in flagged:
        yield RemarkKind.FLAG, "flagged by a person in the form grader", "", [name]
    for facts in row.notebooks:
        yield from _of_notebook(row, facts, titles)


def _of_notebook(row: OutcomeRow, facts: NotebookFacts, titles: Titles) -> Iterator[Found]:
    if facts.rejection and row.status is not OutcomeStatus.REJECTED:
        yield RemarkKind.REJECTED, facts.rejection, "", [facts.name]
    for flag in facts.flags:
        yield RemarkKind.FLAG, flag.sentence, flag.evidence, [facts.name]
    for incident in facts.incidents:
        place = titles.get((facts.name, incident.grade_id or ""), f"Cell {incident.cell + 1}")
        yield RemarkKind.LIMIT, f"{place}: {incident.sentence}", "", [facts.name]
    for repair in facts.repairs:
        yield RemarkKind.REPAIR, repair.sentence, "", [facts.name]
