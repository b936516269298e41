"""How fast a class is graded, beside nbgrader, a warm IPython and itself: `make bench`.

Everything is measured on whole processes with all that they start, sandbox on, in alternating runs; what matters are
the ratios, since both sides of a pair suffer alike from whatever else the machine does. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import grader
from benchmarks.costs import Cost, cost, counts_sandboxes
from benchmarks.otter import beside_otter
from benchmarks.overhead import overhead
from benchmarks.workloads import ASSIGNMENT, WORKLOADS, write_course

GRADER = (sys.executable, "-m", "grader")
NBGRADER = (sys.executable, "-m", "nbgrader")
_GOALS = {"numpy": (30, 20), "figure": (15, None), "torch": (60, None)}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    students: int
    """Of the class that `grader` grades."""
    compared: int
    """Students whose work both grade, in each round."""
    rounds: int
    classes: tuple[int, ...]


_SIZES = {
    "quick": Size(students=40, compared=4, rounds=1, classes=(50, 200)),
    "default": Size(students=200, compared=10, rounds=2, classes=(100, 1000)),
    "full": Size(students=200, compared=20, rounds=3, classes=(100, 1000, 5000)),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print, row by row."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_const", dest="size", const="quick", help="two minutes, rough figures")
    parser.add_argument("--full", action="store_const", dest="size", const="full", help="with a class of 5,000")
    parser.add_argument(
        "--only", choices=["nbgrader", "ipython", "overhead", "workers", "classes", "otter"], action="append"
    )
    parser.add_argument("--otter", type=Path, help="a virtual environment that has otter-grader, to compare with")
    parser.add_argument("--workload", choices=list(_GOALS), action="append")
    options = parser.parse_args(arguments)
    size = _SIZES[options.size or "default"]
    compile_grader()
    print(*machine(), sep="\n")
    parts: dict[str, Callable[[], Iterator[str]]] = {
        "nbgrader": lambda: beside_nbgrader(options.workload or [*_GOALS], size),
        "ipython": lambda: beside_ipython(size),
        "overhead": lambda: of_the_pipeline(size),
        "workers": lambda: by_workers(size),
        "classes": lambda: by_class(size),
        "otter": lambda: beside_otter(options.otter, size.compared),
    }
    for name in options.only or parts:
        for line in parts[name]():
            print(line, flush=True)


def compile_grader() -> None:
    """Compile our modules as pip does those that it installs, nbgrader's too: from a checkout it is not done by itself.

    Where PYTHONDONTWRITEBYTECODE is set, every process would compile all that it imports of ours, for a second in all.
    """
    compileall.compile_dir(str(Path(grader.__file__).parent), quiet=1)


def machine() -> Iterator[str]:
    """What the figures below were measured on."""
    names = ("nbgrader", "ipykernel", "numpy", "pandas")
    if not counts_sandboxes():
        yield "no control group can be made here: CPU time in sandboxes is not counted, run this as root"
    model = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), "")
    yield f"{platform.system()} {platform.release()}, {model or platform.machine()}, {os.cpu_count()} processors, "
    yield f"load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, " + ", ".join(
        f"{name} {version(name)}" for name in names
    )


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []


def beside_nbgrader(names: Sequence[str], size: Size) -> Iterator[str]:
    """Both from the submissions to pages and gradebook; rates are without start-up, from classes of two sizes."""
    yield f"\n{size.students} submissions, 2 workers, sandbox; nbgrader: {size.compared}, serial, no sandbox; seconds"
    yield (
        f"{'workload':9} {'grader':>8} {'nbgrader':>9} {'same ' + str(size.compared):>8} {'whole':>8} {'rate':>8}"
        f" {'CPU':>7}  goal (rate, whole)"
    )
    for name in names:
        if name == "torch" and not _installed("torch"):
            yield f"{name:9} torch is not installed: make torch"
            continue
        rounds = [_round(name, size) for _ in range(size.rounds)]
        middle = [statistics.median(column) for column in zip(*rounds, strict=True)]
        rate, whole = _GOALS[name]
        goal = f">= {rate}" + (f", >= {whole}" if whole else "")
        yield (
            f"{name:9} {middle[0]:8.1f} {middle[1]:9.1f} {middle[2]:7.1f}x {middle[3]:7.1f}x {middle[4]:7.1f}x"
            f" {middle[5]:6.1f}x  {goal}"
        )


def _round(name: str, size: Size) -> tuple[float, ...]:
    """Grader on many, nbgrader on few, each also on one student alone, in alternation."""
    few = _nbgrader(name, size.compared)
    many = _grader(name, size.students)
    one = _nbgrader(name, 1)
    alone = _grader(name, 1)
    same = _grader(name, size.compared)
    theirs = (few.wall - one.wall) / (size.compared - 1)
    ours = (many.wall - alone.wall) / (size.students - 1)
    scaled = few.wall + theirs * (size.students - size.compared)
    theirs_cpu = (few.cpu - one.cpu) / (size.compared - 1)
    ours_cpu = (many.cpu - alone.cpu) / (size.students - 1)
    ratios = (few.wall / same.wall, scaled / many.wall, theirs / ours, theirs_cpu / ours_cpu)
    return (many.wall, scaled, *ratios)


def _grader(name: str, students: int, *, workers: int = 2) -> Cost:
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as folder:
        root = Path(folder)
        write_course(root, WORKLOADS[name](), students)
        jobs = ("--jobs", str(workers))
        return _checked(
            cost([*GRADER, "grade", *jobs], root)
            + cost([*GRADER, "feedback", *jobs], root)
            + cost([*GRADER, "gradebook"], root),
            root,
            students,
        )


def _nbgrader(name: str, students: int) -> Cost:
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as folder:
        root = Path(folder)
        write_course(root, WORKLOADS[name](), students)
        cost([*NBGRADER, "generate_assignment", ASSIGNMENT], root)
        graded = cost([*NBGRADER, "autograde", ASSIGNMENT], root)
        return _checked(graded + cost([*NBGRADER, "generate_feedback", ASSIGNMENT], root), root, students)


def _checked(spent: Cost, root: Path, students: int) -> Cost:
    """The cost, if there is a page for everybody: what failed at once was not fast."""
    pages = len(list(root.glob(f"feedback/*/{ASSIGNMENT}/*.html")))
    if pages != students:
        raise SystemExit(f"only {pages} of {students} got feedback: see {(root / 'bench.log').read_text()[-2000:]}")
    return spent


def beside_ipython(size: Size) -> Iterator[str]:
    """A second of pure student work: what grading adds to the CPU time of the same cells in a warm IPython."""
    students = max(8, size.compared)
    yield f"\n1 s of student work, {students} submissions: CPU seconds of all processes"
    for turn in range(size.rounds):
        with tempfile.TemporaryDirectory(prefix="grader-bench-") as folder:
            root = Path(folder)
            write_course(root, WORKLOADS["heavy"](), students)
            ours = cost([*GRADER, "grade", "--jobs", "2"], root)
            notebooks = sorted(str(path) for path in root.glob("autograded/*/*/*.ipynb"))
            program = Path(__file__).with_name("warm_ipython.py")
            run = subprocess.run([sys.executable, program, *notebooks], check=True, capture_output=True, text=True)
            limit = float(run.stdout)
            start = _start_cpu()
            yield (
                f"round {turn + 1}: grade {ours.cpu:.2f}, IPython {limit:.2f}: {ours.cpu / limit:.2f}x with start-up, "
                f"{(ours.cpu - start) / limit:.2f}x without  (goal <= 1.10x)"
            )


def _start_cpu() -> float:
    """CPU seconds of grading one small notebook: the start of every process that a run needs."""
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as folder:
        root = Path(folder)
        write_course(root, WORKLOADS["numpy"](), 1)
        return cost([*GRADER, "grade", "--jobs", "2"], root).cpu


def of_the_pipeline(size: Size) -> Iterator[str]:
    """The parts of the pipeline, one by one."""
    spent = overhead(max(20, size.students // 2))
    yield "\neverything but execution, small notebook: CPU ms a submission"
    yield from (f"{part:24} {milliseconds:6.2f}" for part, milliseconds in spent.items())
    yield f"{'together':24} {sum(spent.values()):6.2f}  (goal <= 15)"


def by_workers(size: Size) -> Iterator[str]:
    """The same class with 1, 2 and 4 workers."""
    yield f"\nworkers, {size.students} submissions of the small numpy notebook, from the first command to the last"
    yield f"{'workers':>9} {'seconds':>8} {'rate':>8} {'CPU ms each':>12}"
    for workers in (1, 2, 4):
        found = _grader("numpy", size.students, workers=workers)
        rate = f"{size.students / found.wall:.1f}/s"
        yield f"{workers:9} {found.wall:8.1f} {rate:>8} {1000 * found.cpu / size.students:12.1f}"


def by_class(size: Size) -> Iterator[str]:
    """Classes of growing size, of one answer and one test each: the rate, and the memory of the coordinator."""
    yield "\nclasses, 2 workers, a notebook of two cells, from the first command to the last"
    yield f"{'class':>9} {'seconds':>8} {'rate':>8} {'CPU ms each':>12} {'peak of the coordinator':>24}"
    first: Cost | None = None
    for students in size.classes:
        found = _grader("tiny", students)
        first = first or found
        rate, peak = f"{students / found.wall:.1f}/s", f"{found.peak_mb:.0f} MB, {found.peak_mb / first.peak_mb:.2f}x"
        yield f"{students:9} {found.wall:8.1f} {rate:>8} {1000 * found.cpu / students:12.1f} {peak:>24}"


def _installed(module: str) -> bool:
    return find_spec(module) is not None


if __name__ == "__main__":
    main()
