"""What the course pages show, worked out from what the pipeline tells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from grader.gradebook import Gradebook, ItemGrade, Status, StudentGrade
from grader.report import QuestionFigures, summary
from grader.review.drawing import DotPlot, Histogram, Part, dot_plot, histogram, parts

if TYPE_CHECKING:
    from grader.config import Assignment
    from grader.gradebook import Item
    from grader.pipeline.queue import QuestionProgress
    from grader.pipeline.status import AssignmentStatus, SubmissionStatus
    from grader.store import QuestionScore

_STATES = (
    ("graded", "full", "graded"),
    ("waiting", "waiting", "waiting for a person"),
    ("to grade", "todo", "to be run"),
    ("faulted", "fault", "not graded through a fault"),
    ("rejected", "zero", "rejected"),
    ("missing", "none", "missing"),
)
_LEVELS = 10
GradedPoints: TypeAlias = Mapping[tuple[str, str], float]
"""By assignment and student, how many of its points are graded."""


@dataclass(frozen=True, slots=True)
class Overview:
    """How one assignment stands."""

    assignment: Assignment
    parts: tuple[Part, ...]
    students: int
    waiting: int
    """Answers that wait for a person."""
    flagged: int
    limited: int
    repaired: int
    mean: float | None
    spread: Histogram | None

    @property
    def alt(self) -> str:
        """The bar in words."""
        return f"Of {self.students}: " + ", ".join(f"{part.count} {part.words}" for part in self.parts) + "."


def overview_of(state: AssignmentStatus, graded: GradedPoints) -> Overview:
    """Count what `grader status` tells of one assignment."""
    found = state.submissions
    percents = [percent for one in found if (percent := _percent_of(one, state.assignment.name, graded)) is not None]
    return Overview(
        assignment=state.assignment,
        parts=parts([(kind, words, state.count(name)) for name, kind, words in _STATES]),
        students=len(found),
        waiting=sum(one.total.waiting for one in found if one.total),
        flagged=sum(one.has("flags") for one in found),
        limited=sum(one.has("incidents") for one in found),
        repaired=sum(one.has("repairs") for one in found),
        mean=sum(percents) / len(percents) if percents else None,
        spread=histogram(percents),
    )


def _percent_of(submission: SubmissionStatus, assignment: str, graded: GradedPoints) -> float | None:
    """Percent of the points that are graded so far."""
    points = graded.get((assignment, submission.student.student_id))
    return 100 * float(submission.total.score) / points if submission.total and points else None


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question of an assignment."""

    figures: QuestionFigures
    progress: QuestionProgress | None
    """How far people are; None where tests grade it."""
    parts: tuple[Part, ...]
    spread: Histogram | None


def question_rows(
    figures: Iterable[QuestionFigures], by_hand: Iterable[QuestionProgress], scores: Iterable[QuestionScore]
) -> tuple[QuestionRow, ...]:
    """The questions with what is graded and how the points spread."""
    progress = {(one.question.notebook, one.question.grade_id): one for one in by_hand}
    by_question: Mapping[tuple[str, str], list[QuestionScore]] = defaultdict(list)
    for score in scores:
        by_question[score.notebook, score.grade_id].append(score)
    keys = ((one, (one.question.notebook, one.question.grade_id)) for one in figures)
    return tuple(_question_row(one, progress.get(key), by_question[key]) for one, key in keys)


def _question_row(
    figures: QuestionFigures, progress: QuestionProgress | None, scores: list[QuestionScore]
) -> QuestionRow:
    waiting = sum(score.needs_manual for score in scores)
    given = [100 * score.score / score.max_score for score in scores if not score.needs_manual and score.max_score]
    counts = (("full", "graded", len(scores) - waiting), ("waiting", "waiting", waiting))
    return QuestionRow(figures, progress, parts(counts), histogram(given))


