"""The demo course, really graded, then graded by hand in real browsers: the gradebook changes as they say, exactly."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from grader.demo import course_files
from grader.demo import run as demo
from grader.gradebook import Gradebook
from grader.marking import Question
from grader.model import Graded
from grader.pipeline import collect, grade, gradebook, release
from grader.pipeline.course import OpenCourse, open_course
from grader.pipeline.queue import key_of
from tests.corpus.entry import entries

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ASSIGNMENT, NOTEBOOK = "notebook_02_shallow_networks", "shallow_networks"
REGIONS = Question(ASSIGNMENT, NOTEBOOK, "how_many_regions")
HAT = Question(ASSIGNMENT, NOTEBOOK, "design_a_hat")
JOINTS = Question(ASSIGNMENT, NOTEBOOK, "test_joints")
ALIKE = ("lm4419", "ps5843", "cy4562")
"""Whose hats are equal."""
BLANK = "jn6671"
"""Who left the question about regions as it was handed out."""
MISTAKEN = "jl7208"
"""Whom the tests of joints give nothing."""
CLASS = (*ALIKE, BLANK, MISTAKEN, "zb2741", "np8840", "km7713")
HOSTILE = "mal"
POINTS, WEIGHT = 13, 15
"""Of the assignment; of its category, in percent, whose only assignment it is here."""
SAVED = re.compile("^Saved")
Start = Callable[..., Any]
Given = dict[tuple[str, str], Fraction]


def path_of(question: Question, *more: str) -> str:
    """The address of a page of a question."""
    return "/".join((f"/assignments/{ASSIGNMENT}/questions/{NOTEBOOK}/{question.grade_id}", *more))


# --- the course ---
def _course_toml() -> str:
    """The demo's, without the other notebooks."""
    text = course_files()["course.toml"].decode()
    without = re.sub(rf"\[assignments\.notebook_(?!{ASSIGNMENT[9:]}).*?(?=\n\[|\n#)", "", text, flags=re.DOTALL)
    return re.sub(r"\[\[exceptions\]\].*?(?=\n#)", "", without, flags=re.DOTALL)


def _hostile(honest: bytes) -> bytes:
    """A hand-in with the corpus' texts as an answer, and its programs below another."""
    notebook = json.loads(honest)
    found = entries("output")
    texts = "\n\n".join(entry.cells["markdown"] for entry in found if "markdown" in entry.cells)
    programs = [entry.cells["last"].strip() for entry in found if "last" in entry.cells]
    programs.append(
        "from IPython.display import HTML\nHTML('<b id=panel onmouseover=alert(1)>x<script>alert(2)</script>')"
    )
    places = {cell["metadata"].get("nbgrader", {}).get("grade_id"): n for n, cell in enumerate(notebook["cells"])}
    notebook["cells"][places["how_many_regions"]]["source"] = texts + "\n\n<b data-key=f id=panel>x</b>"
    made = [
        {"cell_type": "code", "id": f"own-{n}", "metadata": {}, "source": text, "outputs": [], "execution_count": None}
        for n, text in enumerate(programs)
    ]
    place = places["design_a_hat"] + 1
    return json.dumps(notebook | {"cells": [*notebook["cells"][:place], *made, *notebook["cells"][place:]]}).encode()


def _hand_in(root: Path) -> OpenCourse:
    """Those of the demo's class, and somebody hostile, by `collect` as it comes."""
    opened = open_course(root)
    list(release.carry_out(opened, release.plan_release(opened, ())))
    invented = demo.invent_class(opened)
    opened = demo.write_class(opened.folder, invented)
    lines = invented.roster_csv.splitlines(keepends=True)
    kept = [line for line in lines if line.startswith(("student_id", *CLASS))]
    opened.folder.roster.write_text("".join((*kept, f"{HOSTILE},<b>M</b>,Mal,,A\n")))
    opened = open_course(root)
    inbox = demo.inbox(opened.folder) / ASSIGNMENT
    for folder in inbox.iterdir():
        if folder.name not in CLASS:
            shutil.rmtree(folder)
    shutil.copytree(inbox / ALIKE[0], inbox / HOSTILE)
    work = inbox / HOSTILE / f"{NOTEBOOK}.ipynb"
    work.write_bytes(_hostile(work.read_bytes()))
    list(collect.carry_out(opened, collect.plan(opened, ASSIGNMENT, [inbox], None)))
    return opened


