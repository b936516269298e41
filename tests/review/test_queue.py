"""Grading answer by answer, asked in-process: every press, what stands afterwards, and what others wrote in between."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from grader.review import Settings, create_app

Grader = Callable[..., Any]
Points = Callable[[], dict[str, float]]


def said(answer: Any) -> str:
    """What the toast of an answer says."""
    return str(json.loads(answer.headers["hx-trigger"])["grader:toast"]["text"])


def shown(answer: Any) -> str:
    """The points in their field."""
    found = re.search(r'id="points" name="points" value="([^"]*)"', answer.text)
    assert found
    return found[1]


def test_the_assignment_leads_to_its_questions(grading: Grader) -> None:
    """The list has a way to each question's queue and to its groups."""
    tina = grading()
    page = tina.client.get("/assignments/ps1").text
    assert f'href="{tina.path}"' in page
    assert f'href="{tina.path}/groups"' in page


def test_an_answer_stands_with_what_was_asked(grading: Grader) -> None:
    """Question, mark scheme, answer, what is left; and nothing that names the student while names are hidden."""
    tina = grading()
    page = tina.page("eva").text
    for words in ("Say why a square", "MARK-SCHEME", "<math", "<b>6</b> left", "Answer "):
        assert words in page
    for name in ("eva", "Familyeva", "Giveneva"):
        assert name not in page
    tina.client.keep("grader-names", "shown")
    assert "Giveneva Familyeva" in tina.page("eva").text


def test_grading_goes_on_where_it_was_left(grading: Grader) -> None:
    """At the first that waits and that nobody else looks at; nothing there, an answer that is graded."""
    tina, ben = grading("tina"), grading("ben")
    first = tina.client.get(tina.path).headers["location"]
    second = first_after(tina, first)
    assert 200 == ben.send(f"{first}/claim").status_code
    assert tina.client.get(tina.path).headers["location"] == second != first
    assert ben.client.get(ben.path).headers["location"] == first
    for student in ("ada", "bob", "cem", "dot", "eva", "mal"):
        tina.save(student, "full")
    assert 200 == tina.client.get(tina.client.get(tina.path).headers["location"]).status_code
    assert "<b>0</b> left" in tina.page("ada").text


def first_after(grader: Any, address: str) -> str:
    """Where `n` leads from an answer."""
    found = re.search(r'id="onward" href="([^"]+)"', grader.client.get(address).text)
    assert found
    return found[1]


def test_items_points_and_comment_are_saved_as_they_are_pressed(grading: Grader, points: Points) -> None:
    """Items count, typed points make the rest free, extra credit is beyond, a comment stays; the gradebook has it."""
    tina = grading()
    half, other = tina.add("Half of it", "+1.5"), tina.add("Slip", "-0.5")
    assert "1.5" == shown(tina.save("ada", item=half))
    assert "1" == shown(tina.save("ada", item=[half, other]))
    typed = tina.save("ada", "points", points="2,25", item=[half, other], comment="**Good**, $x$", extra="0.5")
    assert ("2.25", True) == (shown(typed), "+1.25 free" in typed.text)
    assert "Saved," in typed.text
    assert 2.75 == points()["ada"]
    assert "<strong>Good</strong>" in tina.page("ada").text


def test_full_zero_and_taking_back(grading: Grader, points: Points) -> None:
    """One press each; an answer without a grade waits again; typing no points takes back as well."""
    tina = grading()
    assert "3" == shown(tina.save("ada", "full"))
    assert "0" == shown(tina.save("bob", "zero"))
    assert "<b>4</b> left" in tina.page("cem").text
    assert {"ada": 3.0, "bob": 0.0}.items() <= points().items()
    assert ("", True) == (shown(back := tina.save("ada", "clear")), "Not graded yet" in back.text)
    assert "" == shown(tina.save("bob", "points", points=" "))
    assert "<b>6</b> left" in tina.page("cem").text


