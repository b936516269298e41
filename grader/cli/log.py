"""`grader log`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli import show
from grader.text import escape

if TYPE_CHECKING:
    from grader.pipeline.log import LogEntry

_AT = "%Y-%m-%d %H:%M:%S %Z"


@click.command("log")
@click.option("--student", "student_id", metavar="ID", help="Only changes of this student's scores.")
@click.option("--item", metavar="ITEM", help="Only changes in this item.")
@show.as_json
@click.pass_obj
def command(directory: Path, student_id: str | None, item: str | None, as_json: bool) -> None:
    """Show the audit trail: every change of a score, newest last, a line each.

    \b
      grader log                           everything
      grader log --student ada             one student
      grader log --item midterm | tail     the last changes of one item
      grader log --json                    for programs

    Times are in the course's time zone. A score that was not there before is written as a dash.
    """
    from grader.pipeline.course import open_course
    from grader.pipeline.log import log

    opened = open_course(directory)
    with opened.database() as database:
        entries = log(opened, database, student_id=student_id, item=item)
    for entry in entries:
        if as_json:
            show.data(_record(entry))
        else:
            click.echo(_line(entry))
    if not entries:
        show.say("no score has changed yet")


def _line(entry: LogEntry) -> str:
    student = entry.student
    who = student.student_id if student.name == student.student_id else f"{student.name} ({student.student_id})"
    before, after = ("–" if value is None else escape(value) for value in (entry.before, entry.after))
    return f"{entry.time:{_AT}}  {escape(who)}  {escape(entry.item)}  {before} → {after}  {escape(entry.source)}"


def _record(entry: LogEntry) -> dict[str, object]:
    return {
        "time": entry.time.isoformat(),
        "student": entry.student.student_id,
        "item": entry.item,
        "before": entry.before,
        "after": entry.after,
        "source": entry.source,
    }
