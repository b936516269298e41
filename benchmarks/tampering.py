"""What looking for tampering costs: `python -m benchmarks.tampering [COURSE] [--each N] [--rounds N]`.

Submissions of a course, the demo's by default, are graded by one worker with twins after no test, after some (`normal`)
and after all (`all`), each submission in turn, so that a machine that has more to do at one time than at another is
fair to each; of each the quickest round counts. Flags are counted, and points compared: twins may change none.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from grader.cli import group
from grader.execution import open_engine
from grader.execution.engines import Engine
from grader.grading import grade_submission
from grader.model import Bundle, Canaries, Graded, Rejected, Submission
from grader.notebook import imported_modules
from grader.pipeline.bundle import load_bundle, skipped
from grader.pipeline.course import OpenCourse, open_course

WAYS = (Canaries.OFF, Canaries.NORMAL, Canaries.ALL)


@dataclass
class Cost:
    """What grading in one way took, and what came of it."""

    seconds: float = 0.0
    flags: int = 0
    points: list[object] = field(default_factory=list)


def measured(opened: OpenCourse, each: int, rounds: int) -> tuple[int, dict[Canaries, Cost]]:
    """How many submissions were graded, and what each way took for all of them."""
    costs: dict[Canaries, Cost] = defaultdict(Cost)
    submissions = 0
    for assignment in opened.course.chosen(()):
        if skipped(assignment):
            continue
        bundle = load_bundle(opened, assignment)
        with open_engine("auto", preload=imported_modules(bundle.sources.values())) as engine:
            for submission in _submissions(opened, assignment.name, each):
                submissions += 1
                _compare(engine, bundle, submission, rounds, costs)
    return submissions, costs


def _submissions(opened: OpenCourse, name: str, each: int) -> Iterator[Submission]:
    for student in sorted(opened.folder.submitters(name))[:each]:
        submission = opened.folder.read_submission(student, name)
        if submission is not None:
            yield submission


def _compare(engine: Engine, bundle: Bundle, submission: Submission, rounds: int, costs: dict[Canaries, Cost]) -> None:
    spent: dict[Canaries, list[float]] = defaultdict(list)
    outcomes: dict[Canaries, Graded | Rejected] = {}
    for number in range(rounds):
        for way in (*WAYS[number % 3 :], *WAYS[: number % 3]):
            began = time.perf_counter()
            outcomes[way] = grade_submission(submission, replace(bundle, canaries=way), engine.execute)
            spent[way].append(time.perf_counter() - began)
    for way in WAYS:
        costs[way].seconds += min(spent[way])
        for notebook in outcomes[way].notebooks:
            costs[way].flags += len(notebook.flags)
            costs[way].points.append([(score.grade_id, score.auto_score) for score in notebook.scores])


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description="What looking for tampering costs.")
    parser.add_argument("course", nargs="?", type=Path, help="a course in which work was handed in")
    parser.add_argument("--each", type=int, default=8, help="submissions of each assignment")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as folder:
        if asked.course is None:
            group(["demo", f"{folder}/demo"], standalone_mode=False)
        submissions, costs = measured(open_course(asked.course or Path(folder, "demo")), asked.each, asked.rounds)
    base = costs[Canaries.OFF]
    print(f"{submissions} submissions, {asked.rounds} rounds, one worker")
    for way in WAYS:
        cost = costs[way]
        same = "the same points" if cost.points == base.points else "OTHER POINTS"
        share = f"{100 * (cost.seconds / base.seconds - 1):+6.1f} %"
        print(f"{way:8} {cost.seconds:7.2f} s  {share}  {cost.flags} flags  {same}")


if __name__ == "__main__":
    main()
