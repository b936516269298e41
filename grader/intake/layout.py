"""What every layout is told and tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from grader.intake.entry import Entry, Refused
from grader.intake.hand_ins import HandIn


@dataclass(frozen=True, slots=True)
class Context:
    """What is known before an archive is looked at."""

    assignment: str
    source: Path
    logins: frozenset[str] = frozenset()
    """Folded user names on the roster."""
    githubs: frozenset[str] = frozenset()
    """Folded GitHub users on the roster."""
    notebooks: frozenset[str] = frozenset()
    """Files of the assignment, by name."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """The hand-ins of a layout, and entries that belong to nobody in it."""

    layout: str
    hand_ins: tuple[HandIn, ...]
    loose: tuple[Entry, ...] = ()
    refused: tuple[Refused, ...] = ()
    fitting: int = 0
    """Names at the top that are of this layout."""


Layout: TypeAlias = Callable[[Sequence[Entry], Context], Recognised | None]


def heads_and_rests(heads: Sequence[str], mark: str, known: frozenset[str], context: Context) -> dict[str, str | None]:
    """The user at the end of each `<title><mark><user>`, where both may hold marks; None where that is open.

    The title is the same in all of them, so one answer holds for all: the one under which most users are on the
    roster if they are two or more, else that of the assignment's or the archive's name. One user alone proves nothing:
    `hw_m_lee` may be `m_lee`, who has left the class, as well as `lee`, who has not.
    """
    distinct = sorted(set(heads))
    first = distinct[0]
    ends = [at + len(mark) for at in range(len(first)) if first.startswith(mark, at)]
    common = [end for end in ends if all(head.startswith(first[:end]) and len(head) > end for head in distinct)]
    named = [end for end in common if _is_title(first[: end - len(mark)], context)]
    counts = {end: sum(head[end:].casefold() in known for head in distinct) for end in common}
    best = [end for end in common if counts[end] == max(counts.values()) >= 2]
    chosen = best if len(best) == 1 else named[-1:] or (common if len(common) == 1 else [])
    return {head: head[chosen[0] :] if chosen else None for head in distinct}


def _is_title(text: str, context: Context) -> bool:
    return _plain(text) == _plain(context.assignment) or f"_{text}_" in f"_{context.source.stem}_"


def _plain(title: str) -> str:
    return "".join(character for character in title.casefold() if character.isalnum())
