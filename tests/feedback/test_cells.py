"""Cells for pages of the staff."""

from __future__ import annotations

from grader.feedback import render_cells
from tests.making import make_cell, make_notebook


def test_cells_are_found_by_id_and_place() -> None:
    """Those at the places that are asked for, with their place, id and kind."""
    notebook = make_notebook(
        make_cell("markdown", "*one*"),
        make_cell("code", "x = 1", "two", solution=True),
        make_cell("raw", "three"),
    )
    assert ["markdown", "code", "raw"] == [cell.kind for cell in render_cells(notebook)]
    (found,) = render_cells(notebook, {1})
    assert (1, "two", "code") == (found.place, found.grade_id, found.kind)
    assert "Answer" in found.html
    assert "Your answer" not in found.html


def test_markup_of_students_is_text() -> None:
    """What a cell holds is escaped or sanitised, as on the students' own pages."""
    code, prose = render_cells(
        make_notebook(make_cell("code", "'<script>1</script>'"), make_cell("markdown", "a <script>1</script> *x*"))
    )
    assert "<script" not in code.html + prose.html
    assert "<em>x</em>" in prose.html
