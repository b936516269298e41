"""The examples of docs/gradebook.md: each is computed, and its arithmetic by hand leads to the same total."""

from __future__ import annotations

import ast
import csv
import io
import operator
import re
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from grader.config import parse_course
from grader.gradebook import Item, ItemScore, Status, compute, exact, explain, rounded, to_plain_text
from grader.model import Student

PAGE = (Path(__file__).parents[2] / "docs" / "gradebook.md").read_text(encoding="utf-8")
EXAMPLES = {
    part.partition("\n")[0]: dict(re.findall(r"```(\w+)\n(.*?)```", part, re.DOTALL))
    for part in re.split(r"^### Example: ", PAGE, flags=re.MULTILINE)[1:]
}
OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def value(node: ast.expr) -> Fraction:
    """Compute a written sum exactly; `min` and `max` are all it may call."""
    match node:
        case ast.BinOp():
            return OPERATIONS[type(node.op)](value(node.left), value(node.right))
        case ast.Constant():
            return exact(node.value)
        case ast.Call(func=ast.Name(id=name)):
            return {"min": min, "max": max}[name](value(part) for part in node.args)
        case _:
            raise AssertionError(ast.dump(node))


def book_of(example):
    """The gradebook of an example, and the student whom it explains: the first."""
    course = parse_course(f'[course]\nid = "x"\n{example["toml"]}', [])
    rows = list(csv.DictReader(io.StringIO(example["csv"])))
    items = [Item(a.name, a.category, Fraction(a.points), due=a.due) for a in course.assignments.values()]
    scores: dict[str, dict[str, ItemScore]] = {}
    for row in rows:
        scores.setdefault(row["student_id"], {})[row["item"]] = score_of(row)
    return compute(course.policies, [Student(name) for name in scores], items, scores), rows[0]["student_id"]


def score_of(row) -> ItemScore:
    """A number, `EX`, or `missing`; `hours_late` where the example is about that."""
    special = {"EX": Status.EXCUSED, "missing": Status.MISSING}
    if row["score"] in special:
        return ItemScore(None, special[row["score"]])
    return ItemScore(exact(row["score"]), late=timedelta(hours=int(row.get("hours_late") or 0)))


def test_there_are_examples():
    """The page is found, and every example has all four parts."""
    assert len(EXAMPLES) >= 6
    assert all({"toml", "csv", "arithmetic", "text"} <= example.keys() for example in EXAMPLES.values())


@pytest.mark.parametrize("title", EXAMPLES)
def test_the_explanation_is_what_the_page_shows(title):
    """To the letter."""
    book, student = book_of(EXAMPLES[title])
    assert EXAMPLES[title]["text"] == to_plain_text(explain(book, student))


@pytest.mark.parametrize("title", EXAMPLES)
def test_the_arithmetic_by_hand_is_right_and_leads_to_the_total(title):
    """Each line holds exactly, or as rounded as it is written after `≈`; the last one is the total."""
    book, student = book_of(EXAMPLES[title])
    result = None
    for line in EXAMPLES[title]["arithmetic"].splitlines():
        left, sign, right = re.split(r" (=|≈) ", line.partition("#")[0].strip())
        computed = value(ast.parse(left, mode="eval").body)
        digits = len(right.partition(".")[2])
        assert Fraction(rounded(computed, digits)) == exact(right) if sign == "≈" else computed == exact(right), line
        result = exact(right)
    assert Fraction(book.row(student).final.rounded(book.policies.grading.digits)) == result