def test_words_alone_are_no_grade(grading: Grader) -> None:
    """A comment that is written first waits in the page: nobody gets 0 points through it."""
    tina = grading()
    answer = tina.save("ada", comment="Hm.")
    assert "Not graded yet" in answer.text
    assert "<b>6</b> left" in tina.page("ada").text


def test_what_makes_no_sense_is_told(grading: Grader) -> None:
    """In a line, with nothing written."""
    tina = grading()
    for fields, words in (
        ({"points": "x"}, "no number"),
        ({"points": "4"}, "more than the 3"),
        ({"points": "-1"}, "less"),
    ):
        answer = tina.save("ada", "points", **fields)
        assert (400, True) == (answer.status_code, words in said(answer))
    assert 400 == tina.save("ada", item="nosuch").status_code
    assert 400 == tina.save("ada", "nosuch").status_code
    assert 400 == tina.send(f"{tina.path}/answers/nosuch", {"do": "full"}).status_code
    assert 404 == tina.client.get("/assignments/ps1/questions/squares/nosuch").status_code
    assert "" == shown(tina.page("ada"))


def test_a_stale_write_shows_both(grading: Grader, points: Points) -> None:
    """Theirs stands, yours is offered; given all the same, it stands. Names stay hidden."""
    tina, ben = grading("tina"), grading("ben")
    item = tina.add("Half of it", "1.5")
    seen = tina.seen("ada")
    ben.save("ada", "zero", comment="No.")
    answer = tina.save("ada", item=item, comment="Well done", seen=seen)
    assert (409, "0") == (answer.status_code, shown(answer))
    for words in ("ben wrote at", "1.5 / 3", "Half of it", "Well done", "Saved by ben"):
        assert words in answer.text
    assert "ada" not in answer.text
    assert 0 == points()["ada"]
    tina.save("ada", item=item, comment="Well done")
    assert 1.5 == points()["ada"]
    late = ben.send(ben.at("ada", "flag"), {"seen": seen})
    assert (409, True) == (late.status_code, "tina wrote at" in late.text)


def test_flags(grading: Grader, points: Points) -> None:
    """Set and taken with one key, graded or not; no points change."""
    tina = grading()
    flagged = tina.send(tina.at("ada", "flag"), {"seen": tina.seen("ada")})
    assert 'aria-pressed="true"' in flagged.text
    assert "1 flagged" in flagged.text
    tina.save("ada", "full")
    assert 'aria-pressed="true"' in tina.page("ada").text
    assert 'aria-pressed="false"' in tina.send(tina.at("ada", "flag"), {"seen": tina.seen("ada")}).text
    assert 3 == points()["ada"]


def test_undo_says_what_and_leads_there(grading: Grader, points: Points) -> None:
    """The last thing that this grader did, wherever; where another wrote since, nothing is undone."""
    tina, ben = grading("tina"), grading("ben")
    tina.save("ada", "full")
    there = tina.send(tina.at("bob", "undo"))
    assert re.search(r"Undone: gave 3 of 3 to one answer \(answer \d\)", said(there))
    assert tina.at("ada") == json.loads(there.headers["hx-location"])["path"]
    assert 0 == points()["ada"]
    assert "nothing to undo" in said(tina.send(tina.at("ada", "undo")))
    tina.save("ada", "full")
    ben.save("ada", "zero")
    refused = tina.send(tina.at("ada", "undo"))
    assert (409, True) == (refused.status_code, "ben wrote" in said(refused))
    assert "ada" not in said(refused)
    other = grading("ben", "plot")
    elsewhere = other.send(other.at("ada", "undo"))
    assert "in “Why”" in said(elsewhere)


def test_who_else_is_here(grading: Grader) -> None:
    """By name and number; at this very answer, too."""
    tina, ben = grading("tina"), grading("ben")
    assert "<b>ben" not in tina.page("ada").text
    ben.send(ben.at("bob", "claim"))
    assert re.search(r"<b>ben</b>\s+at \d", tina.send(tina.at("ada", "claim")).text)
    assert re.search(r"<b>ben</b>\s+is at this answer", tina.page("bob").text)
    assert '<span class="chip-name">ben' in tina.client.get(f"{tina.path}/answers").text


