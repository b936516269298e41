"""What would become of each hand-in: who gets which files, what they replace, and what nobody is guessed for."""

from __future__ import annotations

import difflib
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from grader.intake.entries import EntryError, Refused
from grader.intake.layouts import HandIn
from grader.model import Files, Student
from grader.text import escape

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Action(StrEnum):
    """What happens to a hand-in."""

    NEW = "new"
    """The student's first."""
    SAME = "same"
    """It was taken in before."""
    REPLACES = "replaces"
    """It counts now; the attempt that counted is kept."""
    EARLIER = "earlier"
    """It is kept beside a later attempt, which counts."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a student has handed in already, by what can be compared."""

    digest: str
    """Of the attempt that counts."""
    timestamp: datetime | None
    attempts: frozenset[str]
    """Digests of the attempts that are kept beside it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A hand-in whose student is known."""

    student_id: str
    hand_in: HandIn
    action: Action
    digest: str
    timestamp: datetime | None
    late: bool

    def files(self) -> tuple[Files, tuple[Refused, ...]]:
        """Read the hand-in, leaving out what turns out to be damaged or too large."""
        return read_files(self.hand_in)


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A hand-in that belongs to nobody for certain."""

    hand_in: HandIn
    candidates: tuple[str, ...]
    """Ids of students whom it might mean, best first."""


@dataclass(frozen=True, slots=True)
class CollectPlan:
    """Who would get what."""

    assignment: str
    arrivals: tuple[Arrival, ...]
    unmatched: tuple[Unmatched, ...]
    refused: tuple[Refused, ...]
    absent: tuple[str, ...]
    """Ids of students on the roster of whom nothing has come, now or before."""


@dataclass(frozen=True, slots=True)
class Collection:
    """What a plan is made for."""

    assignment: str
    roster: tuple[Student, ...] | None
    due: datetime | None
    zone: ZoneInfo
    valid_id: Callable[[str], bool]


def plan_collect(
    collection: Collection, hand_ins: Iterable[HandIn], refused: Iterable[Refused], standing: Mapping[str, Standing]
) -> CollectPlan:
    """Match each hand-in to a student and compare it with what stands; contents are read one hand-in at a time."""
    refused = list(refused)
    unmatched: list[Unmatched] = []
    of_student: dict[str, list[tuple[HandIn, str, datetime | None]]] = defaultdict(list)
    for hand_in in hand_ins:
        student_id = _student(hand_in.who, collection)
        if student_id is None:
            unmatched.append(Unmatched(hand_in, _candidates(hand_in.who, collection)))
            continue
        files, damaged = read_files(hand_in)
        refused.extend(damaged)
        of_student[student_id].append((hand_in, digest_of(files), _in_zone(hand_in.timestamp, collection.zone)))
    arrivals = [
        arrival
        for student_id, found in of_student.items()
        for arrival in _arrivals(student_id, found, standing.get(student_id), collection.due)
    ]
    expected = {student.student_id for student in collection.roster or ()}
    return CollectPlan(
        collection.assignment,
        tuple(arrivals),
        tuple(unmatched),
        tuple(refused),
        tuple(sorted(expected - of_student.keys() - standing.keys())),
    )


def read_files(hand_in: HandIn) -> tuple[Files, tuple[Refused, ...]]:
    """The contents of a hand-in, and the entries that could not be read."""
    files, refused = {}, []
    for path, entry in hand_in.files.items():
        try:
            files[path] = entry.read()
        except EntryError as error:
            refused.append(Refused(f"{hand_in.source}/{escape(path)}", str(error)))
    return files, tuple(refused)


def digest_of(files: Files) -> str:
    """SHA-256 over paths and contents, by which two attempts are known to be the same."""
    whole = hashlib.sha256()
    for path, content in sorted(files.items()):
        whole.update(f"{path}\0{len(content)}\0".encode("utf-8", "surrogatepass"))
        whole.update(content)
    return whole.hexdigest()


def _arrivals(
    student_id: str, found: list[tuple[HandIn, str, datetime | None]], standing: Standing | None, due: datetime | None
) -> Iterable[Arrival]:
    """One student's hand-ins, earliest first, so that the latest is what counts in the end."""
    counts, at = (standing.digest, standing.timestamp) if standing else (None, None)
    known = set(standing.attempts) if standing else set()
    for hand_in, digest, timestamp in sorted(found, key=lambda item: item[2] or _LONG_AGO):
        if digest == counts or digest in known:
            action = Action.SAME
        elif counts is None:
            action = Action.NEW
        elif timestamp and at and timestamp < at:
            action = Action.EARLIER
        else:
            action = Action.REPLACES
        if action in {Action.NEW, Action.REPLACES}:
            known |= {counts} if counts else set()
            counts, at = digest, timestamp
        elif action is Action.EARLIER:
            known.add(digest)
        late = due is not None and timestamp is not None and timestamp > due
        yield Arrival(student_id, hand_in, action, digest, timestamp, late)


def _student(who: str, collection: Collection) -> str | None:
    """The student whom a name means beyond doubt."""
    if collection.roster is None:
        return who if collection.valid_id(who) else None
    ids = {student.student_id for student in collection.roster}
    if who in ids:
        return who
    folded = [student_id for student_id in ids if student_id.casefold() == who.strip().casefold()]
    return folded[0] if len(folded) == 1 else None


def _candidates(who: str, collection: Collection) -> tuple[str, ...]:
    ids = [student.student_id for student in collection.roster or ()]
    return tuple(difflib.get_close_matches(who, ids, n=3, cutoff=0.5))


def _in_zone(timestamp: datetime | None, zone: ZoneInfo) -> datetime | None:
    return timestamp if timestamp is None or timestamp.tzinfo else timestamp.replace(tzinfo=zone)
