"""AUTOTEST lines become tests by running the instructor's solution in a real kernel."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from grader.errors import NotebookError
from grader.execution import instructor_kernel
from grader.notebook import Autotest, dump, instructor_version, read, release


def shipped(name: str) -> bytes:
    """A file of nbgrader's own tests."""
    import nbgrader

    return Path(nbgrader.__file__).parent.joinpath("tests", "apps", "files", name).read_bytes()


def notebook(*sources: str, kernel: str = "python3") -> Any:
    """A notebook of a solution and AUTOTEST cells worth a point each."""
    spec = {"name": kernel, "display_name": "Python 3", "language": "python"}
    cells = [
        {
            "cell_type": "code",
            "source": source,
            "metadata": {
                "nbgrader": {"schema_version": 3, "grade_id": f"q{number}", "locked": bool(number)}
                | {"grade": bool(number), "solution": not number, "points": 1}
            },
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(sources)
    ]
    return nbformat.from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": cells})


TEMPLATES = shipped("autotests.yml").decode()


@pytest.mark.parametrize("name", ["autotest-simple.ipynb", "autotest-hashed.ipynb"])
def test_tests_are_nbgrader_s(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same source as nbgrader's own step writes, from its own notebooks and templates."""
    from nbgrader.preprocessors import InstantiateTests, instantiatetests

    def start(**options: Any) -> tuple[Any, Any]:
        manager, client = start_new_kernel(**options)
        clients.append(client)
        return manager, client

    clients: list[Any] = []
    monkeypatch.setattr(instantiatetests, "start_new_kernel", start)
    source = read(shipped(name), name).notebook
    (tmp_path / "autotests.yml").write_text(TEMPLATES)
    expected, _ = InstantiateTests().preprocess(copy.deepcopy(source), {"metadata": {"path": str(tmp_path)}})
    clients[0].stop_channels()
    made = instructor_version(source, autotest=Autotest(TEMPLATES, instructor_kernel))
    assert [cell["source"] for cell in made["cells"]] == [cell["source"] for cell in expected["cells"]]
    assert "AUTOTEST" not in dump(release(made))


def test_what_is_random_is_pinned_and_data_files_are_there() -> None:
    """Hashes of text, `random` and numpy give the same tests each time; the kernel's folder holds the data files."""
    solution = (
        "import random\nimport numpy as np\nfrom pathlib import Path\n"
        "x = random.random() + np.random.rand()\ny = hash('text')\nz = Path('data/a.txt').read_text()"
    )
    source = notebook(solution, "### AUTOTEST x\n### AUTOTEST y; z")
    first, second = (
        dump(instructor_version(source, autotest=Autotest(TEMPLATES, instructor_kernel, {"data/a.txt": b"seven"})))
        for _ in range(2)
    )
    assert first == second
    assert "seven" in first


@pytest.mark.parametrize(
    ("templates", "told"),
    [
        (None, "put an autotests.yml beside it"),
        ("a: [", "is not valid YAML"),
        ("- a", "says nothing about the kernel 'python3'"),
        ("python3: {setup: x}", "lacks templates, dispatch, check, normalize"),
    ],
)
def test_templates_that_do_not_serve_are_told(templates: str | None, told: str) -> None:
    """Before any kernel is started."""
    with pytest.raises(NotebookError, match="hw: ") as caught:
        instructor_version(
            notebook("x = 1", "### AUTOTEST x"), autotest=Autotest(templates, instructor_kernel), name="hw"
        )
    assert told in str(caught.value)


def test_a_solution_that_fails_is_told_with_its_cell() -> None:
    """An AUTOTEST needs a solution that runs."""
    with pytest.raises(NotebookError, match=r"hw: cell 1: its solution raised ZeroDivisionError"):
        instructor_version(
            notebook("x = 1 / 0", "### AUTOTEST x"), autotest=Autotest(TEMPLATES, instructor_kernel), name="hw"
        )


def test_templates_without_a_test_for_the_value_are_told() -> None:
    """A section without `default` cannot serve every type."""
    templates = (
        "python3: {dispatch: 'type({{snippet}})', normalize: '{{snippet}}', check: 'assert 1', templates: {a: []}}"
    )
    with pytest.raises(NotebookError, match=r"hw: cell 2: autotests.yml gives no test"):
        instructor_version(
            notebook("x = 1", "### AUTOTEST x"), autotest=Autotest(templates, instructor_kernel), name="hw"
        )


def test_without_autotest_no_kernel_is_started() -> None:
    """Most notebooks have none, and starting a kernel takes a second."""
    assert instructor_version(notebook("x = 1"), autotest=Autotest(TEMPLATES, lambda *_: pytest.fail("started")))


def test_where_no_kernel_can_be_had_autotest_is_refused() -> None:
    """Rather than released as a comment; and a kernel that is not installed is told by its name."""
    source = notebook("x = 1", "### AUTOTEST x")
    with pytest.raises(NotebookError, match="hw: it has AUTOTEST lines"):
        instructor_version(source, name="hw")
    with pytest.raises(NotebookError, match="cannot start the kernel 'ir'"):
        instructor_version(
            notebook("x = 1", "### AUTOTEST x", kernel="ir"), autotest=Autotest(TEMPLATES, instructor_kernel)
        )