def test_all_answers_at_a_glance(grading: Grader) -> None:
    """Numbers, states and points, without names."""
    tina = grading()
    tina.save("ada", "points", points="2.5")
    text = tina.client.get(f"{tina.path}/answers").text
    assert 8 == text.count("<li>")
    assert ("2.5" in text, text.count(", waiting"), text.count(", blank")) == (True, 5, 2)
    assert "Familyada" not in text


def test_an_answer_that_changed_since_is_looked_at_again(grading: Grader, waiting: Any, points: Points) -> None:
    """It says so and waits; one press keeps the points."""
    tina = grading()
    tina.save("ada", "points", points="2")
    change_answer(waiting, "ada")
    page = tina.page("ada").text
    assert ("has changed since" in page, "<b>6</b> left" in page) == (True, True)
    kept = tina.save("ada", adjustment="2")
    assert ("has changed since" in kept.text, shown(kept)) == (False, "2")
    assert 2 == points()["ada"]


def change_answer(course: Any, student: str) -> None:
    """Grade another answer of a student."""
    from dataclasses import replace
    from datetime import UTC, datetime

    from grader.model import CellScore, Graded, GradedKind, GradedNotebook

    path = course.folder.autograded_of(student, "ps1") / "squares.ipynb"
    notebook = json.loads(path.read_text())
    (cell,) = (cell for cell in notebook["cells"] if cell["id"] == "why")
    cell["source"] = "Something else."
    scores = tuple(CellScore(name, GradedKind.ANSWER, most, None, True, "") for name, most in (("why", 3), ("plot", 2)))
    graded = Graded(student, "ps1", (GradedNotebook("squares", notebook, scores),))
    course.folder.write_autograded(student, "ps1", {"squares.ipynb": json.dumps(notebook).encode()})
    with course.database() as database:
        database.record(
            replace(graded), key="again", engine="test", timestamp=None, finished_at=datetime.now(UTC), problems=()
        )


def test_an_item_is_edited_for_all_who_carry_it(grading: Grader, points: Points) -> None:
    """How many carry it is said before; all their totals change; undone in one stroke, and removed from all."""
    tina = grading()
    item = tina.add("Half of it", "1")
    for student in ("ada", "bob"):
        tina.save(student, item=item)
    rubric = tina.client.get(f"{tina.path}/rubric").text
    assert "2 answers carry it" in rubric
    assert "Save for 2" in rubric
    changed = tina.send(
        f"{tina.path}/rubric/{item}", {"version": version(rubric), "points": "+2.5", "text": "Most of it"}
    )
    assert "Item changed, with effect on 2 answers" == said(changed)
    assert {"ada": 2.5, "bob": 2.5}.items() <= points().items()
    assert "Most of it" in tina.page("cem").text
    stale = tina.send(f"{tina.path}/rubric/{item}", {"version": version(rubric), "points": "0", "text": "x"})
    assert (409, True) == (stale.status_code, "the rubric" in said(stale))
    assert "Undone: changed a rubric item" in said(tina.send(tina.at("ada", "undo")))
    assert {"ada": 1.0, "bob": 1.0}.items() <= points().items()
    rubric = tina.client.get(f"{tina.path}/rubric").text
    assert "with effect on 2" in said(tina.send(f"{tina.path}/rubric/{item}/remove", {"version": version(rubric)}))
    assert {"ada": 0.0, "bob": 0.0}.items() <= points().items()


def version(rubric: str) -> str:
    """The version that a page of the rubric shows."""
    found = re.search(r'name="version" value="(\d+)"', rubric)
    assert found
    return found[1]


