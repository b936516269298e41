"""Restoring: the instructor's notebook with the student's work in it, whatever became of the cells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from grader.errors import NotebookError
from grader.notebook import meta_of, restore, with_student_outputs

if TYPE_CHECKING:
    from grader.notebook import Restored


def own_code(source: str, **metadata: Any) -> dict[str, Any]:
    """A code cell of the student's own."""
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


def own_text(source: str, **more: Any) -> dict[str, Any]:
    """A text cell of the student's own."""
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


@pytest.fixture
def submitted(assignment):
    """An honest answer, to be mangled at will."""
    return assignment.answered(assignment.answers)


@pytest.fixture
def restored(assignment, submitted):
    """Restore what has become of the submission."""

    def restore_it() -> Restored:
        result = restore(submitted, assignment.instructor, assignment.released)
        nbformat.validate(result.notebook)
        return result

    return restore_it


def place(notebook: Any, grade_id: str) -> int:
    """Where the cell of this id is."""
    return next(n for n, cell in enumerate(notebook["cells"]) if (m := meta_of(cell)) and m.grade_id == grade_id)


def cell_of(notebook: Any, grade_id: str) -> Any:
    """The cell of this id."""
    return notebook["cells"][place(notebook, grade_id)]


def sources(notebook: Any) -> list[str]:
    """The source of every cell."""
    return [cell["source"] for cell in notebook["cells"]]


def kinds(findings: Any) -> set[tuple[str, str | None]]:
    """What was found, and of which cells."""
    return {(finding.kind, finding.grade_id) for finding in findings}


def test_honest_work_needs_no_repair(assignment, restored):
    """An untouched hidden-test cell is no finding: it is what was released."""
    result = restored()
    assert ((), ()) == (result.repairs, result.flags)
    assert assignment.answers["cube"] == cell_of(result.notebook, "cube")["source"]


def test_tests_are_the_instructors_with_their_hidden_part(assignment, restored):
    """What runs are the instructor's tests, hidden ones included."""
    expected = cell_of(assignment.instructor, "test_square_hidden")
    assert "BEGIN HIDDEN TESTS" in expected["source"]
    assert expected["source"] == cell_of(restored().notebook, "test_square_hidden")["source"]


def test_metadata_kernel_and_ids_are_the_instructors(assignment, submitted, restored):
    """Nothing of the submission's metadata survives."""
    submitted["metadata"] = {"kernelspec": {"name": "bash", "display_name": "b"}, "widgets": {}}
    cell_of(submitted, "square")["metadata"]["collapsed"] = True
    result = restored()
    assert assignment.instructor["metadata"] == result.notebook["metadata"]
    assert [cell["id"] for cell in assignment.instructor["cells"]] == [cell["id"] for cell in result.notebook["cells"]]
    assert "collapsed" not in cell_of(result.notebook, "square")["metadata"]


def test_outputs_do_not_count(submitted, restored):
    """The restored notebook has no outputs, the instructor's or the student's."""
    cell_of(submitted, "test_square")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "passed"}]
    assert all(not cell.get("outputs") for cell in restored().notebook["cells"])


def test_own_cells_stay_in_place_without_metadata(submitted, restored):
    """The student's own cells stand after the cell that they stood after, bare, with ids that are theirs alone."""
    tags = {"tags": ["parameters"], "nbgrader": {"grade_id": "", "locked": False}}
    submitted["cells"].insert(place(submitted, "test_square"), own_code("helper = 1", **tags))
    submitted["cells"].insert(0, own_text("My name"))
    submitted["cells"].append(own_text("The end"))
    notebook = restored().notebook
    assert "My name" == notebook["cells"][0]["source"]
    assert "The end" == notebook["cells"][-1]["source"]
    helper = notebook["cells"][place(notebook, "square") + 1]
    assert ("helper = 1", {}) == (helper["source"], helper["metadata"])
    assert len(notebook["cells"]) == len({cell["id"] for cell in notebook["cells"]})


@pytest.mark.parametrize(
    ("grade_id", "sentence"),
    [
        ("test_square", "The test cell “test_square” had been deleted; it was put back."),
        ("setup", "The read-only cell “setup” had been deleted; it was put back."),
        ("cube", "The answer cell “cube” had been deleted; it was put back without an answer."),
    ],
)
def test_a_deleted_cell_is_put_back(assignment, submitted, restored, grade_id, sentence):
    """A deleted cell is back where it belongs, and its student is told."""
    del submitted["cells"][place(submitted, grade_id)]
    result = restored()
    assert place(assignment.instructor, grade_id) == place(result.notebook, grade_id)
    assert [sentence] == [repair.sentence for repair in result.repairs]


