"""What would become of each hand-in: who gets which files, what they replace, and what nobody is guessed for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from grader.intake.entry import Limits, Refused
from grader.intake.hand_ins import HandIn, Person, digest_of, read_files
from grader.intake.layout import Recognised
from grader.intake.people import Aliases, Found, identify, remembered, settled, to_remember
from grader.intake.times import in_zone
from grader.matching import Roster, fold_name
from grader.model import Files, Student

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_A_MOMENT = timedelta(seconds=1)


class Action(StrEnum):
    """What happens to a hand-in."""

    NEW = "new"
    """The student's first."""
    SAME = "same"
    """It was taken in before."""
    REPLACES = "replaces"
    """It counts now; the attempt that counted is kept."""
    DATED = "dated"
    """It counted before without a time, which is known now."""
    KEPT = "kept"
    """It is kept beside the attempt that counts."""


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
    by: str = ""
    """What told whose it is."""

    def files(self) -> tuple[Files, tuple[Refused, ...]]:
        """Read the hand-in, leaving out what turns out to be damaged or too large."""
        return read_files(self.hand_in)


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A hand-in that belongs to nobody for certain."""

    hand_in: HandIn
    candidates: tuple[str, ...]
    """Ids of students whom it might mean, best first."""
    called: str = ""
    """Whom it names, as `--as` takes it."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class CollectPlan:
    """Who would get what."""

    assignment: str
    arrivals: tuple[Arrival, ...]
    unmatched: tuple[Unmatched, ...]
    refused: tuple[Refused, ...]
    absent: tuple[str, ...]
    """Ids of students on the roster of whom nothing has come, now or before."""
    layouts: tuple[str, ...] = ()
    received: int = 0
    """Hand-ins that were found."""
    learned: Aliases = field(default_factory=dict)
    """What is to be remembered of `--as`."""
    unused: tuple[str, ...] = ()
    """Names given with `--as` that nothing is called by."""

    @property
    def duplicates(self) -> tuple[str, ...]:
        """Ids of students of whom more than one hand-in came at once."""
        ids = [arrival.student_id for arrival in self.arrivals]
        return tuple(sorted({student_id for student_id in ids if ids.count(student_id) > 1}))


@dataclass(frozen=True, slots=True)
class Collection:
    """What a plan is made for."""

    assignment: str
    roster: tuple[Student, ...] | None
    due: datetime | None
    zone: ZoneInfo
    valid_id: Callable[[str], bool]
    counts: Literal["latest", "first"] = "latest"
    aliases: Aliases = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)
    """Students by what `--as` calls them."""
    team_column: str | None = None
    """The roster's column of teams, where one hand-in counts for the whole team."""
    received: datetime | None = None
    """When what carries no time was handed in."""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class _Named:
    """One person of one hand-in."""

    layout: str
    hand_in: HandIn
    person: Person
    found: Found


@dataclass(frozen=True, slots=True)
class _Read:
    """One student's hand-in, once it is read."""

    hand_in: HandIn
    digest: str
    timestamp: datetime | None
    by: str


def plan_collect(
    collection: Collection,
    recognised: Sequence[Recognised],
    refused: Iterable[Refused],
    standing: Mapping[str, Standing],
) -> CollectPlan:
    """Match each hand-in to its students and compare it with what stands; one hand-in is read at a time."""
    refused = list(refused)
    people, learned = _people(collection, recognised, standing)
    of_student: dict[str, list[_Read]] = defaultdict(list)
    for hand_in, members in _certain(people, collection):
        files, damaged = read_files(hand_in, collection.limits)
        refused.extend(damaged)
        if not files:
            refused.append(Refused(hand_in.source, "nothing of it can be taken"))
            continue
        digest, when = digest_of(files), _time(hand_in, collection)
        for student_id, by in members.items():
            of_student[student_id].append(_Read(hand_in, digest, when, by))
    arrivals = [
        arrival
        for student_id, found in of_student.items()
        for arrival in _arrivals(student_id, found, standing.get(student_id), collection)
    ]
    unmatched = tuple(
        Unmatched(one.hand_in, one.found.candidates, one.person.label, one.found.why)
        for one in people
        if one.found.student_id is None
    )
    expected = {student.student_id for student in collection.roster or ()}
    used = {said for one in people for said in collection.named if _means(one, said)}
    return CollectPlan(
        collection.assignment,
        tuple(arrivals),
        unmatched,
        tuple(refused),
        tuple(sorted(expected - of_student.keys() - standing.keys())),
        tuple(dict.fromkeys(found.layout for found in recognised)),
        sum(len(found.hand_ins) for found in recognised),
        learned,
        tuple(said for said in collection.named if said not in used),
    )


