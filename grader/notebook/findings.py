"""What was repaired, told to the student, and what staff should look at."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from grader.model import Flag, Repair
from grader.notebook.answers import Choice, Chosen, Plan, joined_source
from grader.notebook.evidence import difference, excerpt
from grader.notebook.match import How, Matching
from grader.notebook.tampering import tampering
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from grader.notebook.sources import Part
    from grader.notebook.templates import Template


_MOST_FLAGS = 50
"""Of one kind that are told one by one."""
_MOST_EXCERPTS = 5


def findings(
    templates: Sequence[Template], matching: Matching, plan: Plan
) -> tuple[tuple[Repair, ...], tuple[Flag, ...]]:
    """Every repair and every flag that a submission's rebuilding calls for, in the instructor's order."""
    report = _Report(templates, matching, plan)
    return report.repairs(), report.flags()


def title(template: Template) -> str:
    """What a cell is called in a sentence."""
    name = f" “{escape(template.grade_id)}”" if template.grade_id else ""
    if template.tests:
        return f"test cell{name}"
    if template.task:
        return f"task{name}"
    if template.answer:
        return f"answer cell{name}"
    return f"read-only cell{name}" if template.fixed else f"cell{name}"


class _Report:
    def __init__(self, templates: Sequence[Template], matching: Matching, plan: Plan) -> None:
        self.templates = templates
        self.matching = matching
        self.parts = matching.parts
        self.plan = plan
        self.rows = list(zip(templates, plan.chosen, strict=True))
        self.all_metadata_lost = all(part.raw_meta is None for part in self.parts)
        self.in_chain = {row for row, _ in matching.chain}

    @property
    def unrelated(self) -> bool:
        """Whether nothing that was handed in is of this assignment."""
        return not any(chosen.parts for _, chosen in self.rows)

    def repairs(self) -> tuple[Repair, ...]:
        if self.unrelated:
            return (Repair("unrelated", "None of the assignment's cells was in the notebook; all were put back."),)
        return (
            *self._lost_metadata(),
            *self._older_release(),
            *self._put_back(),
            *(repair for template, chosen in self.rows for repair in self._of_cell(template, chosen)),
            *self._plain_cells(),
        )

    def flags(self) -> tuple[Flag, ...]:
        if self.unrelated:
            sentence = "None of the assignment's cells was found in this notebook."
            return _bounded((Flag("unrelated", sentence), *tampering(self.templates, self.matching, self.plan)))
        found = (
            *(flag for template, chosen in self.rows for flag in self._doubts(template, chosen)),
            *self._fragments(),
            *tampering(self.templates, self.matching, self.plan),
        )
        return _bounded(found)

    def _lost_metadata(self) -> Iterator[Repair]:
        """Matched cells that had to be recognised by their text."""
        lost = [t for t, c in self.rows if t.meta and c.parts and self._nameless(c)]
        if not lost:
            return
        if self.all_metadata_lost:
            yield Repair(
                "metadata-restored", "The notebook had lost its grading marks; its cells were recognised by their text."
            )
            return
        for template in lost:
            yield Repair(
                "metadata-restored",
                f"The {title(template)} had lost its grading marks; it was recognised by its text.",
                template.grade_id,
            )

    def _nameless(self, chosen: Chosen) -> bool:
        return chosen.choice is not Choice.ADOPTED and all(
            self.parts[number].raw_meta is None for number in chosen.parts
        )

    def _older_release(self) -> Iterator[Repair]:
        """Cells known by another id than ours."""
        known = {template.grade_id for template in self.templates}
        other = [
            t
            for t, c in self.rows
            if t.meta and c.parts and (meta := self.parts[c.parts[0]].meta) and meta.grade_id not in known
        ]
        if other:
            names = ", ".join(f"“{escape(template.grade_id)}”" for template in other[:5])
            more = ", …" if len(other) > 5 else ""
            yield Repair(
                "older-release",
                f"The notebook comes from another version of the assignment; moved into this one: {names}{more}.",
            )

    def _put_back(self) -> Iterator[Repair]:
        for template, chosen in self.rows:
            if template.meta and chosen.choice is Choice.MISSING:
                empty = " without an answer" if template.answer else ""
                yield Repair(
                    "cell-put-back",
                    f"The {title(template)} had been deleted; it was put back{empty}.",
                    template.grade_id,
                )

    def _plain_cells(self) -> Iterator[Repair]:
        """The assignment's cells without an id, in one sentence each for all of them."""
        plain = [(template, chosen) for template, chosen in self.rows if template.meta is None]
        gone = sum(chosen.choice is Choice.MISSING and not template.text.blank for template, chosen in plain)
        moved = sum(bool(chosen.parts) and template.index not in self.in_chain for template, chosen in plain)
        if gone:
            yield Repair("cell-put-back", f"{_counted(gone)} of the assignment had been deleted and put back.")
        if moved:
            yield Repair("moved", f"{_counted(moved)} of the assignment had been moved and put back in place.")

    def _of_cell(self, template: Template, chosen: Chosen) -> Iterator[Repair]:
        """What was done to one cell that was handed in."""
        if not chosen.parts:
            return
        name, first = title(template), self.parts[chosen.parts[0]]
        if chosen.copies and (copies := _copies(chosen)):
            yield Repair(
                "duplicate-removed", f"The {name} was there {_times(copies + 1)}; one was kept.", template.grade_id
            )
        if chosen.choice is Choice.JOINED:
            yield Repair("parts-joined", f"The {name} had been split; its parts were joined.", template.grade_id)
        if chosen.choice is Choice.ADOPTED:
            yield Repair(
                "answer-adopted",
                f"The {name} was empty, and the answer stood in a cell of its own; it was moved into the {name}.",
                template.grade_id,
            )
        if chosen.choice is Choice.CONTESTED:
            yield Repair(
                "answer-chosen",
                f"The {name} had {len(chosen.losers) + 1} different answers; the one in its place was taken.",
                template.grade_id,
            )
        if template.meta and template.index not in self.in_chain and chosen.choice is not Choice.ADOPTED:
            yield Repair("moved", f"The {name} had been moved; it was put back in its place.", template.grade_id)
        if not first.whole:
            with_what = "an answer was written into it" if template.task else "it was merged with another"
            sentence = f"The {name} was restored: {with_what}, and they were separated."
            yield Repair("cells-separated", sentence, template.grade_id)
        if first.kind != template.kind:
            yield Repair(
                "retyped",
                f"The {name} had been turned from {template.kind} into {escape(first.kind, 40)}; it was turned back.",
                template.grade_id,
            )
        if template.fixed and edited(template, first):
            yield Repair(
                "source-restored", f"The {name} had been changed; its original text was used.", template.grade_id
            )

    def _fragments(self) -> Iterator[Flag]:
        """Answers and the student's own cells that begin in the middle of something."""
        answers = [chosen.parts[0] for template, chosen in self.rows if template.answer and chosen.parts]
        for number in sorted({*self.plan.extras, *answers}):
            part = self.parts[number]
            if part.kind == "code" and part.text.normal.startswith((" ", "\t")):
                yield Flag(
                    "fragment",
                    f"Cell {part.index + 1} begins in the middle of a block; the rest may be in another cell.",
                    None,
                    excerpt(part.text.source),
                )

    def _doubts(self, template: Template, chosen: Chosen) -> Iterator[Flag]:
        """Where a person should decide which text is the answer."""
        name = title(template)
        if chosen.losers:
            evidence = self._excerpts(chosen.losers)
            yield Flag(
                "contested-answer",
                f"There are {len(chosen.losers) + 1} different answers for the {name}; the one in its place was taken.",
                template.grade_id,
                evidence,
            )
        if template.answer and chosen.how is How.PLACE:
            yield Flag(
                "uncertain-answer",
                f"The answer in the {name} was recognised by its place alone.",
                template.grade_id,
                excerpt(joined_source([self.parts[number] for number in chosen.parts])),
            )
        if template.answer and (lost := self._undefined(template, chosen)):
            yield Flag(
                "name-lost",
                f"The {name} was to define {', '.join(escape(lack) for lack in sorted(lost))}; nothing handed in does.",
                template.grade_id,
                excerpt(joined_source([self.parts[number] for number in chosen.parts])),
            )
        first = self.parts[chosen.parts[0]] if chosen.parts else None
        touched = first and first.text.normal not in {template.text.normal, ""}
        if first and touched and template.answer and template.kind == "code" != first.kind:
            yield Flag(
                "answer-retyped",
                f"The {name} was handed in as {escape(first.kind, 40)}; it was run as code, and may hold other text.",
                template.grade_id,
                excerpt(first.text.source),
            )
        if template.answer and chosen.choice is Choice.MISSING:
            yield Flag(
                "answer-missing",
                f"The {name} is gone; another cell of the student's may hold the answer.",
                template.grade_id,
                self._excerpts(self.plan.extras),
            )
        if template.fixed and not template.tests and chosen.parts and edited(template, self.parts[chosen.parts[0]]):
            yield Flag(
                "read-only-edited",
                f"The {name} had been changed; the original was used.",
                template.grade_id,
                difference(template.text.source, self.parts[chosen.parts[0]].text.source),
            )

    def _excerpts(self, numbers: Sequence[int]) -> str:
        """The beginnings of some parts, a few of them."""
        return "\n---\n".join(excerpt(self.parts[number].text.source) for number in numbers[:_MOST_EXCERPTS])

    def _undefined(self, template: Template, chosen: Chosen) -> frozenset[str]:
        """What the released cell defined, and its answer and the student's other code do not."""
        if not chosen.parts:
            return frozenset()
        code = [number for number in self.plan.extras if self.parts[number].kind == "code"]
        code += [number for other, one in self.rows if other.kind == "code" for number in one.parts]
        return template.text.names - {name for number in code for name in self.parts[number].text.names}


def edited(template: Template, part: Part) -> bool:
    """Whether a fixed cell's text is neither what was released nor the instructor's own."""
    return part.text.normal not in template.originals


def _bounded(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    """The first flags of each kind, and how many more there are: a submission must not bury its reader."""
    numbers: Counter[str] = Counter()
    kept: list[Flag] = []
    for flag in flags:
        numbers[flag.kind] += 1
        if numbers[flag.kind] <= _MOST_FLAGS:
            kept.append(flag)
    more = ((kind, number - _MOST_FLAGS) for kind, number in numbers.items() if number > _MOST_FLAGS)
    return (*kept, *(Flag(kind, f"And {number} more like this.") for kind, number in more))


def _copies(chosen: Chosen) -> int:
    """Copies that a student would see as such: the cell adopted for a stub does not make the stub a copy."""
    return 0 if chosen.choice is Choice.ADOPTED else len(chosen.copies)


def _counted(count: int) -> str:
    return "A cell" if count == 1 else f"{count} cells"


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"
