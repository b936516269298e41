"""What is wrong with an instructor's notebook, all of it at once: a line each with the cell and the remedy.

It covers everything that `nbgrader generate_assignment` refuses, and what nbgrader lets through but would leak or
lose: markers that are almost right, a task without points, a picture in a mark scheme.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.notebook.metadata import HIDDEN_TESTS, MARK_SCHEME, SOLUTION, source_of
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from grader.model import Notebook

SCHEMA_VERSION = 3
"""Of nbgrader's cell metadata."""
STUB_LANGUAGES = frozenset({"python", "R", "matlab", "octave", "sas", "java"})
"""For which nbgrader has a stub to put in a solution's place."""
AUTOTEST_KERNELS = frozenset({"ir", "python", "python3"})
"""For which nbgrader can instantiate AUTOTEST lines."""

_KNOWN_FIELDS: dict[str, type | tuple[type, ...]] = {
    "schema_version": int,
    "grade": bool,
    "locked": bool,
    "solution": bool,
    "task": bool,
    "grade_id": str,
    "points": (int, float),
    "checksum": str,
    "cell_type": str,
}
_REQUIRED_FIELDS = ("grade", "locked", "solution")
_GRADE_ID = re.compile(r"[a-zA-Z0-9_\-]+")
_ALMOST = re.compile(
    r"\W*(begin|end)[\s_-]*(solutions?|hidden[\s_-]*tests?|mark(?:ing)?[\s_-]*schemes?)\W*", re.IGNORECASE
)
_ATTACHMENT = re.compile(r"!\[.*\]\(attachment:.+?\)")


@dataclass(frozen=True, slots=True)
class _Cell:
    """One cell and its nbgrader metadata, as far as it is an object at all."""

    number: int
    cell_type: str
    source: str
    raw: Mapping[str, Any]

    def on(self, field: str) -> bool:
        return self.raw.get(field) is True

    @property
    def graded_or_kept(self) -> bool:
        return self.on("grade") or self.on("solution") or self.on("locked") or self.on("task")


def check_source(source: Notebook, name: str) -> tuple[str, ...]:
    """Why this notebook cannot be released, a line for each problem; empty where it can."""
    return tuple(_problems(source, escape(name)))


def language_of(notebook: Notebook) -> str:
    """The language that nbgrader takes a notebook to be in."""
    kernelspec = notebook["metadata"].get("kernelspec")
    language = kernelspec.get("language", "python") if isinstance(kernelspec, dict) else "python"
    return language if isinstance(language, str) else "python"


def kernel_of(notebook: Notebook) -> str:
    """The name of the notebook's kernel, "" where it has none."""
    kernelspec = notebook["metadata"].get("kernelspec")
    kernel = kernelspec.get("name", "") if isinstance(kernelspec, dict) else ""
    return kernel if isinstance(kernel, str) else ""


def has_autotest(cell: Mapping[str, Any]) -> bool:
    """Whether nbgrader would write tests into this cell."""
    return cell["cell_type"] == "code" and "AUTOTEST" in source_of(cell)


def _problems(source: Notebook, name: str) -> Iterator[str]:
    language = language_of(source)
    if language not in STUB_LANGUAGES:
        known = ", ".join(sorted(STUB_LANGUAGES))
        yield f"{name}: nbgrader has no stub for solutions in the language '{escape(language)}'; it knows {known}"
    if any(map(has_autotest, source["cells"])) and kernel_of(source) not in AUTOTEST_KERNELS:
        known = ", ".join(sorted(AUTOTEST_KERNELS))
        yield f"{name}: AUTOTEST does not work with the kernel '{escape(kernel_of(source))}'; it knows {known}"
    old = [number for number, cell in enumerate(source["cells"], 1) if _is_old(cell)]
    if old:
        shown = ", ".join(map(str, old[:10])) + ("..." if len(old) > 10 else "")
        yield f"{name}: nbgrader metadata of an old schema in cells {shown}; run `grader release --upgrade`"
    first: dict[str, int] = {}
    for number, cell in enumerate(source["cells"], 1):
        raw = cell["metadata"].get("nbgrader", {})
        grade_id = raw.get("grade_id") if isinstance(raw, dict) else None
        label = f" ({escape(grade_id, 60)})" if isinstance(grade_id, str) and grade_id else ""
        if not isinstance(raw, dict):
            yield f"{name}: cell {number}: its nbgrader metadata is no object; set the cell's type again"
            continue
        seen = _Cell(number, cell["cell_type"], source_of(cell), raw)
        found = list(_metadata_problems(seen)) if "nbgrader" in cell["metadata"] else []
        if seen.graded_or_kept and isinstance(grade_id, str) and grade_id:
            if grade_id in first:
                found.append(f"cell {first[grade_id]} has the same id; give one of them another id")
            first.setdefault(grade_id, number)
        found.extend(_marker_problems(seen))
        yield from (f"{name}: cell {number}{label}: {problem}" for problem in found)


def _is_old(cell: Mapping[str, Any]) -> bool:
    raw = cell["metadata"].get("nbgrader")
    version = raw.get("schema_version", 0) if isinstance(raw, dict) else SCHEMA_VERSION
    return isinstance(version, int) and version < SCHEMA_VERSION


