"""`grader doctor`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli import show

if TYPE_CHECKING:
    from grader.execution import Check


@click.command("doctor")
@show.assignments
@click.option("--sandbox", is_flag=True, help="Try to break out of the sandbox, in both engines, and tell what held.")
@show.as_json
@click.pass_obj
def command(directory: Path, assignments: tuple[str, ...], sandbox: bool, as_json: bool) -> int:
    """See what works on this machine, and what to do where it does not: Python, sandbox, kernels, limits.

    \b
      grader doctor             the machine
      grader doctor hw1         and whether the modules that hw1 imports are installed
      grader doctor --sandbox   every way out of the sandbox, tried from inside: files, network, rights, bombs

    Exit status 1 if something that grading needs does not work, or a way out is open.
    """
    from grader.execution import checks
    from grader.pipeline.doctor import breakout_checks, import_checks

    if sandbox:
        return _show(breakout_checks(directory), as_json=as_json)
    return _show((*checks(), *import_checks(directory, assignments)), as_json=as_json)


def _show(found: Iterable[Check], *, as_json: bool) -> int:
    failed = 0
    for check in found:
        failed += not check.ok
        if as_json:
            record = {"name": check.name, "ok": check.ok, "detail": check.detail, "remedy": check.remedy}
            show.data(record)
            continue
        show.say(f"{'ok ' if check.ok else 'NO '} {check.name}: {check.detail}", None if check.ok else "red")
        if not check.ok and check.remedy:
            show.say(f"    {check.remedy}")
    return show.ATTENTION if failed else show.ALL_DONE
