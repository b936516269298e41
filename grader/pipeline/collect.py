"""Taking in what students handed in: planned against what stands, every earlier attempt kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import IntakeError
from grader.intake import (
    TIMESTAMP,
    Action,
    Aliases,
    Arrival,
    Collection,
    CollectPlan,
    Context,
    Recognised,
    Refused,
    Standing,
    account_rows,
    aliases_text,
    alone,
    digest_of,
    in_zone,
    open_path,
    plan_collect,
    read_aliases,
    read_stamp,
    recognise,
)
from grader.matching import Roster
from grader.store import valid_student_id
from grader.text import escape

if TYPE_CHECKING:
    from grader.pipeline.course import OpenCourse

_ALIASES = "aliases.csv"


@dataclass(frozen=True, slots=True)
class CollectRequest:
    """What a person says about the paths, beside what they tell themselves."""

    student: str | None = None
    """Everything is this student's."""
    layout: str | None = None
    """The layout, where it is not recognised by itself."""
    named: Mapping[str, str] = field(default_factory=dict)
    """Student ids by the files, folders or people that they are to be found as."""
    team_column: str | None = None
    """The roster's column of teams, where one hand-in counts for the whole team."""
    received: str | None = None
    """When what carries no time was handed in."""


def plan(
    opened: OpenCourse, assignment: str, paths: Sequence[Path], request: CollectRequest | None = None
) -> CollectPlan:
    """Who would get which files of these paths; nothing is written."""
    request = request or CollectRequest()
    (chosen,) = opened.course.chosen([assignment])
    received = _checked(opened, request)
    recognised, refused = _look(opened, assignment, paths, request)
    collection = Collection(
        assignment,
        opened.roster,
        chosen.due,
        opened.course.zone,
        valid_student_id,
        counts="first" if chosen.attempts == "first" else "latest",
        aliases=read_alias_file(opened),
        named=request.named,
        team_column=request.team_column,
        received=received,
    )
    planned = plan_collect(collection, recognised, refused, standing(opened, assignment))
    if planned.unused:
        names = ", ".join(f'"{escape(said)}"' for said in planned.unused)
        raise IntakeError(
            f"--as {names}: nothing here is called that; name a file, a folder or a person of the archive"
        )
    return planned


def standing(opened: OpenCourse, assignment: str) -> dict[str, Standing]:
    """What every student has handed in for an assignment so far."""
    found = {}
    for student_id in opened.folder.submitters(assignment):
        submission = opened.folder.read_submission(student_id, assignment)
        if submission is not None:
            kept = frozenset(opened.folder.attempts(student_id, assignment))
            found[student_id] = Standing(digest_of(submission.files), submission.timestamp, kept)
    return found


def carry_out(opened: OpenCourse, planned: CollectPlan) -> Iterator[Arrival]:
    """Write each arrival, yielding it once it stands."""
    if planned.learned:
        before = read_alias_file(opened)
        if {**before, **planned.learned} != before:
            opened.folder.write_private(_ALIASES, aliases_text({**before, **planned.learned}))
    for arrival in planned.arrivals:
        if arrival.action is Action.SAME or _take_in(opened, planned.assignment, arrival):
            yield arrival


def account_csv(planned: CollectPlan) -> str:
    """The account of a collection, a row a hand-in, safe to open in a spreadsheet."""
    from grader.gradebook.formats.cells import safe, to_text

    rows = list(account_rows(planned))
    titles = list(rows[0]) if rows else ["status"]
    return to_text([titles, *([safe(escape(row[title], 2000)) for title in titles] for row in rows)])


def alias_file(opened: OpenCourse) -> Path:
    """Where `--as` is remembered."""
    return opened.folder.private / _ALIASES


def read_alias_file(opened: OpenCourse) -> Aliases:
    """What `--as` settled before."""
    path = alias_file(opened)
    try:
        return read_aliases(path.read_text(encoding="utf-8"), escape(path, 300))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise IntakeError(f"{escape(path, 300)} cannot be read: {escape(error)}") from None


def _look(
    opened: OpenCourse, assignment: str, paths: Sequence[Path], request: CollectRequest
) -> tuple[list[Recognised], list[Refused]]:
    """What the paths hold, recognised."""
    roster = Roster.of(opened.roster or ())
    notebooks = frozenset(path.rpartition("/")[2] for path in opened.folder.source_files(assignment))
    recognised: list[Recognised] = []
    refused: list[Refused] = []
    for path in paths:
        arrived = open_path(path)
        context = Context(assignment, arrived.source, roster.values("login"), roster.values("github"), notebooks)
        if request.student is not None:
            found = alone(arrived, context, request.student)
        else:
            found = recognise(arrived, context, request.layout)
        recognised.append(found)
        loose = (Refused(escape("/".join(entry.path)), "it belongs to nobody") for entry in found.loose)
        refused.extend([*arrived.refused, *found.refused, *loose])
    return recognised, refused


def _checked(opened: OpenCourse, request: CollectRequest) -> datetime | None:
    """The time that a person gave; raises `IntakeError` for what cannot be."""
    known = {student.student_id for student in opened.roster or ()}
    titles = {title for student in opened.roster or () for title in student.extra}
    problems = [
        f'"{escape(student_id)}" cannot be the id of a student'
        if not valid_student_id(student_id)
        else f'"{escape(student_id)}" is nobody on the roster; add a row for them or correct the id'
        for student_id in [*request.named.values(), *([request.student] if request.student is not None else [])]
        if not valid_student_id(student_id) or (opened.roster is not None and student_id not in known)
    ]
    if request.team_column is not None and request.team_column not in titles:
        problems.append(f'"{escape(request.team_column)}" is no column of roster.csv beside the names')
    moment = in_zone(read_stamp(request.received), opened.course.zone) if request.received else None
    if request.received and moment is None:
        problems.append(f'"{escape(request.received)}" is no date and time; write e.g. "2026-09-21 20:15"')
    if problems:
        raise IntakeError(*problems)
    return moment


def _take_in(opened: OpenCourse, assignment: str, arrival: Arrival) -> bool:
    """Write an arrival as it is now; nothing, where nothing is left of it since it was planned."""
    files, _ = arrival.files()
    if not files:
        return False
    stamped = {**files, **_stamp(arrival.timestamp)}
    if arrival.action is Action.KEPT:
        opened.folder.write_attempt(arrival.student_id, assignment, digest_of(files), stamped)
        return True
    if arrival.action is Action.REPLACES:
        before = opened.folder.read_submission(arrival.student_id, assignment)
        if before is not None:
            kept = {**before.files, **_stamp(before.timestamp)}
            opened.folder.write_attempt(arrival.student_id, assignment, digest_of(before.files), kept)
    opened.folder.write_submission(arrival.student_id, assignment, stamped)
    return True


def _stamp(moment: datetime | None) -> dict[str, bytes]:
    """`timestamp.txt` as nbgrader writes it; none where the time is not known, so that nobody is late by it."""
    return {} if moment is None else {TIMESTAMP: f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC\n".encode()}