def test_a_deleted_answer_is_never_the_instructors(assignment, submitted, restored):
    """The answer that is put back is the released stub, not the solution; a person is asked where the answer went."""
    del submitted["cells"][place(submitted, "cube")]
    result = restored()
    assert cell_of(assignment.released, "cube")["source"] == cell_of(result.notebook, "cube")["source"]
    assert {("answer-missing", "cube")} == kinds(result.flags)


def test_an_edited_read_only_cell_is_restored_and_the_edit_kept(assignment, submitted, restored):
    """The original is used; what the student wrote instead is evidence for staff."""
    cell_of(submitted, "setup")["source"] = "rate = 0.5\nsteps = 100"
    result = restored()
    assert "rate = 0.1\nsteps = 100" == cell_of(result.notebook, "setup")["source"]
    assert {("source-restored", "setup")} == kinds(result.repairs)
    assert "-rate = 0.1\n+rate = 0.5" == result.flags[0].evidence


@pytest.mark.parametrize("write", ["Find an example of your own.\n\nLike 2 ** 7.", "Like 2 ** 7."])
def test_an_answer_written_into_a_task_is_kept_below_it(submitted, restored, write):
    """The task is the instructor's text again, and the answer stands where a person looks for it."""
    cell_of(submitted, "example")["source"] = write
    result = restored()
    at = place(result.notebook, "example")
    assert ["Find an example of your own.", "Like 2 ** 7."] == [
        s.strip() for s in sources(result.notebook)[at : at + 2]
    ]
    assert {("cells-separated", "example")} == kinds(result.repairs)
    assert () == result.flags


def test_lost_metadata_are_restored(assignment, submitted, restored):
    """A notebook without any metadata: every cell is recognised; what only its place tells is for a person to see."""
    for cell in submitted["cells"]:
        cell["metadata"] = {}
    result = restored()
    answers = {grade_id: cell_of(result.notebook, grade_id)["source"] for grade_id in assignment.answers}
    assert assignment.answers == answers
    assert ["metadata-restored"] == [repair.kind for repair in result.repairs]
    by_place = {("uncertain-answer", grade_id) for grade_id in ("total", "essay", "picture", "outlook")}
    assert by_place == kinds(result.flags)


def test_an_older_release_is_moved_into_this_one(assignment, submitted, restored):
    """Cells with ids of another release are recognised by their text."""
    for cell in submitted["cells"]:
        if meta := cell["metadata"].get("nbgrader"):
            meta["grade_id"] = "old_" + meta["grade_id"]
            del meta["checksum"]
    result = restored()
    assert assignment.answers["square"] == cell_of(result.notebook, "square")["source"]
    assert {"older-release"} == {repair.kind for repair in result.repairs}


def test_a_stub_beside_the_answer_is_dropped(assignment, submitted, restored):
    """A copy that is still the stub loses, even in the original place and with the metadata."""
    at = place(submitted, "cube")
    submitted["cells"].insert(at, json.loads(json.dumps(cell_of(assignment.released, "cube"))))
    result = restored()
    assert assignment.answers["cube"] == cell_of(result.notebook, "cube")["source"]
    assert {("duplicate-removed", "cube")} == kinds(result.repairs)
    assert len(assignment.instructor["cells"]) == len(result.notebook["cells"])


def test_of_two_answers_the_one_in_its_place_wins(assignment, submitted, restored):
    """Exactly one answer is taken; the other is kept for staff to see."""
    other = json.loads(json.dumps(cell_of(submitted, "cube")))
    other["source"] = "def cube(x):\n    return 0"
    submitted["cells"].insert(0, other)
    result = restored()
    assert assignment.answers["cube"] == cell_of(result.notebook, "cube")["source"]
    assert other["source"] not in sources(result.notebook)
    assert {("contested-answer", "cube")} == kinds(result.flags)
    assert "def cube(x):\n    return 0" == result.flags[0].evidence


def test_a_split_answer_is_joined(assignment, submitted, restored):
    """JupyterLab copies the metadata to both halves."""
    at = place(submitted, "square")
    first, second = (json.loads(json.dumps(submitted["cells"][at])) for _ in range(2))
    first["source"], second["source"] = assignment.answers["square"].split("\n\n")
    submitted["cells"][at : at + 1] = [first, second]
    result = restored()
    assert assignment.answers["square"].replace("\n\n", "\n") == cell_of(result.notebook, "square")["source"]
    assert {("parts-joined", "square")} == kinds(result.repairs)
    assert (at, at + 1) == result.origins[at]


def test_a_torn_off_block_is_joined(assignment, submitted, restored):
    """VS Code leaves the second half without metadata; indented code belongs to what stands above it."""
    at = place(submitted, "square")
    lines = assignment.answers["square"].split("\n")
    submitted["cells"][at]["source"] = "\n".join(lines[:2])
    submitted["cells"].insert(at + 1, own_code("\n".join(lines[2:])))
    assert assignment.answers["square"] == cell_of(restored().notebook, "square")["source"]


