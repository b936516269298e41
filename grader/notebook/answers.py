"""Which of a student's cells stands for each of the instructor's: exactly one answer for a solution cell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from grader.notebook.match import Candidate, How, Matching
from grader.notebook.sources import Text, likeness, normal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from grader.notebook.sources import Part
    from grader.notebook.templates import Template

_ALIKE = 0.75
"""From here on a cell is a changed copy of another; below, it may be another piece of the same answer."""


class Choice(StrEnum):
    """How the part, or parts, of a cell were chosen."""

    MISSING = "missing"
    """No part of the submission is this cell."""
    ONLY = "only"
    JOINED = "joined"
    """The cell had been split; its pieces were joined."""
    ADOPTED = "adopted"
    """The answer stood in a cell of its own while the solution cell was untouched or gone."""
    CONTESTED = "contested"
    """Several real answers; the one in the original place was taken."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What stands for one of the instructor's cells."""

    choice: Choice
    parts: tuple[int, ...] = ()
    how: How | None = None
    losers: tuple[int, ...] = ()
    """Other real answers, which are not taken."""
    copies: tuple[int, ...] = ()
    """Further copies that hold nothing else."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What stands for each of the instructor's cells, and which parts remain the student's own cells."""

    chosen: tuple[Chosen, ...]
    extras: tuple[int, ...]


def plan_answers(templates: Sequence[Template], matching: Matching) -> Plan:
    """Choose for each of the instructor's cells; keep as the student's own what no cell claims."""
    places = dict(matching.chain)
    chosen: list[Chosen] = []
    released_parts: set[int] = set()
    for template, found in zip(templates, matching.candidates, strict=True):
        if not found:
            chosen.append(Chosen(Choice.MISSING))
        elif template.answer:
            chosen.append(_choose_answer(template, found, matching, places))
        else:
            one, others = _choose_plain(template, found, matching.parts)
            chosen.append(one)
            released_parts |= others
    plan = Plan(tuple(chosen), tuple(sorted({*matching.extras, *released_parts})))
    for step in (_without_stubs, _continue, _adopt):
        plan = step(templates, matching.parts, plan)
    return plan


def joined_source(parts: Sequence[Part]) -> str:
    """The source of a cell that was handed in as these parts."""
    if len(parts) == 1:
        return parts[0].text.source
    return "\n".join(normal(part.text.source) for part in parts)


def _choose_plain(template: Template, found: Sequence[Candidate], parts: Sequence[Part]) -> tuple[Chosen, set[int]]:
    """Take the first of a cell that is no answer; further ones with other text remain the student's own."""
    first, *others = found
    same = {template.text.normal, parts[first.part].text.normal, ""}
    copies = tuple(other.part for other in others if parts[other.part].text.normal in same)
    return (
        Chosen(Choice.ONLY, (first.part,), first.how, copies=copies),
        {other.part for other in others} - set(copies),
    )


def _choose_answer(
    template: Template, found: Sequence[Candidate], matching: Matching, places: Mapping[int, int]
) -> Chosen:
    """Take the one real answer; of several, the pieces of one that was split, else the one in the original place."""
    parts = matching.parts
    untouched = {template.text.normal, ""}
    first_with: dict[str, Candidate] = {}
    for candidate in found:
        first_with.setdefault(parts[candidate.part].text.normal, candidate)
    real = [candidate for text, candidate in first_with.items() if text not in untouched]
    if len(real) > 1 and _is_split(template, [parts[candidate.part] for candidate in real], real):
        numbers = tuple(candidate.part for candidate in real)
        rest = tuple(c.part for c in found if c.part not in numbers)
        return Chosen(Choice.JOINED, numbers, real[0].how, copies=rest)
    best = _in_place(template.index, real, places) if real else first_with.get(template.text.normal, found[0])
    losers = tuple(candidate.part for candidate in real if candidate is not best)
    copies = tuple(c.part for c in found if c is not best and c.part not in losers)
    return Chosen(Choice.CONTESTED if losers else Choice.ONLY, (best.part,), best.how, losers, copies)


def _in_place(row: int, real: Sequence[Candidate], places: Mapping[int, int]) -> Candidate:
    """The first that stands between the cells that it should stand between, else the first."""
    before = max((number for other, number in places.items() if other < row), default=-1)
    after = min((number for other, number in places.items() if other > row), default=None)
    return next((c for c in real if before < c.part and (after is None or c.part < after)), real[0])


def _is_split(template: Template, pieces: Sequence[Part], real: Sequence[Candidate]) -> bool:
    """Whether neighbouring cells are the pieces of one: they neither define the same nor resemble each other."""
    numbers = [candidate.part for candidate in real]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        return False
    texts = [piece.text for piece in pieces]
    names = [name for text in texts for name in text.names]
    if len(names) != len(set(names)):
        return False
    if template.text.names and not template.text.names & texts[0].names:
        return False
    return all(
        likeness(one, one.lines, other) < _ALIKE > likeness(other, other.lines, one) for one, other in pairwise(texts)
    )


