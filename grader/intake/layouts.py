"""Whose work each entry is, told by how systems and people lay it out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from grader.errors import IntakeError
from grader.intake.entries import Arrived, Entry, EntryError
from grader.text import escape

TIMESTAMP = "timestamp.txt"


@dataclass(frozen=True, slots=True)
class HandIn:
    """What one person handed in once, as the layout tells it."""

    who: str
    """As written there: a folder's name."""
    files: Mapping[str, Entry]
    """By path below the hand-in."""
    source: str
    """Where it was found, escaped."""
    timestamp: datetime | None = None
    """Without a zone where none is stated: in the course's own then."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """The hand-ins of a layout, and entries that belong to nobody in it."""

    layout: str
    hand_ins: tuple[HandIn, ...]
    loose: tuple[Entry, ...] = ()


def recognise(arrived: Arrived, assignment: str) -> Recognised:
    """The hand-ins in an archive or folder; `IntakeError` says what was found where nothing fits."""
    entries = _without_wrapper(arrived.entries, assignment)
    folders: dict[str, list[Entry]] = defaultdict(list)
    loose = []
    for entry in entries:
        if len(entry.path) > 1:
            folders[entry.path[0]].append(entry)
        else:
            loose.append(entry)
    if not folders:
        raise IntakeError(_nothing_recognised(arrived))
    source = escape(arrived.source.name)
    hand_ins = (_hand_in(who, found, assignment, f"{source}/{escape(who)}") for who, found in sorted(folders.items()))
    return Recognised("folders", tuple(hand_in for hand_in in hand_ins if hand_in.files), tuple(loose))


def single(arrived: Arrived, student_id: str) -> Recognised:
    """Everything in a path, as the hand-in of one student."""
    return Recognised("single", (_from_files(student_id, {e.path: e for e in arrived.entries}, str(arrived.source)),))


def _without_wrapper(entries: tuple[Entry, ...], assignment: str) -> tuple[Entry, ...]:
    """The entries without the one folder around all of them that downloads and people like to add."""
    tops = {entry.path[0] for entry in entries}
    inner = {entry.path[1] for entry in entries if len(entry.path) > 2}
    if len(tops) != 1 or not inner or (inner == {assignment} and assignment not in tops):
        return entries
    if any(len(entry.path) == 2 for entry in entries):
        return entries
    return tuple(Entry(entry.path[1:], entry.size, entry.read) for entry in entries)


def _hand_in(who: str, entries: Iterable[Entry], assignment: str, source: str) -> HandIn:
    """One student's folder: `<student>/<files>` or `<student>/<assignment>/<files>`."""
    below = {entry.path[1:]: entry for entry in entries}
    if any(path[0] == assignment and len(path) > 1 for path in below):
        below = {path[1:]: entry for path, entry in below.items() if path[0] == assignment and len(path) > 1}
    return _from_files(who, below, source)


def _from_files(who: str, below: Mapping[tuple[str, ...], Entry], source: str) -> HandIn:
    stamp = below.get((TIMESTAMP,))
    files = {"/".join(path): entry for path, entry in below.items() if path != (TIMESTAMP,)}
    return HandIn(who, files, source, parse_timestamp(stamp) if stamp else None)


def parse_timestamp(entry: Entry) -> datetime | None:
    """The moment in a `timestamp.txt`; None where it says none."""
    try:
        text = entry.read()[:100].decode("utf-8-sig", "replace").strip()
    except EntryError:
        return None
    text = text.removesuffix(" UTC") + "+00:00" if text.endswith(" UTC") else text
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _nothing_recognised(arrived: Arrived) -> str:
    names = [escape("/".join(entry.path), 80) for entry in arrived.entries[:5]]
    found = f"it holds {', '.join(names)}{', …' if len(arrived.entries) > 5 else ''}" if names else "it holds no files"
    return (
        f"{escape(arrived.source, 300)}: {found}; accepted is a folder or zip with a folder for each student "
        "(<student>/<files> or <student>/<assignment>/<files>), or one student's work with --student ID"
    )
