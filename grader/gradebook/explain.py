"""One student's grade, from the total down to each item, in sentences whose numbers add up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from grader.gradebook.book import CategoryGrade, Gradebook, ItemGrade, Overall, StudentGrade
from grader.gradebook.categories import parts, without
from grader.gradebook.drops import Part, quotient
from grader.gradebook.exact import rounded, shown, total
from grader.gradebook.policies import CategoryPolicy
from grader.gradebook.rules import Rules
from grader.gradebook.scores import Status
from grader.model import Student

_NOTHING = Fraction(0)
Unit = Literal["percent points", "points"]


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence, and the number that it stands for."""

    sentence: str
    value: Fraction | None = None
    """What it adds to the line above; None where it says why something adds nothing."""
    parts: tuple[Line, ...] = ()
    whole: Fraction | None = None
    """What the parts add up to, where that is not the value: an item's points, say. None: it is the value."""
    unit: Unit = "percent points"

    @property
    def sum(self) -> Fraction | None:
        """What the parts add up to."""
        return self.value if self.whole is None else self.whole


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole of it: the lines add up to the rounded total, exactly."""

    student: Student
    grade: Literal["final", "current"]
    total: Decimal | None
    lines: tuple[Line, ...]
    letter: str = ""
    remarks: tuple[str, ...] = ()
    """What else there is to say: the letter's cut-off, unmet requirements, the place in the class."""
    digits: int = 2


def explain(gradebook: Gradebook, student_id: str, *, grade: Literal["final", "current"] = "final") -> Explanation:
    """Return why the student has this grade; `ScoresError` if there is no such student."""
    row = gradebook.row(student_id)
    of = row.final if grade == "final" else row.current
    rules = Rules.of(gradebook.policies, gradebook.items, frozenset(), None)
    digits = gradebook.policies.grading.digits
    whole = of.rounded(digits)
    lines = tuple(_lines(rules, row, of, digits))
    remarks = tuple(_remarks(gradebook, row, of, final=grade == "final"))
    return Explanation(row.student, grade, whole, lines, row.letter if grade == "final" else "", remarks, digits)


def _lines(rules: Rules, row: StudentGrade, of: Overall, digits: int) -> Iterator[Line]:
    for category in of.categories.values():
        yield _category(rules, row, category)
    if of.total is None:
        return
    yield from (Line(step.sentence, step.change) for step in of.steps)
    shift = Fraction(rounded(of.total, digits)) - of.total
    if shift:
        yield Line(f"rounded half up to {digits} digits", shift)


def _category(rules: Rules, row: StudentGrade, category: CategoryGrade) -> Line:
    policy = rules.categories[category.name]
    members = [grade for grade in row.items.values() if grade.item.category == category.name]
    kept = [row.items[name] for name in category.kept]
    aside = [_aside(rules, grade, category) for grade in members if grade.item.name not in category.kept]
    if category.fraction is None:
        shares = "it comes on top" if policy.extra_credit else "its weight is shared out among the others"
        return Line(f"{category.name} ({_percent(policy.weight)}): nothing counts yet; {shares}", None, tuple(aside))
    weighed = parts(rules, kept)
    whole = quotient(weighed) or _NOTHING
    reachable = total(part.reachable for part in weighed)
    by_name = {grade.item.name: grade for grade in kept}
    lines = [_item(by_name[part.name], part, category, reachable) for part in weighed]
    if whole > category.fraction:
        limit = f"{category.name} is {_percent(category.fraction * 100)} at most"
        lines.append(Line(limit, category.weight * (category.fraction - whole)))
    return Line(_weight_sentence(category, policy.weight), category.points, (*lines, *aside))


def _weight_sentence(category: CategoryGrade, stated: Fraction) -> str:
    shared = "" if category.weight == stated else f" ({_percent(stated)}, and its share of what does not count yet)"
    reached = _percent((category.fraction or _NOTHING) * 100)
    return f"{category.name}: {reached} of {shown(category.weight, 4)} percent points{shared}"