def _metadata_problems(cell: _Cell) -> Iterator[str]:
    version = cell.raw.get("schema_version", 0)
    if isinstance(version, bool) or not isinstance(version, int):
        yield "its nbgrader schema version is no number; run `grader release --upgrade`"
        return
    if version < SCHEMA_VERSION:
        return
    if version > SCHEMA_VERSION:
        yield f"its nbgrader metadata has schema {version}, newer than the {SCHEMA_VERSION} known here; update nbgrader"
        return
    yield from _field_problems(cell.raw)
    yield from _id_problems(cell)
    yield from _points_problems(cell)
    yield from _type_problems(cell)


def _field_problems(raw: Mapping[str, Any]) -> Iterator[str]:
    for field in sorted(set(raw) - set(_KNOWN_FIELDS)):
        yield f"nbgrader knows no metadata field '{escape(field)}'; remove it"
    for field in _REQUIRED_FIELDS:
        if field not in raw:
            yield f"its nbgrader metadata lacks {field!r}; set the cell's type again"
    for field, kind in _KNOWN_FIELDS.items():
        if field in raw and (not isinstance(raw[field], kind) or (kind is not bool and isinstance(raw[field], bool))):
            yield f"its nbgrader metadata has {field!r} of a wrong type; set the cell's type again"
    if isinstance(checksum := raw.get("checksum", ""), str) and "checksum" in raw and len(checksum) != 32:
        yield "its nbgrader checksum is none; remove it"
    if raw.get("cell_type", "code") not in ("raw", "code", "markdown"):
        yield "its nbgrader metadata records an unknown cell type; remove it"


def _id_problems(cell: _Cell) -> Iterator[str]:
    grade_id = cell.raw.get("grade_id", "")
    if not isinstance(grade_id, str):
        return
    if grade_id and not _GRADE_ID.fullmatch(grade_id):
        yield "its id may hold letters, digits, - and _ only; give it another id"
    elif not grade_id and cell.graded_or_kept:
        yield "it has no grade_id; give it an id of letters, digits, - and _"


def _points_problems(cell: _Cell) -> Iterator[str]:
    points = cell.raw.get("points")
    if "points" not in cell.raw:
        if cell.on("grade") or cell.on("task"):
            yield "it has no points; say how many it is worth (0 is fine)"
    elif (
        isinstance(points, int | float) and not isinstance(points, bool) and not (math.isfinite(points) and points >= 0)
    ):
        yield "its points are no number from 0 up; say how many it is worth"


def _type_problems(cell: _Cell) -> Iterator[str]:
    grade, solution = cell.on("grade"), cell.on("solution")
    if cell.on("task"):
        if cell.cell_type != "markdown":
            yield "a manually graded task must be a Markdown cell; change its type"
    elif grade and not solution and cell.cell_type != "code":
        yield "autograder tests must be a code cell; make it one, or a manually graded answer"
    elif solution and not grade and cell.cell_type == "markdown":
        yield "a Markdown cell cannot be an autograded answer; make it a manually graded answer"


def _marker_problems(cell: _Cell) -> Iterator[str]:
    for region, allowed, place in (
        (SOLUTION, cell.on("solution"), "an answer cell"),
        (HIDDEN_TESTS, cell.on("grade"), "an autograder tests cell"),
        (MARK_SCHEME, cell.on("task"), "a manually graded task"),
    ):
        begun = f"BEGIN {region}" in cell.source
        yield from _balance_problems(cell.source, region)
        if begun and not allowed:
            yield f"a {region} region belongs in {place}; change the cell's type or remove the region"
    for line in cell.source.split("\n"):
        if (match := _ALMOST.fullmatch(line)) and not _is_marker(line):
            region = {"s": SOLUTION, "h": HIDDEN_TESTS, "m": MARK_SCHEME}[match[2][0].lower()]
            yield f"'{escape(line.strip(), 60)}' is almost a marker; write '### {match[1].upper()} {region}'"
    if has_autotest({"cell_type": cell.cell_type, "source": cell.source}) and not cell.on("grade"):
        yield "AUTOTEST belongs in an autograder tests cell; change the cell's type"


def _is_marker(line: str) -> bool:
    return any(
        f"{edge} {region}" in line for edge in ("BEGIN", "END") for region in (SOLUTION, HIDDEN_TESTS, MARK_SCHEME)
    )


def _balance_problems(source: str, region: str) -> Iterator[str]:
    inside = False
    for line in source.split("\n"):
        if f"BEGIN {region}" in line:
            if inside:
                yield f"a BEGIN {region} stands inside another; end the first one before"
            inside = True
        elif f"END {region}" in line:
            if not inside:
                yield f"an END {region} has no BEGIN {region} before it; add it or remove the END"
            inside = False
        elif inside and region == MARK_SCHEME and _ATTACHMENT.search(line):
            yield "its mark scheme holds an attached picture, which students could see; embed it as a data: URL instead"
    if inside:
        yield f"its BEGIN {region} has no END {region}; add the line '### END {region}'"
