"""How hard each question was, and whether it tells strong work from weak."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from grader.report.numbers import correlation

HARD, EASY = 0.3, 0.95
DULL = 0.1
"""A correlation below this hardly tells strong work from weak."""


@dataclass(frozen=True, slots=True)
class Question:
    """A cell that carries points."""

    notebook: str
    grade_id: str
    title: str
    max_score: float


@dataclass(frozen=True, slots=True)
class Mark:
    """What one student has in one question."""

    student_id: str
    notebook: str
    grade_id: str
    score: float
    waiting: bool = False
    """A person has yet to grade it: the score counts for nothing here."""


@dataclass(frozen=True, slots=True)
class QuestionFigures:
    """What the class made of one question."""

    question: Question
    count: int
    """Answers with a score."""
    waiting: int
    difficulty: float | None
    """Mean share of the points; None where nobody has a score, and while most answers wait: the first scores are
    those of blank answers."""
    full: float | None
    """Share of the answers with all points."""
    discrimination: float | None
    """Correlation with the share of points in the rest of the assignment; None where it cannot be told."""

    @property
    def hint(self) -> str:
        """What an instructor may want to look at; nothing where there is nothing."""
        if self.difficulty is None:
            return ""
        if self.discrimination is not None and self.discrimination < 0:
            return "goes against the rest: look at its tests"
        if self.difficulty >= EASY:
            return "nearly everybody has it"
        dull = self.discrimination is not None and self.discrimination < DULL
        words = ("hard" if self.difficulty <= HARD else "", "hardly tells strong work from weak" if dull else "")
        return "; ".join(word for word in words if word)


def figures(questions: Iterable[Question], marks: Iterable[Mark]) -> tuple[QuestionFigures, ...]:
    """The figures of each question of one assignment, in the order of the questions; marks of others are left out."""
    known = {(question.notebook, question.grade_id): question for question in questions}
    mine = [mark for mark in marks if (mark.notebook, mark.grade_id) in known]
    got: dict[str, float] = defaultdict(float)
    possible: dict[str, float] = defaultdict(float)
    by_question: dict[tuple[str, str], list[Mark]] = defaultdict(list)
    for mark in mine:
        by_question[mark.notebook, mark.grade_id].append(mark)
        if not mark.waiting:
            got[mark.student_id] += mark.score
            possible[mark.student_id] += known[mark.notebook, mark.grade_id].max_score
    return tuple(_figures(question, by_question[key], got, possible) for key, question in known.items())


def _figures(
    question: Question, marks: Sequence[Mark], got: Mapping[str, float], possible: Mapping[str, float]
) -> QuestionFigures:
    scored, most = [mark for mark in marks if not mark.waiting], question.max_score
    waiting = len(marks) - len(scored)
    if len(scored) <= waiting or most <= 0:
        return QuestionFigures(question, len(scored), waiting, None, None, None)
    pairs = [
        (mark.score / most, (got[mark.student_id] - mark.score) / rest)
        for mark in scored
        if (rest := possible[mark.student_id] - most) > 0
    ]
    return QuestionFigures(
        question,
        len(scored),
        waiting,
        difficulty=sum(mark.score for mark in scored) / most / len(scored),
        full=sum(mark.score >= most for mark in scored) / len(scored),
        discrimination=correlation(pairs),
    )