def _item(grade: ItemGrade, part: Part, category: CategoryGrade, reachable: Fraction) -> Line:
    value = category.weight * part.reached / reachable
    if part.reachable:
        weighs = f"{_percent(part.reachable / reachable * 100)} of {category.name}"
    else:
        weighs = f"extra credit in {category.name}"
    return Line(f"{_standing(grade)}; {weighs}", value, tuple(_points(grade)), grade.counted)


def _points(grade: ItemGrade) -> Iterator[Line]:
    """The score as it came in, and what the rules made of it; nothing where they made nothing of it."""
    if not grade.steps:
        return
    yield Line("as it was graded" if grade.score is not None else "no score", grade.score or _NOTHING, unit="points")
    yield from (Line(step.sentence, step.change, unit="points") for step in grade.steps)


def _standing(grade: ItemGrade) -> str:
    item = grade.item
    points = f"{item.name}: {shown(grade.counted, 4)} of {shown(item.points, 4)} points"
    match grade.status:
        case Status.MISSING:
            return f"{points}, nothing was handed in"
        case Status.NOT_DUE:
            return f"{points}, not due yet"
        case Status.UNGRADED:
            return f"{points}, not graded yet"
        case Status.WAITING:
            waits = (
                f"{grade.waiting} question{'s wait' if grade.waiting > 1 else ' waits'}"
                if grade.waiting
                else "it waits"
            )
            return f"{points} so far, {waits} for a person"
        case _:
            return f"{points} ({_percent(grade.counted / item.points * 100)})" if item.points else points


def _aside(rules: Rules, grade: ItemGrade, category: CategoryGrade) -> Line:
    """Why an item of the category does not count."""
    name = grade.item.name
    if grade.status is Status.EXCUSED:
        why = "".join(f" ({step.sentence.removeprefix('excused: ')})" for step in grade.steps)
        return Line(f"{name}: excused, as if it did not exist{why}")
    details = tuple(_points(grade))
    if name in category.dropped:
        why = _why_dropped(rules.categories[category.name])
        return Line(f"{_standing(grade)}; left out: {why}", None, details, grade.counted)
    if target := rules.item_policy(name).revises:
        return Line(f"{_standing(grade)}; revises {target} and does not count by itself", None, details, grade.counted)
    why = "has no points" if not grade.item.points else "does not count in the current grade"
    return Line(f"{_standing(grade)}; {why}", None, details, grade.counted)


def _why_dropped(policy: CategoryPolicy) -> str:
    if not policy.drop_highest:
        return "without it the grade is the best that there is"
    return "the highest and the lowest do not count" if policy.drop_lowest else "the highest do not count"


def _remarks(gradebook: Gradebook, row: StudentGrade, of: Overall, *, final: bool) -> Iterator[str]:
    if final and row.letter and (at := gradebook.cut_offs[row.letter]):
        stated = gradebook.policies.letters[row.letter]
        moved = f", lowered from {shown(stated, 4)} to the nearest gap" if at != stated else ""
        yield f"{row.letter} is for {shown(at, 4)} and more{moved}."
    for wanted in of.unmet:
        if wanted.letter is not None:
            yield f"Not met: {without(wanted)}, {wanted.letter} is the best letter there is."
    if final and gradebook.policies.grading.show_place and of.total is not None:
        yield place(gradebook, of.total)


def place(gradebook: Gradebook, own: Fraction) -> str:
    """Say where a final total lies in the class."""
    totals = sorted(row.final.total for row in gradebook.rows if row.final.total is not None)
    below = sum(1 for other in totals if other < own)
    low, high = (totals[len(totals) * quarter // 4] for quarter in (1, 3))
    middle = f"the middle half of the class has {shown(low)} to {shown(high)}"
    return f"{below} of {len(totals)} totals are lower than this one; {middle}."


def _percent(value: Fraction) -> str:
    return f"{shown(value)} %"
