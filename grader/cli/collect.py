"""`grader collect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli import show
from grader.text import escape

if TYPE_CHECKING:
    from grader.intake import Arrival, CollectPlan


@click.command("collect")
@click.argument("assignment")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="PATH...")
@click.option("--student", metavar="ID", help="Everything in PATH is this student's.")
@show.dry_run
@show.as_json
@click.pass_obj
def command(
    directory: Path, assignment: str, paths: tuple[Path, ...], student: str | None, dry: bool, as_json: bool
) -> int:
    """Take in what students handed in for ASSIGNMENT: folders or zips with a folder for each student.

    \b
      grader collect hw1 hw1.zip                      <student>/<files> or <student>/<assignment>/<files>
      grader collect hw1 inbox/hw1 --dry-run          who would get which files
      grader collect hw1 solved.ipynb --student ab12  one student's work, sent by mail

    Nobody is guessed into somebody else's work. The latest attempt counts, earlier ones are kept; collecting the same
    archive again changes nothing. A dangerous entry (a link, a path that leads elsewhere, a bomb) is refused alone.
    """
    from grader.pipeline import collect
    from grader.pipeline.course import open_course

    opened = open_course(directory)
    with opened.folder.lock("collect"):
        plan = collect.plan(opened, assignment, paths, student)
        for arrival in plan.arrivals if dry else collect.carry_out(opened, plan):
            _show_arrival(arrival, dry=dry, as_json=as_json)
    _show_account(plan, dry=dry)
    return show.ATTENTION if plan.unmatched or plan.refused else show.ALL_DONE


def _show_arrival(arrival: Arrival, *, dry: bool, as_json: bool) -> None:
    if as_json:
        record = {"student": arrival.student_id, "action": str(arrival.action), "late": arrival.late}
        paths = sorted(arrival.hand_in.files)
        show.data({**record, "timestamp": arrival.timestamp, "files": paths, "source": arrival.hand_in.source})
    elif dry:
        files = ", ".join(escape(path) for path in sorted(arrival.hand_in.files))
        late = " (late)" if arrival.late else ""
        show.say(f"{arrival.action:<9} {escape(arrival.student_id)}{late}: {files}  from {arrival.hand_in.source}")


def _show_account(plan: CollectPlan, *, dry: bool) -> None:
    for found in plan.unmatched:
        maybe = f"; perhaps {', '.join(found.candidates)}" if found.candidates else ""
        show.say(f"unmatched  {found.hand_in.source}: nobody on the roster is called that{maybe}", "yellow")
    for refused in plan.refused:
        show.say(f"refused    {refused.name}: {refused.reason}", "yellow")
    counts = [
        f"{sum(arrival.action == action for arrival in plan.arrivals)} {word}"
        for action, word in (("new", "new"), ("replaces", "replaced"), ("earlier", "earlier"), ("same", "as before"))
        if any(arrival.action == action for arrival in plan.arrivals)
    ]
    more = [
        f"{number} {word}"
        for number, word in (
            (sum(arrival.late for arrival in plan.arrivals), "late"),
            (len(plan.unmatched), "unmatched"),
            (len(plan.refused), "refused"),
            (len(plan.absent), "of the roster missing"),
        )
        if number
    ]
    verb = "would collect" if dry else "collected"
    show.say(f"{verb} {plan.assignment}: {', '.join([*(counts or ['nothing']), *more])}", "bold")
