"""Whatever a submission claims has no effect, and staff are told; what editors leave behind is no claim."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from grader.notebook import meta_of, restore, source_of

if TYPE_CHECKING:
    from collections.abc import Callable

Change = "Callable[[list[dict[str, Any]], dict[str, dict[str, Any]]], None]"


def _own(source: str, **marks: Any) -> dict[str, Any]:
    nbgrader = {"grade": True, "solution": False, "locked": True, "task": False, "schema_version": 3, **marks}
    metadata = {"nbgrader": nbgrader}
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


def second_test_cell(cells, by_id):
    """A copy of a test with the same id that always passes."""
    copy = json.loads(json.dumps(by_id["test_square_hidden"]))
    cells.append({**copy, "source": "pass"})


def more_points(cells, by_id):
    """The points of a test, raised."""
    by_id["test_square"]["metadata"]["nbgrader"]["points"] = 1000


def copy_with_more_points(cells, by_id):
    """A duplicate of a test that claims more points."""
    copy = json.loads(json.dumps(by_id["test_square"]))
    copy["metadata"]["nbgrader"]["points"] = 1000
    cells.insert(0, copy)


def own_graded_cell(cells, by_id):
    """A graded cell that the assignment does not have."""
    cells.append(_own("pass", grade_id="bonus", points=1000))


def unlocked_test(cells, by_id):
    """A test declared to be a solution, and unlocked."""
    by_id["test_square"]["metadata"]["nbgrader"] |= {"solution": True, "locked": False}
    by_id["test_square"]["source"] = "pass"


def forgiven_test(cells, by_id):
    """A test whose error is to be forgiven."""
    by_id["test_square"]["metadata"]["tags"] = ["raises-exception"]


def skipped_test(cells, by_id):
    """A test that is to be skipped."""
    by_id["test_square"]["metadata"]["tags"] = ["skip-execution"]


def moved_test(cells, by_id):
    """A test above the solution."""
    cells.remove(by_id["test_square"])
    cells.insert(0, by_id["test_square"])


def metadata_as_list(cells, by_id):
    """Metadata of no known form."""
    by_id["test_square"]["metadata"]["nbgrader"] = [1]


def unknown_version(cells, by_id):
    """Metadata of a version that does not exist."""
    by_id["test_square"]["metadata"]["nbgrader"]["schema_version"] = 99


def unmarked_test(cells, by_id):
    """One test without its metadata, the others with theirs."""
    by_id["test_square"]["metadata"] = {}


def raw_test(cells, by_id):
    """A test that would not run."""
    cell = by_id["test_square"]
    cell["cell_type"] = "raw"
    del cell["outputs"], cell["execution_count"]


def changed_test(cells, by_id):
    """A test without its assertion, its checksum made to fit."""
    from nbformat import from_dict
    from nbgrader.utils import compute_checksum

    cell = by_id["test_square"]
    cell["source"] = "# assert square(2) == 4\n# assert square(3) == 9"
    cell["metadata"]["nbgrader"]["checksum"] = compute_checksum(from_dict(cell))


def prefixed_test(cells, by_id):
    """A test in which something stands before the assertion."""
    by_id["test_square"]["source"] = "square = lambda x: x * x\n" + by_id["test_square"]["source"]


def forged_checksum(cells, by_id):
    """A checksum that the release did not give."""
    by_id["square"]["metadata"]["nbgrader"]["checksum"] = "0" * 32


TRICKS: dict[Callable[..., None], str] = {
    second_test_cell: "own-graded-cell",
    more_points: "metadata-changed",
    copy_with_more_points: "metadata-changed",
    own_graded_cell: "own-graded-cell",
    unlocked_test: "metadata-changed",
    forgiven_test: "tag",
    skipped_test: "tag",
    moved_test: "test-moved",
    metadata_as_list: "metadata-broken",
    unknown_version: "metadata-broken",
    unmarked_test: "test-unmarked",
    raw_test: "test-retyped",
    forged_checksum: "checksum",
    changed_test: "test-changed",
    prefixed_test: "test-changed",
}


def instructors_cells(notebook: Any) -> list[tuple[Any, ...]]:
    """The instructor's cells as they must be, whatever was handed in."""
    return [
        (cell["cell_type"], cell["metadata"], None if meta.solution else source_of(cell))
        for cell in notebook["cells"]
        if (meta := meta_of(cell))
    ]


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.__name__)
def test_a_trick_has_no_effect_and_is_flagged(assignment, trick):
    """The instructor's cells are as ever, no cell of the student's bears metadata, and staff are told."""
    submitted = assignment.answered(assignment.answers)
    trick(submitted["cells"], {m.grade_id: cell for cell in submitted["cells"] if (m := meta_of(cell))})
    result = restore(submitted, assignment.instructor, assignment.released)
    assert instructors_cells(assignment.instructor) == instructors_cells(result.notebook)
    bare = [cell for cell in result.notebook["cells"] if not meta_of(cell)]
    assert all(cell["metadata"] == {} for cell in bare)
    assert TRICKS[trick] in {flag.kind for flag in result.flags}


def test_the_evidence_says_what_was_claimed(assignment):
    """A person sees the release's value and the claim."""
    submitted = assignment.answered(assignment.answers)
    cell = next(c for c in submitted["cells"] if (m := meta_of(c)) and m.grade_id == "test_square")
    cell["metadata"]["nbgrader"]["points"] = 1000
    (flag,) = restore(submitted, assignment.instructor, assignment.released).flags
    assert ("metadata-changed", "test_square", "points: 1 → 1000") == (flag.kind, flag.grade_id, flag.evidence)


def test_hidden_tests_in_a_submission_are_flagged(assignment):
    """Nobody but the instructor has them."""
    submitted = assignment.answered(assignment.answers)
    own = next(c for c in assignment.instructor["cells"] if (m := meta_of(c)) and m.grade_id == "test_square_hidden")
    given = next(c for c in submitted["cells"] if (m := meta_of(c)) and m.grade_id == "test_square_hidden")
    given["source"] = own["source"]
    flags = restore(submitted, assignment.instructor, assignment.released).flags
    assert [("hidden-tests", "test_square_hidden")] == [(flag.kind, flag.grade_id) for flag in flags]


def test_a_flood_of_claims_is_told_in_few_flags(assignment):
    """Thousands of forged cells do not bury who reads the flags."""
    submitted = assignment.answered(assignment.answers)
    submitted["cells"] += [_own("pass", grade_id=f"bonus{n}", points=1) for n in range(300)]
    flags = restore(submitted, assignment.instructor, assignment.released).flags
    assert 51 == len(flags)
    assert "And 250 more like this." == flags[-1].sentence


@pytest.mark.parametrize("value", [None, 3, "text", [], {"grade_id": 5}, {"grade_id": ""}, {"grade_id": "x" * 10**5}])
@pytest.mark.parametrize("key", ["nbgrader", "tags"])
def test_metadata_of_any_shape_are_survived(assignment, key, value):
    """Nothing that JSON can hold in a cell's metadata stops the restoring."""
    submitted = assignment.answered(assignment.answers)
    for cell in submitted["cells"]:
        cell["metadata"][key] = value
    result = restore(submitted, assignment.instructor, assignment.released)
    assert instructors_cells(assignment.instructor) == instructors_cells(result.notebook)
