"""One student at work on one notebook: which questions they get right, and what they write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from string import Template

from grader.demo.answers import Catalogue, Mishap, Quality, TextAnswer
from grader.demo.writing import Answers, OwnCell, solution_of
from grader.model import Notebook
from grader.notebook import CellMeta, meta_of

_REMARKS = (
    "# see the second lecture",
    "# TODO: shorter?",
    "# this took me a while",
    "# checked on paper",
    "# not sure about this one",
    "# works for the example",
    "# asked in office hours",
    "# compare with the book",
)
_EASY, _HARDER_BY = 0.1, 0.05
"""The first question is likelier to be answered well than the skill says, each further one less likely."""
_SURE = 1.0
"""The skill that never fails."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """One notebook as the student has it, with what an inventor needs to know besides."""

    name: str
    instructor: Notebook
    released: Notebook
    catalogue: Catalogue


@dataclass(frozen=True, slots=True)
class Work:
    """What a student puts into a notebook."""

    answers: Answers
    flawless: bool


def work(assigned: Assigned, skill: float, mishap: Mishap | None, dice: Random) -> Work:
    """Answer every question as well as the skill (0 to 1) and the dice allow, and add a cell of one's own."""
    bodies: dict[str, str] = {}
    whole: dict[str, str] = {}
    below: dict[str, Sequence[OwnCell]] = {}
    flawless = True
    for number, question in enumerate(_questions(assigned.released)):
        well = skill >= _SURE or dice.random() < skill + _EASY - _HARDER_BY * number
        flawless &= well
        grade_id = question.grade_id
        if not well and dice.random() < (_SURE - skill) / 2:
            continue  # given up
        if question.task:
            below[grade_id] = _cells_of_task(assigned.catalogue, grade_id, _quality(dice, well=well), dice)
        elif grade_id in assigned.catalogue.texts:
            whole[grade_id] = _told(assigned.catalogue.texts[grade_id][_quality(dice, well=well)], dice)
        else:
            bodies[grade_id] = _code(assigned, grade_id, dice, well=well)
    if mishap:
        flawless = False
        _befall(assigned, mishap, bodies, whole)
    if bodies and dice.random() < 0.7:
        grade_id = dice.choice(tuple(bodies))
        below[grade_id] = (*below.get(grade_id, ()), _scratch(assigned, dice))
    return Work(Answers(bodies, whole, below), flawless)


def _questions(notebook: Notebook) -> tuple[CellMeta, ...]:
    """The cells that wait for an answer: solutions, answers in words, tasks."""
    metas = (meta_of(cell) for cell in notebook["cells"])
    return tuple(meta for meta in metas if meta and (meta.solution or meta.task))


def _befall(assigned: Assigned, mishap: Mishap, bodies: dict[str, str], whole: dict[str, str]) -> None:
    """Put the mishap where it belongs, if its cell is in this notebook."""
    for cell in assigned.released["cells"]:
        meta = meta_of(cell)
        if meta and meta.grade_id == mishap.grade_id:
            (bodies if meta.solution else whole)[meta.grade_id] = mishap.body


def _quality(dice: Random, *, well: bool) -> Quality:
    return Quality.GOOD if well else dice.choice((Quality.FAIR, Quality.FAIR, Quality.POOR))


def _code(assigned: Assigned, grade_id: str, dice: Random, *, well: bool) -> str:
    answers = assigned.catalogue.code[grade_id]
    body = dice.choice((solution_of(assigned.instructor, grade_id), *answers.right) if well else answers.wrong)
    return f"{dice.choice(_REMARKS)}\n{body.strip()}" if dice.random() < 0.3 else body


def _told(text: TextAnswer, dice: Random) -> str:
    return " ".join(filter(None, (dice.choice(alternatives) for alternatives in text.sentences)))


def _cells_of_task(catalogue: Catalogue, grade_id: str, quality: Quality, dice: Random) -> tuple[OwnCell, ...]:
    answer = dice.choice(catalogue.tasks[grade_id][quality])
    words = OwnCell("markdown", _told(answer.text, dice), _cell_id(dice))
    return (OwnCell("code", answer.code.strip(), _cell_id(dice)), words) if answer.code else (words,)


def _scratch(assigned: Assigned, dice: Random) -> OwnCell:
    numbers = {name: f"{dice.uniform(0.1, 3.0):.2f}" for name in ("a", "b")}
    source = Template(dice.choice(assigned.catalogue.scratch[assigned.name])).substitute(numbers)
    return OwnCell("code", source.strip(), _cell_id(dice))


def _cell_id(dice: Random) -> str:
    return f"{dice.getrandbits(32):08x}"
