"""Archives of learning systems that write whose a file is into its name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import TypeAlias

from grader.intake.entry import Entry, EntryError
from grader.intake.hand_ins import NOTEBOOK, HandIn, Person, below
from grader.intake.layout import Context, Recognised, heads_and_rests
from grader.intake.times import read_brightspace, read_dashes
from grader.text import escape

_CANVAS = re.compile(
    r"(?:(?P<late_anon>LATE_)?anon_(?P<anon>[A-Za-z0-9]+)|(?P<name>[^\W_][\w-]*?|)(?P<late>_LATE)?_(?P<user>\d+))"
    r"_(?:(?P<attachment>\d+)_(?P<file>.+)|(?P<text>text\.html|link\.html|link\.url))",
    re.DOTALL,
)
_MOODLE = re.compile(r"(?P<name>[^_]+)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:_(?P<file>.*))?", re.DOTALL)
_BLACKBOARD = re.compile(
    r"(?P<head>.+?)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|(?P<sidecar>\.txt))", re.DOTALL
)
_BRIGHTSPACE = re.compile(r"(?P<ids>\d+-\d+) - (?P<name>.+) - (?P<time>[^-]*\d{4}[^-]*)", re.DOTALL)
_SIDECAR_NAME = re.compile(r"Name: (?P<name>.*) \((?P<login>[^()]+)\)\s*")
_AGAIN = re.compile(r"(?P<stem>.+)-(?P<number>\d{1,3})")
_Numbers: TypeAlias = tuple[int, ...]


def canvas(entries: Sequence[Entry], context: Context) -> Recognised | None:
    """`leemartin_LATE_12345_678901_hw1-2.ipynb`: name, mark, user, attachment, file and attempt."""
    found, loose = _matching(_CANVAS, entries)
    by_person: dict[Person, list[tuple[re.Match[str], Entry]]] = defaultdict(list)
    for match, entry in found:
        by_person[_canvas_person(match)].append((match, entry))
    hand_ins = [hand_in for person, files in by_person.items() for hand_in in _canvas_attempts(person, files, context)]
    return _recognised("canvas", hand_ins, loose, found)


def _canvas_person(match: re.Match[str]) -> Person:
    if match["anon"]:
        return Person(f"anon_{match['anon']}")
    clues = [("canvas_id", match["user"])]
    if match["name"]:
        clues.append(("compact", match["name"]))
    return Person(f"{match['name']}_{match['user']}", tuple(clues))


def _canvas_attempts(
    person: Person, found: Sequence[tuple[re.Match[str], Entry]], context: Context
) -> Iterator[HandIn]:
    """One hand-in an attempt: `hw1.ipynb` and `hw1-2.ipynb` are two of the same notebook; all else is in each."""
    files = _canvas_files(found)
    versions: dict[str, dict[_Numbers, str]] = defaultdict(dict)
    for name in files:
        first, again = _version(name, files, context)
        versions[first][again] = name
    numbers = sorted({number for of_file in versions.values() for number in of_file})
    late = any(match["late"] or match["late_anon"] for match, _ in found)
    for order, number in enumerate(numbers):
        names = [of_file[max(n for n in of_file if n <= number)] for of_file in versions.values()]
        chosen = {name: files[name] for name in names}
        yield _hand_in(person, chosen, context, late=late and number == numbers[-1], order=order)


def _canvas_files(found: Sequence[tuple[re.Match[str], Entry]]) -> dict[str, Entry]:
    """Files by the name that the student gave them; of one name, the later has its attachment's number in front."""
    files: dict[str, Entry] = {}
    for match, entry in sorted(found, key=lambda item: int(item[0]["attachment"] or 0)):
        name = "/".join((match["file"] or match["text"], *entry.path[1:]))
        files[f"{match['attachment']}_{name}" if name in files else name] = entry
    return files


def _version(name: str, files: Container[str], context: Context) -> tuple[str, _Numbers]:
    """Which file a notebook is a further attempt of, and its numbers: two for one of `hw1-1.ipynb`, itself a second.

    Whatever is no further attempt of another file is the first of its own.
    """
    path = PurePosixPath(name)
    again = _AGAIN.fullmatch(path.stem) if path.suffix == NOTEBOOK and name not in context.notebooks else None
    before = again["stem"] + path.suffix if again else ""
    if again is None or before not in files:
        return name, ()
    first, numbers = _version(before, files, context)
    return first, (*numbers, int(again["number"]))


