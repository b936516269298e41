"""What a feedback page says of each question: points, reason, and what a person had to say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.feedback import QuestionScore
from grader.marking import Mark, Rubric
from grader.model import GradedKind, Notebook
from grader.notebook import points_cells
from grader.store import NotebookFacts

if TYPE_CHECKING:
    from grader.store import Database
    from grader.store import QuestionScore as StoredQuestion


@dataclass(frozen=True, slots=True)
class Given:
    """What a person gave one answer, and by which rubric."""

    mark: Mark
    rubric: Rubric


@dataclass(frozen=True, slots=True)
class Mine:
    """One student's questions of one notebook, and what people gave them."""

    questions: Sequence[StoredQuestion]
    marks: Mapping[str, Given]
    """By `notebook/grade_id`."""

    def given(self, question: StoredQuestion) -> Given | None:
        """What a person gave to this question."""
        return self.marks.get(f"{question.notebook}/{question.grade_id}")


def marks_by_student(database: Database, assignment: str) -> Mapping[str, Mapping[str, Given]]:
    """What people gave in an assignment."""
    found: dict[str, dict[str, Given]] = defaultdict(dict)
    for stored, rubric in database.marks.given_in(assignment):
        if stored.mark is not None:
            found[stored.student_id][stored.question.key] = Given(stored.mark, rubric)
    return found


def question_scores(instructor: Notebook, facts: NotebookFacts, mine: Mine) -> tuple[QuestionScore, ...]:
    """What a page says of each question of a notebook, in the notebook's order."""
    by_id = {question.grade_id: question for question in mine.questions}
    return tuple(
        QuestionScore(
            grade_id=cell.grade_id,
            title=cell.title,
            kind=cell.kind,
            score=None if question.needs_manual and question.manual_score is None else _without_extra(question),
            max_score=question.max_score,
            waiting=question.needs_manual,
            extra_credit=question.extra_credit or 0.0,
            reason=_reason(question, facts),
            comments=tuple(comment for comment in (_comment(question, mine),) if comment),
            rubric=() if question.needs_manual else _rubric(question, mine),
            hidden=cell.hidden,
        )
        for cell in points_cells(instructor)
        if (question := by_id.get(cell.grade_id))
    )


def _reason(question: StoredQuestion, facts: NotebookFacts) -> str:
    if question.kind is GradedKind.TESTS and question.manual_score is not None:
        return "A person gave these points in place of the tests."
    return facts.reasons.get(question.grade_id, "")


def _comment(question: StoredQuestion, mine: Mine) -> str | None:
    """The person's, or the automatic one; nbgrader has no place for one on tests, our mark has."""
    given = mine.given(question)
    if question.kind is GradedKind.TESTS and given is not None:
        return given.mark.comment
    return question.comment


def _rubric(question: StoredQuestion, mine: Mine) -> tuple[tuple[float, str], ...]:
    """The items that the answer carries, and what was added to them or taken off."""
    given = mine.given(question)
    if given is None or not given.mark.items:
        return ()
    mark = given.mark
    items = tuple((float(item.points), item.text) for item in given.rubric.ordered if item.id in mark.items)
    return (*items, (float(mark.adjustment), "Further points")) if mark.adjustment else items


def _without_extra(question: StoredQuestion) -> float:
    return question.score - (question.extra_credit or 0.0)
