"""Matching cell to cell: by id, checksum, source, likeness and place, in that order of trust."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from grader.notebook import match, meta_of
from grader.notebook.sources import definitions, normal


def ways(submitted: Any, released: Any) -> dict[int, tuple[int, str]]:
    """For each released cell that was found: the submitted cell, and what told it."""
    matching = match(submitted, released)
    return {
        row: (matching.parts[found[0].part].index, found[0].how.value)
        for row, found in enumerate(matching.candidates)
        if found
    }


def stripped(notebook: Any) -> Any:
    """The notebook without cell metadata."""
    return {**notebook, "cells": [{**cell, "metadata": {}} for cell in notebook["cells"]]}


def test_ids_are_believed(assignment):
    """With ids and texts as they were, every cell is found in its place."""
    ways_ = ways(assignment.solved, assignment.released)
    assert {n: n for n in range(18)} == {row: index for row, (index, _) in ways_.items()}
    assert "grade_id" == ways_[4][1]
    assert "source" == ways_[0][1]


def test_a_checksum_tells_where_the_id_is_lost(assignment):
    """The checksum of the release stays when somebody empties the id."""
    submitted = assignment.answered(assignment.answers)
    submitted["cells"][11]["metadata"]["nbgrader"]["grade_id"] = ""
    assert (11, "checksum") == ways(submitted, assignment.released)[11]


def test_without_metadata_text_and_names_tell(assignment):
    """Locked cells by their text, functions by their names, prose by its place."""
    ways_ = ways(stripped(assignment.solved), assignment.released)
    assert ("source", "likeness", "place") == (ways_[5][1], ways_[4][1], ways_[13][1])


def test_shuffled_cells_without_metadata_are_found(assignment):
    """What has a text of its own is found wherever it stands."""
    cells = list(stripped(assignment.solved)["cells"])
    order = list(range(len(cells)))
    random.Random(3).shuffle(order)
    ways_ = ways({**assignment.solved, "cells": [cells[n] for n in order]}, assignment.released)
    texts = [n for n in range(18) if (m := meta_of(assignment.released["cells"][n])) is None or m.fixed]
    assert all(order[ways_[n][0]] == n for n in [*texts, 4, 8])


def test_a_copy_is_a_second_candidate(assignment):
    """Both cells with one id are candidates, the first first."""
    submitted = assignment.answered(assignment.answers)
    submitted["cells"].insert(9, json.loads(json.dumps(submitted["cells"][8])))
    candidates = match(submitted, assignment.released).candidates[8]
    assert [8, 9] == [candidate.part for candidate in candidates]


def test_own_cells_are_nobodys(assignment):
    """A cell with nothing in common with the assignment stays the student's own."""
    submitted = assignment.answered(assignment.answers)
    cell = {"cell_type": "code", "metadata": {}, "source": "print('hello')", "outputs": [], "execution_count": None}
    submitted["cells"].insert(3, cell)
    assert (3,) == match(submitted, assignment.released).extras


def test_moved_cells_are_not_in_the_chain(assignment):
    """The chain is what kept its order."""
    submitted = assignment.answered(assignment.answers)
    submitted["cells"].append(submitted["cells"].pop(5))
    rows = [row for row, _ in match(submitted, assignment.released).chain]
    assert [row for row in range(18) if row != 5] == rows


def test_thousands_of_long_cells_are_matched(assignment):
    """Work is bounded: long cells by the thousand, all alike, end in a matching of each."""
    line = "total = [square(n) for n in range(4)]  # "
    source = "\n".join(line + str(n) for n in range(100))
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**cell, "source": f"{source}\n{n}"} for n in range(3000)]
    matching = match({**assignment.solved, "cells": cells}, assignment.released)
    assert 3000 == len(matching.parts)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(x):\n    def inner(): pass", {"f"}),
        ("async def g(): pass\nclass H: pass", {"g", "H"}),
        ("cube <- function(x) x^3\nk = lambda x: x", {"cube", "k"}),
        ("function area(r)\nend", {"area"}),
        ("  def indented(): pass\nx = 3\ndefine(4)\nclassic = 1", set()),
        ("def été(): pass", {"été"}),
    ],
)
def test_definitions(source, names):
    """Functions and classes at the top level, in Python, R and Julia; nothing indented, no variables."""
    assert names == definitions(source)


def test_normal_forgets_what_editors_change():
    """Line ends, blanks at line ends and blank lines around a source are no difference; indentation is."""
    assert "a\n\n  b" == normal("\r\n\na  \r\n\n  b\t\n\n")
