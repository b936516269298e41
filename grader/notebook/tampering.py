"""What a submission claims of points, roles and tests beside the release: none of it counts, some of it is telling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grader.model import Flag
from grader.notebook.evidence import difference, excerpt
from grader.notebook.metadata import meta_of, source_of
from grader.notebook.sources import normal
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grader.notebook.answers import Plan
    from grader.notebook.match import Matching
    from grader.notebook.sources import Part
    from grader.notebook.templates import Template

_TELLING_TAGS = {"skip-execution", "raises-exception"}
"""Tags by which executors skip a cell or forgive its error."""
_CLAIMS = ("grade", "solution", "locked", "task")
_VERSIONS = range(4)


def tampering(templates: Sequence[Template], matching: Matching, plan: Plan) -> Iterator[Flag]:
    """Flags for what would have changed a grade if submissions were believed."""
    yield from _broken_metadata(matching.parts)
    yield from _checksums(templates, matching, plan)
    extras = set(plan.extras)
    marked = any(part.raw_meta is not None for part in matching.parts)
    in_chain = {row for row, _ in matching.chain}
    for template, chosen, found in zip(templates, plan.chosen, matching.candidates, strict=True):
        numbers = dict.fromkeys([*chosen.parts, *chosen.losers, *chosen.copies, *(c.part for c in found)])
        parts = [matching.parts[number] for number in numbers if number not in extras]
        yield from _claims(template, parts)
        yield from _tags(template, parts)
        if template.tests and chosen.parts:
            part = matching.parts[chosen.parts[0]]
            yield from _test(template, part)
            name = _test_name(template)
            if template.index not in in_chain:
                yield Flag("test-moved", f"{name} had been moved; it was run in its place.", template.grade_id)
            if marked and part.whole and part.raw_meta is None:
                sentence = f"{name} had lost its grading marks; other cells kept theirs."
                yield Flag("test-unmarked", sentence, template.grade_id)
    by_id = {template.grade_id: template for template in templates if template.grade_id}
    for number in plan.extras:
        yield from _own_cell(matching.parts[number], by_id)


def _broken_metadata(parts: Sequence[Part]) -> Iterator[Flag]:
    for part in parts:
        raw = part.raw_meta
        if raw is None:
            continue
        if not isinstance(raw, dict):
            yield Flag(
                "metadata-broken",
                f"The grading marks of cell {part.index + 1} are not in any known form.",
                None,
                escape(raw),
            )
            continue
        version = raw.get("schema_version", 0)
        if isinstance(version, bool) or version not in _VERSIONS:
            yield Flag(
                "metadata-broken",
                f"The grading marks of cell {part.index + 1} claim a version that does not exist.",
                part.meta.grade_id if part.meta else None,
                f"schema_version: {escape(version)}",
            )


def _checksums(templates: Sequence[Template], matching: Matching, plan: Plan) -> Iterator[Flag]:
    """Cells that bear another checksum than the release gave them: one flag for all of them."""
    other = [
        template.grade_id
        for template, chosen in zip(templates, plan.chosen, strict=True)
        if chosen.parts
        and (given := meta_of(template.released))
        and (found := matching.parts[chosen.parts[0]].meta)
        and found.grade_id == given.grade_id
        and None not in (found.checksum, given.checksum)
        and found.checksum != given.checksum
    ]
    if other:
        yield Flag(
            "checksum",
            f"{len(other)} of the cells have other checksums than in the release: they are of another one, or forged.",
            None,
            escape(", ".join(filter(None, other))),
        )


def _claims(template: Template, parts: Sequence[Part]) -> Iterator[Flag]:
    """Points and roles that differ from those released."""
    given = meta_of(template.released)
    for part in parts:
        raw = part.raw_meta
        if given is None or not isinstance(raw, dict) or part.meta is None:
            continue
        changed = [
            f"{claim}: {getattr(given, claim)} → {escape(raw[claim])}"
            for claim in _CLAIMS
            if claim in raw and raw[claim] is not getattr(given, claim)
        ]
        if given.kind and part.meta.points != given.points:
            changed.append(f"points: {given.points:g} → {escape(raw.get('points'))}")
        if changed:
            yield Flag(
                "metadata-changed",
                f"The submitted notebook gives “{escape(template.grade_id)}” other points or another role.",
                template.grade_id,
                "\n".join(changed),
            )


def _tags(template: Template, parts: Sequence[Part]) -> Iterator[Flag]:
    given = _tags_of(template.released) | _tags_of(template.instructor)
    for part in parts:
        if added := (_tags_of(part.cell) & _TELLING_TAGS) - given:
            yield Flag(
                "tag",
                f"The submitted notebook tags {_called(template, part)} to be skipped or to be forgiven its error.",
                template.grade_id,
                ", ".join(sorted(added)),
            )


def _test(template: Template, part: Part) -> Iterator[Flag]:
    """A test cell that was changed or retyped, or that holds the hidden tests."""
    name = _test_name(template)
    own = normal(source_of(template.instructor))
    if part.text.normal == own != template.text.normal:
        yield Flag("hidden-tests", f"{name} was handed in with its hidden tests.", template.grade_id)
    elif part.text.normal != template.text.normal or (part.named and not part.whole):
        yield Flag(
            "test-changed",
            f"{name} had been changed; the original was run.",
            template.grade_id,
            difference(template.text.source, source_of(part.cell)),
        )
    if part.kind != template.kind:
        yield Flag(
            "test-retyped",
            f"{name} was turned into {escape(part.kind, 40)}; it was run as code.",
            template.grade_id,
        )


def _own_cell(part: Part, by_id: Mapping[str, Template]) -> Iterator[Flag]:
    """A cell of the student's own that pretends to be the assignment's."""
    if part.named and (added := _tags_of(part.cell) & _TELLING_TAGS):
        yield Flag(
            "tag",
            f"Cell {part.index + 1}, the student's own, is tagged to be skipped or forgiven its error; it was run.",
            None,
            ", ".join(sorted(added)),
        )
    raw = part.raw_meta
    if not isinstance(raw, dict) or not any(raw.get(claim) for claim in (*_CLAIMS, "points")):
        return
    grade_id = part.meta.grade_id if part.meta else None
    whose = f"“{escape(grade_id)}”" if grade_id in by_id else "a cell that the assignment does not have"
    yield Flag(
        "own-graded-cell",
        f"Cell {part.index + 1}, the student's own, claims to be {whose}; it counts nothing.",
        grade_id if grade_id in by_id else None,
        excerpt(part.text.source),
    )


def _tags_of(cell: Mapping[str, Any]) -> set[str]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return {tag for tag in tags if isinstance(tag, str)} if isinstance(tags, list) else set()


def _test_name(template: Template) -> str:
    return f"The test cell “{escape(template.grade_id)}”"


def _called(template: Template, part: Part) -> str:
    return f"“{escape(template.grade_id)}”" if template.grade_id else f"cell {part.index + 1}"
