"""`grader report`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli import show

if TYPE_CHECKING:
    from grader.report import Report, Spread


@click.command("report")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Where to write the page; - is stdout.  [default: report.html of the course]",
)
@click.option(
    "--risk-below",
    type=click.FloatRange(0, 100),
    default=60.0,
    show_default=True,
    metavar="PERCENT",
    help="At risk: a grade so far below this.",
)
@click.option(
    "--risk-missing",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    metavar="N",
    help="At risk: at least so many items that are due and missing.",
)
@show.as_json
@click.pass_obj
def command(directory: Path, output: Path | None, risk_below: float, risk_missing: int, as_json: bool) -> None:
    """Write one page for staff: how the class stands, who needs help, which questions to look at.

    \b
      grader report                      report.html in the course
      grader report -o ~/week-5.html     somewhere else
      grader report --risk-missing 3     another rule for who is at risk
      grader report --json               the numbers, for programs

    The page holds names and grades; it needs no network and runs no script.
    """
    from datetime import UTC, datetime

    from grader.gradebook import exact
    from grader.pipeline import report
    from grader.pipeline.course import open_course
    from grader.report import RiskRule, render_report

    opened = open_course(directory)
    beside = output.absolute().parent if output and str(output) != "-" else None
    rule = RiskRule(exact(risk_below), risk_missing)
    with opened.database() as database:
        found = report.gather(opened, database, now=datetime.now(UTC), rule=rule, beside=beside)
    if as_json:
        for record in records(found):
            show.data(record)
    elif str(output) == "-":
        click.echo(render_report(found), nl=False)
    else:
        path = report.write(opened, found, output)
        show.say(f"wrote {path}: {show.count(found.students, 'student')}, {len(found.risks)} at risk")


def records(report: Report) -> Iterator[dict[str, object]]:
    """The report's numbers, one object each; `kind` says of what."""
    for spread in (report.total, *report.items):
        yield _spread(spread)
    for risk in report.risks:
        current = None if risk.current is None else float(risk.current)
        yield {"kind": "risk", "student": risk.student.student_id, "current": current, "reasons": list(risk.reasons)}
    for absence in report.absences:
        items = [item.name for item in absence.items]
        yield {"kind": "missing", "student": absence.student.student_id, "items": items}
    for assignment in report.questions:
        for found in assignment.figures:
            yield {
                "kind": "question",
                "assignment": assignment.assignment,
                "notebook": found.question.notebook,
                "question": found.question.grade_id,
                "points": found.question.max_score,
                "answers": found.count,
                "waiting": found.waiting,
                "difficulty": found.difficulty,
                "full": found.full,
                "discrimination": found.discrimination,
                "hint": found.hint,
            }
    for row in report.durations:
        yield {"kind": "time", "assignment": row.assignment, "seconds": list(row.seconds)}
    for remark in report.remarks:
        yield {
            "kind": "remark",
            "what": str(remark.kind),
            "assignment": remark.assignment,
            "student": remark.student.student_id,
            "sentence": remark.sentence,
        }


def _spread(spread: Spread) -> dict[str, object]:
    found = spread.summary
    numbers = ("count", "mean", "deviation", "low", "lower", "median", "upper", "high")
    return {
        "kind": "total" if spread.name == "total" and not spread.category else "item",
        "name": spread.name,
        "category": spread.category,
        "due": spread.due.isoformat() if spread.due else None,
        **{name: getattr(found, name) if found else (0 if name == "count" else None) for name in numbers},
        "partial": spread.partial,
        "statuses": {str(status): number for status, number in spread.statuses.items()},
    }
