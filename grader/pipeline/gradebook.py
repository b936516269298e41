"""The weighted gradebook, from whatever the database knows now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from grader.gradebook import (
    Explanation,
    Exported,
    Gradebook,
    Item,
    ItemScore,
    Policies,
    Status,
    compute,
    exact,
    explain,
    to_csv,
    to_json,
    to_page,
    to_workbook,
    total,
)
from grader.gradebook import export as to_system
from grader.grading import NOTEBOOK
from grader.notebook import points_cells, read
from grader.pipeline.scores import gradebook_item, item_score
from grader.store import AuditRow, OutcomeStatus, atomic_write

if TYPE_CHECKING:
    from grader.config import Assignment
    from grader.pipeline.course import OpenCourse
    from grader.store import Database, QuestionScore


@dataclass(frozen=True, slots=True)
class NotebookTotal:
    """One student's points in one notebook assignment."""

    score: Fraction
    max_score: Fraction
    waiting: int
    late_penalty: Fraction


def build(
    opened: OpenCourse, database: Database, *, policies: Policies | None = None, as_of: datetime | None = None
) -> Gradebook:
    """The gradebook of everybody on the roster and everybody who handed in.

    Under the course's policies, or others; as it was on a day, as far as the audit trail reaches: scores that came in
    later are taken back (points that a person gave in a notebook are as they are now).
    """
    items = tuple(_item(opened, assignment) for assignment in opened.course.assignments.values())
    scores: dict[str, dict[str, ItemScore]] = defaultdict(dict)
    for assignment in opened.course.assignments.values():
        for student_id, score in _scores(database, assignment).items():
            scores[student_id][assignment.name] = score
    if as_of is not None:
        _take_back(scores, database.audit(), as_of)
    students = opened.students
    known = {student.student_id for student in students}
    of_class = {student_id: row for student_id, row in scores.items() if student_id in known}
    return compute(policies or opened.course.policies, students, items, of_class, as_of=as_of)


def write(opened: OpenCourse, gradebook: Gradebook, target: Path | None = None) -> Path:
    """Write the gradebook's CSV whole, to `gradebook.csv` of the course unless told otherwise."""
    path = target or opened.folder.gradebook
    atomic_write(path, to_csv(gradebook))
    return path


def _take_back(scores: dict[str, dict[str, ItemScore]], changes: Iterable[AuditRow], as_of: datetime) -> None:
    """Undo the changes after a moment: what a score was is what stood before the first of them."""
    seen = set()
    for change in changes:
        if change.time <= as_of or (change.student_id, change.item) in seen:
            continue
        seen.add((change.student_id, change.item))
        before = _told(change.before)
        if before is None:
            scores[change.student_id].pop(change.item, None)
        else:
            scores[change.student_id][change.item] = before


def _told(text: str | None) -> ItemScore | None:
    """A score as the audit trail writes it: `8`, `8 of 10`, `excused`, `missing`."""
    if text is None:
        return None
    if text in {Status.EXCUSED, Status.MISSING}:
        return ItemScore(None, Status(text))
    score, _, most = text.partition(" of ")
    return ItemScore(exact(score), max_score=exact(most) if most else None)


def notebook_totals(rows: Iterable[QuestionScore]) -> dict[str, NotebookTotal]:
    """Points by student, of the questions of one assignment or one notebook."""
    by_student: dict[str, list[QuestionScore]] = defaultdict(list)
    for row in rows:
        by_student[row.student_id].append(row)
    return {student_id: _total(of_student) for student_id, of_student in by_student.items()}


def _total(rows: list[QuestionScore]) -> NotebookTotal:
    penalties = {row.notebook: exact(row.late_penalty) for row in rows}
    points: dict[str, list[Fraction]] = defaultdict(list)
    for row in rows:
        points[row.notebook].append(exact(row.score))
    return NotebookTotal(
        score=total(max(Fraction(0), total(points[name]) - penalties[name]) for name in penalties),
        max_score=total(exact(row.max_score) for row in rows),
        waiting=sum(row.needs_manual for row in rows),
        late_penalty=total(penalties.values()),
    )


def _scores(database: Database, assignment: Assignment) -> dict[str, ItemScore]:
    if not assignment.has_notebooks:
        return {stored.score.student_id: item_score(stored) for stored in database.scores(assignment.name)}
    outcomes = {row.student_id: row for row in database.outcomes(assignment.name)}
    graded = {
        student_id: ItemScore(
            points.score,
            Status.WAITING if points.waiting else Status.GRADED,
            waiting=points.waiting,
            submitted=outcomes[student_id].timestamp if student_id in outcomes else None,
        )
        for student_id, points in notebook_totals(database.question_scores(assignment.name)).items()
    }
    missing = {
        student_id: ItemScore(None, Status.MISSING)
        for student_id, row in outcomes.items()
        if row.status is OutcomeStatus.MISSING
    }
    return missing | graded


def _item(opened: OpenCourse, assignment: Assignment) -> Item:
    if not assignment.has_notebooks:
        return gradebook_item(assignment, Fraction(assignment.points or 0))
    sources = (
        read(content, path).notebook
        for path, content in opened.folder.source_files(assignment.name).items()
        if path.endswith(NOTEBOOK) and "/" not in path
    )
    points = sum((exact(cell.max_score) for source in sources for cell in points_cells(source)), Fraction(0))
    return gradebook_item(assignment, points)


def export(
    opened: OpenCourse, gradebook: Gradebook, kind: str, columns: Sequence[str] = (), template: Path | None = None
) -> Exported:
    """The gradebook in a format: ours, a learning system's, a workbook, a page or JSON."""
    match kind:
        case "csv":
            return Exported(to_csv(gradebook).encode())
        case "json":
            return Exported(to_json(gradebook).encode())
        case "html":
            return Exported(to_page(gradebook, opened.course.title).encode())
        case "xlsx":
            return Exported(to_workbook(gradebook))
    given = None if template is None else template.read_bytes()
    return to_system(gradebook, kind, columns, template=given, template_name=template.name if template else "")


def explanation(
    opened: OpenCourse, database: Database, student_id: str, *, grade: Literal["final", "current"] = "final"
) -> Explanation:
    """From the total of one student down to each cell, in sentences whose numbers add up."""
    return explain(build(opened, database), student_id, grade=grade)


@dataclass(frozen=True, slots=True)
class QuestionLine:
    """What one student has in one question of a notebook, and why."""

    assignment: str
    title: str
    score: float
    max_score: float
    waiting: bool
    reason: str


def questions(opened: OpenCourse, database: Database, student_id: str) -> tuple[QuestionLine, ...]:
    """Every question of every notebook that the student handed in, with the reason for its points."""
    reasons = {
        (row.assignment, facts.name, grade_id): reason
        for row in database.outcomes(student_id=student_id)
        for facts in row.notebooks
        for grade_id, reason in facts.reasons.items()
    }
    return tuple(
        QuestionLine(
            row.assignment,
            f"{row.notebook}: {row.grade_id}",
            row.score,
            row.max_score,
            row.needs_manual,
            " ".join(filter(None, (reasons.get((row.assignment, row.notebook, row.grade_id)), row.comment))),
        )
        for row in database.question_scores(student_id=student_id)
        if row.assignment in opened.course.assignments
    )
