"""Files of scores are written by anybody: no bytes may do more than be refused."""

from __future__ import annotations

import csv
import io
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import ScoresError
from grader.gradebook import Item, Policies, compute, explain, read_attendance, read_scores, read_sheet, to_csv, to_html
from grader.gradebook.formats.cells import safe, unsafe
from grader.model import Student

ITEM = Item("hw1", "assignments", Fraction(10))
ROSTER = (Student("s1", "Lovelace", "Ada", "ada@example.org", {"kaggle": "ada"}), Student("7", "Ng"))
TITLES = [
    "student_id,score,comment",
    "Student,ID,SIS User ID,SIS Login ID,Section,hw1 (3)",
    "Identifier,Full name,Email address,Grade,Maximum Grade",
    "Username,hw1 [Total Pts: 10 Score] |3",
    "OrgDefinedId,Username,hw1 Points Grade,End-of-Line Indicator",
    "SID,Total Score,Max Points,Status,Lateness (H:M:S)",
    "Rank,TeamId,TeamName,Score,TeamMemberUserNames",
]
cells = st.one_of(
    st.sampled_from(
        ["s1", "7", "ada", "10", "EX", "N/A", "-1", "1,5", "1e999999999", "0x1", "=1", '"', "Points Possible", ""]
    ),
    st.text(max_size=12),
)


def written(rows) -> str:
    """The rows as a file."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def tried(data: bytes) -> None:
    """Read it in every way: a plan or an error in few lines, with scores within 0 and the item's points."""
    for read in (
        lambda: read_scores(data, "x", item=ITEM, roster=ROSTER),
        lambda: read_scores(data, "x", item=ITEM, roster=ROSTER, points="percentile"),
        lambda: read_sheet(data, "x", item=ITEM, roster=ROSTER),
        lambda: read_attendance(data, "x", item=ITEM, roster=ROSTER),
    ):
        plan, messages = None, ()
        try:
            plan = read()
        except ScoresError as error:
            messages = error.messages
        assert all("\n" not in message for message in messages)
        if plan is None:
            continue
        for score in plan.scores.values():
            assert score.score is None or 0 <= score.score / (score.max_score or 10) <= 1
        assert set(plan.scores) <= {student.student_id for student in ROSTER}
        assert all("\n" not in str(problem) for problem in plan.problems)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TITLES), st.lists(st.lists(cells, max_size=6), max_size=5))
def test_any_cells_under_any_titles_are_read_or_refused(titles, rows):
    """Never an exception of another kind, never a score out of range, never somebody who is not on the roster."""
    tried(f"{titles}\n{written(rows)}".encode(errors="replace"))


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=100).map(lambda tail: b"PK\x03\x04" + tail)))
def test_any_bytes_are_read_or_refused(data):
    """No encoding and no broken archive ends in a traceback."""
    tried(data)


@given(st.text(max_size=20))
def test_no_text_becomes_a_formula_and_none_is_changed_for_good(text):
    """What goes out comes back, and nothing that goes out starts a formula."""
    assert safe(text) == "-" or not safe(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert text == unsafe(safe(text))


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), st.text(max_size=20))
def test_names_of_any_kind_go_through_the_gradebook(student_id, name):
    """One row a student, and no markup in a statement but ours."""
    book = compute(Policies(), [Student(student_id, name, name, name)], [ITEM], {})
    rows = list(csv.reader(io.StringIO(to_csv(book), newline="")))
    assert len(rows) == 2
    page = to_html(explain(book, student_id))
    assert page.count("<") == page.count(">")
    assert "<script" not in page
