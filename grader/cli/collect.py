"""`grader collect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli import show
from grader.intake.layouts import FORMATS
from grader.text import escape

if TYPE_CHECKING:
    from grader.intake import Account, Arrival, CollectPlan

_MOST_MISSING = 20


@click.command("collect")
@click.argument("assignment")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="PATH...")
@click.option("--student", metavar="ID", help="Everything in PATH is this student's.")
@click.option("--format", "layout", type=click.Choice(FORMATS), help="The layout, where it is not recognised.")
@click.option(
    "--as",
    "named",
    multiple=True,
    metavar="FILE=STUDENT",
    help="Whose a file, folder or name in the archive is; remembered for the next archive.",
)
@click.option(
    "--teams", metavar="COLUMN", help="One hand-in counts for all students with the same text in this column."
)
@click.option("--received", metavar="TIME", help="When what carries no time was handed in, in the course's time zone.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the account to FILE.")
@show.dry_run
@show.as_json
@click.pass_obj
def command(
    directory: Path,
    assignment: str,
    paths: tuple[Path, ...],
    student: str | None,
    layout: str | None,
    named: tuple[str, ...],
    teams: str | None,
    received: str | None,
    csv_file: Path | None,
    dry: bool,
    as_json: bool,
) -> int:
    """Take in what students handed in for ASSIGNMENT: downloads of learning systems, folders, archives, files.

    \b
      grader collect hw1 submissions.zip              Canvas, Moodle, Blackboard, Gradescope, Brightspace
      grader collect hw1 inbox/hw1 --dry-run          who would get which files
      grader collect hw1 clones/                      GitHub Classroom, an nbgrader exchange, a folder a student
      grader collect hw1 solved.ipynb --student ab12  one student's work, sent by mail
      grader collect hw1 hw1.zip --as "Jon Doe"=jd7   who somebody is that the roster calls otherwise

    Nobody is guessed into somebody else's work. The latest attempt counts (or the first: attempts = "first" in
    course.toml), the others are kept; collecting the same archive again changes nothing. A dangerous entry (a link, a
    path that leads elsewhere, a bomb) is refused alone.
    """
    from grader.intake import account_of
    from grader.pipeline import collect
    from grader.pipeline.course import open_course
    from grader.store import atomic_write

    request = collect.CollectRequest(student, layout, dict(_pair(text) for text in named), teams, received)
    opened = open_course(directory)
    with opened.folder.lock("collect"):
        plan = collect.plan(opened, assignment, paths, request)
        for arrival in plan.arrivals if dry else collect.carry_out(opened, plan):
            _show_arrival(arrival, dry=dry, as_json=as_json)
    account = account_of(plan)
    if csv_file is not None:
        atomic_write(csv_file.absolute(), collect.account_csv(plan))
    if as_json:
        _show_rest_as_json(plan, account)
    _show_account(plan, account, dry=dry)
    return show.ATTENTION if plan.unmatched or plan.refused else show.ALL_DONE


def _pair(text: str) -> tuple[str, str]:
    name, equals, student_id = text.rpartition("=")
    if not equals or not name or not student_id:
        raise click.BadParameter(f'{text!r} is not FILE=STUDENT, e.g. "Jon Doe"=jd7', param_hint="--as")
    return name, student_id


def _show_arrival(arrival: Arrival, *, dry: bool, as_json: bool) -> None:
    if as_json:
        record = {"student": arrival.student_id, "action": str(arrival.action), "late": arrival.late}
        more = {"files": sorted(arrival.hand_in.files), "source": arrival.hand_in.source, "by": arrival.by}
        show.data({"kind": "matched", **record, "timestamp": arrival.timestamp, **more})
    elif dry:
        files = ", ".join(escape(path) for path in sorted(arrival.hand_in.files))
        late = " (late)" if arrival.late else ""
        how = f" (by {arrival.by})" if arrival.by else ""
        show.say(f"{arrival.action:<9} {escape(arrival.student_id)}{late}: {files}  from {arrival.hand_in.source}{how}")


def _show_rest_as_json(plan: CollectPlan, account: Account) -> None:
    for found in plan.unmatched:
        about = {"called": found.called, "candidates": found.candidates, "why": found.why}
        show.data({"kind": "unmatched", "source": found.hand_in.source, **about})
    for refused in plan.refused:
        show.data({"kind": "refused", "name": refused.name, "reason": refused.reason})
    for student_id in plan.absent:
        show.data({"kind": "missing", "student": student_id})
    show.data({"kind": "account", "assignment": plan.assignment, "formats": plan.layouts, **account.record()})


def _show_account(plan: CollectPlan, account: Account, *, dry: bool) -> None:
    for found in plan.unmatched:
        maybe = (
            f" (perhaps {', '.join(escape(candidate) for candidate in found.candidates)})" if found.candidates else ""
        )
        settle = f'settle it with --as "{escape(found.called)}"=ID'
        show.say(f"unmatched  {found.hand_in.source}: {found.why}{maybe}; {settle}", "yellow")
    for refused in plan.refused:
        show.say(f"refused    {refused.name}: {refused.reason}", "yellow")
    _show_students("missing", plan.absent)
    _show_students("twice", plan.duplicates)
    words = {
        "new": "new",
        "replaces": "replaced",
        "kept": "kept beside",
        "dated": "now with a time",
        "same": "as before",
    }
    counts = [f"{account.actions[action]} {word}" for action, word in words.items() if account.actions[action]]
    more = [
        f"{number} {word}"
        for number, word in (
            (account.late, "late"),
            (account.without_time, "without a time"),
            (account.unmatched, "unmatched"),
            (account.refused, "refused"),
            (account.missing, "of the roster missing"),
            (account.duplicates, "more than once"),
        )
        if number
    ]
    verb = "would collect" if dry else "collected"
    formats = f" ({', '.join(plan.layouts)})"
    received = f"{show.count(account.received, 'hand-in')} received{formats}"
    show.say(f"{verb} {plan.assignment}: {received}: {', '.join([*(counts or ['nothing taken']), *more])}", "bold")


def _show_students(word: str, student_ids: tuple[str, ...]) -> None:
    if student_ids:
        shown = ", ".join(escape(student_id) for student_id in student_ids[:_MOST_MISSING])
        rest = f" and {len(student_ids) - _MOST_MISSING} more" if len(student_ids) > _MOST_MISSING else ""
        show.say(f"{word:<10} {shown}{rest}")
