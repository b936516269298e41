"""`grader feedback`."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli import show
from grader.text import escape


@click.command("feedback")
@show.assignments
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Pages at once.  [default: the processors]")
@click.option("--force", is_flag=True, help="Write pages again that have not changed.")
@show.dry_run
@show.as_json
@click.pass_obj
def command(
    directory: Path, assignments: tuple[str, ...], jobs: int | None, force: bool, dry: bool, as_json: bool
) -> int:
    """Write the HTML pages for students: one a notebook, and an index of all assignments.

    \b
      grader feedback                all assignments, only pages that changed
      grader feedback hw1            one assignment
      grader feedback --dry-run      what would be written

    Pages are whole and safe: no script, nothing fetched from elsewhere; hidden tests show as title, result and points.
    """
    from grader.pipeline import feedback
    from grader.pipeline.course import open_course
    from grader.pipeline.grade import default_workers

    opened = open_course(directory)
    if not dry:
        feedback.foresee(opened)
    with opened.folder.lock("feedback"), opened.database() as database:
        plan = feedback.plan_feedback(opened, database, assignments, force=force)
        for left_out in plan.skipped:
            show.say(f"skipped     {left_out.reason}", "yellow")
        if dry:
            for job in plan.jobs:
                show.say(f"would write feedback/{escape(job.path)}")
            return show.ALL_DONE
        failed = 0
        with show.progress() as bar:
            task = bar.add_task("feedback", total=len(plan.jobs), now="")
            for page in feedback.carry_out(opened, plan, jobs or default_workers()):
                bar.advance(task)
                if as_json:
                    show.data({"page": page.path, "written": isinstance(page, feedback.Written)})
                if isinstance(page, feedback.Unwritten):
                    failed += 1
                    show.say(f"our fault   feedback/{escape(page.path)}: {escape(page.reason)}", "bold red")
    pages = show.count(len(plan.jobs) - failed, "page")
    indexes = show.count(len(plan.indexes), "index page")
    show.say(
        f"wrote {pages} ({plan.unchanged} unchanged) and {indexes}; begin at feedback/<student>/index.html", "bold"
    )
    return show.ATTENTION if failed else show.ALL_DONE