def test_a_torn_off_head_is_joined(assignment, submitted, restored):
    """The first half lost its metadata, and the second kept them."""
    at = place(submitted, "square")
    lines = assignment.answers["square"].split("\n")
    submitted["cells"][at]["source"] = "\n".join(lines[2:])
    submitted["cells"].insert(at, own_code("\n".join(lines[:2])))
    assert assignment.answers["square"] == cell_of(restored().notebook, "square")["source"]


@pytest.mark.parametrize("kept", ["square", "test_square"])
def test_an_answer_merged_with_its_test_is_separated(assignment, submitted, restored, kept):
    """Whichever metadata the merged cell bears, the answer is the answer and the test is the instructor's."""
    at = place(submitted, "square")
    merged = {**cell_of(submitted, kept), "source": "\n".join(sources(submitted)[at : at + 2])}
    submitted["cells"][at : at + 2] = [merged]
    result = restored()
    assert assignment.answers["square"] == cell_of(result.notebook, "square")["source"]
    assert sources(assignment.instructor)[5] == cell_of(result.notebook, "test_square")["source"]


def test_two_answers_in_one_cell_are_separated(assignment, submitted, restored):
    """A student who wrote both functions into the first cell and deleted the second keeps both."""
    answers = assignment.answers
    cell_of(submitted, "square")["source"] = f"{answers['square']}\n\n# and now cubes\n{answers['cube']}"
    del submitted["cells"][place(submitted, "cube")]
    notebook = restored().notebook
    assert answers["square"] == cell_of(notebook, "square")["source"]
    assert f"# and now cubes\n{answers['cube']}" == cell_of(notebook, "cube")["source"]


def test_a_retyped_answer_is_taken_in_the_instructors_type(assignment, submitted, restored):
    """A text answer that became a code cell is text again."""
    cell = cell_of(submitted, "essay")
    cell |= {"cell_type": "code", "outputs": [], "execution_count": 3}
    result = restored()
    essay = cell_of(result.notebook, "essay")
    assert ("markdown", assignment.answers["essay"]) == (essay["cell_type"], essay["source"])
    assert "outputs" not in essay
    sentence = "The answer cell “essay” had been turned from markdown into code; it was turned back."
    assert [sentence] == [repair.sentence for repair in result.repairs]


def test_a_moved_cell_is_put_back_in_place(assignment, submitted, restored):
    """The instructor's order holds, and the student's own cells do not follow the moved one."""
    cells = submitted["cells"]
    cells.insert(1, cells.pop(place(submitted, "essay")))
    result = restored()
    assert place(assignment.instructor, "essay") == place(result.notebook, "essay")
    assert {("moved", "essay")} == kinds(result.repairs)


def test_an_answer_below_an_untouched_text_cell_is_taken(assignment, submitted, restored):
    """Who leaves YOUR ANSWER HERE and writes below it has answered; a person sees that it was moved."""
    cell_of(submitted, "essay")["source"] = "YOUR ANSWER HERE"
    submitted["cells"].insert(place(submitted, "essay") + 1, own_text("My essay."))
    result = restored()
    assert "My essay." == cell_of(result.notebook, "essay")["source"]
    assert {("answer-adopted", "essay")} == kinds(result.repairs)
    assert {("uncertain-answer", "essay")} == kinds(result.flags)


def test_an_answer_above_an_untouched_stub_is_taken(assignment, submitted, restored):
    """The stub below would undo it."""
    at = place(submitted, "cube")
    submitted["cells"].insert(at, own_code(assignment.answers["cube"]))
    submitted["cells"][at + 1]["source"] = cell_of(assignment.released, "cube")["source"]
    notebook = restored().notebook
    assert assignment.answers["cube"] == cell_of(notebook, "cube")["source"]
    assert len(assignment.instructor["cells"]) == len(notebook["cells"])


def test_a_copied_test_cell_is_no_answer(assignment, submitted, restored):
    """The metadata of a solution cell on a copy of a test: the test's text does not become the answer."""
    cell_of(submitted, "cube")["source"] = cell_of(submitted, "test_square")["source"]
    result = restored()
    assert cell_of(assignment.released, "cube")["source"] == cell_of(result.notebook, "cube")["source"]
    assert ("answer-missing", "cube") in kinds(result.flags)


