"""Folders a student: plain ones, clones, nbgrader's inbound and submitted folders; and one student's work alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from grader.intake.archives import is_archive
from grader.intake.entry import Entry, EntryError, Refused
from grader.intake.hand_ins import NOTEBOOK, HandIn, Person, below
from grader.intake.layout import Context, Recognised, heads_and_rests
from grader.intake.names import TIMESTAMP
from grader.intake.times import read_stamp
from grader.text import escape

_INBOUND = re.compile(
    r"(?P<who>.+?)\+(?P<assignment>[^+]+)\+(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^+]*)(?:\+(?P<rest>.*))?", re.DOTALL
)
_Below = list[tuple[tuple[str, ...], Entry]]


def inbound(entries: Sequence[Entry], context: Context) -> Recognised | None:
    """`<student>+<assignment>+<timestamp>+...`: what `nbgrader submit` leaves in an exchange."""
    folders, loose = _by_top(entries)
    found = {name: match for name in folders if (match := _INBOUND.fullmatch(name))}
    if not found:
        return None
    hand_ins = tuple(
        HandIn(
            (_student(match["who"]),),
            {path: entry for path, entry in below(folders[name]).items() if path != TIMESTAMP},
            _shown(context, name),
            read_stamp(match["time"]),
            names=(name,),
        )
        for name, match in found.items()
        if match["assignment"] == context.assignment
    )
    others = [entry for name in folders if name not in found for _, entry in folders[name]]
    return Recognised("nbgrader", hand_ins, (*loose, *others), fitting=len(found))


def classroom(entries: Sequence[Entry], context: Context) -> Recognised | None:
    """`<assignment>-<github user>/...`: one clone a student; a GitHub name is no student's id."""
    folders, loose = _by_top(entries)
    if not folders:
        return None
    users = heads_and_rests(list(folders), "-", context.githubs, context)
    fitting = [name for name, user in users.items() if user and _is_clone(name, user, context)]
    if not fitting:
        return None
    hand_ins = tuple(
        HandIn(
            (Person(user or name, (("github", user),) if user else ()),),
            below(folders[name]),
            _shown(context, name),
            names=(name,),
        )
        for name, user in users.items()
    )
    return Recognised("classroom", hand_ins, tuple(loose), fitting=len(fitting))


def _is_clone(name: str, user: str, context: Context) -> bool:
    if user.casefold() in context.githubs:
        return True
    slug = re.sub(r"[^a-z0-9]+", "-", context.assignment.casefold())
    return name.casefold().startswith(f"{slug}-")


def plain(entries: Sequence[Entry], context: Context) -> Recognised | None:
    """`<student>/<files>`, `<student>/<assignment>/<files>`, or `<student>.zip`."""
    folders, top_level = _by_top(entries)
    single_files = [entry for entry in top_level if is_archive(entry.path[0]) or entry.path[0].endswith(NOTEBOOK)]
    if len(folders) + len(single_files) == 0 or (not folders and len(entries) == 1):
        return None
    by_assignment = any(path[0] == context.assignment and len(path) > 1 for f in folders.values() for path, _ in f)
    found: list[HandIn] = []
    refused: list[Refused] = []
    for name, files in folders.items():
        inside = files
        if by_assignment:
            inside = [(path[1:], e) for path, e in files if path[0] == context.assignment and len(path) > 1]
        hand_in = _with_stamp(_student(name, plain=True), inside, _shown(context, name), name, refused)
        found.extend([hand_in] if hand_in.files else [])
    for entry in single_files:
        who = _stem(entry.path[0])
        person, shown = _student(who, plain=True), _shown(context, entry.path[0])
        found.append(HandIn((person,), {entry.path[0]: entry}, shown, names=entry.path))
    loose = tuple(entry for entry in top_level if entry not in single_files)
    return Recognised("folders", tuple(found), loose, tuple(refused), fitting=len(folders) + len(single_files))


def single(entries: Sequence[Entry], context: Context, student_id: str) -> Recognised:
    """Everything in a path, as the hand-in of one student."""
    refused: list[Refused] = []
    person = Person(student_id, (("given", student_id),))
    tops = {entry.path[0] for entry in entries}
    wrapped = len(tops) == 1 and all(len(entry.path) > 1 for entry in entries)
    files = [(entry.path[1:] if wrapped else entry.path, entry) for entry in entries]
    hand_in = _with_stamp(person, files, escape(context.source.name), "", refused)
    return Recognised("single", (hand_in,) if hand_in.files else (), (), tuple(refused))


def _with_stamp(person: Person, files: _Below, source: str, name: str, refused: list[Refused]) -> HandIn:
    """A hand-in whose `timestamp.txt` is the course's own file, as nbgrader writes it."""
    entries = below(files)
    stamp = entries.pop(TIMESTAMP, None)
    moment = None
    if stamp is not None:
        try:
            text = stamp.read()[:200].decode("utf-8-sig", "replace")
        except EntryError as error:
            refused.append(Refused(f"{source}/{TIMESTAMP}", str(error)))
        else:
            moment = read_stamp(text)
            if moment is None and text.strip():
                refused.append(Refused(f"{source}/{TIMESTAMP}", f"it says no time: {escape(text.strip(), 60)}"))
    return HandIn((person,), entries, source, moment, names=(name,) if name else ())


def _student(who: str, *, plain: bool = False) -> Person:
    """A folder's name is an id in the first place; in a plain layout it may be any other name of a student."""
    others = ("login", "email", "sid", "canvas_id", "name") if plain else ("login",)
    return Person(who, (("student_id", who), *((kind, who.strip()) for kind in others)))


def _by_top(entries: Sequence[Entry]) -> tuple[dict[str, _Below], list[Entry]]:
    folders: dict[str, _Below] = defaultdict(list)
    loose = []
    for entry in entries:
        if len(entry.path) > 1:
            folders[entry.path[0]].append((entry.path[1:], entry))
        else:
            loose.append(entry)
    return folders, loose


def _stem(name: str) -> str:
    stem = PurePosixPath(name).stem
    return stem.removesuffix(".tar")


def _shown(context: Context, name: str) -> str:
    return f"{escape(context.source.name)}/{escape(name)}"
