"""`grader init`."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli import show
from grader.text import escape


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--id", "course_id", help="The course's id.  [default: the folder's name]")
def command(folder: Path, course_id: str | None) -> None:
    """Begin a course in FOLDER: course.toml to change, source_assignments/ to fill, nbgrader_config.py.

    \b
      grader init my-course
      grader init . --id dl4ds

    Files that are there stay as they are. nbgrader's own commands and form grader work in the same folder.
    """
    from grader.pipeline.init import init

    for path in init(folder, course_id):
        show.say(f"made {escape(path, 300)}")
    show.say(
        f"Next: put notebooks into source_assignments/<assignment>/, then: grader -C {escape(folder, 300)} release"
    )
