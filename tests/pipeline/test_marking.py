"""Grading by hand on a course: the queue, the answer with all around it, groups, requests, whole submissions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from grader.errors import MarkingError, StaleError
from grader.marking import Mark, Question
from grader.model import CellScore, Flag, Graded, GradedKind, GradedNotebook
from grader.notebook import NO_RESPONSE, instructor_version, meta_of, release
from grader.pipeline import feedback
from grader.pipeline.course import OpenCourse, open_course
from grader.pipeline.marking import Marking
from grader.pipeline.regrades import Regrades
from grader.pipeline.whole import Whole
from tests.making import make_cell, make_notebook, solved

D = Decimal
WHY = Question("ps1", "squares", "why")
DRAW = Question("ps1", "squares", "draw")
TESTS = Question("ps1", "squares", "test_square")
ANSWERS = {
    "ada": "It is x times x.",
    "bob": "it is  x times x",
    "cem": "",
    "dot": "No idea.",
    "eva": "It is x times y.",
}
PLOT = {"output_type": "stream", "name": "stdout", "text": ["four sides\n"]}


def source() -> dict[str, Any]:
    """Make an instructor's notebook: tests, an answer, a task."""
    return make_notebook(
        make_cell("markdown", "# Squares"),
        make_cell("code", "### BEGIN SOLUTION\nsquare = lambda x: x * x\n### END SOLUTION", "square", solution=True),
        make_cell("code", "assert square(2) == 4", "test_square", grade=True, locked=True, points=2),
        {**make_cell("markdown", "## Why\nSay why."), "id": "asks"},
        make_cell("markdown", "Because of $x^2$.", "why", grade=True, solution=True, points=3),
        {**make_cell("markdown", "## Draw"), "id": "asks-2"},
        make_cell(
            "markdown",
            "Draw.\n=== BEGIN MARK SCHEME ===\n1 for four sides\n=== END MARK SCHEME ===",
            "draw",
            task=True,
            locked=True,
            points=1.5,
        ),
        {**make_cell("markdown", "# The end"), "id": "end"},
    )


def graded(student_id: str, answer: str) -> Graded:
    """Make what grading a student's work gives, without running it."""
    notebook = solved(instructor_version(source()), square="square = lambda x: x ** 2", why=answer)
    own = {**make_cell("code", "print('four sides')"), "id": f"own-{student_id}", "outputs": [PLOT]}
    notebook["cells"].insert(7, own)
    blank = not answer
    scores = (
        CellScore("test_square", GradedKind.TESTS, 2, 2.0, needs_manual=False, reason="All tests passed."),
        CellScore(
            "why", GradedKind.ANSWER, 3, 0.0 if blank else None, not blank, "By hand.", NO_RESPONSE if blank else None
        ),
        CellScore("draw", GradedKind.TASK, 1.5, None, needs_manual=True, reason="By hand."),
    )
    flags = (Flag("gc", "Looked around.", None, "gc.get_objects()"),) if student_id == "dot" else ()
    return Graded(student_id, "ps1", (GradedNotebook("squares", notebook, scores, flags=flags),))


@pytest.fixture
def opened(tmp_path: Path) -> OpenCourse:
    """A course with five graded submissions; nothing was run for it."""
    home = tmp_path / "source_assignments" / "ps1"
    home.mkdir(parents=True)
    (home / "squares.ipynb").write_text(json.dumps(source()))
    (tmp_path / "course.toml").write_text(
        '[course]\nid = "small"\ntimezone = "Europe/Berlin"\n[categories]\nnotebooks = 100\n'
        "[assignments.ps1]\ncategory = 'notebooks'\ntitle = 'Problem set 1'\n"
    )
    (tmp_path / "roster.csv").write_text("student_id,last_name,first_name\nada,Lovelace,Ada\nbob,,Bob\ncem,,\ndot,,\n")
    course = open_course(tmp_path)
    with course.database() as database:
        instructor = instructor_version(source())
        database.sync_assignment("ps1", due=None, notebooks={"squares": (instructor, release(instructor))})
        for student, answer in ANSWERS.items():
            hand_in(course, student, answer)
            keep(course, database, student, answer)
    return course


def hand_in(course: OpenCourse, student: str, answer: str) -> None:
    """Put a submission where it belongs."""
    work = solved(release(instructor_version(source())), why=answer)
    course.folder.write_submission(student, "ps1", {"squares.ipynb": json.dumps(work).encode()})


