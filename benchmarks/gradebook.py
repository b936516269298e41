"""How long a gradebook of 5,000 students and 40 items takes: `python benchmarks/gradebook.py [STUDENTS] [ITEMS]`."""

from __future__ import annotations

import random
import sys
import time
from fractions import Fraction

from grader.gradebook import Item, ItemScore, Policies, compute, to_csv
from grader.model import Student

_WEIGHTS = {"project": 40, "midterm": 25, "notebooks": 15, "homeworks": 15, "participation": 5}


def main(students: int = 5_000, items: int = 40) -> None:
    """Print the seconds of each step."""
    chance = random.Random(1)
    names = list(_WEIGHTS)
    course = [Item(f"item{n:02}", names[n % len(names)], Fraction(10 + n % 7)) for n in range(items)]
    roster = [Student(f"s{n:05}", f"Last{n % 997}", f"First{n}") for n in range(students)]
    scores = {
        s.student_id: {
            i.name: ItemScore(Fraction(chance.randrange(0, 41), 4)) for i in course if chance.random() > 0.03
        }
        for s in roster
    }
    policies = Policies.model_validate({"categories": _WEIGHTS})
    began = time.perf_counter()
    book = compute(policies, roster, course, scores)
    computed = time.perf_counter()
    text = to_csv(book)
    print(
        f"{students} students, {items} items: compute {computed - began:.2f} s, "
        f"CSV {time.perf_counter() - computed:.2f} s ({len(text) / 1e6:.1f} MB)"
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
