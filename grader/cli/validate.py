"""`grader validate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli import show
from grader.text import escape

if TYPE_CHECKING:
    from grader.pipeline.validate import Validation


@click.command("validate")
@click.argument("notebooks", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--seconds", type=click.FloatRange(min=1), default=60, show_default=True, help="For each cell.")
@show.as_json
def command(notebooks: tuple[Path, ...], seconds: float, as_json: bool) -> int:
    """Check your own notebook before you hand it in: visible tests, unanswered questions, missing cells.

    \b
      grader validate homework.ipynb
      grader validate *.ipynb

    It runs from top to bottom in a new kernel, as it will be when it is graded. There may be hidden tests as well, so a
    notebook that passes here can still lose points. Exit status 1 if there is something to see to.
    """
    from grader.model import Limits
    from grader.pipeline.validate import validate

    limits = Limits(cell_seconds=seconds, notebook_seconds=20 * seconds)
    results = [validate(path, limits) for path in notebooks]
    for result in results:
        _show(result, as_json=as_json)
    return show.ATTENTION if any(result.findings for result in results) else show.ALL_DONE


def _show(result: Validation, *, as_json: bool) -> None:
    if as_json:
        findings = [{"kind": f.kind, "sentence": f.sentence, "detail": f.detail} for f in result.findings]
        show.data({"notebook": result.path, "passed": result.passed, "tests": result.tests, "findings": findings})
        return
    show.say(
        f"{escape(result.path, 300)}: {result.passed} of {show.count(result.tests, 'visible test')} passed", "bold"
    )
    for finding in result.findings:
        show.say(f"  {finding.sentence}", "yellow")
        if finding.detail:
            show.say(f"    {finding.detail}")
    if not result.findings:
        show.say("  nothing to see to; hidden tests may look at more", "green")