def moodle(entries: Sequence[Entry], context: Context) -> Recognised | None:
    """`Jane Doe_657737_assignsubmission_file/hw1.ipynb`, older `..._file_/`, or flat `..._file_hw1.ipynb`."""
    found, loose = _matching(_MOODLE, entries)
    by_person: dict[Person, list[tuple[tuple[str, ...], Entry]]] = defaultdict(list)
    for match, entry in found:
        name, number = match["name"].strip(), match["id"]
        person = Person(f"{name}_{number}", (("moodle_id", number), ("name", name)), known_as=name)
        path = ((match["file"],) if match["file"] else ()) + entry.path[1:]
        by_person[person].append((path, entry))
    hand_ins = [_hand_in(person, below(files), context) for person, files in by_person.items()]
    return _recognised("moodle", hand_ins, loose, found)


@dataclass(frozen=True, slots=True)
class _Attempt:
    head: str
    time: str


def blackboard(entries: Sequence[Entry], context: Context) -> Recognised | None:
    """`ps1_hacker_attempt_2016-01-30-20-30-10_problem1.ipynb`, and `..._attempt_<time>.txt` about it."""
    found, loose = _matching(_BLACKBOARD, entries)
    attempts: dict[_Attempt, dict[str, Entry]] = defaultdict(dict)
    told: dict[_Attempt, re.Match[str]] = {}
    for match, entry in found:
        attempt = _Attempt(match["head"], match["time"])
        files = attempts[attempt]
        if match["file"]:
            files["/".join((match["file"], *entry.path[1:]))] = entry
        elif (sidecar := _sidecar(entry)) and match["head"].endswith(f"_{sidecar['login']}"):
            told[attempt] = sidecar
    if not attempts:
        return None
    users = heads_and_rests([attempt.head for attempt in attempts], "_", context.logins, context)
    hand_ins = [
        replace(
            _hand_in(_blackboard_person(attempt, told.get(attempt), users[attempt.head]), files, context),
            timestamp=read_dashes(attempt.time),
            names=(attempt.head, f"{attempt.head}_attempt_{attempt.time}", *_first_names(files)),
        )
        for attempt, files in attempts.items()
    ]
    return _recognised("blackboard", hand_ins, loose, found)


def _blackboard_person(attempt: _Attempt, told: re.Match[str] | None, user: str | None) -> Person:
    login = told["login"] if told else user
    if login is None:
        return Person(attempt.head)
    return Person(login, (("login", login),))


def _sidecar(entry: Entry) -> re.Match[str] | None:
    """The first line of the system's own file about an attempt; what follows may be the student's."""
    try:
        first = entry.read()[:2000].decode("utf-8-sig", "replace").split("\n", 1)[0]
    except EntryError:
        return None
    return _SIDECAR_NAME.fullmatch(first)


def brightspace(entries: Sequence[Entry], context: Context) -> Recognised | None:
    """`397063-2557369 - Mary-Ann Smith - Sep 24, 2024 926 PM/doc.ipynb`: by name, in the course's time."""
    found, loose = _matching(_BRIGHTSPACE, [entry for entry in entries if len(entry.path) > 1])
    attempts: dict[tuple[str, str, datetime | None], list[tuple[tuple[str, ...], Entry]]] = defaultdict(list)
    for match, entry in found:
        when = read_brightspace(match["time"])
        attempts[entry.path[0], match["name"].strip(), when].append((entry.path[1:], entry))
    hand_ins = [
        replace(_hand_in(Person(name, (("name", name),)), below(files), context), timestamp=when, names=(folder,))
        for (folder, name, when), files in attempts.items()
    ]
    return _recognised("brightspace", hand_ins, [*loose, *(e for e in entries if len(e.path) == 1)], found)


def _matching(
    pattern: re.Pattern[str], entries: Sequence[Entry]
) -> tuple[list[tuple[re.Match[str], Entry]], list[Entry]]:
    matched = [(pattern.fullmatch(entry.path[0]), entry) for entry in entries]
    return [(match, entry) for match, entry in matched if match], [entry for match, entry in matched if not match]


def _hand_in(
    person: Person, files: Mapping[str, Entry], context: Context, *, late: bool = False, order: int = 0
) -> HandIn:
    tops = _first_names(files)
    shown = f"{escape(context.source.name)}/{escape(tops[0] if tops else person.label)}"
    return HandIn((person,), files, shown, late=late, order=order, names=tops)


def _first_names(files: Mapping[str, Entry]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry.path[0] for entry in files.values()))


def _recognised(
    layout: str, hand_ins: Sequence[HandIn], loose: Sequence[Entry], found: Sequence[tuple[re.Match[str], Entry]]
) -> Recognised | None:
    if not found:
        return None
    tops = {entry.path[0] for _, entry in found}
    return Recognised(layout, tuple(h for h in hand_ins if h.files), tuple(loose), fitting=len(tops))