def _without_stubs(templates: Sequence[Template], parts: Sequence[Part], plan: Plan) -> Plan:
    """Drop the student's spare copies of a stub: left below the answer they would undo it."""
    stubs = {t.text.normal: t.index for t in templates if t.answer and not t.text.blank}
    chosen = list(plan.chosen)
    extras: list[int] = []
    for number in plan.extras:
        row = stubs.get(parts[number].text.normal)
        if row is None or chosen[row].choice is Choice.MISSING:
            extras.append(number)
        else:
            chosen[row] = replace(chosen[row], copies=(*chosen[row].copies, number))
    return Plan(tuple(chosen), tuple(extras))


def _continue(templates: Sequence[Template], parts: Sequence[Part], plan: Plan) -> Plan:
    """Join to an answer the cells right below or above it that can only be the rest of it."""
    chosen = list(plan.chosen)
    extras = set(plan.extras)
    for template in templates:
        one = chosen[template.index]
        if template.answer and template.kind == "code" and one.choice is Choice.ONLY:
            numbers = _with_torn_off(one.parts[0], parts, extras)
            if len(numbers) > 1:
                chosen[template.index] = replace(one, choice=Choice.JOINED, parts=numbers)
                extras.difference_update(numbers)
    return Plan(tuple(chosen), tuple(sorted(extras)))


def _with_torn_off(number: int, parts: Sequence[Part], extras: AbstractSet[int]) -> tuple[int, ...]:
    """A part with the student's own cells around it that were torn from it, in order."""
    first = last = number
    while first - 1 in extras and _continues(parts[first - 1].text, parts[first].text, 0):
        first -= 1
    still_open = sum(_still_open(parts[n].text) for n in range(first, last + 1))
    while last + 1 in extras and _continues(parts[last].text, parts[last + 1].text, still_open):
        last += 1
        still_open += _still_open(parts[last].text)
    return tuple(range(first, last + 1))


def _continues(before: Text, after: Text, still_open: int) -> bool:
    """Whether a source begins in the middle of another: in its indented block, or closing what that has opened."""
    first = after.normal.split("\n", 1)[0]
    last = before.normal.rsplit("\n", 1)[-1]
    in_block = first.startswith((" ", "\t")) and (last.startswith((" ", "\t")) or last.endswith(":"))
    return in_block or (still_open > 0 > _still_open(after))


def _still_open(text: Text) -> int:
    """Brackets that are opened and not closed, less those that are closed and not opened; strings count as code."""
    return sum(text.normal.count(mark) for mark in "([{") - sum(text.normal.count(mark) for mark in ")]}")


def _adopt(templates: Sequence[Template], parts: Sequence[Part], plan: Plan) -> Plan:
    """Take for an untouched solution cell the answer that its student wrote into a cell of their own."""
    chosen = list(plan.chosen)
    fixed = {template.text.normal for template in templates if template.fixed}
    extras = [number for number in plan.extras if not _is_fixed(parts[number], fixed)]
    for template in templates:
        one = chosen[template.index]
        if not template.answer or (one.parts and not _untouched(template, parts, one)):
            continue
        if numbers := _own_answer(template, parts, one, extras):
            chosen[template.index] = Chosen(
                Choice.ADOPTED,
                numbers,
                How.LIKENESS if template.text.names else How.PLACE,
                copies=(*one.parts, *one.copies),
            )
            extras = [number for number in extras if number not in numbers]
    taken = {number for one in chosen if one.choice is Choice.ADOPTED for number in one.parts}
    return Plan(tuple(chosen), tuple(number for number in plan.extras if number not in taken))


def _is_fixed(part: Part, texts: AbstractSet[str]) -> bool:
    """Whether a part is, or claims to be, a test or another cell that is no answer."""
    return part.text.normal in texts or (part.meta is not None and part.meta.fixed)


def _untouched(template: Template, parts: Sequence[Part], one: Chosen) -> bool:
    text = Text(joined_source([parts[number] for number in one.parts]))
    return text.blank or text.normal == template.text.normal


def _own_answer(template: Template, parts: Sequence[Part], one: Chosen, extras: Sequence[int]) -> tuple[int, ...]:
    """The student's own cells that answer an untouched solution cell.

    Code that defines the cell's names is left where it is if it runs after the stub anyway; for an answer that a
    person grades, the cells right below it are the answer.
    """
    names = template.text.names
    stub = one.parts[0] if one.parts else None
    if names:
        own = [n for n in extras if parts[n].text.names & names and parts[n].kind == "code"]
        if not template.manual and stub is not None and any(number > stub for number in own):
            return ()
        return (own[-1],) if own else ()
    if not template.manual or stub is None:
        return ()
    below: list[int] = []
    while (number := stub + 1 + len(below)) in extras and parts[number].kind == template.kind:
        below.append(number)
    return tuple(number for number in below if not parts[number].text.blank)
