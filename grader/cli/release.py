"""`grader release`."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli import show


@click.command("release")
@show.assignments
@click.option("--upgrade", is_flag=True, help="Bring sources of an older nbgrader up to date first, in place.")
@show.dry_run
@show.as_json
@click.pass_obj
def command(directory: Path, assignments: tuple[str, ...], upgrade: bool, dry: bool, as_json: bool) -> None:
    """Make the student versions of assignments: no solution, no hidden test, no mark scheme.

    \b
      grader release                     every folder of source_assignments/
      grader release hw1 hw2             these two
      grader release --dry-run           what would be written
      grader release hw1 --upgrade       sources made with nbgrader 0.5 or older

    The same sources always make the same bytes. A source that cannot be released is refused, cell by cell.
    """
    from grader.pipeline import release
    from grader.pipeline.course import open_course

    opened = open_course(directory)
    if upgrade and not dry:
        for path in release.upgrade_sources(opened, assignments):
            show.say(f"upgraded {path}")
    plan = release.plan_release(opened, assignments, upgraded=upgrade)
    for done in plan if dry else release.carry_out(opened, plan):
        verb = "unchanged" if not done.changed else "would write" if dry else "released"
        if as_json:
            record = {"assignment": done.assignment, "notebooks": done.notebooks, "points": done.points}
            show.data({**record, "changed": done.changed, "written": done.changed and not dry})
        else:
            notebooks = show.count(len(done.notebooks), "notebook")
            extra = len(done.files) - len(done.notebooks)
            files = f" and {show.count(extra, 'data file')}" if extra else ""
            show.say(f"{verb:<11} release/{done.assignment}: {notebooks}{files}, {done.points:g} points")