@dataclass(frozen=True, slots=True)
class Mark:
    """What one student has in one item, as a cell of the class table."""

    status: str
    points: Fraction | None
    percent: float | None
    level: int | None
    """From 0 to 10: how much of the points, as a shade."""
    waiting: int


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One student in the class table."""

    row: StudentGrade
    marks: tuple[Mark, ...]
    total: float | None
    """Percent so far."""


@dataclass(frozen=True, slots=True)
class ClassTable:
    """The class: a row a student, a column an item."""

    items: tuple[Item, ...]
    rows: tuple[ClassRow, ...]
    letters: bool
    plot: DotPlot | None


def class_table(book: Gradebook, graded: GradedPoints) -> ClassTable:
    """The gradebook as a table to look at: what counts so far."""
    rows = tuple(ClassRow(row, tuple(_marks(row, graded)), _float(row.current.total)) for row in book.rows)
    return ClassTable(book.items, rows, any(row.letter for row in book.rows), class_plot(book))


def class_plot(book: Gradebook) -> DotPlot | None:
    """Everybody who has a grade so far, as a dot; None for nobody."""
    totals = [(row.student, total) for row in book.rows if (total := _float(row.current.total)) is not None]
    return dot_plot([(student.student_id, f"{student.name}: {total:.1f} %", total) for student, total in totals])


def graded_points(scores: Iterable[QuestionScore]) -> GradedPoints:
    """How many points of each submission are graded: by assignment and student."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for score in scores:
        if not score.needs_manual:
            found[score.assignment, score.student_id] += score.max_score
    return found


def _marks(row: StudentGrade, graded: GradedPoints) -> Iterator[Mark]:
    return (mark(grade, graded.get((name, row.student.student_id), 0.0)) for name, grade in row.items.items())


def mark(grade: ItemGrade, graded: float) -> Mark:
    """One cell: the points that came in, before rules such as lateness; where answers wait, of what is graded."""
    points = graded if grade.status is Status.WAITING else float(grade.item.points)
    percent = 100 * float(grade.score) / points if grade.score is not None and points else None
    level = None if percent is None else min(max(int(percent / 100 * _LEVELS), 0), _LEVELS)
    return Mark(str(grade.status), grade.score, percent, level, grade.waiting)


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item on a student's page, beside how the class did."""

    grade: ItemGrade
    mark: Mark
    low: float | None
    """Percent: where the middle half of the class begins, stands in the middle, ends; None for no scores."""
    median: float | None
    high: float | None
    remarks: tuple[str, ...]


def item_rows(
    book: Gradebook, row: StudentGrade, graded: GradedPoints, remarks: Mapping[str, tuple[str, ...]]
) -> tuple[ItemRow, ...]:
    """A student's items, each beside the class."""
    class_ = [tuple(_marks(each, graded)) for each in book.rows]
    own = zip(row.items.items(), _marks(row, graded), zip(*class_, strict=True), strict=True)
    return tuple(_item_row(grade, mark, column, remarks.get(name, ())) for (name, grade), mark, column in own)


def _item_row(grade: ItemGrade, own: Mark, column: Iterable[Mark], remarks: tuple[str, ...]) -> ItemRow:
    found = summary(one.percent for one in column if one.percent is not None)
    if found is None:
        return ItemRow(grade, own, None, None, None, remarks)
    return ItemRow(grade, own, found.lower, found.median, found.upper, remarks)


def _float(number: Fraction | None) -> float | None:
    return None if number is None else float(number)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An item whose scores come from elsewhere."""

    assignment: Assignment
    scores: int
    mean: float | None
    spread: Histogram | None


def elsewhere(book: Gradebook, assignments: Iterable[Assignment]) -> tuple[Elsewhere, ...]:
    """Items that are not notebooks, with how their scores spread."""
    return tuple(_elsewhere(book, assignment) for assignment in assignments)


def _elsewhere(book: Gradebook, assignment: Assignment) -> Elsewhere:
    marks = (mark(row.items[assignment.name], 0.0) for row in book.rows)
    percents = [one.percent for one in marks if one.percent is not None]
    mean = sum(percents) / len(percents) if percents else None
    return Elsewhere(assignment, len(percents), mean, histogram(percents))