def keep(course: OpenCourse, database: Any, student: str, answer: str) -> None:
    """Write down what grading gave."""
    outcome = graded(student, answer)
    data = {"squares.ipynb": json.dumps(outcome.notebooks[0].notebook).encode()}
    course.folder.write_autograded(student, "ps1", data)
    database.record(outcome, key=answer, engine="none", timestamp=None, finished_at=datetime(2026, 3, 4, tzinfo=UTC))


@pytest.fixture
def marking(opened: OpenCourse) -> Iterator[Marking]:
    """Tina's marking."""
    with opened.database() as database:
        yield Marking.of(opened, database, "Tina")


def sources(cells: Any) -> list[str]:
    """The cells' sources."""
    return ["".join(cell["source"]) for cell in cells]


def ids(cells: Any) -> list[str | None]:
    """What nbgrader calls the cells."""
    return [meta.grade_id if (meta := meta_of(cell)) else None for cell in cells]


def give(marking: Marking, student: str, points: str, question: Question = WHY) -> None:
    """Give points to an answer as it is now."""
    answer = marking.answer(question, student)
    marking.mark(question, student, Mark(adjustment=D(points)), answer.stored.version)


def test_progress_says_what_is_left(marking: Marking) -> None:
    """By question: answers, blanks, graded, waiting, mean and spread; tests only if asked for."""
    give(marking, "ada", "3")
    give(marking, "dot", "1")
    marking.claim(WHY, "eva")
    why, draw = marking.questions("ps1")
    assert (WHY, "Why", D(3), 4, 1, 2, 2) == (
        why.question,
        why.title,
        why.max_score,
        why.answered,
        why.blank,
        why.marked,
        why.waiting,
    )
    assert (2.0, 1.0, (D(1), D(3)), ("Tina",)) == (why.mean, why.spread, why.points, why.graders)
    assert (5, None, D("1.5"), ()) == (draw.waiting, draw.mean, draw.max_score, draw.graders)
    assert ["test_square", "why", "draw"] == [q.question.grade_id for q in marking.questions("ps1", tests=True)]


def test_the_queue_is_in_the_fair_order_without_names(marking: Marking) -> None:
    """Each with a number, a key that names nobody, its state and points."""
    give(marking, "ada", "2")
    queue = marking.queue(WHY)
    assert [1, 2, 3, 4, 5] == [entry.number for entry in queue]
    assert {"ada": "marked", "cem": "blank", "bob": "waiting"}.items() <= {e.student_id: e.state for e in queue}.items()
    assert all(entry.student_id not in entry.key + entry.pseudonym for entry in queue)
    assert ["bob"] == [marking.find(WHY, entry.key) for entry in queue if entry.student_id == "bob"]
    assert [e.student_id for e in queue] != [e.student_id for e in marking.queue(DRAW)]
    with pytest.raises(MarkingError, match="no answer"):
        marking.find(WHY, "0")


def test_an_answer_comes_with_what_a_grader_looks_at(marking: Marking) -> None:
    """Question, mark scheme, the student's cells with what came out of them, the cells around."""
    why, draw, tests = (marking.answer(question, "ada") for question in (WHY, DRAW, TESTS))
    assert (["## Why\nSay why."], ["Because of $x^2$."]) == (sources(why.asked.prompt), sources(why.asked.scheme))
    assert (["It is x times x."], "Why", "Ada Lovelace") == (sources(why.given.cells), why.title, why.student.name)
    assert "MARK SCHEME" in sources(draw.asked.scheme)[0]
    assert (["print('four sides')"], [PLOT]) == (sources(draw.given.cells), draw.given.cells[0]["outputs"])
    assert (["asks-2", "draw"], ["end"]) == (
        [cell["id"] for cell in draw.given.before[-2:]],
        [cell["id"] for cell in draw.given.after],
    )
    assert ["square", "test_square"] == ids(tests.given.cells)
    assert [why.given.notebook["cells"][place] for place in why.given.places] == list(why.given.cells)


def test_the_next_answer_that_waits_is_one_that_nobody_looks_at(opened: OpenCourse, marking: Marking) -> None:
    """Neither graded nor blank; round about at the end; what another has comes last."""
    order = [entry.student_id for entry in marking.queue(WHY) if entry.state == "waiting"]
    first = marking.answer(WHY, order[0])
    assert (order[1], 4) == (first.next_waiting, first.waiting)
    with opened.database() as database:
        ben = Marking.of(opened, database, "Ben")
        assert ben.claim(WHY, order[1]) is None
        assert "Ben" == next(e.claimed_by for e in marking.queue(WHY) if e.student_id == order[1])
        assert order[2] == marking.answer(WHY, order[0]).next_waiting
        assert order[0] == marking.answer(WHY, order[3]).next_waiting
        for student in order[:3:2]:
            give(marking, student, "1")
        assert order[1] == marking.answer(WHY, order[3]).next_waiting
    for student in (order[1], order[3]):
        give(marking, student, "1")
    assert marking.answer(WHY, order[0]).next_waiting is None