def test_the_rubric_starts_from_full_or_zero_and_is_put_in_order(grading: Grader, points: Points) -> None:
    """From full, items take; the digit of an item is its place."""
    tina = grading()
    first, second = tina.add("Slip", "-1"), tina.add("Gap", "-0.5")
    rubric = tina.client.get(f"{tina.path}/rubric").text
    started = tina.send(f"{tina.path}/rubric/start", {"version": version(rubric), "start": "full"})
    tina.save("ada", item=second)
    assert 2.5 == points()["ada"]
    page = tina.page("ada").text
    assert page.index(first) < page.index(second)
    moved = tina.send(f"{tina.path}/rubric/{second}/up", {"version": version(started.text)})
    assert "Item moved up" == said(moved)
    page = tina.page("ada").text
    assert page.index(second) < page.index(first)
    assert 400 == tina.send(f"{tina.path}/rubric/{second}/up", {"version": version(moved.text)}).status_code
    for fields in ({"text": " ", "points": "1"}, {"text": "x", "points": "one"}, {"text": "x"}):
        assert 400 == tina.send(f"{tina.path}/rubric", fields).status_code


def test_comments_said_before_are_offered(grading: Grader) -> None:
    """Those of marks and those that were kept; dropped from the bank, a mark's own stays."""
    tina = grading()
    tina.save("ada", "full", comment="Well done")
    kept = tina.send(f"{tina.path}/comments", {"comment": "See <b>the</b> lecture"})
    assert "Well done" in kept.text
    assert "See &lt;b&gt;the&lt;/b&gt; lecture" in kept.text
    for text in ("Well done", "See <b>the</b> lecture"):
        left = tina.send(f"{tina.path}/comments/drop", {"comment": text}).text
    assert ("Well done" in left, "lecture" in left) == (True, False)


def test_a_comment_is_previewed_and_not_written(grading: Grader) -> None:
    """Markdown and mathematics as the student gets them; no markup of the writer's own."""
    tina = grading()
    text = tina.send(f"{tina.path}/preview", {"comment": "*so* $x^2$ <script>alert(1)</script>"}).text
    assert "<em>so</em>" in text
    assert "<math" in text
    assert "<script" not in text


def test_read_only_shows_and_refuses(waiting: Any, grading: Grader) -> None:
    """What writes is disabled; written to, it is refused."""
    tina = grading()
    with waiting.database() as database:
        looking = type(tina.client)(
            create_app(waiting, database, Settings(8000, token="once", read_only=True, grader="x"))
        )
        looking.get("/?token=once")
        page = looking.get(tina.at("ada")).text
        assert 403 == looking.post(tina.at("ada"), {"do": "full"}).status_code
    assert re.search(r'id="points"[^>]* disabled', page)
    for button in re.findall(r"<button[^>]*data-(?:do|post)[^>]*>", page):
        assert "disabled" in button
    assert "/claim" not in page


class Markup(HTMLParser):
    """Everything in a page that could act."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.acting: list[str] = []
        self.ids: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what acts by itself, or could be taken for ours."""
        given = {name: value or "" for name, value in attrs}
        self.ids += [given["id"]] if "id" in given else []
        bad = [name for name in given if name.startswith("on") or name == "style"]
        bad += [value for value in given.values() if value.strip().lower().startswith("javascript:")]
        if (
            bad
            or tag in {"iframe", "object", "embed", "base"}
            or (tag == "script" and not given.get("src", "").startswith("/static/"))
        ):
            self.acting.append(f"{tag} {bad}")


@pytest.mark.parametrize("question", ["why", "plot"])
def test_what_students_wrote_is_no_markup(grading: Grader, question: str) -> None:
    """Of the corpus' hostile Markdown and outputs nothing acts, and nothing takes the name or the keys of ours."""
    tina = grading("tina", question)
    found, plain = Markup(tina.page("mal").text), Markup(tina.page("ada").text)
    assert [] == found.acting
    assert plain.ids == found.ids
    assert tina.page("ada").text.count("data-key=") == tina.page("mal").text.count("data-key=")


@pytest.mark.parametrize("key", ["answers/../../../x", "answers/%2e%2e", "answers/" + "x" * 3000])
def test_addresses_are_looked_up(grading: Grader, key: str) -> None:
    """Never followed."""
    tina = grading()
    assert tina.client.get(f"{tina.path}/{key}").status_code in {400, 404}
