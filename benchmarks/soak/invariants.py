"""What has to hold after each round, whoever handed in and whatever was killed."""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.soak.course import HONEST, LIMITS, Course, results
from grader.store.snapshots import KEPT
from tests.corpus.assignment import HONEST_POINTS
from tests.corpus.entry import Entry

_GIVEN = ("source_assignments", "submitted")
_HOST = ("/tmp", "/var/tmp", "/dev/shm")
_OURS_BYTES = 700 << 20
_GRACE_SECONDS = 10
"""Beyond a limit of time, on a machine that is as busy as this one is made."""
_MANUAL = 2.5


@dataclass(frozen=True, slots=True)
class Before:
    """How things stood before a round."""

    given: Mapping[str, str]
    mounts: int
    host: frozenset[str] = field(default_factory=frozenset)
    processes: frozenset[int] = frozenset()
    """Of whoever asks, such as the browser of a test that ran before."""


def before(course: Course) -> Before:
    """Look at what no round may change."""
    children = frozenset(child.pid for child in psutil.Process().children())
    return Before(_hashes(course.root), _mounts(), _strange(), children)


def broken(course: Course, stood: Before, scratch: Path) -> Iterator[str]:
    """What does not hold, a line each; nobody may be grading."""
    yield from _processes(stood)
    yield from _files(course, stood, scratch)
    yield from _database(course)
    rows, points, manual = results(course)
    for student in course.students:
        if student not in rows or not rows[student].key:
            yield f"{student}: no outcome that stands ({rows.get(student)})"
        if manual.get(student) != _MANUAL:
            yield f"{student}: the grade given by hand is {manual.get(student)}, not {_MANUAL}"
    for student in HONEST:
        yield from _honest(student, rows.get(student), points.get(student))
    for entry in course.hostile:
        yield from _hostile(entry, rows.get(entry.student), points.get(entry.student, 0))


def too_large(ours: int, inside: int, jobs: int) -> Iterator[str]:
    """Say which bound of memory was broken: of the grader's own processes, of all sandboxes together."""
    if ours > _OURS_BYTES:
        yield f"a process of the grader's own had {ours >> 20} MB"
    # each may have its limit, a tenth of a second of growth beyond it, and a warm process besides
    most = jobs * (int(LIMITS["memory_mb"] * 1.5) + 300) << 20
    if inside > most:
        yield f"the sandboxes had {inside >> 20} MB together, of {most >> 20}"


def _processes(stood: Before) -> Iterator[str]:
    """What runs left: every orphan of theirs is a child of this process."""
    _, alive = psutil.wait_procs([*_since(stood)], timeout=1)
    for process in alive:
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            yield f"process {process.pid} is left: {' '.join(process.cmdline())[:200]}"


def _since(stood: Before) -> Iterator[psutil.Process]:
    for child in psutil.Process().children():
        if child.pid not in stood.processes:
            yield child
            with suppress(psutil.NoSuchProcess):
                yield from child.children(recursive=True)


def _files(course: Course, stood: Before, scratch: Path) -> Iterator[str]:
    if _hashes(course.root) != stood.given:
        yield "what was handed in, or its source, has changed"
    if (mounts := _mounts()) > stood.mounts:
        yield f"{mounts - stood.mounts} mounts more"
    yield from (f"{name} is left" for name in sorted(_strange() - stood.host))
    yield from (f"{path} is left" for path in sorted(scratch.iterdir()))
    yield from (f"{path} is left" for path in course.root.rglob(".grader-tmp-*"))
    yield from (f"{path} is left" for path in Path("/dev/shm").glob("sem.grader-pool-*") if not _lives(path))
    for top in ("autograded", "feedback"):
        others = {path.name for path in (course.root / top).glob("*")} - set(course.students)
        yield from (f"{top}/{name} is nobody's" for name in sorted(others))


def _lives(semaphore: Path) -> bool:
    """Whether the run that made it still goes on."""
    return psutil.pid_exists(int(semaphore.name.split("-")[2]))


def _database(course: Course) -> Iterator[str]:
    snapshots = sorted((course.root / ".grader" / "snapshots").glob("*.db"))
    if len(snapshots) > KEPT:
        yield f"{len(snapshots)} snapshots"
    for path in (course.root / "gradebook.db", *snapshots[-1:]):
        with closing(sqlite3.connect(path, timeout=30)) as database:
            if (found := database.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
                yield f"{path.name}: {found[:3]}"


def _honest(student: str, row: Any, points: float | None) -> Iterator[str]:
    if points != HONEST_POINTS:
        yield f"{student}: {points} points of {HONEST_POINTS}"
    for notebook in row.notebooks if row else ():
        remarks = [*notebook.flags, *notebook.incidents, *notebook.repairs]
        yield from (f"{student}: {remark.sentence}" for remark in remarks)


def _hostile(entry: Entry, row: Any, points: float) -> Iterator[str]:
    if row is None:
        return
    incidents = {str(incident.kind) for notebook in row.notebooks for incident in notebook.incidents}
    ends = {str(row.status), *(kind if kind == "crash" else f"limit:{kind}" for kind in incidents)}
    if any(notebook.flags for notebook in row.notebooks):
        ends.add("flag")
    if not _as_expected(ends, entry):
        yield f"{entry.id} ({entry.title}): ended as {', '.join(sorted(ends))}, not as {', '.join(entry.ends)}"
    if not entry.at_least <= points <= entry.at_most:
        yield f"{entry.id} ({entry.title}): {points} points"
    seconds = sum(notebook.seconds for notebook in row.notebooks)
    if seconds > LIMITS["notebook_seconds"] + _GRACE_SECONDS:
        yield f"{entry.id} ({entry.title}): took {seconds:.0f} s"


def _as_expected(ends: set[str], entry: Entry) -> bool:
    """Whether it ended as it may; a bomb on a machine as busy as this may reach another of its limits first."""
    stopped = ("limit:", "crash")
    return bool(ends & set(entry.ends)) or all(any(e.startswith(stopped) for e in some) for some in (ends, entry.ends))


def _hashes(root: Path) -> Mapping[str, str]:
    files = (path for top in _GIVEN for path in sorted((root / top).rglob("*")) if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _mounts() -> int:
    lines = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    return sum(" /box" in line or "grader" in line for line in lines)


def _strange() -> frozenset[str]:
    """What the corpus would leave behind: all its files are called h4-something."""
    tops = (*_HOST, tempfile.gettempdir(), str(Path.home()))
    return frozenset(str(path) for top in tops if Path(top).is_dir() for path in Path(top).glob("h4*"))