def test_a_grade_for_a_group_goes_to_all_and_is_taken_back_one_by_one(marking: Marking) -> None:
    """Equal answers first, near-equal ones named, blanks last; undone in one stroke."""
    found = marking.groups(WHY)
    assert ([{"ada", "bob"}, {"cem"}], [False, True]) == (
        [set(found[0].group.students), set(found[-1].group.students)],
        [found[0].group.blank, found[-1].group.blank],
    )
    eva = next(group for group in found if group.group.students == ("eva",))
    assert [eva.group.key] == [near.key for near in found[0].group.near]
    marked = marking.mark_group(WHY, found[0].seen, Mark(adjustment=D(2)))
    assert ("gave 2 of 3 to 2 answers", 0) == (marked.action.sentence, marking.groups(WHY)[0].waiting)
    with pytest.raises(StaleError):
        marking.mark_group(WHY, found[0].seen, Mark(adjustment=D(1)))
    marking.mark(WHY, "bob", None, marking.answer(WHY, "bob").stored.version)
    assert {"ada": D(2), "bob": None} == {e.student_id: e.points for e in marking.groups(WHY)[0].entries}
    marking.undo()
    marking.undo()
    assert 2 == marking.groups(WHY)[0].waiting


def test_groups_follow_the_answers(opened: OpenCourse, marking: Marking) -> None:
    """What was read is remembered until it is another."""
    assert 4 == len(marking.groups(WHY))
    with opened.database() as database:
        keep(opened, database, "dot", "It is x times x!?")
    assert {"ada", "bob"} == set(marking.groups(WHY)[0].group.students)
    with opened.database() as database:
        keep(opened, database, "dot", "it is x times x.")
    assert {"ada", "bob", "dot"} == set(marking.groups(WHY)[0].group.students)


def test_a_notebook_that_is_gone_costs_one_answer(opened: OpenCourse, marking: Marking) -> None:
    """It is in the queue, without cells; the groups are those of the others."""
    for text in (None, "[]", "{"):
        path = opened.folder.autograded_of("ada", "ps1") / "squares.ipynb"
        path.unlink() if text is None else path.write_text(text)
        assert () == marking.answer(WHY, "ada").given.cells
        assert 5 == len(marking.queue(WHY))
        assert "bob" in {student for group in marking.groups(WHY) for student in group.group.students}


def test_an_answer_graded_anew_since_is_told_as_changed(opened: OpenCourse, marking: Marking) -> None:
    """It waits again, and its points are those that were given."""
    give(marking, "ada", "3")
    with opened.database() as database:
        keep(opened, database, "ada", "It is x plus x.")
    entry = next(e for e in marking.queue(WHY) if e.student_id == "ada")
    assert ("changed", D(3)) == (entry.state, entry.points)
    assert 4 == marking.questions("ps1")[0].waiting


def test_a_whole_submission_tells_everything(opened: OpenCourse, marking: Marking) -> None:
    """Scores with reasons, flags with evidence, the notebook, the attempts."""
    opened.folder.write_attempt("dot", "ps1", "first", {"squares.ipynb": b"{"})
    whole = Whole(marking).submission("dot", "ps1")
    (notebook,) = whole.notebooks
    assert (["test_square", "why", "draw"], "gc.get_objects()") == (
        [q.question.grade_id for q in notebook.questions],
        notebook.facts.flags[0].evidence,
    )
    assert ("All tests passed.", D(2)) == (notebook.questions[0].reason, notebook.questions[0].stored.points)
    assert [("submitted", True), ("first", False)] == [(a.name, a.counts) for a in whole.attempts]
    assert notebook.notebook is not None
    with pytest.raises(MarkingError, match="no student 'zoe'"):
        Whole(marking).submission("zoe", "ps1")


def test_differences_are_told_cell_by_cell(opened: OpenCourse, marking: Marking) -> None:
    """From the release, and between attempts; a file that is no notebook says so."""
    earlier = solved(release(instructor_version(source())), why="It is x times x.\nI think.")
    opened.folder.write_attempt("ada", "ps1", "first", {"squares.ipynb": json.dumps(earlier).encode()})
    opened.folder.write_attempt("ada", "ps1", "broken", {"squares.ipynb": b"{"})
    (released,) = Whole(marking).differences("ada", "ps1")
    assert [("YOUR ANSWER HERE", "gone"), ("It is x times x.", "new")] == [
        (line.text, line.kind) for cell in released.cells if cell.kind == "changed" for line in cell.lines
    ]
    (between,) = Whole(marking).differences("ada", "ps1", "first", "submitted")
    assert (1, [("It is x times x.", "same"), ("I think.", "gone")]) == (
        between.changed,
        [(line.text, line.kind) for cell in between.cells if cell.kind == "changed" for line in cell.lines],
    )
    assert Whole(marking).differences("ada", "ps1", "broken")[0].problem
    with pytest.raises(MarkingError, match=r"no attempt '\.\./x'"):
        Whole(marking).differences("ada", "ps1", "../x")


