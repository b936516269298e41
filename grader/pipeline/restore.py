"""Putting back what the database was before an earlier run: planned as a list of differences, done as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import StoreError
from grader.store.snapshots import DamagedError

if TYPE_CHECKING:
    from grader.pipeline.course import OpenCourse
    from grader.store.holdings import Counts, Difference
    from grader.store.snapshots import Snapshot, Snapshots


@dataclass(frozen=True, slots=True)
class Listed:
    """A snapshot and how much it holds; None where it cannot be read."""

    snapshot: Snapshot
    counts: Counts | None


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What restoring a snapshot would change; None where the present database is too damaged to be compared."""

    snapshot: Snapshot
    differences: tuple[Difference, ...] | None


def listed(opened: OpenCourse) -> tuple[Listed, ...]:
    """The snapshots of a course, the oldest first."""
    snapshots = _of(opened)
    return tuple(Listed(snapshot, _counts(snapshots, snapshot)) for snapshot in snapshots.kept())


def plan_restore(opened: OpenCourse, name: str) -> RestorePlan:
    """What would change if the snapshot of this name took the database's place."""
    snapshots = _of(opened)
    snapshot = snapshots.find(name)
    try:
        return RestorePlan(snapshot, snapshots.differences(snapshot))
    except DamagedError:
        return RestorePlan(snapshot, None)


def carry_out(opened: OpenCourse, plan: RestorePlan) -> Snapshot | None:
    """Restore as planned; what stood there before is returned as a snapshot, if it could be kept and was not yet.

    A snapshot of an older schema is brought to today's.
    """
    kept = _of(opened).restore(plan.snapshot)
    opened.database().close()
    return kept


def _counts(snapshots: Snapshots, snapshot: Snapshot) -> Counts | None:
    try:
        return snapshots.counts(snapshot)
    except DamagedError:
        return None


def _of(opened: OpenCourse) -> Snapshots:
    snapshots = opened.snapshots()
    if snapshots is None:
        raise StoreError(
            "snapshots are kept of SQLite databases; this course's is a server's: "
            "save it with pg_dump and put it back with pg_restore"
        )
    return snapshots
