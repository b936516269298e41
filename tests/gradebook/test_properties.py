"""What holds for every course, whatever its rules and scores."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from itertools import combinations, product

from hypothesis import given, settings
from hypothesis import strategies as st

from grader.gradebook import Item, ItemScore, Policies, Status, compute, explain, to_csv
from grader.gradebook.budget import Choice, Group, spend
from grader.gradebook.drops import Part, dropped, quotient
from grader.gradebook.statement import apportioned
from grader.model import Student

ADA = Student("s01", "Lovelace", "Ada")
BOB = Student("s02", "Noyce", "Bob")
CATEGORIES = ("project", "homeworks")
quarters = st.integers(0, 40).map(lambda n: Fraction(n, 4))
few = settings(max_examples=150, deadline=None)


@st.composite
def rules(draw):
    """Rules of every kind, free of contradictions."""
    kinds = st.sampled_from(["points", "equal", "weights"])
    weight = draw(st.integers(1, 99))
    categories = {}
    for name, of in zip(CATEGORIES, (weight, 100 - weight), strict=True):
        category = {"weight": of, "items": draw(kinds), "drop_lowest": draw(st.integers(0, 2))}
        if draw(st.booleans()):
            category["cap"] = draw(st.integers(50, 120))
        if category["items"] == "equal" and draw(st.booleans()):
            category |= {"drop_highest": draw(st.integers(0, 1)), "late": False}
        categories[name] = category
    late = {"percent": draw(st.integers(1, 60)), "floor": draw(st.integers(0, 60)), "budget": draw(st.integers(0, 3))}
    if draw(st.booleans()):
        late["cut_off"] = draw(st.integers(1, 3))
    grading = {"cap": 100} if draw(st.booleans()) else {"curve": draw(st.integers(-5, 5))}
    return {
        "categories": categories,
        "late": late if draw(st.booleans()) else {},
        "grading": grading,
        "letters": {"A": 90, "B": 70, "F": 0},
    }


@st.composite
def courses(draw):
    """A course with rules, items and the scores of one student; another one has full marks."""
    table, names = draw(rules()), [f"item{n}" for n in range(draw(st.integers(2, 7)))]
    items = [
        Item(name, CATEGORIES[place % 2], Fraction(draw(st.sampled_from([5, 10, 12]))))
        for place, name in enumerate(names)
    ]
    assignments: dict[str, dict[str, object]] = {name: {} for name in names}
    for item in items:
        if table["categories"][item.category]["items"] == "weights":
            assignments[item.name]["weight"] = draw(st.integers(1, 4))
    for name in names[2:-1]:
        assignments[name]["extra_credit"] = draw(st.booleans())
        assignments[name]["cap"] = draw(st.sampled_from([None, 80]))
    if len(names) > 3 and draw(st.booleans()):
        assignments[names[-1]] |= {
            draw(st.sampled_from(["revises", "replaces"])): names[0],
            "share": Fraction(draw(st.integers(0, 4)), 4),
        }
    scores = {item.name: draw(one_score()) for item in items}
    table |= {"exceptions": draw(exceptions(names, late=bool(table["late"]))), "requirements": draw(requirements())}
    policies = Policies.model_validate({**table, "assignments": assignments})
    return policies, items, {name: score for name, score in scores.items() if score is not None}


@st.composite
def exceptions(draw, names, *, late):
    """At most one of a kind for an item, so that none contradicts another."""
    actions = [{"add": 2}, {"add": -1}, {"extension_hours": 24}, {"score": 3}]
    found = [
        {"student": "s01", "item": name, "reason": "because", **draw(st.sampled_from(actions))}
        for name in names
        if draw(st.integers(0, 4)) == 0
    ]
    more = {"student": "s01", "reason": "jury duty", "late_days": 1}
    return [*found, more] if late and draw(st.booleans()) else found


@st.composite
def requirements(draw):
    """Limits to the total and to the letter."""
    wanted = draw(
        st.lists(st.tuples(st.sampled_from(CATEGORIES), st.integers(0, 100), st.integers(0, 100)), max_size=2)
    )
    return [{"category": name, "at_least": least, "total": most, "letter": "B"} for name, least, most in wanted]


@st.composite
def one_score(draw):
    """Graded, late, waiting, missing, excused or nothing at all."""
    kind = draw(st.sampled_from(["graded", "graded", "late", "waiting", "missing", "excused", "nothing"]))
    points = draw(st.integers(0, 20).map(lambda n: Fraction(n, 4)))  # 5 at most, and no item has fewer points
    return {
        "graded": ItemScore(points),
        "late": ItemScore(points, late=timedelta(hours=draw(st.integers(1, 80)))),
        "waiting": ItemScore(points, Status.WAITING, waiting=1),
        "missing": ItemScore(None, Status.MISSING),
        "excused": ItemScore(None, Status.EXCUSED),
        "nothing": None,
    }[kind]


def totals(policies, items, scores):
    """Final and current total of the student."""
    full = {item.name: ItemScore(item.points) for item in items}
    row = compute(policies, [ADA, BOB], items, {"s01": scores, "s02": full}).row("s01")
    return row.final.total, row.current.total


@few
@given(courses())
def test_totals_stay_in_range(course):
    """Between nothing and what can be reached: 100, but for extra credit and the curve."""
    curve = course[0].grading.curve
    if any(item.extra_credit for item in course[0].assignments.values()) or any(e.add for e in course[0].exceptions):
        return
    for total in totals(*course):
        assert total is None or 0 <= total <= 100 + max(curve, 0)


@few
@given(courses(), st.randoms())
def test_the_order_of_the_file_changes_nothing(course, chance: random.Random):
    """Items, scores, categories and rows may come in any order."""
    policies, items, scores = course

    def shuffled(pairs):
        return dict(chance.sample(list(pairs.items()), len(pairs)))

    mixed = Policies(
        categories=shuffled(policies.categories),
        assignments=shuffled(policies.assignments),
        grading=policies.grading,
        late=policies.late,
        letters=shuffled(policies.letters),
        exceptions=tuple(chance.sample(policies.exceptions, len(policies.exceptions))),
        requirements=tuple(chance.sample(policies.requirements, len(policies.requirements))),
    )
    others = chance.sample(items, len(items))
    assert totals(policies, items, scores) == totals(mixed, others, shuffled(scores))
    before = compute(policies, [ADA, BOB], items, {"s01": scores})
    after = compute(mixed, [BOB, ADA], items, {"s01": shuffled(scores)})
    assert [row.student for row in before.rows] == [row.student for row in after.rows]
    assert [row.items for row in before.rows] == [row.items for row in after.rows]
    assert [row.letter for row in before.rows] == [row.letter for row in after.rows]


@few
@given(courses())
def test_dropping_never_lowers_a_grade(course):
    """With one more dropped, the total is the same or higher."""
    policies, items, scores = course
    for name, category in policies.categories.items():
        if category.drop_highest:
            continue
        kinder = category.model_copy(update={"drop_lowest": category.drop_lowest + 1})
        other = policies.model_copy(update={"categories": {**policies.categories, name: kinder}})
        before, after = totals(policies, items, scores)[0], totals(other, items, scores)[0]
        assert before is None or before <= after


@few
@given(courses())
def test_an_excused_item_is_a_course_without_it(course):
    """The same total, to the last fraction."""
    policies, items, scores = course
    excused = ItemScore(None, Status.EXCUSED)
    for item in items:
        own = policies.assignments[item.name]
        if any(item.name == exception.item for exception in policies.exceptions):
            continue
        alone = [o for o in items if o.category == item.category and not policies.assignments[o.name].extra_credit]
        if alone == [item]:
            continue  # without it there would be nothing that extra credit comes on top of
        if (
            own.revises
            or own.replaces
            or any(item.name in {p.revises, p.replaces} for p in policies.assignments.values())
        ):
            continue
        without = [other for other in items if other.name != item.name]
        rest = {name: score for name, score in scores.items() if name != item.name}
        assert totals(policies, items, {**scores, item.name: excused}) == totals(policies, without, rest)


@few
@given(courses(), st.data())
def test_adding_points_never_lowers_a_total(course, data):
    """More points anywhere, and the total is the same or higher."""
    policies, items, scores = course
    graded = [name for name, score in scores.items() if score.score is not None]
    if not graded:
        return
    name = data.draw(st.sampled_from(sorted(graded)))
    more = replace(scores[name], score=scores[name].score + data.draw(quarters))
    before, after = totals(policies, items, scores)[0], totals(policies, items, {**scores, name: more})[0]
    assert before is None or before <= after


@few
@given(courses())
def test_an_explanation_adds_up_to_the_total_exactly(course):
    """On every level: points to items, items to categories, categories to the rounded total."""
    policies, items, scores = course
    book = compute(policies, [ADA], items, {"s01": scores})
    for grade in ("final", "current"):
        told = explain(book, "s01", grade=grade)
        if told.total is not None:
            assert Fraction(told.total) == sum((line.value or 0 for line in told.lines), Fraction(0))
        waiting = list(told.lines)
        while waiting:
            line = waiting.pop()
            waiting += line.parts
            if line.parts and line.sum is not None:
                assert line.sum == sum((part.value or 0 for part in line.parts), Fraction(0))


@few
@given(courses())
def test_late_days_are_spent_in_the_best_way(course):
    """No other way to spend them gives a higher total, requirements aside: every one is tried."""
    policies, items, scores = course
    policies = policies.model_copy(update={"requirements": ()})
    late = policies.late
    if not late.budget or late.is_free:
        return
    best = totals(policies, items, scores)[0]
    without = policies.model_copy(update={"late": late.model_copy(update={"budget": 0})})
    units = [name for name, score in sorted(scores.items()) if score.late and name not in _improving(policies)]
    for spent in product(*(range(late.budget + 1) for _ in units)):
        if sum(spent) <= late.budget:
            kinder = {
                name: replace(scores[name], late=max(scores[name].late - timedelta(days=days), timedelta(0)))
                for name, days in zip(units, spent, strict=True)
            }
            assert best is None or totals(without, items, {**scores, **kinder})[0] <= best


def _improving(policies):
    return {name for name, policy in policies.assignments.items() if policy.revises or policy.replaces}


parts = st.lists(
    st.tuples(quarters, st.sampled_from([Fraction(0), Fraction(5), Fraction(10), Fraction(40)]), st.booleans()),
    min_size=1,
    max_size=7,
).map(
    lambda rows: [
        Part(f"i{n}", min(got, of) if of else got, of, may and bool(of)) for n, (got, of, may) in enumerate(rows)
    ]
)


@given(parts, st.integers(0, 4))
def test_the_drop_is_the_best_of_all(items, number):
    """Every choice of at most so many items is tried, and none is better."""
    if quotient(items) is None:
        return
    out = dropped(items, number, 0)
    found = quotient([part for part in items if part.name not in out])
    assert len(out) <= number
    droppable = [part.name for part in items if part.may_drop]
    for size in range(number + 1):
        for names in combinations(droppable, size):
            other = quotient([part for part in items if part.name not in names])
            assert other is None or other <= found


choices = st.lists(
    st.tuples(st.lists(quarters, min_size=1, max_size=4), st.sampled_from([5, 10, 20]), st.booleans()),
    min_size=1,
    max_size=4,
).map(
    lambda rows: tuple(
        Choice(f"i{n}", tuple(sorted(reached)), Fraction(of), may) for n, (reached, of, may) in enumerate(rows)
    )
)


@few
@given(st.lists(st.tuples(choices, st.integers(0, 2)), min_size=1, max_size=2), st.integers(0, 4))
def test_the_budget_finds_the_best_of_all_ways(groups, days):
    """Drops and days together, over two categories: every way is tried."""
    named = [
        Group(
            tuple(replace(choice, name=f"{place}{choice.name}") for choice in items),
            min(drops, len(items) - 1),
            Fraction(place + 1),
            Fraction(1) if place else None,
        )
        for place, (items, drops) in enumerate(groups)
    ]
    every = [choice for group in named for choice in group.choices]
    ways = product(*(range(len(choice.reached)) for choice in every))
    names = [choice.name for choice in every]
    allowed = [dict(zip(names, way, strict=True)) for way in ways if sum(way) <= days]
    spent = spend(named, days)
    assert sum(spent.values()) <= days
    assert _value(named, {name: spent.get(name, 0) for name in names}) == max(_value(named, way) for way in allowed)


def _value(groups, spent):
    total = Fraction(0)
    for group in groups:
        items = [Part(c.name, c.reached[spent[c.name]], c.reachable, c.may_drop) for c in group.choices]
        out = dropped(items, group.drops, 0)
        reached = quotient([part for part in items if part.name not in out])
        total += group.weight * (reached if group.cap is None else min(reached, group.cap))
    return total


@given(st.lists(st.fractions(-50, 50), min_size=1, max_size=12), st.integers(0, 5))
def test_printed_numbers_add_up_as_printed(values, digits):
    """Each is off by less than one unit of the last digit, and together they are the rounded whole."""
    printed = apportioned(values, sum(values, Fraction(0)), digits)
    whole = apportioned([sum(values, Fraction(0))], sum(values, Fraction(0)), digits)
    assert sum(printed) == whole[0]
    assert all(
        abs(Fraction(number) - value) <= Fraction(1, 10**digits) for number, value in zip(printed, values, strict=True)
    )


@few
@given(courses())
def test_the_same_course_gives_the_same_bytes(course):
    """Nothing depends on the order of a hash."""
    policies, items, scores = course
    assert to_csv(compute(policies, [ADA], items, {"s01": scores})) == to_csv(
        compute(policies, [ADA], items, {"s01": scores})
    )
