"""Whole pages."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from grader.feedback import AssignmentRow, IndexPage, render_index_page, render_notebook_page
from grader.model import GradedKind, Incident, IncidentKind, Repair


def _answer(make: Any, grade_id: str = "q") -> dict[str, Any]:
    return make.code("x = 1", metadata={"nbgrader": {"grade_id": grade_id, "solution": True, "grade": True}})


def test_a_page_shows_who_what_and_how_much(make: Any, inspect: Any) -> None:
    """The facts that a student looks for first."""
    page = make.page(
        _answer(make), score=1.5, max_score=2.0, graded_at="12 November 2026", questions=(make.question(),)
    )
    found = inspect(render_notebook_page(page))
    for fact in ("A course", "Least squares", "Ada Lovelace", "(ada)", "regression", "12 November 2026", "1.5 / 2"):
        assert fact in found.text
    assert ("html", "lang", "en") in found.attributes


def test_the_policy_allows_our_style_sheet_and_nothing_else(make: Any) -> None:
    """No script, no frame, no address but data: pictures; the sheet is known by its hash."""
    html = render_notebook_page(make.page())
    style = re.search(r"<style>(.*)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in html
    assert '<meta name="referrer" content="no-referrer">' in html
    assert html.index("Content-Security-Policy") < html.index("<style")


def test_the_table_leads_to_the_cells(make: Any, inspect: Any) -> None:
    """Each question has a link to its cell; one whose cell is not there has none."""
    page = make.page(
        _answer(make, "there"), questions=(make.question("there", title="One"), make.question("gone", title="Two"))
    )
    found = inspect(render_notebook_page(page))
    assert ("article", "id", "question-1") in found.attributes
    assert [("a", "href", "#question-1")] == [entry for entry in found.attributes if entry[0] == "a"]


def test_a_cell_copied_by_a_student_gets_no_second_verdict(make: Any, inspect: Any) -> None:
    """The first cell with the id is the question's."""
    found = inspect(render_notebook_page(make.page(_answer(make), _answer(make), questions=(make.question(),))))
    assert 1 == sum(name == "id" and value == "question-1" for _, name, value in found.attributes)


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        ("Full marks", {"score": 2.0}),
        ("Part of the points", {"score": 1.0}),
        ("No points", {"score": 0.0}),
        ("Waiting for a person", {"score": None, "waiting": True}),
        ("Not run", {"score": 0.0, "not_run": True}),
        ("No score", {"score": None}),
    ],
)
def test_a_state_is_told_in_words_and_by_a_shape(make: Any, inspect: Any, words: str, facts: dict[str, Any]) -> None:
    """Twice: in the table and at the cell; the shape is one that the page defines."""
    found = inspect(render_notebook_page(make.page(_answer(make), questions=(make.question(**facts),))))
    assert 2 <= found.text.count(words)
    shapes = {value.removeprefix("#") for tag, _, value in found.attributes if tag == "use"}
    assert shapes <= {value for tag, name, value in found.attributes if (tag, name) == ("symbol", "id")}
    assert len(shapes) == 1


def test_reason_and_comments_stand_at_the_cell(make: Any, inspect: Any) -> None:
    """Comments are Markdown with formulas."""
    question = make.question(reason="The tests raised.", comments=("**Almost**: $x^2$ is missing.",), extra_credit=0.5)
    found = inspect(render_notebook_page(make.page(_answer(make), questions=(question,))))
    assert "The tests raised." in found.text
    assert "Almost" in found.text
    assert "+0.5 extra credit" in found.text
    assert 1 == found.tags["math"]


def test_comments_on_a_cell_that_is_gone_are_not_lost(make: Any, inspect: Any) -> None:
    """Without a cell, reason and comments stand in the table."""
    question = make.question(reason="Nothing was there.", comments=("Please come and see me.",))
    found = inspect(render_notebook_page(make.page(questions=(question,))))
    assert 1 == found.text.count("Nothing was there.")
    assert 1 == found.text.count("Please come and see me.")


def test_hidden_tests_are_mentioned_and_no_more(make: Any, inspect: Any) -> None:
    """That there are some explains a lost point."""
    found = inspect(render_notebook_page(make.page(_answer(make), questions=(make.question(hidden=True),))))
    assert "some hidden" in found.text


def test_repairs_and_limits_are_told_at_the_top_and_at_their_cell(make: Any, inspect: Any) -> None:
    """By grade id, or by the cell's place; at the top with a name that leads there."""
    page = make.page(
        make.markdown("text"),
        _answer(make),
        repairs=(Repair("locked", "A test was put back.", "q"), Repair("renamed", "The file had another name.")),
        incidents=(
            Incident(IncidentKind.TIME, "it ran too long", 0),
            Incident(IncidentKind.MEMORY, "it took too much", 1, "q"),
        ),
        questions=(make.question(title="Square"),),
        late="Handed in 2 h late.",
    )
    found = inspect(render_notebook_page(page))
    assert 2 == found.text.count("A test was put back.")
    assert 1 == found.text.count("The file had another name.")
    assert "Cell 1: it ran too long." in found.text
    assert "Square: it took too much." in found.text
    assert 1 == found.text.count("A limit was reached: it ran too long.")
    assert 1 == found.text.count("A limit was reached: it took too much.")
    assert 1 == found.text.count("Handed in 2 h late.")


