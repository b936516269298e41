"""How long otter-grader takes for the same work: `python -m benchmarks.otter --otter ENVIRONMENT [--students N]`.

ENVIRONMENT is a virtual environment in which otter-grader, ipykernel and numpy are installed; it is no dependency of
ours. The small numpy assignment is written once as a course of ours and once as otter wants it: the same cells, the
same tests in its own format. otter runs without a sandbox, one submission after the other, as `otter run` and through
its Python API in one process; what is compared is the time of a further submission, whole processes for `otter run`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.costs import Cost, cost
from benchmarks.workloads import ASSIGNMENT, NOTEBOOK, small_numpy, write_course

_API = """
import sys
from otter.api import grade_submission
for path in sys.argv[1:]:
    found = grade_submission(path, "autograder.zip", quiet=True)
    print("points", path, found.total)
"""
_GRADER = (sys.executable, "-m", "grader", "grade", "--jobs", "1")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--otter", type=Path, help="a virtual environment that has otter-grader")
    parser.add_argument("--students", type=int, default=8)
    options = parser.parse_args(arguments)
    for line in beside_otter(options.otter, options.students):
        print(line, flush=True)


def beside_otter(environment: Path | None, students: int) -> Iterator[str]:
    """One row a way to use otter: seconds of a further submission, and the ratio to ours with one worker."""
    python = None if environment is None else environment.absolute() / "bin" / "python"
    if python is None or not (python.parent / "otter").exists():
        yield "\notter: skipped; name a virtual environment that has otter-grader with --otter"
        return
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as folder:
        root = Path(folder)
        write_course(root, small_numpy(), students)
        paths = _for_otter(root, python)
        run = [cost([str(python.parent / "otter"), "run", "--no-logo", path], root) for path in paths[:3]]
        api = _further(cost([str(python), "-c", _API, *paths[:1]], root), cost([str(python), "-c", _API, *paths], root))
        graded = [line for line in (root / "bench.log").read_text().splitlines() if line.startswith("points ")]
        if len(graded) != 1 + len(paths):
            raise SystemExit(f"otter did not grade everybody: {(root / 'bench.log').read_text()[-2000:]}")
    one, all_of_them = _ours(1), _ours(10 * students)
    ours = (all_of_them.wall - one.wall) / (10 * students - 1), (all_of_them.cpu - one.cpu) / (10 * students - 1)
    beside = f"beside grader, one worker, sandbox: {ours[0]:.3f} s, CPU {ours[1]:.3f} s"
    yield f"\n{'otter':12} {'wall':>7} {'CPU':>7}   {beside}"
    whole = (sum(found.wall for found in run) / len(run), sum(found.cpu for found in run) / len(run))
    each = (api[0] / (len(paths) - 1), api[1] / (len(paths) - 1))
    for name, found in (("otter run", whole), ("its API", each)):
        ratios = f"{found[0] / ours[0]:.0f} x wall, {found[1] / ours[1]:.0f} x CPU"
        yield f"{name:12} {found[0]:6.2f}s {found[1]:6.2f}s   {ratios}"


def _further(one: Cost, all_of_them: Cost) -> tuple[float, float]:
    return all_of_them.wall - one.wall, all_of_them.cpu - one.cpu


def _ours(students: int) -> Cost:
    with tempfile.TemporaryDirectory(prefix="grader-bench-") as folder:
        write_course(Path(folder), small_numpy(), students)
        return cost(_GRADER, Path(folder))


def _for_otter(root: Path, python: Path) -> list[str]:
    """Write otter's tests and autograder, and every submission without nbgrader's test cells; return their paths."""
    tests = root / "tests"
    tests.mkdir()
    for cell in small_numpy().cells:
        meta = cell["metadata"].get("nbgrader", {})
        if cell["cell_type"] == "code" and meta.get("grade"):
            lines = [line for line in cell["source"].splitlines() if line and not line.startswith("###")]
            (tests / f"{meta['grade_id']}.py").write_text(_test(meta["grade_id"], meta["points"], lines))
    cost([str(python.parent / "otter"), "generate", "--no-environment", "-t", "tests"], root)
    paths = []
    for source in sorted(root.glob(f"submitted/*/{ASSIGNMENT}/{NOTEBOOK}.ipynb")):
        notebook = json.loads(source.read_text())
        notebook["cells"] = [cell for cell in notebook["cells"] if not _is_test(cell)]
        path = root / f"{source.parent.parent.name}.ipynb"
        path.write_text(json.dumps(notebook))
        paths.append(path.name)
    return paths


def _is_test(cell: dict[str, Any]) -> bool:
    meta = cell["metadata"].get("nbgrader", {})
    return bool(cell["cell_type"] == "code" and meta.get("grade"))


def _test(name: str, points: int, lines: Sequence[str]) -> str:
    cases = [{"code": f">>> {line}\n", "hidden": False, "locked": False} for line in lines]
    suite = {"cases": cases, "scored": True, "setup": "", "teardown": "", "type": "doctest"}
    return f"OK_FORMAT = True\ntest = { ({'name': name, 'points': points, 'suites': [suite]})!r}\n"


if __name__ == "__main__":
    main()
