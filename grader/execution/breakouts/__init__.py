"""A check of the sandbox by trying to get out of it: every way that is known, in both engines, with what held.

`inside` holds the ways, which run in a kernel; `outside` what there is to reach and whether it was reached; `bombs`
the cells that take whatever they get. A way that could not be tried counts as one that is open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from grader.errors import GraderError, SandboxError
from grader.execution.breakouts.bombs import BOMBS, Bomb, code_notebook, printed, thrown
from grader.execution.breakouts.outside import Outside, Private, watched
from grader.execution.check import Check
from grader.execution.engines import Engine, open_engine
from grader.execution.sandbox import find_sandbox
from grader.model import Executed, Limits
from grader.text import escape

__all__ = ["BREAKOUTS", "Breakout", "Private", "sandbox_checks", "tried"]

_LIMITS: Final = Limits(cell_seconds=60, notebook_seconds=300, processes=64, disk_mb=16)
_SHOWN = 5
_REMEDY = (
    "Do not grade work that you do not trust on this machine until it holds; SECURITY.md says how to report it. "
    "A virtual machine of its own contains what gets out."
)


@dataclass(frozen=True, slots=True)
class Breakout:
    """A class of ways out."""

    name: str
    attempt: str
    """The name of the one of `inside` that tries them."""


BREAKOUTS: Final = (
    Breakout("the course's folder", "course"),
    Breakout("the database", "database"),
    Breakout("homes, passwords, keys", "homes"),
    Breakout("secrets of the environment", "secrets"),
    Breakout("network", "network"),
    Breakout("sockets of the host", "sockets"),
    Breakout("capabilities and filter", "privileges"),
    Breakout("becoming another user", "users"),
    Breakout("namespaces", "namespaces"),
    Breakout("mounts", "mounts"),
    Breakout("other processes' memory", "tracing"),
    Breakout("processes of the host", "processes"),
    Breakout("the kernel's keys", "keyrings"),
    Breakout("the kernel's doors", "doors"),
    Breakout("devices", "devices"),
    Breakout("writing elsewhere", "writing"),
)
_LEAVES, _FINDS = "leftovers", "found_leftovers"


def sandbox_checks(private: Private) -> Iterator[Check]:
    """Try every way out of the sandbox in both engines; takes half a minute."""
    try:
        sandbox = find_sandbox()
    except SandboxError as error:
        yield Check("sandbox", ok=False, detail=" ".join(error.messages[:-1]), remedy=error.messages[-1])
        return
    kinds: tuple[Literal["forked", "stock"], ...] = ("forked", "stock")
    for kind in kinds:
        try:
            with open_engine(kind):
                pass
        except GraderError as error:
            # a standard kernel serves where this one does not work; without one nothing does
            yield Check(
                f"{kind}: starts", ok=kind == "forked", detail=f"does not run here, so it is not used ({error})"
            )
            continue
        yield from tried(kind, lambda kind=kind: open_engine(kind), sandbox.uid, private)  # type: ignore[misc]


def tried(label: str, opened: Callable[[], Engine], uid: int | None, private: Private) -> Iterator[Check]:
    """Try every way out of what this engine runs notebooks in; `uid` is the user that they run as, None for ours."""
    with watched(private, uid) as outside:
        try:
            with opened() as engine:
                yield from _ways(label, engine, outside)
                for bomb in BOMBS:
                    yield _bounded(label, engine, bomb, outside)
        except GraderError as error:
            yield Check(f"{label}: kernel", ok=False, detail=f"could not be tried: {error}", remedy=_REMEDY)
        left = outside.left()
        detail = f"still here: {', '.join(left)}" if left else "no process, file, socket or mount"
        yield Check(f"{label}: nothing stays behind", not left, detail, _REMEDY if left else "")


def _ways(label: str, engine: Engine, outside: Outside) -> Iterator[Check]:
    attempts = [*(breakout.attempt for breakout in BREAKOUTS), _LEAVES]
    executed = _reported(engine, attempts, outside.facts)
    after = _reported(engine, [_FINDS], outside.facts)
    saw = outside.saw()
    for number, breakout in enumerate(BREAKOUTS, start=1):
        yield _judged(f"{label}: {breakout.name}", executed, number, saw.get(breakout.attempt, ()))
    yield _judged(f"{label}: what another notebook left", after, 1, ())


def _reported(engine: Engine, attempts: Sequence[str], facts: Mapping[str, object]) -> Executed:
    modules = Path(__file__).with_name("inside").glob("*.py")
    files = {f"breakouts_inside/{module.name}": module.read_bytes() for module in modules}
    begin = f"import json\nfrom breakouts_inside import report\nfacts = json.loads({json.dumps(facts)!r})"
    return engine.execute(code_notebook(begin, *(f"report({name!r}, facts)" for name in attempts)), files, _LIMITS)


def _judged(name: str, executed: Executed, cell: int, saw: Sequence[str]) -> Check:
    """What one cell reported, and what arrived outside; no report is no wall."""
    found = _report(printed(executed, cell))
    if found is None:
        words = escape(executed.notebook["cells"][cell]["outputs"], limit=300)
        return Check(name, ok=False, detail=f"could not be tried: {words}", remedy=_REMEDY)
    number, through = found
    open_ways = [*through, *saw]
    if not open_ways:
        return Check(name, ok=True, detail=f"{number} tried, none got through")
    shown = ", ".join(escape(way, 80) for way in open_ways[:_SHOWN])
    more = f" and {len(open_ways) - _SHOWN} more" if len(open_ways) > _SHOWN else ""
    return Check(name, ok=False, detail=f"{len(open_ways)} of {number} got through: {shown}{more}", remedy=_REMEDY)


def _report(text: str) -> tuple[int, list[str]] | None:
    try:
        found: Any = json.loads(text.splitlines()[-1])
        number, through = int(found["tried"]), [str(way) for way in found["through"]]
    except (IndexError, ValueError, KeyError, TypeError):
        return None
    return (number, through) if number else None


def _bounded(label: str, engine: Engine, bomb: Bomb, outside: Outside) -> Check:
    wrong = thrown(engine, bomb, outside.mark)
    detail = f"stopped: {bomb.limit}" if wrong is None else wrong
    return Check(f"{label}: {bomb.name}", wrong is None, detail, _REMEDY if wrong else "")