def test_of_equal_copies_the_one_in_order_tells_the_place(assignment, submitted, restored):
    """A test copied above its answer moves nothing: own cells between answer and test stay between them."""
    at = place(submitted, "total")
    submitted["cells"].insert(at + 1, own_code("total = total + 0"))
    submitted["cells"].insert(at, json.loads(json.dumps(cell_of(submitted, "test_total"))))
    notebook = restored().notebook
    at = place(notebook, "total")
    assert ["total = total + 0", "assert total == 14"] == sources(notebook)[at + 1 : at + 3]


def test_a_copied_test_below_an_untouched_answer_is_no_answer(assignment, submitted, restored):
    """Where a person grades, the student's cells below the stub are the answer; a copy of a test is none."""
    at = place(submitted, "picture")
    submitted["cells"][at]["source"] = cell_of(assignment.released, "picture")["source"]
    submitted["cells"].insert(at + 1, own_code(cell_of(submitted, "test_total")["source"]))
    result = restored()
    assert cell_of(assignment.released, "picture")["source"] == cell_of(result.notebook, "picture")["source"]


def test_a_solution_written_into_a_copy_of_another_cell_is_found(assignment, submitted, restored):
    """A student copies the first cell, metadata and all, and writes the next function into the copy."""
    copy = json.loads(json.dumps(cell_of(submitted, "square")))
    copy["source"] = assignment.answers["cube"]
    submitted["cells"][place(submitted, "cube")] = copy
    notebook = restored().notebook
    assert assignment.answers["square"] == cell_of(notebook, "square")["source"]
    assert assignment.answers["cube"] == cell_of(notebook, "cube")["source"]


def test_pasted_images_come_along(submitted, restored):
    """Images of an answer and of own text cells are kept if they have the form of such, and only there."""
    image = {"plot.png": {"image/png": "aGVsbG8="}}
    cell_of(submitted, "essay")["attachments"] = {**image, "bad": "x", "worse": {"image/png": 3}}
    cell_of(submitted, "reading")["attachments"] = image
    submitted["cells"].append(own_text("![](attachment:plot.png)", attachments=image))
    notebook = restored().notebook
    assert image == cell_of(notebook, "essay")["attachments"]
    assert "attachments" not in cell_of(notebook, "reading")
    assert image == notebook["cells"][-1]["attachments"]


def test_an_unlocked_cell_carries_the_students_source(submitted, restored):
    """A cell that the instructor left open is the student's to change, without a repair or a flag."""
    submitted["cells"][1]["source"] = "import math\nimport random"
    result = restored()
    assert "import math\nimport random" == result.notebook["cells"][1]["source"]
    assert ((), ()) == (result.repairs, result.flags)


def test_a_foreign_notebook_restores_to_the_release(assignment):
    """Nothing of the assignment was found: one repair, one flag, and the student's cells are kept."""
    foreign = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [own_text("Something else")]}
    result = restore(foreign, assignment.instructor, assignment.released)
    assert ["unrelated"] == [repair.kind for repair in result.repairs]
    assert ["unrelated"] == [flag.kind for flag in result.flags]
    assert "Something else" in sources(result.notebook)


def test_an_empty_notebook_restores_to_the_release(assignment):
    """A notebook without cells is not an error."""
    result = restore({**assignment.solved, "cells": []}, assignment.instructor, assignment.released)
    assert sources(assignment.released)[4] == sources(result.notebook)[4]


def test_what_students_wrote_is_escaped_in_findings(submitted, restored):
    """No control character of a student reaches a terminal through evidence."""
    cell_of(submitted, "setup")["source"] = "rate = 0.1\n# \x1b[2J\u202e"
    flags = restored().flags
    assert "\\x1b[2J\\u202e" in flags[0].evidence


def test_a_release_that_lacks_a_cell_is_refused(assignment):
    """Without its released stub a solution cell could only be filled with the instructor's solution."""
    released = {**assignment.released, "cells": assignment.released["cells"][:6]}
    with pytest.raises(NotebookError, match="release it again"):
        restore(assignment.solved, assignment.instructor, released)


def test_students_outputs_are_carried_over_and_marked(assignment, submitted, restored):
    """Where nothing can be run again: outputs of the student's own code, marked as theirs, none of a test."""
    shown = {"output_type": "stream", "name": "stdout", "text": "[0, 1, 8]"}
    for grade_id in ("picture", "test_square", "setup"):
        cell_of(submitted, grade_id)["outputs"] = [shown, {"output_type": "nonsense"}, 3]
    result = restored()
    notebook = with_student_outputs(result, submitted)
    nbformat.validate(notebook)
    picture = cell_of(notebook, "picture")
    assert [shown] == picture["outputs"]
    assert "student" == picture["metadata"]["grader"]["outputs"]
    assert [] == cell_of(notebook, "test_square")["outputs"]
    assert [] == cell_of(notebook, "setup")["outputs"]
    assert [] == cell_of(result.notebook, "picture")["outputs"]
