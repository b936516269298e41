"""What is different between two sides of a submission: what was handed out, what counts, earlier attempts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from grader.pipeline.whole import RELEASED, SUBMITTED, Attempt, CellDiff, NotebookDiff, Whole
from grader.review.asking import marking_of
from grader.review.desk import desk_of
from grader.review.differences import Differences, line_by_line, side_by_side
from grader.review.errors import not_found
from grader.review.page import render
from grader.review.regrade import PATH, submission_of
from grader.review.routing import get
from grader.text import escape

if TYPE_CHECKING:
    from datetime import tzinfo

    from starlette.requests import Request

_MOST_CHARACTERS = 100_000
"""Of one notebook that are compared word by word; what is beyond is compared by lines."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Cells that are the same on both sides, or one that is not."""

    kind: str
    """same, changed, gone or new."""
    first: int
    """Which cell it is, or the first of them, from 1: as they stand on both sides together."""
    count: int
    cell_type: str
    differences: Differences | None
    """None for what is the same."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One notebook on both sides."""

    name: str
    problem: str
    changed: int
    stretches: tuple[Stretch, ...]


def show_differences(request: Request) -> Response:
    """Two sides of a submission beside each other, cell by cell; cells that are the same are only counted."""
    marking = marking_of(request)
    assignment, student_id = submission_of(request)
    attempts = Whole(marking).attempts(student_id, assignment)
    sides = _sides(attempts, desk_of(request).opened.course.zone)
    newest = SUBMITTED if SUBMITTED in sides else attempts[0].name if attempts else RELEASED
    old, new = (_side(request, name, sides, default) for name, default in (("old", RELEASED), ("new", newest)))
    found = Whole(marking).differences(student_id, assignment, old, new)
    return render(
        request,
        "differences.html.jinja",
        assignment=assignment,
        title=desk_of(request).opened.course.assignments[assignment].title,
        student=marking.student(student_id),
        attempts=attempts,
        sides=sides,
        old=old,
        new=new,
        compared=tuple(_compared(one) for one in found),
    )


def _side(request: Request, name: str, sides: Sequence[str] | dict[str, str], default: str) -> str:
    side = request.query_params.get(name, default)
    if side not in sides:
        raise not_found(f'there is no attempt "{escape(side, 80)}"; load the page again')
    return side


def _sides(attempts: Sequence[Attempt], zone: tzinfo) -> dict[str, str]:
    """Names of sides, and what they are called."""
    return {RELEASED: "What was handed out", **{one.name: _words(one, zone) for one in attempts}}


def _words(attempt: Attempt, zone: tzinfo) -> str:
    when = f"{attempt.time.astimezone(zone):%-d %B %Y, %H:%M:%S}" if attempt.time else "at an unknown time"
    return f"Handed in {when}{' (counts)' if attempt.counts else ''}"


def _compared(found: NotebookDiff) -> Compared:
    return Compared(found.name, found.problem, found.changed, tuple(_stretches(found.cells)))


def _stretches(cells: Sequence[CellDiff]) -> Iterator[Stretch]:
    same, room = 0, _MOST_CHARACTERS
    for number, cell in enumerate(cells, 1):
        if cell.kind == "same":
            same += 1
            continue
        if same:
            yield Stretch("same", number - same, same, "", None)
            same = 0
        room -= sum(len(line.text) for line in cell.lines)
        yield Stretch(cell.kind, number, 1, cell.cell_type, _differences(cell, by_words=room > 0))
    if same:
        yield Stretch("same", len(cells) - same + 1, same, "", None)


def _differences(cell: CellDiff, *, by_words: bool) -> Differences:
    if by_words:
        return side_by_side(_text(cell, "gone"), _text(cell, "new"))
    return line_by_line([(line.kind, line.text) for line in cell.lines])


def _text(cell: CellDiff, side: str) -> str:
    return "\n".join(line.text for line in cell.lines if line.kind in {"same", side})


ROUTES = (get(f"{PATH}/differences", show_differences, "differences"),)
