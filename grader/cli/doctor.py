"""`grader doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli import show


@click.command("doctor")
@show.assignments
@show.as_json
@click.pass_obj
def command(directory: Path, assignments: tuple[str, ...], as_json: bool) -> int:
    """See what works on this machine, and what to do where it does not: Python, sandbox, kernels, limits.

    \b
      grader doctor           the machine
      grader doctor hw1       and whether the modules that hw1 imports are installed

    Exit status 1 if something that grading needs does not work.
    """
    from grader.execution import checks
    from grader.pipeline.doctor import import_checks

    failed = 0
    for check in (*checks(), *import_checks(directory, assignments)):
        failed += not check.ok
        if as_json:
            record = {"name": check.name, "ok": check.ok, "detail": check.detail, "remedy": check.remedy}
            show.data(record)
            continue
        show.say(f"{'ok ' if check.ok else 'NO '} {check.name}: {check.detail}", None if check.ok else "red")
        if not check.ok and check.remedy:
            show.say(f"    {check.remedy}")
    return show.ATTENTION if failed else show.ALL_DONE
