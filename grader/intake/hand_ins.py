"""One hand-in: whose it is said to be, and its files, read whole and within limits when they are needed."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from grader.intake.archives import archive_entries, is_archive
from grader.intake.entry import Entry, EntryError, Limits, Refused
from grader.intake.names import fold, ignored, unsafe_in_hand_in
from grader.model import Files
from grader.text import escape

NOTEBOOK = ".ipynb"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom a layout names, by all that it tells of them."""

    label: str
    """What tells them apart from everybody else in the archive."""
    clues: tuple[tuple[str, str], ...] = ()
    """Kinds of names (as in `grader.matching`) and names."""
    known_as: str = ""
    """What they are called in every archive of the system, if that is not the label."""

    @property
    def said(self) -> str:
        """The name to show and to look for similar ones with."""
        return next((value for kind, value in self.clues if kind in {"name", "compact"}), self.known_as or self.label)


@dataclass(frozen=True, slots=True)
class HandIn:
    """What was handed in once, as the layout tells it."""

    people: tuple[Person, ...]
    """More than one for a team."""
    files: Mapping[str, Entry]
    """By path below the hand-in."""
    source: str
    """Where it was found, escaped: the archive and a name in it."""
    timestamp: datetime | None = None
    """Without a zone where none is stated: in the course's own then."""
    late: bool = False
    """Marked so by the system."""
    order: int = 0
    """Of several attempts without a time, the highest is the latest."""
    names: tuple[str, ...] = field(default=())
    """Names in the archive by which a person may mean this hand-in."""


def read_files(hand_in: HandIn, limits: Limits | None = None) -> tuple[Files, tuple[Refused, ...]]:
    """The contents of a hand-in, notebooks first, and the entries that could not be taken.

    Where a student handed in an archive and no notebook beside it, its contents count in its place.
    """
    limits = limits or Limits()
    refused: list[Refused] = []
    files = _read(hand_in.files, hand_in.source, limits, refused)
    if not any(path.lower().endswith(NOTEBOOK) for path in files):
        for path in [path for path in files if is_archive(path)]:
            others = {other: content for other, content in files.items() if other != path}
            inside = _unpacked(files[path], path, f"{hand_in.source}/{escape(path)}", limits, refused)
            if any(name.lower().endswith(NOTEBOOK) for name in inside):
                files = {**inside, **others}
                break
    return files, tuple(refused)


def digest_of(files: Files) -> str:
    """SHA-256 over paths and contents, by which two attempts are known to be the same."""
    whole = hashlib.sha256()
    for path, content in sorted((unicodedata.normalize("NFC", path), content) for path, content in files.items()):
        whole.update(f"{path}\0{len(content)}\0".encode("utf-8", "surrogatepass"))
        whole.update(content)
    return whole.hexdigest()


def below(entries: Sequence[tuple[tuple[str, ...], Entry]]) -> dict[str, Entry]:
    """Entries by path, given the names below the hand-in."""
    return {"/".join(path): entry for path, entry in entries if path}


def _read(files: Mapping[str, Entry], source: str, limits: Limits, refused: list[Refused]) -> dict[str, bytes]:
    """Read what is allowed, notebooks first where space is short."""
    taken: dict[str, bytes] = {}
    places: set[str] = set()
    known: set[str] = set()
    room = limits.hand_in_bytes
    for path in sorted(files, key=lambda path: (not path.lower().endswith(NOTEBOOK), path)):
        parts = tuple(path.split("/"))
        if ignored(parts):
            continue
        try:
            content = _content(files[path], min(room, limits.entry_bytes), _refusal(parts, places, known, limits))
        except EntryError as error:
            refused.append(Refused(f"{source}/{escape(path)}", str(error)))
        else:
            places |= _places(parts)
            known.add(fold(parts))
            room -= len(content)
            taken[path] = content
    return taken


def _content(entry: Entry, room: int, refusal: str | None) -> bytes:
    """Read an entry for which there is room, unless there is a reason not to."""
    if refusal:
        raise EntryError(refusal)
    content = entry.read() if entry.size <= room else None
    if content is None or len(content) > room:
        raise EntryError("it is larger than what is left of the room for one hand-in")
    return content


def _refusal(parts: tuple[str, ...], places: set[str], files: set[str], limits: Limits) -> str | None:
    """Why a file cannot stand beside those that were taken, with the folders that they are in."""
    if reason := unsafe_in_hand_in(parts):
        return reason
    if fold(parts) in places:
        return "another entry has the same name up to upper and lower case"
    if not files.isdisjoint(_places(parts)):
        return "one of its folders has the name of another file"
    if len(places | _places(parts)) > limits.hand_in_files:
        return f"the hand-in holds more than {limits.hand_in_files} files"
    return None


def _places(parts: tuple[str, ...]) -> set[str]:
    """A file and the folders above it."""
    return {fold(parts[:depth]) for depth in range(1, len(parts) + 1)}


def _unpacked(content: bytes, name: str, source: str, limits: Limits, refused: list[Refused]) -> dict[str, bytes]:
    entries: dict[str, Entry] = {}
    try:
        for entry in _within(archive_entries(content, limits, name), limits):
            if isinstance(entry, Refused):
                refused.append(Refused(f"{source}/{entry.name}", entry.reason))
            else:
                entries.setdefault("/".join(entry.path), entry)
    except EntryError as error:
        refused.append(Refused(source, str(error)))
        return {}
    tops = {path.partition("/")[0] for path in entries}
    if len(tops) == 1 and all("/" in path for path in entries):
        entries = {path.partition("/")[2]: entry for path, entry in entries.items()}
    return _read(entries, source, limits, refused)


def _within(found: Iterator[Entry | Refused], limits: Limits) -> Iterator[Entry | Refused]:
    for number, entry in enumerate(found):
        if number == limits.hand_in_files:
            yield Refused("the rest", f"there are more than {limits.hand_in_files} entries")
            return
        yield entry
