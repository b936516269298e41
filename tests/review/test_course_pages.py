"""The pages about the course: what they tell, and what they refuse."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.pipeline.course import OpenCourse
from grader.review.drawing import dot_plot, histogram, parts


def text_of(html: str) -> str:
    """What a reader reads."""
    return " ".join(re.sub(r"<title>.*?</title>|<[^>]+>", " ", html.partition("<main")[2]).split())


def test_assignments_tell_where_each_stands(client: Callable[..., Any]) -> None:
    """Graded, waiting, rejected, missing; flags and repairs; the mean of what is graded."""
    page = client().get("/").text
    assert "Of 6: 2 graded, 2 waiting for a person, 1 rejected, 1 missing." in page
    text = text_of(page)
    assert "Problem set 1 notebooks, due 21 September, 20:00" in text
    assert "Grade 2 answers" in text
    assert "1 flagged" in text
    assert "mean 46 %" in text
    assert "exams no scores yet" in text_of("<main" + client().get("/standing").text)


def test_an_assignment_has_its_questions(client: Callable[..., Any]) -> None:
    """Each with its points, how many wait, the mean share; those by hand told apart."""
    text = text_of(client().get("/assignments/ps1").text)
    assert "by tests 1 all 4 75 %" in text
    assert "by hand 3 2 waiting –" in text


def test_an_assignment_has_its_submissions(client: Callable[..., Any]) -> None:
    """A line a student: state, points, when it came in, what to know."""
    text = text_of(client().get("/assignments/ps1").text)
    assert "Ada Lovelace ada graded 8 / 8 21 Sep, 12:00" in text
    assert "Eve Missing eve missing" in text
    assert "Fay Bad fay rejected 0 / 8 21 Sep, 12:00 No notebook could be read." in text
    assert "flagged repaired Reads the &lt;script&gt;test&lt;/script&gt; (flag) +1" in text


def test_the_class_table(client: Callable[..., Any]) -> None:
    """Percent of what is graded, with what waits; who is missing; everybody with a grade is a dot."""
    page = client().get("/class").text
    rows = {row.partition('href="/students/')[2][:3]: text_of("<main>" + row) for row in page.split("<tr ")[1:]}
    assert "100.0 100" in rows["ada"]
    assert "20 +1 waiting" in rows["bob"]
    assert "missing" in rows["eve"]
    assert 4 == page.partition("<main")[2].count("<circle")


@pytest.mark.parametrize(("kind", "media"), [("csv", "text/csv"), ("json", "application/json"), ("xlsx", "openxml")])
def test_the_gradebook_as_a_file(client: Callable[..., Any], kind: str, media: str) -> None:
    """In a format that other programs read, as a download."""
    answer = client().get(f"/class/export/{kind}")
    assert media in answer.headers["content-type"]
    assert f'attachment; filename="gradebook.{kind}"' == answer.headers["content-disposition"]
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert {"ada", "bob", "cem", "dia", "eve", "fay"} == {row["student_id"] for row in rows}
    elif kind == "json":
        assert json.loads(answer.content)


def test_the_report_is_a_page_of_the_app(client: Callable[..., Any]) -> None:
    """Its numbers and plots in our frame: one heading of the first level, one `main`."""
    page = client().get("/report").text
    assert 1 == page.count("<h1")
    assert 1 == page.count("<main")
    assert "How the class stands" in page
    assert "data:image/svg+xml;base64," in page


def test_a_student_has_items_reasons_and_neighbours(client: Callable[..., Any]) -> None:
    """Every item beside the class, why each question has its points, how the grade is made, who is next."""
    page = client().get("/students/bob").text
    text = text_of(page)
    assert "Bob =Cell()" in text
    assert "waiting (1) 1 / 8" in text
    assert "3 questions" in text
    assert "&lt;i&gt;3&lt;/i&gt; of 4 tests passed." in text
    assert "How the grade so far is made" in text
    assert {"/students/fay", "/students/dia"} <= set(re.findall(r'href="(/students/\w+)"', page))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/nope", "There is no such page."),
        ("/assignments/ps2", "there is no notebook assignment &#34;ps2&#34;"),
        ("/assignments/exam", "there is no notebook assignment"),
        ("/students/nobody", "there is no student &#34;nobody&#34;"),
        ("/students/%3Cb%3E", "there is no student &#34;&lt;b&gt;&#34;"),
        ("/class/export/pdf", "there is no export called"),
        ("/feedback/ada/index.html", "not written yet"),
        ("/feedback/ada/ps1/%2e%2e", "no such feedback page"),
        ("/feedback/ada/ps1/squares.ipynb", "no such feedback page"),
        ("/feedback/%2e%2e/ps1/x.html", "there is no student"),
        ("/feedback/nobody/index.html", "there is no student"),
    ],
)
def test_what_is_not_there_is_told(client: Callable[..., Any], path: str, line: str) -> None:
    """By name, with 404."""
    answer = client().get(path)
    assert (404, True) == (answer.status_code, line in answer.text)


def test_feedback_as_the_student_gets_it(client: Callable[..., Any], opened: OpenCourse) -> None:
    """The file as it stands, in which nothing may run; a link in its place is not followed."""
    page = opened.folder.feedback_of("ada", "ps1") / "squares.html"
    page.parent.mkdir(parents=True)
    page.write_text("<!DOCTYPE html><p>Well done.")
    (page.parent / "link.html").symlink_to(Path("/etc/hostname"))
    answer = client().get("/feedback/ada/ps1/squares.html")
    assert "<!DOCTYPE html><p>Well done." == answer.text
    assert "script" not in answer.headers["content-security-policy"]
    assert 404 == client().get("/feedback/ada/ps1/link.html").status_code


def test_parts_fill_the_bar() -> None:
    """Side by side, in proportion, those that are 0 left out."""
    made = parts([("a", "one", 1), ("b", "none", 0), ("c", "three", 3)])
    assert [("a", 0.0, 25.0), ("c", 25.0, 75.0)] == [(part.kind, part.start, part.width) for part in made]
    assert () == parts([("a", "nobody", 0)])


def test_a_histogram_counts_everybody() -> None:
    """The tallest bar fills the height, extra credit adds bars, the median stands in its place."""
    made = histogram([5, 15, 15, 105, 105, 105, 115])
    assert made
    assert 12 == len(made.columns)
    assert [10, 20, 0] == [round(column.height) for column in made.columns[:3]]
    assert 30 == max(column.height for column in made.columns)
    assert 105 / 1.2 == pytest.approx(made.median)
    assert histogram([]) is None


def test_dots_are_one_a_person() -> None:
    """Stacked where many have the same, on as much of the axis as there are people."""
    made = dot_plot([(f"s{number}", "words", 80.0 + number % 5) for number in range(200)])
    assert made
    assert 200 == len({(dot.x, dot.y) for dot in made.dots})
    assert ["80 %", "90 %", "100 %"] == [words for _, words in made.ticks]
    assert all(0 <= dot.x <= 100 and 0 <= dot.y <= made.height for dot in made.dots)
    assert dot_plot([]) is None


def test_a_crowd_is_not_taller_than_the_page() -> None:
    """Where hundreds have the same, their dots overlap."""
    made = dot_plot([(f"s{number}", "words", 0.0) for number in range(500)])
    assert made
    assert 20 > made.height
    assert 500 == len({dot.y for dot in made.dots})
