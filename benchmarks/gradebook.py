"""How long a gradebook of 5,000 students and 40 items takes: `python benchmarks/gradebook.py [STUDENTS] [ITEMS]`."""

from __future__ import annotations

import random
import sys
import time
from datetime import timedelta
from fractions import Fraction

from grader.gradebook import Item, ItemScore, Policies, compute, explain, to_csv, to_plain_text
from grader.model import Student

_WEIGHTS = {"project": 40, "midterm": 25, "notebooks": 15, "homeworks": 15, "participation": 5}

_RULES = {
    "categories": {
        "project": 40,
        "midterm": 25,
        "notebooks": {"weight": 15, "drop_lowest": 1},
        "homeworks": {"weight": 15, "drop_lowest": 2, "items": "equal"},
        "participation": 5,
    },
    "late": {"percent": 10, "floor": 40, "budget": 3},
    "letters": {"A": 90, "B": 80, "C": 70, "F": 0},
    "grading": {"gap": 1, "cap": 100},
}


def main(students: int = 5_000, items: int = 40) -> None:
    """Print the seconds of each step."""
    chance = random.Random(1)
    names = list(_WEIGHTS)
    course = [Item(f"item{n:02}", names[n % len(names)], Fraction(10 + n % 7)) for n in range(items)]
    roster = [Student(f"s{n:05}", f"Last{n % 997}", f"First{n}") for n in range(students)]
    scores = {student.student_id: _scores(course, chance) for student in roster}
    for label, rules in (("weights alone", {}), ("every policy", _RULES)):
        policies = Policies.model_validate({"categories": _WEIGHTS, **rules})
        began = time.perf_counter()
        book = compute(policies, roster, course, scores)
        computed = time.perf_counter()
        text = to_csv(book)
        written = time.perf_counter()
        to_plain_text(explain(book, roster[-1].student_id))
        print(
            f"{students} students, {items} items, {label}: compute {computed - began:.2f} s, "
            f"CSV {written - computed:.2f} s ({len(text) / 1e6:.1f} MB), explain {time.perf_counter() - written:.3f} s"
        )


def _scores(course: list[Item], chance: random.Random) -> dict[str, ItemScore]:
    """Scores in quarter points; 3 % are missing, 5 % a few hours or days late."""
    return {
        item.name: ItemScore(
            Fraction(chance.randrange(0, 41), 4),
            late=timedelta(hours=chance.randrange(1, 80)) if chance.random() < 0.05 else timedelta(0),
        )
        for item in course
        if chance.random() > 0.03
    }


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
