"""`grader db`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from grader.cli import show

if TYPE_CHECKING:
    from grader.store.copy import Copied, CopyPlan

_SHOWN = 12


@click.group("db")
def command() -> None:
    """Move the course's database, which is a SQLite file or on a PostgreSQL server."""


@command.command("copy")
@click.argument("source")
@click.argument("target")
@show.dry_run
@show.as_json
def copy(source: str, target: str, dry: bool, as_json: bool) -> None:
    """Copy the database SOURCE into the empty database TARGET, and compare them row by row.

    Each is the path of a SQLite file or a URL, in either direction.

    \b
      grader db copy gradebook.db postgresql://me@db.example.org/ml101
      grader db copy postgresql://me@db.example.org/ml101 gradebook.db
      grader db copy gradebook.db backup.db
      grader db copy --dry-run gradebook.db postgresql:///ml101

    All of it is copied or nothing: nbgrader's tables, grades and comments by hand, scores, the audit trail.
    A password is best left out of the URL: it is taken from ~/.pgpass or PGPASSWORD.
    Then write the new place into course.toml: [database] url = "..."
    """
    from grader.pipeline import database

    plan = database.plan_copy(source, target)
    for name in plan.left_out:
        show.say(f"left out    {name}: neither nbgrader's nor grader's", "yellow")
    if dry:
        _show_plan(plan, as_json=as_json)
        return
    done = _watch(plan)
    for copied in done:
        if as_json:
            show.data({"table": copied.table, "rows": copied.rows, "sha256": copied.digest})
    if not as_json:
        show.table(
            ("table", "rows", "SHA-256"), ((c.table, c.rows, c.digest[:_SHOWN]) for c in done if c.rows), right=(1,)
        )
    rows = show.count(sum(copied.rows for copied in done), "row")
    show.say(f"copied {rows} in {show.count(len(done), 'table')} to {plan.labels[1]}; every row is the same in both")


def _watch(plan: CopyPlan) -> list[Copied]:
    from grader.pipeline import database
    from grader.store.copy import Copied

    done = []
    with show.progress() as bar:
        task = bar.add_task("copying", total=2 * plan.rows, now="")
        for event in database.carry_out(plan):
            if isinstance(event, Copied):
                done.append(event)
            else:
                bar.update(task, advance=event.rows, now=event.table)
    return done


def _show_plan(plan: CopyPlan, *, as_json: bool) -> None:
    for each in plan.tables:
        if as_json:
            show.data({"table": each.table, "rows": each.rows})
    if not as_json:
        show.table(("table", "rows"), ((each.table, each.rows) for each in plan.tables if each.rows), right=(1,))
    rows = show.count(plan.rows, "row")
    show.say(f"would copy {rows} in {show.count(len(plan.tables), 'table')} to {plan.labels[1]}; nothing was written")