def test_a_rejected_notebook_has_a_page(make: Any, inspect: Any) -> None:
    """It says why, once, with the questions and without cells: those in the notebook are the instructor's."""
    why = "The file is no notebook: <0 bytes>."
    page = make.page(_answer(make), rejection=why, questions=(make.question(score=0.0, reason=why),))
    found = inspect(render_notebook_page(page))
    assert 1 == found.text.count(why)
    assert 0 == found.tags["article"]
    assert 0 == found.tags["a"]


def test_only_what_is_shown_of_a_notebook_is_in_its_page(make: Any) -> None:
    """Metadata, unknown data and widget state stay out."""
    cell = make.code("1", make.shown({"text/plain": "1", "application/x": "SECRET-A"}), metadata={"x": "SECRET-B"})
    page = make.page(cell)
    page.notebook["metadata"]["widgets"] = {"state": "SECRET-C"}
    assert "SECRET" not in render_notebook_page(page)


@pytest.mark.parametrize("notebook", [{}, {"cells": None}, {"cells": [None, 3, {}, {"cell_type": "heading"}]}])
def test_a_strange_notebook_has_a_page(make: Any, inspect: Any, notebook: dict[str, Any]) -> None:
    """Whatever passed for a notebook, the rest of the page stands."""
    inspect(render_notebook_page(make.page(notebook=notebook)))


def test_the_same_page_gives_the_same_bytes(make: Any) -> None:
    """A second run changes nothing."""
    cells = (make.markdown("[a](https://x.invalid) $x$"), make.code("x", make.shown({"text/html": "<b title=x>y</b>"})))
    assert render_notebook_page(make.page(*cells)) == render_notebook_page(make.page(*cells))


def test_cells_beyond_all_reading_are_counted(make: Any, inspect: Any) -> None:
    """Thousands of cells are the work of a loop."""
    found = inspect(render_notebook_page(make.page(*[make.code("x", outputs=None)] * 2500)))
    assert 2000 == found.tags["article"]
    assert "500 more cells are left out here." in found.text


def test_index_shows_every_assignment(inspect: Any) -> None:
    """With its state, its points and the way to its pages."""
    rows = (
        AssignmentRow(
            "Least squares", "Notebooks", "graded", 7.5, 10, links=(("über 1", "ls/über 1.html"),), due="Monday"
        ),
        AssignmentRow("Training", "Notebooks", "nothing handed in", None, 5, late="2 d late"),
    )
    found = inspect(
        render_index_page(IndexPage("A course", "Ada", "ada01", rows, (("Total so far", "75 %"),), "today"))
    )
    for fact in (
        "Ada",
        "ada01",
        "7.5 / 10",
        "nothing handed in",
        "2 d late",
        "Total so far",
        "75 %",
        "due Monday",
        "today",
    ):
        assert fact in found.text
    assert ("a", "href", "./ls/%C3%BCber%201.html") in found.attributes


def test_an_index_without_assignments_is_a_page(inspect: Any) -> None:
    """At the start of a course there are none."""
    assert "no assignments yet" in inspect(render_index_page(IndexPage("A course", "Ada", "ada01", ()))).text


def test_a_path_cannot_become_another_address(inspect: Any) -> None:
    """It is always relative, whatever its name looks like."""
    rows = (AssignmentRow("A", "", "", 1, 1, links=(("x", "javascript:alert(1)"), ("y", "//x.invalid/?#"))),)
    found = inspect(render_index_page(IndexPage("A course", "Ada", "ada", rows)))
    assert ["./javascript%3Aalert%281%29", ".///x.invalid/%3F%23"] == [
        v for t, n, v in found.attributes if n == "href" and t == "a"
    ]


def test_kinds_of_questions_are_named(make: Any, inspect: Any) -> None:
    """Tests, or a person."""
    questions = tuple(make.question(kind.value, kind=kind) for kind in GradedKind)
    found = inspect(render_notebook_page(make.page(questions=questions)))
    assert 2 == found.text.count("Graded by a person")


def _nbgraders_notebooks() -> list[Path]:
    import nbgrader

    root = Path(nbgrader.__file__).parent
    return sorted((root / "tests").rglob("*.ipynb")) + sorted((root / "docs").rglob("*.ipynb"))


@pytest.mark.slow
def test_nbgraders_own_notebooks_have_pages(make: Any, inspect: Any) -> None:
    """Every notebook of its tests and its guide, whatever it holds, becomes a page with all its cells."""
    rendered = 0
    for path in _nbgraders_notebooks():
        try:
            notebook = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            continue
        found = inspect(render_notebook_page(make.page(notebook=notebook)))
        assert len(notebook.get("cells", ())) == found.tags["article"], path
        rendered += 1
    assert rendered > 60
