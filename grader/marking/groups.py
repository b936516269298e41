"""Groups of equal answers: one grade for all of a group is the same grade for each."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.marking.normal import normal_code, normal_text

if TYPE_CHECKING:
    import numpy as np

_ALIKE = 85.0
_MOST_NEAR = 5
_COMPARED = 4000
_CANDIDATES = 10
_COMMON = 0.3
_SLOTS = 1021


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
    from rapidfuzz import fuzz

    cut = [text[:_COMPARED] for text in texts]
    keys = [_key(text) for text in texts]
    found = {}
    for place, (text, candidates) in enumerate(zip(texts, _candidates(cut), strict=True)):
        likenesses = ((keys[other], fuzz.ratio(cut[place], cut[other])) for other in candidates)
        near = [Near(key, round(likeness, 1)) for key, likeness in likenesses if likeness >= _ALIKE]
        found[text] = tuple(sorted(near, key=lambda one: (-one.likeness, one.key))[:_MOST_NEAR])
    return found


def _candidates(texts: Sequence[str]) -> Iterator[Sequence[int]]:
    """For each text the places of those worth a comparison: with most of its triples of characters in common.

    Comparing every two of 500 long answers character by character would take many seconds.
    """
    if not texts:
        return
    import numpy as np

    counts = np.stack([_triples(text) for text in texts]).astype(np.float32)
    counts /= np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)
    common = np.round(counts @ counts.T, 4)
    np.fill_diagonal(common, -1)
    for row in common:
        best = np.argsort(-row, kind="stable")[:_CANDIDATES]
        yield [int(place) for place in best if row[place] >= _COMMON]


def _triples(text: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How often each triple of neighbouring characters occurs, in as many slots as there are."""
    import numpy as np

    signs = np.frombuffer(f"\x02{text}\x03\x03".encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
    triples = (signs[:-2] * 31 + signs[1:-1]) * 31 + signs[2:]
    return np.bincount((triples % _SLOTS).astype(np.int64), minlength=_SLOTS)
