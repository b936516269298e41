"""`grader status`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli import show
from grader.text import escape

if TYPE_CHECKING:
    from grader.pipeline.status import AssignmentStatus, SubmissionStatus, Work

_STATES = ("graded", "waiting", "to grade", "rejected", "faulted", "missing")
_MOST_FAULTS = 20
_FACTS = ("repairs", "incidents", "flags")


@click.command("status")
@show.assignments
@click.option("--times", is_flag=True, help="Show how long each submission's cells ran, slowest first.")
@show.as_json
@click.pass_obj
def command(directory: Path, assignments: tuple[str, ...], times: bool, as_json: bool) -> int:
    """Show what is received, graded, waiting for a person, in trouble.

    \b
      grader status                 a line for each assignment
      grader status hw1             a line for each student, with what should be known of them
      grader status hw1 --times     how long each took
      grader status --json          everything, for programs

    Below it, what stands unfinished and why: what is to grade, waits for a person, failed through a fault of the
    grader; which command did not come to its end; who works in the course now.

    Exit status 1 if something is rejected, or stands ungraded through a fault of the grader.
    """
    from grader.pipeline.course import open_course
    from grader.pipeline.status import status, work

    opened = open_course(directory)
    with opened.database() as database:
        states = status(opened, database, assignments, exact=True)
    for name in opened.folder.unusable_submitters():
        show.say(f"submitted/{name} cannot be a student's id and is left alone; rename the folder", "yellow")
    if as_json:
        for state in states:
            for submission in state.submissions:
                show.data(_record(state, submission))
    elif not states:
        show.say("no assignments yet: put notebooks into source_assignments/<assignment>/")
    elif times:
        _show_times(states)
    elif assignments:
        for state in states:
            _show_students(state)
    else:
        _show_assignments(states)
    if not as_json:
        _show_unfinished(states)
    _show_work(work(opened))
    troubled = sum(state.count("rejected") + state.count("faulted") for state in states)
    return show.ATTENTION if troubled else show.ALL_DONE


def _show_assignments(states: tuple[AssignmentStatus, ...]) -> None:
    titles = ("assignment", *_STATES, "repaired", "limited", "flagged", "mean %")
    rows = (
        (
            state.assignment.name,
            *(state.count(name) or "" for name in _STATES),
            *(sum(s.has(fact) for s in state.submissions) or "" for fact in _FACTS),
            "" if state.mean is None else f"{state.mean:.1f}",
        )
        for state in states
    )
    show.table(titles, rows, right=range(1, len(titles)))


def _show_unfinished(states: tuple[AssignmentStatus, ...]) -> None:
    """Tell what is left to do, by assignment, and each fault of ours with its reason."""
    for state in states:
        name = state.assignment.name
        if number := state.count("to grade"):
            changed = sum(s.changed for s in state.submissions)
            again = f", {changed} of them changed since" if changed else ""
            show.say(f"to grade    {name}: {show.count(number, 'submission')}{again} (grader grade {name})")
        if number := state.count("waiting"):
            answers = sum(s.total.waiting for s in state.submissions if s.total and s.state == "waiting")
            waiting = f"{show.count(answers, 'answer')} of {show.count(number, 'student')}"
            show.say(f"by hand     {name}: {waiting} (grader review {name})")
        faulted = [s for s in state.submissions if s.state == "faulted"]
        for submission in faulted[:_MOST_FAULTS]:
            who = f"{escape(submission.student.student_id, 40)} {name}"
            reason = escape(submission.unfinished, 300)
            show.say(f"our fault   {who}: {reason}; the next `grader grade` tries again", "red")
        if len(faulted) > _MOST_FAULTS:
            show.say(f"            and {len(faulted) - _MOST_FAULTS} more of {name}")


def _show_work(now: Work) -> None:
    if now.holder is not None:
        show.say(f"at work     {now.holder}")
    if now.unfinished is not None:
        show.say(f"not ended   {now.unfinished}: the same command goes on from there", "yellow")


def _show_students(state: AssignmentStatus) -> None:
    show.say(state.assignment.name, "bold")
    rows = (
        (s.student.student_id, s.student.name, s.state, _points(s), line)
        for s in state.submissions
        for line in [" ".join(s.remarks)]
    )
    show.table(("id", "name", "state", "points", "remarks"), rows, right=(3,))


def _points(submission: SubmissionStatus) -> str:
    total = submission.total
    return "" if total is None else f"{float(total.score):g}/{float(total.max_score):g}"


def _show_times(states: tuple[AssignmentStatus, ...]) -> None:
    rows = sorted(
        (
            (
                sum(n.seconds for n in s.outcome.notebooks),
                state.assignment.name,
                s.student.student_id,
                max((t or 0 for n in s.outcome.notebooks for t in n.cell_seconds), default=0),
            )
            for state in states
            for s in state.submissions
            if s.outcome
        ),
        reverse=True,
    )
    shown = ((name, student, f"{total:.2f}", f"{slowest:.2f}") for total, name, student, slowest in rows)
    show.table(("assignment", "student", "seconds", "slowest cell"), shown, right=(2, 3))


def _record(state: AssignmentStatus, submission: SubmissionStatus) -> dict[str, object]:
    total, outcome = submission.total, submission.outcome
    return {
        "assignment": state.assignment.name,
        "student": submission.student.student_id,
        "state": submission.state,
        "score": None if total is None else float(total.score),
        "max_score": None if total is None else float(total.max_score),
        "waiting": 0 if total is None else total.waiting,
        "remarks": list(submission.remarks),
        "unfinished": submission.unfinished or None,
        "seconds": sum(n.seconds for n in outcome.notebooks) if outcome else None,
        "finished_at": outcome.finished_at.isoformat() if outcome else None,
    }