def _people(
    collection: Collection, recognised: Sequence[Recognised], standing: Mapping[str, Standing]
) -> tuple[list[_Named], Aliases]:
    """Everybody whom the hand-ins name, with the student they are if that is certain."""
    roster = None if collection.roster is None else Roster.of(collection.roster)
    learned: dict[tuple[str, str], str] = {}
    people: list[_Named] = []
    for found in recognised:
        labels: dict[str, set[str]] = defaultdict(set)
        for person in (person for hand_in in found.hand_ins for person in hand_in.people):
            labels[fold_name(person.known_as)].add(person.label)
        for hand_in in found.hand_ins:
            for person in hand_in.people:
                given = settled(found.layout, hand_in, person, collection.named)
                before = remembered(found.layout, person, {**collection.aliases, **learned}, labels, roster)
                if given is not None:
                    who = Found(given, "alias")
                    learned |= dict.fromkeys(to_remember(found.layout, person, labels, roster), given)
                else:
                    who = Found(before, "alias") if before else identify(person, roster, collection.valid_id)
                people.append(_Named(found.layout, hand_in, person, who))
    people = _no_twins(_not_the_same(people), standing) if roster is None else _not_the_same(people)
    return people, learned


def _not_the_same(people: Sequence[_Named]) -> list[_Named]:
    """Two people of one archive who fit one student by name: at most one is, and nobody knows which."""
    labels: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in people:
        if one.found.student_id is not None:
            labels[one.layout, one.found.student_id].add(one.person.label)
    return [
        replace(one, found=Found(None, "", (one.found.student_id,), "more than one here has this student's name"))
        if one.found.student_id is not None
        and one.found.by == "name"
        and len(labels[one.layout, one.found.student_id]) > 1
        else one
        for one in people
    ]


def _no_twins(people: Sequence[_Named], standing: Mapping[str, Standing]) -> list[_Named]:
    """Without a roster, an id that another one equals up to capitals would share its folder on some systems."""
    known = {student_id.casefold(): student_id for student_id in standing}
    told = []
    for one in people:
        student_id = one.found.student_id
        if student_id is not None:
            other = known.setdefault(student_id.casefold(), student_id)
            if other != student_id:
                told.append(replace(one, found=Found(None, "", (other,), "differs from another id in capitals alone")))
                continue
        told.append(one)
    return told


def _certain(people: Sequence[_Named], collection: Collection) -> Iterator[tuple[HandIn, dict[str, str]]]:
    """Each hand-in with the students for whom it counts, and by what they are known."""
    members: dict[int, dict[str, str]] = defaultdict(dict)
    hand_ins: dict[int, HandIn] = {}
    for one in people:
        if one.found.student_id is not None:
            hand_ins[id(one.hand_in)] = one.hand_in
            members[id(one.hand_in)].setdefault(one.found.student_id, one.found.by)
            for mate in _team(one.found.student_id, collection):
                members[id(one.hand_in)].setdefault(mate, "team")
    for key, hand_in in hand_ins.items():
        yield hand_in, members[key]


def _team(student_id: str, collection: Collection) -> Iterator[str]:
    if collection.team_column is None:
        return
    teams = {s.student_id: s.extra.get(collection.team_column, "").strip() for s in collection.roster or ()}
    team = teams.get(student_id)
    yield from (mate for mate, theirs in teams.items() if team and theirs == team)


def _time(hand_in: HandIn, collection: Collection) -> datetime | None:
    """When it was handed in; where only the mark is known, the least that it says."""
    known = in_zone(hand_in.timestamp, collection.zone) or in_zone(collection.received, collection.zone)
    if known is None and hand_in.late and collection.due is not None:
        return collection.due + _A_MOMENT
    return known


def _arrivals(
    student_id: str, found: Sequence[_Read], standing: Standing | None, collection: Collection
) -> Iterator[Arrival]:
    """One student's hand-ins, earliest first, so that the latest (or the first) is what counts in the end."""
    counts, at = (standing.digest, standing.timestamp) if standing else (None, None)
    known = set(standing.attempts) if standing else set()
    for one in sorted(found, key=lambda item: (item.timestamp or _LONG_AGO, item.hand_in.order)):
        better = _better(one.timestamp, at, collection.counts)
        again = one.timestamp is not None and at is not None and one.timestamp != at and better
        if one.digest == counts and at is None and one.timestamp is not None:
            action, at = Action.DATED, one.timestamp
        elif one.digest == counts or (one.digest in known and not again):
            action = Action.SAME
        elif counts is None:
            action = Action.NEW
        else:
            action = Action.REPLACES if better else Action.KEPT
        if action in {Action.NEW, Action.REPLACES}:
            known |= {counts} if counts else set()
            counts, at = one.digest, one.timestamp
        elif action is Action.KEPT:
            known.add(one.digest)
        late = one.hand_in.late or (
            collection.due is not None and one.timestamp is not None and one.timestamp > collection.due
        )
        yield Arrival(student_id, one.hand_in, action, one.digest, one.timestamp, late, one.by)


def _better(when: datetime | None, at: datetime | None, counts: Literal["latest", "first"]) -> bool:
    """Whether a hand-in counts rather than the one that does; without times, what comes later is later."""
    if when is None or at is None:
        return counts == "latest"
    return when >= at if counts == "latest" else when < at


def _means(one: _Named, said: str) -> bool:
    return settled(one.layout, one.hand_in, one.person, {said: ""}) is not None
