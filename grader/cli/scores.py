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
@show.dry_run
@show.as_json
@click.pass_obj
def import_(directory: Path, item: str, file: Path, columns: tuple[str, ...], dry: bool, as_json: bool) -> int:
    r"""Import the scores of ITEM (a name in course.toml) from FILE.

    \b
      grader scores import midterm kaggle.csv
      grader scores import homework_1 hw1.csv --column score="Total points"
      grader scores import project project.csv --dry-run

    A row that names nobody of the class, or says no number, or more than the maximum, is listed and left out; nothing
    is guessed. Importing again updates; what changed is shown, and what was before is kept.
    """
    from grader.pipeline import scores
    from grader.pipeline.course import open_course

    named = dict(_pair(column) for column in columns)
    opened = open_course(directory)
    with opened.folder.lock("scores import"), opened.database() as database:
        plan = scores.plan_import(opened, database, item, file, columns=named)
        if not dry:
            scores.carry_out(database, plan)
    _show(plan, dry=dry, as_json=as_json)
    return show.ATTENTION if plan.problems else show.ALL_DONE


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
    for change in plan.changes if dry and not as_json else ():
        show.say(f"would set   {escape(change)}")
    verb = "would import" if dry else "imported"
    counts = [
        f"{len(plan.matched)} scores ({len(plan.changes)} new or changed)",
        *([f"{len(plan.problems)} rows left out"] if plan.problems else []),
        *([f"{len(plan.blank)} blank"] if plan.blank else []),
        *([f"{len(plan.absent)} of the class not in the file"] if plan.absent else []),
    ]
    show.say(f"{verb} {plan.item} from {escape(plan.filename)}: {', '.join(counts)}", "bold")
