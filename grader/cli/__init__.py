"""The command line: parse, one call of the pipeline, show. Modules of commands are imported when they are called."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from grader import __version__
from grader.errors import GraderError

_COMMANDS = {
    "init": "begin a course in a folder",
    "release": "make the student versions of assignments",
    "collect": "take in what students handed in",
    "grade": "run and score submissions in a sandbox, several at once",
    "review": "grade by hand in the browser; look at the class and its grades",
    "feedback": "write the HTML pages for students",
    "scores": "bring in scores from elsewhere",
    "gradebook": "write the weighted gradebook",
    "explain": "explain one student's grade, from the total down to each question",
    "report": "write a page for staff: who needs help, which questions to look at",
    "log": "show every change of a score",
    "status": "show what is received, graded, waiting, in trouble",
    "restore": "undo: list the copies of the database before each run, put one back",
    "db": "copy the database between SQLite and PostgreSQL",
    "validate": "check one's own notebook before handing it in",
    "doctor": "see what works on this machine, and what to do where it does not",
    "demo": "grade an invented class, from release to gradebook",
}
"""Each in the module `grader.cli.<name>`, as the click command `command`."""
_OBJECTS_A_COLLECTION = 20_000
"""Python's own 700 let imports, of which hardly anything is garbage, take a fifth longer."""


class _Lazy(click.Group):
    """A group whose commands are imported only when they are used, so that `--help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(f"grader.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands, in the order of a course"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        import difflib

        name = args[0] if args else ""
        if name and name not in _COMMANDS and (close := difflib.get_close_matches(name, _COMMANDS, n=1)):
            ctx.fail(f"no command {name!r}; did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)


class GraderFailure(click.ClickException):
    """A `GraderError` at the edge: its lines, and exit status 2."""

    exit_code = 2

    def __init__(self, error: GraderError) -> None:
        super().__init__(str(error))
        self.lines = error.messages

    def show(self, file: object = None) -> None:  # noqa: ARG002 - click's signature
        """Print one line a problem."""
        for line in self.lines:
            click.echo(f"grader: {line}", err=True)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "-C",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="here",
    help="The course, or a folder inside it: the nearest folder upward with a course.toml.",
)
@click.version_option(__version__, prog_name="grader")
@click.pass_context
def group(ctx: click.Context, directory: Path) -> None:
    """Grade a whole Jupyter-notebook course: release, collect, autograde in a sandbox, feedback, one gradebook.

    \b
      grader init my-course            a folder to begin with
      grader release                   student versions, without solutions and hidden tests
      grader collect hw1 hw1.zip       what the learning system gave
      grader grade                     only what changed, several at once
      grader review                    what waits for a person, in the browser
      grader feedback                  a page for each student
      grader gradebook -o grades.csv   every score, weighted

    Exit status: 0 all done; 1 something needs attention; 2 wrong use or configuration; 130 interrupted.
    """
    ctx.obj = directory


def _leave(status: int) -> NoReturn:
    """End at once: what waits at an orderly end may wait for ever for a worker that was stopped in mid-sentence."""
    sys.stdout.flush()
    sys.stderr.flush()
    # from here on other threads have nothing to say: that what they would tidy up is gone already
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if meeting := sys.modules.get("grader.pipeline.meeting"):
        meeting.part()
    os._exit(status)


def _collect_seldom() -> None:
    """Let the garbage collector look where garbage may be: not at what imports made, again and again and at the end."""
    gc.set_threshold(_OBJECTS_A_COLLECTION)
    atexit.register(gc.freeze)  # registered first, so the last to be called


def main() -> None:
    """Run the command line; only our own bugs end in a traceback."""
    _collect_seldom()
    status: object = None
    try:
        status = group(prog_name="grader", standalone_mode=False)
    except GraderError as error:
        GraderFailure(error).show()
        sys.exit(2)
    except OSError as error:
        from grader.store.refusals import refused_by_system

        if (line := refused_by_system(error)) is None:
            raise
        GraderFailure(GraderError(line)).show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("grader: interrupted; what was finished is kept, the same command goes on from here", err=True)
        _leave(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    sys.exit(status if isinstance(status, int) else 0)