def test_requests_are_imported_once_and_decided(marking: Marking) -> None:
    """Each with what came of it; a row that cannot be taken costs itself alone."""
    table = b"student,question,message,time\nada,why,Please look.,2026-03-05 10:00\nzoe,why,x,\nbob,draw,Look.,\n"
    done = Regrades(marking).import_csv(table, "asked.csv")
    assert (["ada", "bob"], 0, 1) == ([r.student_id for r in done.added], done.known, len(done.problems))
    assert 2 == Regrades(marking).import_csv(table, "asked.csv").known
    first = done.added[0]
    assert datetime(2026, 3, 5, 9, tzinfo=UTC) == first.opened_at
    replied = Regrades(marking).reply(first.id, "Which part?", first.version)
    give(marking, "ada", "2.5")
    decided = Regrades(marking).decide(first.id, "You are right.", replied.version, accepted=True)
    assert (None, D("2.5")) == (decided.before, decided.after)
    assert ["bob", "ada"] == [entry.student.student_id for entry in Regrades(marking).requests()]
    assert "Why" == Regrades(marking).request(first.id).title


def test_a_request_that_cannot_be_is_refused(marking: Marking) -> None:
    """An unknown student or question, no words, the same words twice."""
    add = Regrades(marking).add
    entry: Mapping[str, Any] = {"student_id": "ada", "assignment": "ps1", "question": None, "message": "Look."}
    for change in ({"student_id": "zoe"}, {"question": Question("ps1", "squares", "x")}, {"message": " "}):
        with pytest.raises(MarkingError):
            add(**{**entry, **change})
    add(**entry)
    with pytest.raises(MarkingError, match="before"):
        add(**entry)


def test_a_rubric_is_for_questions_that_there_are(marking: Marking) -> None:
    """Nobody makes items for an address that somebody made up."""
    with pytest.raises(MarkingError, match="no question ps1/squares/x"):
        marking.add_item(Question("ps1", "squares", "x"), D(1), "Says so.")


def test_a_grader_has_a_name(marking: Marking) -> None:
    """It stands in the audit trail."""
    for name in ("", "  ", "x" * 101, "a\x1b[31m"):
        with pytest.raises(MarkingError, match="grader's name"):
            Marking.of(marking.opened, marking.database, name)


def test_feedback_shows_what_the_points_are_for(marking: Marking) -> None:
    """Items, free points and comment, mathematics rendered; only on the pages that change, whatever changed."""
    before = digests(marking)
    item = marking.add_item(WHY, D("1.5"), "Names **both** $x^2$").rubric.items[0]
    assert before == digests(marking)
    seen = marking.answer(WHY, "ada").stored.version
    marking.mark(WHY, "ada", Mark((item.id,), D("-0.5"), comment="Good: <script>"), seen)
    after = digests(marking)
    assert {"ada/ps1/squares.html"} == {path for path in after if after[path] != before[path]}
    page = feedback.preview(marking.opened, marking.database, "ada", "ps1")["squares"]
    assert ("+1.5" in page, "−0.5" in page, "<strong>both</strong>" in page, "<msup>" in page) == (True,) * 4
    assert "<script>" not in page
    marking.change_item(WHY, replace(item, text="Names them"), marking.rubric(WHY).version)
    assert {"ada/ps1/squares.html"} == {path for path, digest in digests(marking).items() if digest != after[path]}


def test_feedback_tells_why_tests_were_overridden(marking: Marking) -> None:
    """The automatic reason would contradict the points."""
    seen = marking.answer(TESTS, "ada").stored.version
    marking.mark(TESTS, "ada", Mark(adjustment=D(1), comment="A typo only."), seen)
    page = feedback.preview(marking.opened, marking.database, "ada", "ps1")["squares"]
    assert "A typo only." in page
    assert "All tests passed." not in page


def digests(marking: Marking) -> Mapping[str, str]:
    """What every page would be made from, by its path."""
    plan = feedback.plan_feedback(marking.opened, marking.database, (), force=True)
    return {job.path: job.digest for job in plan.jobs}
