"""`grader restore`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli import show
from grader.text import escape

if TYPE_CHECKING:
    from grader.pipeline.restore import Listed, RestorePlan
    from grader.store.holdings import Difference

_SHOWN = 5
"""Of each kind of difference."""


@click.command("restore")
@click.argument("name", required=False)
@show.dry_run
@show.as_json
@click.pass_obj
def command(directory: Path, name: str | None, dry: bool, as_json: bool) -> None:
    """List the copies of the database that were kept before each run that changed it, or put one of them back.

    \b
      grader restore                     the last ten: when, before which command, what is in them
      grader restore latest --dry-run    what would change
      grader restore latest              undo the last run that changed the database
      grader restore 12                  the one whose name begins with that number

    All of a copy is put back or nothing; the database as it stands is kept as another copy first, so that this can be
    undone, too. Submissions, notebooks and pages are left as they are: `grader grade` and `grader feedback` bring them
    up to date. Other programs that have the database open go on with what was restored.
    """
    from grader.pipeline import restore
    from grader.pipeline.course import open_course

    opened = open_course(directory)
    if name is None:
        _show_list(restore.listed(opened), as_json=as_json)
        return
    with opened.folder.lock("restore"):
        plan = restore.plan_restore(opened, name)
        _show_plan(plan, dry=dry, as_json=as_json)
        kept = None if dry else restore.carry_out(opened, plan)
    if not dry:
        show.say(f"restored    {plan.snapshot.name}", "bold")
        if kept is not None:
            show.say(f"to undo     grader restore {kept.number}")


def _show_list(found: Sequence[Listed], *, as_json: bool) -> None:
    if as_json:
        for one in found:
            show.data(_record(one))
        return
    if not found:
        show.say("no snapshot yet: one is kept before each run that changes the database")
        return
    rows = (
        (
            one.snapshot.name,
            one.snapshot.taken_at.astimezone().strftime("%a %d %b %Y %H:%M:%S"),
            one.snapshot.command,
            f"{one.snapshot.size / 1e6:.1f}",
            *(("damaged",) if one.counts is None else (one.counts.students, one.counts.outcomes, one.counts.manual)),
            *(("", "", "") if one.counts is None else (one.counts.imported,)),
        )
        for one in found
    )
    titles = ("name", "taken", "before", "MB", "students", "outcomes", "manual grades", "imported scores")
    show.table(titles, rows, right=range(3, len(titles)))


def _record(one: Listed) -> dict[str, object]:
    snapshot, counts = one.snapshot, one.counts
    record = {"name": snapshot.name, "taken_at": snapshot.taken_at.isoformat(), "before": snapshot.command}
    holds = ("students", "outcomes", "manual", "imported")
    return {**record, "bytes": snapshot.size, **{name: counts and getattr(counts, name) for name in holds}}


def _show_plan(plan: RestorePlan, *, dry: bool, as_json: bool) -> None:
    if plan.differences is None:
        show.say("the database is damaged, so what will change cannot be told; it is put aside as it is", "yellow")
        return
    if as_json:
        for one in plan.differences:
            about = {"kind": one.kind, "student": one.student_id, "what": one.what}
            show.data({**about, "now": one.now, "then": one.then})
        return
    verb = "would change" if dry else "changes"
    counts = Counter(one.kind for one in plan.differences)
    words = ", ".join(show.count(number, kind) for kind, number in counts.items()) or "nothing of any student"
    show.say(f"{plan.snapshot.name} {verb}: {words}", "bold")
    for kind, number in counts.items():
        for one in [one for one in plan.differences if one.kind == kind][:_SHOWN]:
            show.say(f"  {_line(one)}")
        if number > _SHOWN:
            show.say(f"  and {number - _SHOWN} more")


def _line(one: Difference) -> str:
    now, then = (escape("none" if text is None else text, 100) for text in (one.now, one.then))
    return f"{one.kind} {escape(one.student_id, 40)} {escape(one.what, 80)}: {now} → {then}"
