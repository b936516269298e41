"""`grader explain`."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli import show
from grader.text import escape


@click.command("explain")
@click.argument("student", metavar="STUDENT")
@click.option("--current", is_flag=True, help="The grade so far, without what is not graded yet.")
@click.option("--questions/--no-questions", default=True, show_default=True, help="Down to each question of notebooks.")
@click.pass_obj
def command(directory: Path, student: str, current: bool, questions: bool) -> None:
    """Explain one student's grade: what counted, what was dropped and why, each penalty and exception with its reason.

    \b
      grader explain ab1234
      grader explain ab1234 --current
      grader explain ab1234 --no-questions

    The numbers add up, to the last digit. Students find the same on their own page.
    """
    from grader.gradebook import to_plain_text
    from grader.pipeline import gradebook
    from grader.pipeline.course import open_course

    opened = open_course(directory)
    with opened.database() as database:
        found = gradebook.explanation(opened, database, student, grade="current" if current else "final")
        rows = gradebook.questions(opened, database, student) if questions else ()
    click.echo(to_plain_text(found), nl=False)
    assignment = None
    for row in rows:
        if row.assignment != assignment:
            assignment = row.assignment
            click.echo(f"\n{escape(assignment)}")
        points = "waits for a person" if row.waiting else f"{row.score:g} of {row.max_score:g}"
        click.echo(f"  {escape(row.title, 60):<50} {points:>18}  {escape(row.reason, 120)}".rstrip())
    if current:
        show.say("so far: only what is graded to the end counts", "yellow")
