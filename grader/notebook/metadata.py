"""nbgrader's cell metadata as typed values: what a cell is, what it is worth, what to call it.

Reading is tolerant, because a submission's metadata is its student's to forge: whatever it holds, nothing here raises.
Whether an instructor's metadata is *right* is the business of `release.check_source`.
"""

from __future__ import annotations

import builtins
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from grader.model import GradedKind, Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbformat import NotebookNode

SOLUTION, HIDDEN_TESTS, MARK_SCHEME = "SOLUTION", "HIDDEN TESTS", "MARK SCHEME"
"""The regions that nbgrader takes out of what students see, as their BEGIN and END markers name them."""

PYTHON_ERRORS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)
)
"""Names that an error may be called by before students: one of their own making can carry what they may not know."""

_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$")
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_WORTH = re.compile(r"\s*[(\[]\s*[\d.]+\s*(?:points?|pts?|marks?)\.?\s*[)\]]\s*$", re.IGNORECASE)
_TITLE_LENGTH = 100


@dataclass(frozen=True, slots=True)
class CellMeta:
    """What nbgrader's metadata says about one cell, with every field of the type that it should have."""

    grade_id: str
    grade: bool = False
    solution: bool = False
    locked: bool = False
    task: bool = False
    points: float = 0.0
    schema_version: int = 0
    cell_type: str | None = None
    """The type at release; None in a source that was never released."""
    checksum: str | None = None
    """nbgrader's MD5 over source and metadata, at release."""

    @property
    def kind(self) -> GradedKind | None:
        """How the cell is graded; None where it carries no points."""
        if self.task:
            return GradedKind.TASK
        if self.grade:
            return GradedKind.ANSWER if self.solution else GradedKind.TESTS
        return None

    @property
    def fixed(self) -> bool:
        """Whether the cell's source is the instructor's: tests, tasks and read-only cells."""
        return not self.solution and (self.grade or self.task or self.locked)


@dataclass(frozen=True, slots=True)
class PointsCell:
    """One cell of an instructor's notebook that carries points."""

    grade_id: str
    kind: GradedKind
    max_score: float
    title: str
    """What people call the question: the heading above it, else its id; unique, and fit for students' eyes."""
    index: int
    """Of the cell in the instructor's notebook."""
    hidden: bool = False
    """Whether some of its tests are hidden from students."""


def meta_of(cell: Mapping[str, Any]) -> CellMeta | None:
    """What nbgrader knows of a cell; None where it knows nothing or the cell has no id to be known by."""
    metadata = cell.get("metadata")
    raw = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if not isinstance(raw, dict):
        return None
    grade_id = raw.get("grade_id")
    if not isinstance(grade_id, str) or not grade_id:
        return None
    return CellMeta(
        grade_id=grade_id,
        grade=raw.get("grade") is True,
        solution=raw.get("solution") is True,
        locked=raw.get("locked") is True,
        task=raw.get("task") is True,
        points=_points(raw.get("points")),
        schema_version=_version(raw.get("schema_version")),
        cell_type=_text(raw.get("cell_type")),
        checksum=_text(raw.get("checksum")),
    )


def points_cells(instructor: Notebook) -> tuple[PointsCell, ...]:
    """Every cell of an instructor's notebook that carries points, in order; of two with one id, the first."""
    titles = _titles(instructor)
    found: dict[str, PointsCell] = {}
    for index, cell in enumerate(instructor["cells"]):
        meta = meta_of(cell)
        if meta is not None and meta.kind is not None and meta.grade_id not in found:
            title, hidden = titles[meta.grade_id], has_region(source_of(cell), HIDDEN_TESTS)
            found[meta.grade_id] = PointsCell(meta.grade_id, meta.kind, meta.points, title, index, hidden)
    return tuple(found.values())


def thaw(notebook: Notebook) -> NotebookNode:
    """A deep copy to be changed at will: nbgrader's preprocessors mutate what they are given."""
    from grader.notebook.formats import from_dict

    return cast("NotebookNode", from_dict(dict(notebook)))  # type: ignore[no-untyped-call]  # nbformat has no types


def source_of(cell: Mapping[str, Any]) -> str:
    """A cell's source as one string, whatever shape it has."""
    source = cell.get("source", "")
    if isinstance(source, str):
        return source
    return "".join(line for line in source if isinstance(line, str)) if isinstance(source, list) else ""


def without_regions(source: str, *regions: str) -> str:
    """The source without the lines between the regions' BEGIN and END markers, and without these lines.

    A region that never ends takes everything to the end of the cell with it.
    """
    lines = source.split("\n")
    return "\n".join(lines[index] for index in lines_outside(source, *regions))


def lines_outside(source: str, *regions: str) -> list[int]:
    """The indexes of the lines that are neither in one of the regions nor a marker of one."""
    kept: list[int] = []
    inside = False
    for index, line in enumerate(source.split("\n")):
        if any(f"BEGIN {region}" in line for region in regions):
            inside = True
        elif any(f"END {region}" in line for region in regions):
            inside = False
        elif not inside:
            kept.append(index)
    return kept


def has_region(source: str, *regions: str) -> bool:
    """Whether a marker of one of the regions is in the source."""
    return any(f"{edge} {region}" in source for region in regions for edge in ("BEGIN", "END"))


def _titles(instructor: Notebook) -> dict[str, str]:
    """The title of each cell that carries points, by its id."""
    above = dict(_headings_above(instructor["cells"]))
    shared = Counter(heading for heading in above.values() if heading)
    numbers: Counter[str] = Counter()
    titles: dict[str, str] = {}
    for grade_id, heading in above.items():
        numbers[heading] += 1
        title = heading if shared[heading] == 1 else f"{heading} ({numbers[heading]} of {shared[heading]})"
        taken = set(titles.values()) | (above.keys() - {grade_id})
        if not heading or title in taken:
            title = grade_id
        titles[grade_id] = title
    return titles


def _headings_above(cells: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The id of each cell with points and the nearest heading above it or in it, "" where there is none."""
    heading = ""
    seen: set[str] = set()
    for cell in cells:
        meta = meta_of(cell)
        if cell.get("cell_type") == "markdown" and not (meta and meta.solution):
            heading = _last_heading(source_of(cell)) or heading
        if meta and meta.kind and meta.grade_id not in seen:
            seen.add(meta.grade_id)
            yield meta.grade_id, heading


def _last_heading(source: str) -> str:
    """The last Markdown heading outside code fences and regions that students never see."""
    heading, fenced = "", False
    for line in without_regions(source, SOLUTION, HIDDEN_TESTS, MARK_SCHEME).split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and (match := _HEADING.match(line)):
            heading = _plain(match[1])
    return heading


def _plain(markdown: str) -> str:
    """A heading's words without links, emphasis, code marks and what the question is worth."""
    words = " ".join(re.sub(r"[*`]", "", _LINK.sub(r"\1", markdown)).split())
    words = _WORTH.sub("", words) or words
    return words if len(words) <= _TITLE_LENGTH else words[: _TITLE_LENGTH - 1].rstrip() + "…"


def _points(value: object) -> float:
    """Points as schema 0 to 3 may write them: a number, or a number in quotes; 0 for what makes no sense."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0
    try:
        points = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return points if math.isfinite(points) and points > 0 else 0.0


def _version(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
