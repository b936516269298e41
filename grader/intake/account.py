"""The account of a collection: what was received, whose it is, what is missing, late, twice or left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from grader.intake.plan import Action, CollectPlan

TITLES = ("status", "student_id", "action", "late", "timestamp", "matched_by", "source", "files", "note")


@dataclass(frozen=True, slots=True)
class Account:
    """The numbers of a collection."""

    received: int
    """Hand-ins that were found."""
    matched: int
    """Students of whom a hand-in was found."""
    unmatched: int
    missing: int
    """Students on the roster of whom nothing has come, now or before."""
    late: int
    """Students whose latest hand-in here is late."""
    without_time: int
    duplicates: int
    """Students of whom more than one hand-in came at once."""
    refused: int
    """Entries that were left out."""
    actions: Mapping[str, int]
    """Hand-ins by what happened to them."""

    def record(self) -> dict[str, object]:
        """The same for JSON."""
        return asdict(self)


def account_of(plan: CollectPlan) -> Account:
    """Count what a plan does."""
    last = {arrival.student_id: arrival for arrival in plan.arrivals}
    return Account(
        received=plan.received,
        matched=len(last),
        unmatched=len(plan.unmatched),
        missing=len(plan.absent),
        late=sum(arrival.late for arrival in last.values()),
        without_time=sum(arrival.timestamp is None for arrival in last.values()),
        duplicates=len(plan.duplicates),
        refused=len(plan.refused),
        actions={str(action): sum(arrival.action is action for arrival in plan.arrivals) for action in Action},
    )


def account_rows(plan: CollectPlan) -> Iterator[dict[str, str]]:
    """One row a hand-in, an unmatched one, a refused entry and a missing student, under `TITLES`."""
    twice = set(plan.duplicates)
    for arrival in plan.arrivals:
        yield _row(
            "matched",
            student_id=arrival.student_id,
            action=str(arrival.action),
            late="late" if arrival.late else "",
            timestamp=arrival.timestamp.isoformat() if arrival.timestamp else "",
            matched_by=arrival.by,
            source=arrival.hand_in.source,
            files=" ".join(sorted(arrival.hand_in.files)),
            note="more than one hand-in" if arrival.student_id in twice else "",
        )
    for found in plan.unmatched:
        maybe = f"; perhaps {', '.join(found.candidates)}" if found.candidates else ""
        yield _row("unmatched", source=found.hand_in.source, note=f"{found.called}: {found.why}{maybe}")
    for refused in plan.refused:
        yield _row("refused", source=refused.name, note=refused.reason)
    for student_id in plan.absent:
        yield _row("missing", student_id=student_id)


def _row(status: str, **cells: str) -> dict[str, str]:
    return {title: {"status": status, **cells}.get(title, "") for title in TITLES}
