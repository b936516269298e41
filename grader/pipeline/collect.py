"""Taking in what students handed in: planned against what stands, every earlier attempt kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import IntakeError
from grader.intake import Action, Arrival, CollectPlan, HandIn, Refused, Standing, open_path, plan_collect, recognise
from grader.intake.layouts import TIMESTAMP, single
from grader.intake.plan import Collection, digest_of
from grader.store import valid_student_id
from grader.text import escape

if TYPE_CHECKING:
    from grader.pipeline.course import OpenCourse


def plan(opened: OpenCourse, assignment: str, paths: Sequence[Path], student: str | None) -> CollectPlan:
    """Who would get which files of these paths."""
    (chosen,) = opened.course.chosen([assignment])
    if student is not None and not valid_student_id(student):
        raise IntakeError(f'"{escape(student)}" cannot be the id of a student')
    hand_ins: list[HandIn] = []
    refused: list[Refused] = []
    for path in paths:
        arrived = open_path(path)
        recognised = single(arrived, student) if student else recognise(arrived, assignment)
        hand_ins.extend(recognised.hand_ins)
        refused.extend(arrived.refused)
    collection = Collection(assignment, opened.roster, chosen.due, opened.course.zone, valid_student_id)
    return plan_collect(collection, hand_ins, refused, standing(opened, assignment))


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
    for arrival in planned.arrivals:
        if arrival.action is not Action.SAME:
            _take_in(opened, planned.assignment, arrival)
        yield arrival


def _take_in(opened: OpenCourse, assignment: str, arrival: Arrival) -> None:
    files, _ = arrival.files()
    timestamp = arrival.timestamp or datetime.now(UTC)
    stamped = {**files, TIMESTAMP: f"{timestamp.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC\n".encode()}
    if arrival.action is Action.EARLIER:
        opened.folder.write_attempt(arrival.student_id, assignment, arrival.digest, stamped)
        return
    if arrival.action is Action.REPLACES:
        before = opened.folder.read_submission(arrival.student_id, assignment)
        if before is not None:
            stamp = {TIMESTAMP: f"{before.timestamp}\n".encode()} if before.timestamp else {}
            opened.folder.write_attempt(
                arrival.student_id, assignment, digest_of(before.files), {**before.files, **stamp}
            )
    opened.folder.write_submission(arrival.student_id, assignment, stamped)
