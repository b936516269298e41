"""Which system or person laid out what arrived, told by its names alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from grader.errors import IntakeError
from grader.intake.entries import Arrived
from grader.intake.entry import Entry
from grader.intake.folders import classroom, inbound, plain, single
from grader.intake.gradescope import gradescope
from grader.intake.layout import Context, Layout, Recognised
from grader.intake.systems import blackboard, brightspace, canvas, moodle
from grader.text import escape

_SYSTEMS: Mapping[str, Layout] = {
    "gradescope": gradescope,
    "blackboard": blackboard,
    "moodle": moodle,
    "brightspace": brightspace,
    "nbgrader": inbound,
    "canvas": canvas,
    "classroom": classroom,
}
_EXAMPLES: Mapping[str, str] = {
    "canvas": "leemartin_12345_678901_hw1.ipynb",
    "moodle": "Jane Doe_657737_assignsubmission_file/hw1.ipynb",
    "blackboard": "hw1_jdoe_attempt_2026-01-30-20-30-10_hw1.ipynb",
    "gradescope": "submission_metadata.yml and submission_123/hw1.ipynb",
    "brightspace": "397063-2557369 - Jane Doe - Sep 24, 2026 926 PM/hw1.ipynb",
    "classroom": "hw1-<github user>/hw1.ipynb",
    "nbgrader": "<student>+hw1+2026-09-24 21:26:00 UTC+.../hw1.ipynb",
    "folders": "<student>/<files>, <student>/<assignment>/<files> or <student>.zip",
}
FORMATS = tuple(_EXAMPLES)
"""What can be asked for by name."""


def recognise(arrived: Arrived, context: Context, layout: str | None = None) -> Recognised:
    """The hand-ins in an archive or folder; `IntakeError` says what was found where nothing fits."""
    wanted = {name: system for name, system in _SYSTEMS.items() if layout in {None, name}}
    for entries in (arrived.entries, _unwrapped(arrived.entries)):
        found = [result for system in wanted.values() if (result := system(entries, context))]
        tops = len({entry.path[0] for entry in entries})
        likely = [result for result in found if layout or 2 * result.fitting > tops - sum(map(_beside, result.loose))]
        if likely:
            best = max(likely, key=lambda result: result.fitting)
            return replace(best, loose=tuple(entry for entry in best.loose if not _beside(entry)))
    if layout in {None, "folders"}:
        result = plain(_without_wrapper(arrived.entries, context.assignment), context)
        if result and (result.hand_ins or not result.loose):
            return result
    raise IntakeError(_nothing_recognised(arrived, layout))


def alone(arrived: Arrived, context: Context, student_id: str) -> Recognised:
    """Everything in a path, as the hand-in of one student."""
    return single(arrived.entries, context, student_id)


def _beside(entry: Entry) -> bool:
    """Whether it is a file that systems put beside the hand-ins."""
    return len(entry.path) == 1 and entry.path[0] in {"index.html", "README.md"}


def _unwrapped(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries without the one folder around all of them."""
    if len({entry.path[0] for entry in entries}) != 1 or any(len(entry.path) < 2 for entry in entries):
        return ()
    return tuple(Entry(entry.path[1:], entry.size, entry.read) for entry in entries)


def _without_wrapper(entries: tuple[Entry, ...], assignment: str) -> tuple[Entry, ...]:
    """The same for plain folders, where the one folder may as well be the only student's."""
    tops = {entry.path[0] for entry in entries}
    inner = {entry.path[1] for entry in entries if len(entry.path) > 2}
    if len(tops) != 1 or not inner or (inner == {assignment} and assignment not in tops):
        return entries
    if any(len(entry.path) == 2 for entry in entries):
        return entries
    return _unwrapped(entries)


def _nothing_recognised(arrived: Arrived, layout: str | None) -> str:
    names = [escape("/".join(entry.path), 80) for entry in arrived.entries[:5]]
    found = f"it holds {', '.join(names)}{', …' if len(arrived.entries) > 5 else ''}" if names else "it holds no files"
    if layout:
        return f"{escape(arrived.source, 300)}: {found}; --format {layout} wants {_EXAMPLES[layout]}"
    accepted = "; ".join(f"{example} ({name})" for name, example in _EXAMPLES.items())
    return (
        f"{escape(arrived.source, 300)}: {found}; accepted is a folder or archive of {accepted}; "
        "or one student's work with --student ID"
    )
