"""`grader grade`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli import cluster, show
from grader.cli.stopping import finishing
from grader.model import Faulted, Graded, Incident, Missing, Outcome, Rejected
from grader.text import escape

if TYPE_CHECKING:
    from grader.pipeline.grade import GradePlan


@click.command("grade")
@show.assignments
@click.option("--student", "students", multiple=True, metavar="ID", help="Only this student; may be given again.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Submissions at once.  [default: the processors]")
@click.option("--force", is_flag=True, help="Grade again what has not changed.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "forked", "stock"]),
    help="How notebooks run: forked from a warm kernel, or in a fresh stock kernel.  [default: course.toml, or auto]",
)
@click.option("--no-sandbox", is_flag=True, help="Run students' code as yourself, with your files in its reach.")
@cluster.options
@show.dry_run
@show.as_json
@click.pass_obj
def command(
    directory: Path,
    assignments: tuple[str, ...],
    students: tuple[str, ...],
    jobs: int | None,
    force: bool,
    engine: str | None,
    no_sandbox: bool,
    asked: cluster.Asked,
    dry: bool,
    as_json: bool,
) -> int:
    """Run and score submissions in a sandbox, several at once; only what changed since the last run.

    \b
      grader grade                       whatever is new, in all assignments
      grader grade hw1 --jobs 4          four submissions at once
      grader grade hw1 --student ab123   one student
      grader grade hw1 --force           everything again
      grader grade --dry-run             what would be graded
      grader grade --scheduler tcp://lab1:8786   by the workers of a Dask cluster (docs/scaling.md)

    Points given by hand are never changed. Interrupt it when you like: the same command goes on from there.
    """
    from grader.pipeline import grade
    from grader.pipeline.course import open_course
    from grader.pipeline.worker import EngineChoice

    opened = open_course(directory)
    choice = EngineChoice(engine or opened.course.engine, not no_sandbox)  # type: ignore[arg-type] # click checked it
    if asked.here(opened.course.scheduler) and not dry:
        grade.foresee(opened)
    with opened.database() as database, opened.folder.lock("grade"):
        plan = grade.plan_grade(opened, database, grade.GradeRequest(assignments, students, force, choice))
        for left_out in plan.skipped:
            show.say(f"skipped     {left_out.reason}", "yellow")
        _show_outdated(plan)
        if dry:
            return _show_plan(plan, as_json=as_json)
        if no_sandbox and plan.jobs:
            show.say("no sandbox: students' code runs with your rights and can reach your files", "bold red")
        with (
            asked.workers(jobs, opened.course.scheduler, choice, needed=bool(plan.jobs)) as workers,
            finishing("submission") as onlooker,
        ):
            outcomes = grade.carry_out(opened, database, plan, workers, onlooker)
            tally = watch(outcomes, len(plan.jobs), as_json=as_json, running=onlooker)
            tally.show(plan)
    return tally.status


@dataclass
class Tally:
    """What became of the submissions of one run, counted as they come: none of them is kept."""

    started: float = field(default_factory=time.monotonic)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def status(self) -> int:
        """The exit status."""
        return show.ATTENTION if self.counts["rejected"] or self.counts["failed"] else show.ALL_DONE

    def add(self, outcome: Outcome) -> None:
        """Count one outcome, and print a line if somebody should look at it."""
        match outcome:
            case Graded(_, _, notebooks):
                self.counts["graded"] += 1
                self.counts["repaired"] += any(notebook.repairs for notebook in notebooks)
                self.counts["limited"] += any(notebook.incidents for notebook in notebooks)
                self.counts["flagged"] += any(notebook.flags for notebook in notebooks)
                lines = [f"{told(incident)}." for notebook in notebooks for incident in notebook.incidents]
                lines += [flag.sentence for notebook in notebooks for flag in notebook.flags]
                missing = [notebook.rejection for notebook in notebooks if notebook.rejection]
                if lines or missing:
                    _line("look at", outcome, " ".join([*missing, *lines]), "yellow")
            case Rejected(_, _, reason):
                self.counts["rejected"] += 1
                _line("rejected", outcome, reason, "red")
            case Faulted(_, _, reason):
                self.counts["failed"] += 1
                _line("our fault", outcome, f"{reason}; it stays ungraded, the next run tries again", "bold red")
            case Missing():
                self.counts["missing"] += 1

    @property
    def rate(self) -> float:
        """Submissions a second, so far."""
        done = sum(self.counts[word] for word in ("graded", "rejected", "failed"))
        return done / max(time.monotonic() - self.started, 0.001)

    @property
    def said(self) -> str:
        """The counts in words."""
        return ", ".join(f"{number} {word}" for word in _WORDS if (number := self.counts[word]))

    def show(self, plan: GradePlan) -> None:
        """Print the summary."""
        unchanged = sum(len(planned.unchanged) for planned in plan.assignments)
        seconds = time.monotonic() - self.started
        if not plan.jobs:
            show.say(f"nothing to do: {show.count(unchanged, 'submission')} graded already, none changed")
            return
        rate = f"{self.rate:.1f} a second" if seconds > 1 else f"{seconds:.1f} s"
        kept = f"; {unchanged} unchanged, not run again" if unchanged else ""
        show.say(f"{self.said or 'nothing'} in {seconds:.0f} s ({rate}){kept}", "bold")


_WORDS = ("graded", "repaired", "limited", "flagged", "rejected", "failed", "missing")


_SECONDS_A_LINE = 5.0
"""Where there is no terminal: between two lines that say how far it is."""


@dataclass(frozen=True)
class _Now:
    """What the bar says beside how far it is; read each time that it is drawn."""

    tally: Tally
    running: object

    def __str__(self) -> str:
        longest = f"  longest: {self.running}" if str(self.running) else ""
        return f"{self.tally.rate:.1f}/s  {self.tally.said}{longest}"


def watch(outcomes: Iterable[Outcome], total: int, *, as_json: bool, running: object = "") -> Tally:
    """Count outcomes as they come, with a bar and a line for each that somebody should look at.

    `running` is what the bar calls the longest running, as its text is at the time.
    """
    tally = Tally()
    done, said = 0, tally.started
    with show.progress() as bar:
        task = bar.add_task("grading", total=total, now=_Now(tally, running))
        for outcome in outcomes:
            tally.add(outcome)
            if as_json:
                show.data(_record(outcome))
            if isinstance(outcome, Missing):
                continue
            done, now = done + 1, time.monotonic()
            bar.advance(task)
            if bar.disable and now - said >= _SECONDS_A_LINE:
                said, rate = now, tally.rate
                show.say(
                    f"grading     {done} of {total}, {rate:.1f} a second, {_left((total - done) / rate)}: {tally.said}"
                )
    return tally


def _left(seconds: float) -> str:
    return f"{seconds:.0f} s left" if seconds < 100 else f"{seconds / 60:.0f} min left"


def told(incident: Incident) -> str:
    """An incident with its place."""
    name = f" ({incident.grade_id})" if incident.grade_id else ""
    return f"cell {incident.cell + 1}{name}: {incident.sentence}"


def _line(verb: str, outcome: Outcome, why: str, style: str) -> None:
    who = f"{escape(outcome.student_id, 40)} {escape(outcome.assignment, 60)}"
    show.say(f"{verb:<11} {who}: {escape(why, 300)}", style)


def _record(outcome: Outcome) -> dict[str, object]:
    """One outcome for programs; the keys are stable."""
    record: dict[str, object] = {
        "student": outcome.student_id,
        "assignment": outcome.assignment,
        "outcome": type(outcome).__name__.lower(),
    }
    match outcome:
        case Graded(notebooks=notebooks) | Rejected(notebooks=notebooks):
            scores = [score for notebook in notebooks for score in notebook.scores]
            return {
                **record,
                "reason": getattr(outcome, "reason", None),
                "auto_score": sum(score.auto_score or 0 for score in scores),
                "max_score": sum(score.max_score for score in scores),
                "waiting": sum(score.needs_manual for score in scores),
                "repairs": [repair.sentence for notebook in notebooks for repair in notebook.repairs],
                "flags": [flag.sentence for notebook in notebooks for flag in notebook.flags],
                "incidents": [told(incident) for notebook in notebooks for incident in notebook.incidents],
                "seconds": round(sum(notebook.seconds for notebook in notebooks), 3),
            }
        case Faulted(reason=reason):
            return {**record, "reason": reason}
        case Missing():
            return record


def _show_outdated(plan: GradePlan) -> None:
    """Tell what costs a class: results that stood until something else than work and sources changed."""
    for what, results in Counter(job.outdated for job in plan.jobs if job.outdated).items():
        many = f"{show.count(results, 'result')} will be graded again"
        show.say(f"changed     environment changed since: {escape(what, 300)}; {many}", "yellow")


def _show_plan(plan: GradePlan, *, as_json: bool) -> int:
    for planned in plan.assignments:
        name, jobs = planned.bundle.assignment, [job.student_id for job in planned.jobs]
        if as_json:
            lists = {"grade": jobs, "unchanged": planned.unchanged, "missing": planned.missing}
            show.data({"assignment": name, **lists})
            continue
        counts = f"{len(jobs)} to grade, {len(planned.unchanged)} unchanged, {len(planned.missing)} missing"
        show.say(f"{name}: {counts}")
        for student_id in jobs:
            show.say(f"  would grade {escape(student_id)}")
    return show.ALL_DONE
