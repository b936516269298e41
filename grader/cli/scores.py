"""`grader scores`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli import show
from grader.text import escape

if TYPE_CHECKING:
    from grader.gradebook import ImportPlan


@click.group("scores")
def command() -> None:
    """Bring in scores from elsewhere: homeworks, an exam, a project, participation."""


@command.command("import")
@click.argument("item")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME=TITLE",
    help="A column that has another title: student_id, email, score, max or comment.",
)
@click.option(
    "--points",
    metavar="RULE",
    help='How a leaderboard becomes points: "linear 0.5=0 0.9=100", "baseline 0.62=50", "percentile" or '
    '"bands 1=100 5=90 20=70".',
)
@click.option(
    "--attendance",
    "free",
    type=click.IntRange(min=0),
    metavar="FREE",
    help="The file is an attendance list, a column a session; so many absences cost nothing.",
)
@show.dry_run
@show.as_json
@click.pass_obj
def import_(
    directory: Path,
    item: str,
    file: Path,
    columns: tuple[str, ...],
    points: str | None,
    free: int | None,
    dry: bool,
    as_json: bool,
) -> int:
    """Import the scores of ITEM (a name in course.toml) from FILE.

    \b
      grader scores import homework_1 hw1.csv --column score="Total points"
      grader scores import homework_1 canvas-export.csv --dry-run
      grader scores import midterm leaderboard.zip --points "linear 0.5=0 0.9=100"
      grader scores import participation attendance.csv --attendance 2
      grader scores import project filled-in-template.csv

    The format is recognised: a plain CSV or xlsx, exports of Gradescope, Canvas, Moodle, Blackboard and Brightspace, a
    Kaggle leaderboard, a template of `grader scores template`. A row that names nobody of the class, or says no number,
    or more than the maximum, is listed and left out; nothing is guessed. Importing again updates; what changed is
    shown, and what was before is kept (grader log).
    """
    from grader.pipeline import scores
    from grader.pipeline.course import open_course

    reading = scores.Reading(dict(_pair(column) for column in columns), points, free)
    opened = open_course(directory)
    with opened.folder.lock("scores import"), opened.database() as database:
        plan = scores.plan_import(opened, database, item, file, reading)
        if not dry:
            opened.keep_snapshot("scores import")
            scores.carry_out(database, plan)
    _show(plan, dry=dry, as_json=as_json)
    return show.ATTENTION if plan.problems else show.ALL_DONE


@command.command("template")
@click.argument("item")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Where to write.  [default: stdout]"
)
@click.pass_obj
def template(directory: Path, item: str, output: Path | None) -> None:
    """Write a CSV to fill in for ITEM: a row a student, or a team of teams.csv; a column a criterion of its rubric.

    \b
      grader scores template project -o project.csv       then fill it in, and:
      grader scores import project project.csv

    The rubric is rubrics/ITEM.toml, if there is one. Comments travel into the students' pages.
    """
    from grader.pipeline import scores
    from grader.pipeline.course import open_course
    from grader.store import atomic_write

    text = scores.sheet(open_course(directory), item)
    if output is None:
        click.echo(text, nl=False)
    else:
        atomic_write(output, text)
        show.say(f"wrote {escape(output, 300)}")


def _pair(text: str) -> tuple[str, str]:
    name, equals, title = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is not NAME=TITLE, e.g. score=Points", param_hint="--column")
    return name, title


def _show(plan: ImportPlan, *, dry: bool, as_json: bool) -> None:
    from grader.gradebook.formats.plan import words

    if as_json:
        for change in plan.changes:
            before, after = words(change.before), words(change.after)
            show.data({"student": change.student_id, "item": plan.item, "before": before, "after": after})
    for problem in plan.problems:
        show.say(f"left out    {escape(problem, 300)}", "yellow")
    for change in plan.changes if not as_json else ():
        if dry or change.before is not None:
            show.say(f"{'would set' if dry else 'changed':<11} {escape(change)}")
    for note in plan.notes:
        show.say(escape(note, 300))
    verb = "would import" if dry else "imported"
    counts = [
        f"{len(plan.matched)} scores ({len(plan.changes)} new or changed)",
        *([f"{len(plan.problems)} rows left out"] if plan.problems else []),
        *([f"{len(plan.blank)} blank"] if plan.blank else []),
        *([f"{len(plan.absent)} of the class not in the file"] if plan.absent else []),
    ]
    show.say(f"{verb} {plan.item} from {escape(plan.filename)} ({plan.format}): {', '.join(counts)}", "bold")
