"""`grader demo`."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli import show
from grader.text import escape

if TYPE_CHECKING:
    from grader.gradebook import Gradebook
    from grader.pipeline.course import OpenCourse
    from grader.store import CourseFolder

_BINS = 10


@click.command("demo")
@click.argument("target", required=False, type=click.Path(path_type=Path, file_okay=False), metavar="[DIR]")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Submissions at once.  [default: the processors]")
@click.pass_obj
def command(directory: Path, target: Path | None, jobs: int | None) -> int:
    """Grade an invented class of 24 in the demo course, from release to gradebook, with the code of a real one.

    \b
      grader demo try-it      a copy of the demo course in the folder try-it, and the class in it
      grader demo             in the demo course itself, if you have the repository

    A course that holds students whom the demo did not invent is left alone.
    """
    from grader.demo import run as demo
    from grader.store import CourseFolder

    started = time.monotonic()
    if target is not None:
        demo.refuse_real_students(CourseFolder(target.absolute()))
        demo.copy_course(target)
    folder = CourseFolder(target.absolute() if target else demo.course_around(directory))
    demo.refuse_real_students(folder)
    status = _run(folder, jobs)
    show.say(f"\nAll of it took {time.monotonic() - started:.0f} s. To look at:")
    for path, what in _PLACES:
        show.say(f"  {escape(folder.root / path, 300)}  {what}")
    program = "grader" if (called := Path(sys.argv[0])).stem == "__main__" else str(called)
    words = shlex.join([program, "-C", str(folder.root), "review"])
    show.say(f"To grade by hand what waits for a person, and to look around in the browser:\n  {escape(words, 400)}")
    return status


_PLACES = (
    ("gradebook.csv", "every score, weighted"),
    ("feedback/", "open any <student>/index.html in a browser"),
    ("release/", "what students were given"),
    ("autograded/", "what was run, hidden tests included"),
)


def _run(folder: CourseFolder, jobs: int | None) -> int:
    """Every step of a course, each by the function that its command calls."""
    from grader.cli.grade import watch
    from grader.demo import run as demo
    from grader.pipeline import collect, feedback, grade, gradebook, release, scores
    from grader.pipeline.course import open_course

    opened = open_course(folder.root)
    _step("release", "student versions, without solutions and hidden tests")
    released = list(release.carry_out(opened, release.plan_release(opened, ())))
    points = sum(done.points for done in released)
    show.say(f"{show.count(len(released), 'assignment')}, {points:g} points, in release/")

    _step("collect", "what the class of 24 hands in")
    invented = demo.invent_class(opened)
    opened = demo.write_class(folder, invented)
    for drop in invented.drops:
        plan = collect.plan(opened, drop.assignment, [demo.inbox(folder) / drop.path], None)
        done = list(collect.carry_out(opened, plan))
        late = sum(arrival.late for arrival in done)
        show.say(f"{drop.path}: {show.count(len(done), 'hand-in')}, {late} late, {len(plan.absent)} missing")

    with opened.database() as database, opened.folder.lock("demo"):
        opened.keep_snapshot("demo")
        _step("scores", "homeworks, midterm, project and participation come from CSV files")
        for item in invented.scores:
            imported = scores.plan_import(opened, database, item, demo.scores_file(folder, item), scores.Reading())
            scores.carry_out(database, imported)
            show.say(f"{item}: {show.count(len(imported.matched), 'score')}, {len(imported.blank)} blank")

        _step("grade", "every notebook, in a sandbox, several at once")
        todo = grade.plan_grade(opened, database, grade.GradeRequest())
        for left_out in todo.skipped:
            show.say(f"skipped     {left_out.reason}", "yellow")
        workers = jobs or grade.default_workers()
        tally = watch(grade.carry_out(opened, database, todo, workers), len(todo.jobs), as_json=False)
        tally.show(todo)

        _step("feedback", "a page a notebook, an index a student")
        pages = feedback.plan_feedback(opened, database, ())
        written = list(feedback.carry_out(opened, pages, workers))
        show.say(f"{show.count(len(written), 'page')} written, {pages.unchanged} unchanged, in feedback/")

        _step("gradebook", "one weighted total a student")
        book = gradebook.build(opened, database)
        gradebook.write(opened, book)
    _show_class(opened, book)
    # that some of the invented work cannot be read is as it should be; a fault of ours is not
    return show.ATTENTION if tally.counts["failed"] else show.ALL_DONE


def _step(name: str, what: str) -> None:
    show.say(f"\ngrader {name}: {what}", "bold cyan")


def _show_class(opened: OpenCourse, book: Gradebook) -> None:
    from grader.gradebook import shown

    categories = list(opened.course.categories)
    titles = (
        "student",
        *(f"{name} {opened.course.categories[name]:f}" for name in categories),
        "total %",
        "grade",
        "so far %",
        "to grade by hand",
    )
    rows = (
        (
            row.student.name,
            *(
                "–" if (part := row.final.categories[name].fraction) is None else shown(100 * part, 1)
                for name in categories
            ),
            "–" if row.final.total is None else shown(row.final.total, 1),
            row.letter,
            "–" if row.current.total is None else shown(row.current.total, 1),
            sum(grade.waiting for grade in row.items.values()) or "",
        )
        for row in book.rows
    )
    show.say()
    show.table(titles, rows, right=range(1, len(titles)))
    show.say("total: everything that is not graded yet counts 0; so far: only what is graded to the end")
    totals = [float(row.final.total) for row in book.rows if row.final.total is not None]
    if totals:
        _show_distribution(totals)


def _show_distribution(totals: list[float]) -> None:
    show.say(f"\nTotals: mean {sum(totals) / len(totals):.1f}, from {min(totals):.1f} to {max(totals):.1f}")
    counts = [0] * _BINS
    for total in totals:
        counts[min(_BINS - 1, int(total // (100 / _BINS)))] += 1
    for index, number in enumerate(counts):
        if any(counts[: index + 1]):
            show.say(f"  {10 * index:3}–{10 * index + 10:<3} {'█' * number}{' ' if number else ''}{number or ''}")