@pytest.fixture(scope="module")
def graded(sandbox: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One assignment of the demo course with eight of its class and somebody hostile, graded; not to be changed."""
    root = tmp_path_factory.mktemp("end") / "course"
    for path, content in course_files().items():
        if path == "course.toml" or f"/{ASSIGNMENT}/" in path:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
    (root / "course.toml").write_text(_course_toml())
    opened = _hand_in(root)
    with opened.database() as database:
        plan = grade.plan_grade(opened, database, grade.GradeRequest())
        assert all(isinstance(one, Graded) for one in grade.carry_out(opened, database, plan, 2))
    return root


@pytest.fixture
def course(graded: Path, tmp_path: Path) -> OpenCourse:
    """A copy of it, to be graded by hand."""
    shutil.copytree(graded, tmp_path / "course", symlinks=True)
    return open_course(tmp_path / "course")


def book_of(opened: OpenCourse) -> Gradebook:
    """The gradebook as it stands."""
    with opened.database() as database:
        return gradebook.build(opened, database)


@pytest.fixture
def theirs(course: OpenCourse) -> Iterator[Any]:
    """Nbgrader's own API on the same database."""
    from nbgrader.api import Gradebook as Theirs

    opened = Theirs(f"sqlite:///{course.folder.root / 'gradebook.db'}")
    yield opened
    opened.close()


# --- what people do, and what they say they gave ---
@dataclass
class Day:
    """A day of grading: the course, who is at work, and by hand the points that each action says."""

    course: OpenCourse
    start: Start
    given: Given = field(default_factory=dict)

    def window(self, grader: str, path: str) -> Any:
        """Somebody starts `grader review`."""
        return self.start(self.course, grader, path)

    def give(self, question: Question, student: str, points: str) -> None:
        """Somebody said so."""
        self.given[student, question.grade_id] = Fraction(points)

    def shown(self, window: Any, question: Question) -> str:
        """Whose answer is shown: addresses do not say."""
        keys = {key_of(question, student): student for student in (*CLASS, HOSTILE)}
        return keys[window.page.url.rpartition("/")[2]]


def grade_a_question(day: Day) -> Any:
    """By keyboard alone: an item for everybody, a second for the last one, the first one changed for all; a flag."""
    tina = day.window("tina", f"/assignments/{ASSIGNMENT}")
    tina.page.get_by_role("link", name=re.compile("^Grade 8.*How many regions")).press("Enter")
    tina.page.wait_for_url(f"**{path_of(REGIONS)}/answers/*")
    tina.expect("#saved").to_have_text("Not graded yet")
    tina.press("a")
    tina.expect("#new-text").to_be_focused()
    tina.press("<Says $D + 1$>", "Tab", "<1>", "Enter")
    tina.expect("#points").to_have_value("1")
    for left in range(6, -1, -1):
        tina.go("n")
        tina.press("1")
        tina.expect("#saved").to_have_text(SAVED)
        tina.expect(".strip-bar b").to_have_text(str(left))
    tina.press("a")
    tina.expect("#new-text").to_be_focused()
    tina.press("<Says why some are lost>", "Tab", "<0.5>", "Enter")
    tina.expect("#points").to_have_value("1.5")
    tina.press("x")
    tina.expect(".flag").to_have_attribute("aria-pressed", "true")
    tina.press("r")
    tina.page.get_by_label("Points of item 1").fill("1.5")
    tina.page.get_by_role("button", name="Save for 8").press("Enter")
    tina.expect("#toasts").to_contain_text("with effect on 8 answers")
    tina.press("Escape")
    tina.expect("#points").to_have_value("2")
    for student in {*CLASS, HOSTILE} - {BLANK}:
        day.give(REGIONS, student, "1.5")
    day.give(REGIONS, day.shown(tina, REGIONS), "2")
    return tina


def grade_a_group(day: Day, tina: Any) -> None:
    """Three equal hats at once."""
    tina.to(path_of(HAT, "groups"))
    tina.press("j", "Enter")
    tina.page.wait_for_url(f"**{path_of(HAT, 'groups')}/*")
    tina.expect("#members-title").to_have_text("3 answers say this")
    tina.press("p", "<2.5>", "Escape", "s")
    tina.expect("#toasts").to_contain_text("Gave 2.5 of 3 to 3 answers")
    for student in ALIKE:
        day.give(HAT, student, "2.5")


def restart(day: Day, tina: Any) -> Any:
    """What was given is there, and grading goes on at what waits."""
    tina.leave()
    again = day.window("tina", path_of(HAT))
    again.expect("#saved").to_have_text("Not graded yet")
    again.expect(".strip-bar b").to_have_text("6")
    assert day.shown(again, HAT) not in ALIKE
    return again


def grade_together(day: Day, tina: Any) -> None:
    """Two at one answer: the slower one is told, and nothing is overwritten; each sees how far it is."""
    ben = day.window("ben", path_of(HAT))
    here = day.shown(tina, HAT)
    assert here != day.shown(ben, HAT)
    ben.page.goto(ben.origin + tina.page.url.removeprefix(tina.origin))
    ben.expect(".others .here").to_contain_text("tina is at this answer")
    tina.press("f")
    tina.expect("#saved").to_have_text(SAVED)
    day.give(HAT, here, "3")
    ben.press("z")
    ben.expect(".conflict").to_contain_text("tina wrote at")
    ben.expect("#points").to_have_value("3")
    ben.page.get_by_role("button", name="Keep what stands").click()
    ben.expect(".conflict").to_have_count(0)
    ben.go("n")
    ben.press("p", "<1>", "Enter")
    ben.expect("#saved").to_have_text(SAVED)
    day.give(HAT, day.shown(ben, HAT), "1")
    tina.page.reload()
    tina.expect(".strip-bar b").to_have_text("4")
    ben.leave()


def override_tests(day: Day, tina: Any) -> None:
    """In the whole submission, for a reason; without one nothing is written."""
    tina.to(f"/assignments/{ASSIGNMENT}/students/{MISTAKEN}/at/{NOTEBOOK}/test_joints")
    tina.expect("#saved").to_have_text("By tests")
    tina.expect("#points").to_have_value("0")
    tina.press("p", "<1.5>", "Control+Enter")
    tina.expect("#alerts").to_contain_text("Write the reason first")
    tina.press("Escape", "c", "<Right but for the order of the joints.>", "Control+Enter")
    tina.expect("#saved").to_have_text(re.compile("^Overridden"))
    day.give(JOINTS, MISTAKEN, "1.5")


def decide_requests(day: Day, tina: Any) -> None:
    """Imported twice, the second time to no effect; one is accepted with other points, one declined."""
    rows = ((ALIKE[0], "My hat is right.", 1), (ALIKE[2], "<script>alert(3)</script> So is mine.", 2))
    lines = (f"{student},{HAT.grade_id},{text},2026-10-0{day_of} 10:00\n" for student, text, day_of in rows)
    table = {"name": "asked.csv", "mimeType": "text/csv", "buffer": b"student_id,question,message,time\n"}
    table["buffer"] += "".join(lines).encode()
    for told in ("2 taken in", "0 taken in, 2 known before"):
        tina.to("/requests/new")
        tina.page.locator("#file").set_input_files(table)
        tina.page.get_by_role("button", name="Import").click()
        tina.expect("#outcome").to_have_text(told)
    tina.press("n")
    tina.page.wait_for_url("**/requests")
    tina.press("j", "Enter")
    tina.page.wait_for_url("**/requests/*")
    tina.expect("#points").to_have_value("2.5")
    tina.press("p", "<3>", "Escape", "c", "<It is, after all.>", "Escape", "a")
    tina.expect("#decided .big").to_have_text("2.5 → 3 / 3 +0.5")
    day.give(HAT, ALIKE[0], "3")
    first = tina.page.url
    tina.press("n")
    tina.page.wait_for_url(lambda url: url != first)
    tina.expect(".thread").to_contain_text("So is mine.")
    tina.press("c", "<It bends at 4 as well.>", "Escape", "d")
    tina.expect("#decided .big").to_have_text("2.5 → 2.5 / 3 ±0")
    tina.press("n")
    tina.expect("#count").to_have_text("2")


def test_the_gradebook_changes_as_people_say(course: OpenCourse, at_work: Start, theirs: Any) -> None:
    """To the point, in our gradebook and in nbgrader's, in the item and in the weighted total."""
    before = book_of(course)
    day = Day(course, at_work)
    tina = grade_a_question(day)
    grade_a_group(day, tina)
    tina = restart(day, tina)
    grade_together(day, tina)
    override_tests(day, tina)
    decide_requests(day, tina)
    grade_in_nbgrader(day, tina, theirs)
    tina.to(f"/assignments/{ASSIGNMENT}")
    tina.expect("main").to_contain_text("1 flagged")
    after = book_of(course)
    for student in (*CLASS, HOSTILE):
        gained = sum((points for (who, _), points in day.given.items() if who == student), Fraction(0))
        first, last = before.row(student), after.row(student)
        assert last.items[ASSIGNMENT].score == (first.items[ASSIGNMENT].score or 0) + gained
        assert last.final.total - first.final.total == WEIGHT * gained / POINTS
        whole = theirs.find_submission(ASSIGNMENT, student)
        assert whole.score == last.items[ASSIGNMENT].score
        for (_, name), points in ((at, points) for at, points in day.given.items() if at[0] == student):
            assert theirs.find_grade(name, NOTEBOOK, ASSIGNMENT, student).score == points
    assert [] == [line for line in tina.page.said if " 400 " not in line]  # one override without a reason


def grade_in_nbgrader(day: Day, tina: Any, theirs: Any) -> None:
    """What nbgrader's own program writes, the queue shows and counts, and says whose it is."""
    students = [student for student in CLASS if (student, HAT.grade_id) not in day.given]
    for student, points in zip(students[:2], ("0.25", "0"), strict=True):
        found = theirs.find_grade(HAT.grade_id, NOTEBOOK, ASSIGNMENT, student)
        assert found.needs_manual_grade
        found.manual_score, found.needs_manual_grade = float(points), False
        theirs.db.commit()
        day.give(HAT, student, points)
        tina.to(path_of(HAT, "answers", key_of(HAT, student)))
        tina.expect("#points").to_have_value(points)
        tina.expect("#panel-body").to_contain_text("nbgrader’s form grader")
    tina.expect(".strip-bar b").to_have_text("2")


def test_a_hostile_notebook_has_no_effect(course: OpenCourse, at_work: Start) -> None:
    """The corpus' texts and what its programs show, on every page with it: nothing runs, asks, leads away or counts."""
    window = at_work(course, "tina")
    page, happened = window.page, []
    page.on("dialog", lambda dialog: (happened.append(dialog.message), dialog.dismiss()))
    page.context.on("page", lambda popup: happened.append(popup.url))
    page.on("request", lambda sent: sent.url.startswith((window.origin, "data:")) or happened.append(sent.url))
    whole = f"/assignments/{ASSIGNMENT}/students/{HOSTILE}"
    answers = [path_of(question, "answers", key_of(question, HOSTILE)) for question in (REGIONS, HAT)]
    for path in (*answers, path_of(REGIONS, "groups"), whole, f"{whole}/at/{NOTEBOOK}/design_a_hat", "/class"):
        window.to(path)
        page.wait_for_load_state("networkidle")
        assert page.url == window.origin + path
        assert 0 == page.locator("main :is(script, iframe, object, embed, form:not([action^='/']))").count()
        assert [] == page.evaluate(
            "[...document.querySelectorAll('main *')].flatMap((e) => [...e.attributes])"
            ".filter((a) => a.name.startsWith('on') || /^\\s*javascript:/i.test(a.value)).map((a) => a.name)"
        )
    window.to(answers[0])
    assert "XSS3" in page.locator(".the-answer").inner_text()
    window.to(answers[1])
    assert "AUTOGRADER: score 100/100" in page.locator(".the-answer").inner_text()
    for answer in answers:
        window.to(answer)
        assert 1 == page.locator("#panel").count()
        window.press("f")
        window.expect("#saved").to_have_text(SAVED)
    assert [] == happened
    assert [] == [line for line in page.said if "alert" in line or "XSS" in line]
