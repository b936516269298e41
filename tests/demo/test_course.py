"""The demo course itself: what nbgrader says of it, what its solutions score, what its releases keep."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient

from grader.demo import course_files
from grader.model import GradedKind
from grader.notebook import meta_of, points_cells, source_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.model import Bundle, Notebook
    from grader.pipeline.course import OpenCourse

SOURCES = sorted(path for path in course_files() if path.endswith(".ipynb"))
MARKED = re.compile(r"BEGIN (SOLUTION|HIDDEN TESTS|MARK SCHEME)[^\n]*\n(.*?)\n[^\n]*END \1", re.DOTALL)

GENERATE = """
import json, sys
from nbgrader.apps import NbGrader, NbGraderAPI
app = NbGrader()
app.load_config_file()
api = NbGraderAPI(config=app.config)
print(json.dumps({name: api.generate_assignment(name) for name in sys.argv[1:]}))
"""


def instructor_cells(bundles: Mapping[str, Bundle]) -> list[Mapping[str, Any]]:
    """All cells of all instructor versions."""
    return [cell for bundle in bundles.values() for source in bundle.sources.values() for cell in source["cells"]]


def test_the_course_is_packaged_whole() -> None:
    """The configuration, seven notebooks in six assignments, the data files, and nothing that editors leave."""
    paths = set(course_files())
    assert "course.toml" in paths
    assert 7 == len(SOURCES)
    assert 6 == len({path.split("/")[1] for path in SOURCES})
    assert {".ipynb", ".csv", ".toml"} == {Path(path).suffix for path in paths}


def test_every_assignment_of_the_configuration_is_there(course: OpenCourse) -> None:
    """Notebook assignments have a category, a title and a due date; the weights are the course's."""
    assert {
        "project": 40,
        "midterm": 25,
        "notebooks": 15,
        "homeworks": 15,
        "participation": 5,
    } == course.course.categories
    assert 6 == len(course.course.notebook_assignments)
    assert all(item.due and item.category == "notebooks" for item in course.course.notebook_assignments)
    assert ("torch",) == course.course.assignments["notebook_06_pytorch_training"].requires


def test_the_course_shows_every_kind_of_cell(bundles: Mapping[str, Bundle]) -> None:
    """Tests, answers in words and in code, a task, read-only cells, hidden tests, partial credit, two notebooks."""
    cells = instructor_cells(bundles)
    metas = [(meta, cell) for cell in cells if (meta := meta_of(cell))]
    assert set(GradedKind) == {meta.kind for meta, _ in metas if meta.kind}
    assert {"code", "markdown"} == {cell["cell_type"] for meta, cell in metas if meta.kind is GradedKind.ANSWER}
    assert {"code", "markdown"} == {cell["cell_type"] for meta, cell in metas if meta.fixed and meta.kind is None}
    regions = {found[1] for cell in cells for found in MARKED.finditer(source_of(cell))}
    assert {"SOLUTION", "HIDDEN TESTS", "MARK SCHEME"} == regions
    assert 2 == max(len(bundle.sources) for bundle in bundles.values())
    assert any(bundle.files for bundle in bundles.values())


def test_releases_keep_no_solution_hidden_test_or_mark_scheme(bundles: Mapping[str, Bundle]) -> None:
    """No line of what is marked in a source, and nothing of a model answer in words, is in its release."""
    for bundle in bundles.values():
        for name, source in bundle.sources.items():
            released = {line.strip() for c in bundle.releases[name]["cells"] for line in source_of(c).split("\n")}
            assert set() == _secret_lines(source) & released, name


@pytest.mark.parametrize("path", SOURCES)
def test_sources_are_stored_clean(path: str) -> None:
    """Format 4.5 with cell ids, no outputs, the standard kernel, ids that say what a cell is."""
    notebook = json.loads(course_files()[path])
    assert (4, 5) == (notebook["nbformat"], notebook["nbformat_minor"])
    assert "python3" == notebook["metadata"]["kernelspec"]["name"]
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook["cells"])
    assert [] == [m.grade_id for c in notebook["cells"] if (m := meta_of(c)) and m.grade_id.startswith("cell-")]


@pytest.mark.slow
@pytest.mark.parametrize("path", SOURCES)
def test_the_instructors_solutions_get_full_marks(path: str, course: OpenCourse) -> None:
    """Run from top to bottom in a standard kernel, a source raises nothing and passes its own tests in full."""
    if "torch" in path and find_spec("torch") is None:
        pytest.skip("torch is not installed: make torch")
    place = course.folder.root / path
    notebook = nbformat.read(place, as_version=4)
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(place.parent)}}).execute()
    for question in points_cells(notebook):
        results = [
            output["data"]["text/plain"]
            for output in notebook["cells"][question.index].get("outputs", [])
            if output["output_type"] == "execute_result" and question.kind is GradedKind.TESTS
        ]
        assert [] == [result for result in results if float(result) != question.max_score], question.grade_id


@pytest.mark.slow
def test_nbgrader_accepts_every_source(course: OpenCourse, tmp_path: Path) -> None:
    """The release of all assignments is generated by x."""
    config = f'c = get_config()\nc.CourseDirectory.course_id = "demo"\nc.CourseDirectory.root = {str(tmp_path)!r}\n'
    config += f"c.CourseDirectory.source_directory = {str(course.folder.root / 'source_assignments')!r}\n"
    (tmp_path / "nbgrader_config.py").write_text(config)
    names = [item.name for item in course.course.notebook_assignments]
    done = subprocess.run(
        [sys.executable, "-c", GENERATE, *names],
        cwd=tmp_path,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert dict.fromkeys(names, True) == {name: result["success"] for name, result in json.loads(done.stdout).items()}
    released = {path.relative_to(tmp_path / "release").as_posix() for path in (tmp_path / "release").rglob("*.ipynb")}
    assert released == {path.removeprefix("source_assignments/") for path in SOURCES}


def _secret_lines(source: Notebook) -> set[str]:
    """Lines of answers, hidden tests and mark schemes that are nowhere in the open and say more than a bracket."""
    secret: list[str] = []
    in_the_open: list[str] = []
    for cell in source["cells"]:
        meta, text = meta_of(cell), source_of(cell)
        if cell["cell_type"] == "markdown" and meta and meta.solution:
            secret += text.split("\n")
        else:
            secret += [line for found in MARKED.finditer(text) for line in found[2].split("\n")]
            in_the_open += MARKED.sub("", text).split("\n")
    lines = {line.strip() for line in secret} - {line.strip() for line in in_the_open}
    return {line for line in lines if len(line) > 1}
