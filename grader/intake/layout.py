"""What every layout is told and tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from grader.intake.entries import Entry, Refused
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

    The title is the same in all of them, so one answer holds for all: that of the assignment's or the archive's name,
    else the one under which most users are on the roster; and if two are equally good, nobody is guessed.
    """
    distinct = sorted(set(heads))
    lengths = [i + len(mark) for i in range(len(distinct[0])) if distinct[0].startswith(mark, i)]
    common = [n for n in lengths if all(head.startswith(distinct[0][:n]) and len(head) > n for head in distinct)]
    titles = {_plain(context.assignment)}
    named = [n for n in common if _plain(distinct[0][:n]) in titles]
    counts = {n: sum(head[n:].casefold() in known for head in distinct) for n in common}
    best = max(counts.values(), default=0)
    fitting = [n for n, count in counts.items() if count == best and count]
    if len(fitting) > 1:
        fitting = [n for n in fitting if n in named] or fitting
    if len(fitting) == 1:
        return {head: head[fitting[0] :] for head in distinct}
    if not fitting and named:
        return {head: head[named[-1] :] for head in distinct}
    return dict.fromkeys(distinct)


def _plain(title: str) -> str:
    return "".join(character for character in title.casefold() if character.isalnum())
