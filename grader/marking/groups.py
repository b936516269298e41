"""Groups of equal answers: one grade for all of a group is the same grade for each."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from grader.marking.normal import normal_code, normal_text

_ALIKE = 85.0
_MOST_NEAR = 5
_COMPARED = 4000


@dataclass(frozen=True, slots=True)
class Part:
    """One cell of an answer."""

    code: bool
    source: str
    attached: str = ""
    """A digest of its pictures; empty where it has none."""


@dataclass(frozen=True, slots=True)
class Response:
    """What one student answered."""

    student_id: str
    parts: tuple[Part, ...]
    released: tuple[Part, ...] = ()
    """The same cells as they were handed out."""


@dataclass(frozen=True, slots=True)
class Near:
    """Another group that is nearly the same."""

    key: str
    likeness: float
    """In percent."""


@dataclass(frozen=True, slots=True)
class Group:
    """Answers that are equal when how they are written counts for nothing."""

    key: str
    """The same whenever the answer is the same."""
    students: tuple[str, ...]
    """In the order in which the answers were given; the first stands for all."""
    blank: bool
    """Whether these are answers left as released, or emptied."""
    near: tuple[Near, ...] = ()
    """The most similar first."""


def groups(answers: Iterable[Response]) -> tuple[Group, ...]:
    """All answers in groups, the largest first and blanks last; each with the groups that are nearly the same."""
    members: dict[str, list[str]] = defaultdict(list)
    known: dict[Part, str] = {}
    for answer in answers:
        members[_normal(answer, known)].append(answer.student_id)
    texts = [text for text in members if text]
    near = _near(texts)
    found = [Group(_key(text), tuple(members[text]), blank=False, near=near[text]) for text in texts]
    found.sort(key=lambda group: (-len(group.students), group.key))
    blanks = (Group(_key(""), tuple(members[""]), blank=True),) if "" in members else ()
    return (*found, *blanks)


def _normal(answer: Response, known: dict[Part, str]) -> str:
    """What the answer says, as one text; nothing where nothing was answered."""
    said, given = _parts(answer.parts, known), _parts(answer.released, known)
    return "" if said == given or not said else said


def _parts(parts: Sequence[Part], known: dict[Part, str]) -> str:
    for part in parts:
        if part not in known:
            text = normal_code(part.source) if part.code else normal_text(part.source)
            known[part] = f"{text} [{part.attached}]" if part.attached else text
    return "\x1e".join(known[part] for part in parts if known[part])


def _key(text: str) -> str:
    return hashlib.sha256(json.dumps(text).encode()).hexdigest()[:16]


def _near(texts: Sequence[str]) -> Mapping[str, tuple[Near, ...]]:
    from rapidfuzz import fuzz, process

    cut = [text[:_COMPARED] for text in texts]
    found = {}
    for text, short in zip(texts, cut, strict=True):
        alike = process.extract(short, cut, scorer=fuzz.ratio, processor=None, score_cutoff=_ALIKE, limit=None)
        others = [Near(_key(texts[place]), round(score, 1)) for _, score, place in alike if texts[place] != text]
        found[text] = tuple(sorted(others, key=lambda near: (-near.likeness, near.key))[:_MOST_NEAR])
    return found
