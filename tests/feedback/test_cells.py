"""Cells for pages of the staff."""

from __future__ import annotations

from typing import Any

import pytest

from grader.feedback import cells, render_cells
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


def test_a_page_of_code_without_end_has_no_colours_from_there_on(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person reads is coloured; a notebook of megabytes does not hold the pages of a class up."""
    monkeypatch.setattr(cells, "_MAX_COLOURED", 20)
    shown = cells.cells_of(make.page(*(make.code("x = 1\nx") for _ in range(4))), ())
    assert [True, True, False, False] == ["<span" in cell.source for cell in shown]
    assert "x = 1\nx" == shown[-1].source
