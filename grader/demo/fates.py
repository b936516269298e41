"""What becomes of each student's work on each assignment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from random import Random


class Fate(StrEnum):
    """How a hand-in comes about, and what may be wrong with it."""

    PERFECT = "perfect"
    PARTIAL = "partial"
    BLANK = "blank"
    SYNTAX_ERROR = "syntax-error"
    INFINITE_LOOP = "infinite-loop"
    CRASH = "crash"
    """The kernel dies in the middle of a cell."""
    MEMORY_BOMB = "memory-bomb"
    STDERR = "stderr"
    """Right, with an honest warning on stderr."""
    LATE = "late"
    TWO_ATTEMPTS = "two-attempts"
    RENAMED = "renamed"
    COPY = "copy"
    """The answers are in a copy; the release lies beside it as it was."""
    COLAB = "colab"
    """Saved by Google Colab: no cell ids, somebody's identity, widgets without their state."""
    TAMPERED = "tampered"
    """A test cell was changed so that it passes."""
    UNREADABLE = "unreadable"
    """The upload broke off in the middle of the file."""
    MISSING = "missing"
    """Nothing was handed in."""


MISHAPS = frozenset(
    {Fate.SYNTAX_ERROR, Fate.INFINITE_LOOP, Fate.CRASH, Fate.MEMORY_BOMB, Fate.STDERR, Fate.TAMPERED},
)
"""Fates that come from the source of one cell, which the assignment's catalogue has."""

_USUAL = (Fate.PERFECT, Fate.PERFECT, Fate.LATE, Fate.COLAB, Fate.RENAMED, Fate.MISSING)
_TIMETABLE: Mapping[str, tuple[Fate, ...]] = {
    "notebook_01_supervised_learning": (*_USUAL, Fate.PERFECT, Fate.SYNTAX_ERROR, Fate.STDERR, Fate.TWO_ATTEMPTS),
    "notebook_02_shallow_networks": (
        *_USUAL,
        Fate.STDERR,
        Fate.TAMPERED,
        Fate.UNREADABLE,
        Fate.TWO_ATTEMPTS,
        Fate.COPY,
    ),
    # the one infinite loop of the course: it costs the demo a cell's whole time
    "notebook_03_gradient_descent": (*_USUAL, Fate.LATE, Fate.INFINITE_LOOP, Fate.SYNTAX_ERROR, Fate.BLANK),
    "notebook_04_backpropagation": (*_USUAL, Fate.CRASH, Fate.STDERR, Fate.STDERR, Fate.MISSING, Fate.TWO_ATTEMPTS),
    "notebook_05_convolution": (
        *_USUAL,
        Fate.COLAB,
        Fate.MEMORY_BOMB,
        Fate.BLANK,
        Fate.MISSING,
        Fate.SYNTAX_ERROR,
        Fate.COPY,
    ),
    "notebook_06_pytorch_training": (*_USUAL, Fate.CRASH, Fate.STDERR, Fate.MISSING, Fate.LATE),
}
_OF_THE_WEAK = {Fate.BLANK, Fate.MISSING, Fate.TAMPERED, Fate.INFINITE_LOOP, Fate.MEMORY_BOMB}
_OF_THE_STRONG = {Fate.PERFECT, Fate.STDERR}


def fates(assignment: str, skills: Mapping[str, float], dice: Random) -> Mapping[str, Fate]:
    """A fate for every student: each special one that the assignment's timetable names, honest work for the rest."""
    waiting = sorted(skills, key=lambda student_id: skills[student_id])
    given: dict[str, Fate] = {}
    for fate in _TIMETABLE.get(assignment, _USUAL):
        student_id = dice.choice(_candidates(fate, waiting))
        waiting.remove(student_id)
        given[student_id] = fate
    return {student_id: given.get(student_id, Fate.PARTIAL) for student_id in skills}


def _candidates(fate: Fate, weakest_first: Sequence[str]) -> Sequence[str]:
    third = max(1, len(weakest_first) // 3)
    if fate in _OF_THE_WEAK:
        return weakest_first[:third]
    return weakest_first[-third:] if fate in _OF_THE_STRONG else weakest_first
