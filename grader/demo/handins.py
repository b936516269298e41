"""What one student hands in for one assignment, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from grader.demo.answers import Catalogue
from grader.demo.fates import MISHAPS, Fate
from grader.demo.saving import broken_off, other_name, save_in_colab, save_in_jupyter
from grader.demo.student import Assigned, work
from grader.demo.writing import write
from grader.model import Bundle, Files, Notebook, Student
from grader.notebook import source_of

_NOTEBOOK = ".ipynb"
_AT_LEAST = 0.75
"""The least skill where something else than the answers is to be seen."""
_DISTRACTED = 0.65
"""What is left of a skill in a first attempt, made in a hurry."""

_WITH_DATA, _WITH_CHECKPOINTS = 0.2, 0.1
"""How often somebody hands in the data files, or zips the whole folder with Jupyter's copies in it."""


@dataclass(frozen=True, slots=True)
class Solved:
    """The notebooks of an assignment with one student's answers in them."""

    notebooks: Mapping[str, Notebook]
    flawless: bool

    @property
    def sources(self) -> tuple[str, ...]:
        """What is written in them, whatever editor saves it."""
        return tuple(source_of(cell) for notebook in self.notebooks.values() for cell in notebook["cells"])


def solve(bundle: Bundle, catalogue: Catalogue, fate: Fate, skill: float, dice: Random) -> Solved:
    """Answer the questions of all notebooks of an assignment."""
    if fate is Fate.BLANK:
        return Solved(bundle.releases, flawless=False)
    notebooks, flawless = {}, True
    for name, released in bundle.releases.items():
        done = work(
            Assigned(name, bundle.sources[name], released, catalogue),
            _skill(skill, fate),
            catalogue.mishaps[fate] if fate in MISHAPS else None,
            dice,
        )
        notebooks[name], flawless = write(released, done.answers), flawless and done.flawless
    return Solved(notebooks, flawless)


def _skill(skill: float, fate: Fate) -> float:
    match fate:
        case Fate.PERFECT | Fate.STDERR:
            return 1.0
        case Fate.PARTIAL | Fate.LATE | Fate.TAMPERED:
            return skill
        case _:
            return max(_AT_LEAST, skill)


def solve_in_a_hurry(bundle: Bundle, catalogue: Catalogue, skill: float, dice: Random) -> Solved:
    """A first attempt, which the student improves on later."""
    return solve(bundle, catalogue, Fate.PARTIAL, _DISTRACTED * skill, dice)


def pack(bundle: Bundle, solved: Solved, student: Student, fate: Fate, dice: Random) -> Files:
    """The files that are handed in: the notebooks as an editor saved them, and what came along."""
    return {
        **{path: content for path, content in bundle.files.items() if dice.random() < _WITH_DATA},
        **dict(_left_over(bundle, fate, dice)),
        **{
            f"{_called(name, student, fate, dice)}{_NOTEBOOK}": _saved(notebook, student, fate, dice)
            for name, notebook in solved.notebooks.items()
        },
    }


def stamp(moment: datetime) -> Files:
    """`timestamp.txt` as nbgrader writes it."""
    return {"timestamp.txt": f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC\n".encode()}


def handed_in_at(due: datetime, fate: Fate, dice: Random) -> datetime:
    """Up to five days before the assignment is due, or up to three after it."""
    if fate is Fate.LATE:
        return due + timedelta(hours=dice.uniform(0.3, 66))
    return due - timedelta(hours=dice.uniform(0.02, 60))


def tried_before(due: datetime, dice: Random) -> datetime:
    """When the first of two attempts came: before every other hand-in."""
    return due - timedelta(hours=dice.uniform(61, 120))


def _saved(notebook: Notebook, student: Student, fate: Fate, dice: Random) -> bytes:
    if fate is Fate.COLAB:
        return save_in_colab(notebook, student, dice)
    content = save_in_jupyter(notebook)
    return broken_off(content) if fate is Fate.UNREADABLE else content


def _called(name: str, student: Student, fate: Fate, dice: Random) -> str:
    if fate is Fate.COPY:
        return f"{name}-Copy1"
    return other_name(name, student, dice) if fate is Fate.RENAMED else name


def _left_over(bundle: Bundle, fate: Fate, dice: Random) -> Iterator[tuple[str, bytes]]:
    """Releases that nobody wrote into: beside the copy that was, or where Jupyter puts its checkpoints."""
    checkpoints = dice.random() < _WITH_CHECKPOINTS
    for name, released in bundle.releases.items():
        if fate is Fate.COPY:
            yield f"{name}{_NOTEBOOK}", save_in_jupyter(released)
        if checkpoints:
            yield f".ipynb_checkpoints/{name}-checkpoint{_NOTEBOOK}", save_in_jupyter(released)
