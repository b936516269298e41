"""`grader gradebook`."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli import show
from grader.text import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.gradebook import Difference, Gradebook
    from grader.pipeline.course import OpenCourse

_SYSTEMS = ("canvas", "moodle", "blackboard", "brightspace")
_FORMATS = ("csv", *_SYSTEMS, "xlsx", "json", "html")


@click.command("gradebook")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Where to write; - is stdout.  [default: gradebook.csv of the course, stdout for other formats]",
)
@click.option("--format", "kind", type=click.Choice(_FORMATS), default="csv", show_default=True)
@click.option(
    "--template",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="An export of the learning system: its rows and column ids are kept.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME[=TITLE]",
    help="For a learning system: an item, a category, total, current or letter.  [default: the items and the total]",
)
@click.option("--anonymous", is_flag=True, help="Without names and ids, in an order that tells nothing.")
@click.option("--as-of", metavar="DATE", help="As it was on that day, e.g. 2026-11-01 or 2026-11-01T12:00.")
@click.option(
    "--what-if",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Show who would change under another rule, e.g. categories.homeworks.drop_lowest=1; nothing is written.",
)
@click.option(
    "--diff",
    "earlier",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Show what has changed since this earlier CSV; nothing is written.",
)
@click.pass_obj
def command(
    directory: Path,
    output: Path | None,
    kind: str,
    template: Path | None,
    columns: tuple[str, ...],
    anonymous: bool,
    as_of: str | None,
    changes: tuple[str, ...],
    earlier: Path | None,
) -> None:
    """Write the weighted gradebook: every item, each category in percent, the total, and what is still ungraded.

    \b
      grader gradebook                                        gradebook.csv in the course
      grader gradebook -o - | less                            to look at
      grader gradebook --format canvas --template export.csv --column total -o upload.csv
      grader gradebook --format xlsx -o grades.xlsx
      grader gradebook --what-if categories.homeworks.drop_lowest=1
      grader gradebook --what-if grading.curve=2 --what-if categories.exam=30 --what-if categories.project=35
      grader gradebook --diff last-week.csv

    Rules (weights, drops, late work, letters, exceptions) stand in course.toml; docs/gradebook.md explains each.
    """
    from grader.gradebook import compare, diff, with_changes
    from grader.gradebook.anonymous import anonymous as without_names
    from grader.pipeline import gradebook
    from grader.pipeline.course import open_course

    if (template or columns) and kind not in _SYSTEMS:
        raise click.UsageError(f"--template and --column are for --format {', '.join(_SYSTEMS)}")
    opened = open_course(directory)
    with opened.database() as database:
        book = gradebook.build(opened, database, as_of=_moment(as_of, opened) if as_of else None)
        if changes:
            policies = with_changes(opened.course.policies, dict(_pair(change) for change in changes))
            _show_differences(compare(book, gradebook.build(opened, database, policies=policies)), "would change")
            return
    if earlier is not None:
        _show_differences(diff(earlier.read_text(encoding="utf-8-sig"), book), "changed")
        return
    shown = without_names(book) if anonymous else book
    _write(opened, shown, kind, output, template, columns)
    for note in book.notes:
        show.say(note, "yellow")
    if open_rows := sum(bool(row.ungraded) for row in book.rows):
        show.say(f"{show.count(open_rows, 'student')} with something still ungraded: see the column ungraded", "yellow")


def _write(
    opened: OpenCourse,
    book: Gradebook,
    kind: str,
    output: Path | None,
    template: Path | None,
    columns: Sequence[str],
) -> None:
    from grader.pipeline.gradebook import export
    from grader.store import atomic_write

    made = export(opened, book, kind, columns, template)
    for note in made.notes:
        show.say(escape(note, 300), "yellow")
    if output is None and kind == "csv":
        output = opened.folder.gradebook
    if output is None or str(output) == "-":
        click.echo(made.data, nl=False)
        return
    atomic_write(output, made.data)
    counts = f"{show.count(len(book.rows), 'student')}, {show.count(len(book.items), 'item')}"
    show.say(f"wrote {escape(output, 300)}: {counts}")


def _show_differences(found: Sequence[Difference], verb: str) -> None:
    rows = (
        (
            each.student_id,
            each.name,
            "–" if each.before is None else f"{each.before:f}",
            "–" if each.after is None else f"{each.after:f}",
            "" if each.change is None else f"{each.change:+f}",
            f"{each.letter_before} → {each.letter_after}" if each.letter_before != each.letter_after else "",
            "; ".join(each.reasons),
        )
        for each in found
    )
    if found:
        show.table(("id", "name", "before", "after", "change", "letter", "why"), rows, right=(2, 3, 4))
    show.say(f"{show.count(len(found), 'student')} {verb}", "bold")


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is not KEY=VALUE, e.g. grading.curve=2", param_hint="--what-if")
    return key.strip(), value.strip()


def _moment(text: str, opened: OpenCourse) -> datetime:
    try:
        day = date.fromisoformat(text)
        moment = datetime.combine(day, time(23, 59, 59))
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise click.BadParameter(f"{text!r} is no date; write e.g. 2026-11-01", param_hint="--as-of") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=opened.course.zone)
