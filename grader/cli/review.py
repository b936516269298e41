"""`grader review`."""

from __future__ import annotations

import getpass
from contextlib import nullcontext
from pathlib import Path

import click

from grader.cli import show


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "grader"


@click.command("review")
@click.argument("assignment", required=False, default="")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="[default: any that is free]")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--read-only", is_flag=True, help="To look at: every change is refused.")
@click.option("--grader", "name", default=_login, metavar="NAME", help="Who grades.  [default: your login]")
@click.pass_obj
def command(directory: Path, assignment: str, port: int, no_browser: bool, read_only: bool, name: str) -> None:
    """Grade by hand in the browser, question by question; look at the class, its submissions and its grades.

    \b
      grader review                      the course
      grader review hw1                  one assignment
      grader review --read-only          to look, not to touch
      grader review --port 8877          behind: ssh -L 8877:localhost:8877 ...

    Only you can open it: it answers on this machine alone, to the browser that used the printed link first. Ctrl-C
    ends it; everything is saved as it is entered.
    """
    from grader.pipeline.course import open_course
    from grader.review import Settings, create_app, serve
    from grader.review.server import listening, opened_in_browser

    opened = open_course(directory)
    if assignment:
        (chosen,) = opened.course.chosen((assignment,))
        assignment = chosen.name
    with opened.database() as database, listening(port) as listener:
        settings = Settings(listener.getsockname()[1], name, read_only, assignment)
        app = create_app(opened, database, settings)
        browser = nullcontext(False) if no_browser else opened_in_browser(settings.address, opened.folder.root)
        with browser as started:
            show.say(settings.address, "bold")
            show.say(
                f"{'opening in your browser' if started else 'open it in a browser'}; the link works once. Ctrl-C ends."
            )
            serve(app, listener)
    show.say("everything is saved")
