"""`grader gradebook`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli import show

if TYPE_CHECKING:
    from grader.gradebook import Gradebook


@click.command("gradebook")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Where to write the CSV; - is stdout.  [default: gradebook.csv of the course]",
)
@show.as_json
@click.pass_obj
def command(directory: Path, output: Path | None, as_json: bool) -> None:
    """Write the weighted gradebook: every item, each category in percent, the total, and what is still ungraded.

    \b
      grader gradebook                  gradebook.csv in the course
      grader gradebook -o grades.csv    somewhere else
      grader gradebook -o - | less      to look at
    """
    from grader.gradebook import to_csv
    from grader.pipeline import gradebook
    from grader.pipeline.course import open_course

    opened = open_course(directory)
    with opened.database() as database:
        book = gradebook.build(opened, database)
    if as_json:
        for record in records(book):
            show.data(record)
    elif str(output) == "-":
        click.echo(to_csv(book), nl=False)
    else:
        path = gradebook.write(opened, book, output)
        show.say(f"wrote {path}: {show.count(len(book.rows), 'student')}, {show.count(len(book.items), 'item')}")
    for note in book.notes:
        show.say(note, "yellow")
    if open_rows := sum(bool(row.ungraded) for row in book.rows):
        show.say(f"{show.count(open_rows, 'student')} with something still ungraded: see the column ungraded", "yellow")


def records(book: Gradebook) -> list[dict[str, object]]:
    """One object a student, for programs: exact numbers as decimal text."""
    from grader.gradebook import shown

    return [
        {
            "student": row.student.student_id,
            "total": None if row.final.total is None else shown(row.final.total, 6),
            "current": None if row.current.total is None else shown(row.current.total, 6),
            "categories": {
                name: None if grade.fraction is None else shown(100 * grade.fraction, 6)
                for name, grade in row.final.categories.items()
            },
            "items": {
                name: {"status": str(grade.status), "points": None if grade.score is None else shown(grade.score, 6)}
                for name, grade in row.items.items()
            },
            "ungraded": list(row.ungraded),
        }
        for row in book.rows
    ]
