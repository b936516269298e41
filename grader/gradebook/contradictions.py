"""Rules that contradict each other or cannot be applied, each told with the two lines that disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import pairwise

from grader.gradebook.exact import shown
from grader.gradebook.policies import CategoryPolicy, ItemPolicy, LatePolicy, Policies, StudentException
from grader.text import escape


def contradictions(policies: Policies, items: Mapping[str, str]) -> tuple[str, ...]:
    """Return one line for each; `items` are the course's items and their categories."""
    return tuple(
        escape(line, 500)
        for check in (_weights, _categories, _assignments, _improvements, _late, _letters, _exceptions, _requirements)
        for line in check(policies, items)
    )


def _weights(policies: Policies, _: Mapping[str, str]) -> Iterator[str]:
    inside = {name: category.weight for name, category in policies.categories.items() if not category.extra_credit}
    total = sum(inside.values(), Fraction(0))
    if policies.categories and total != 100:
        listed = ", ".join(f"{name} {shown(weight, 6)}" for name, weight in inside.items())
        yield f"[categories]: weights add up to {shown(total, 6)}, not 100 ({listed}); change them until they do"


def _categories(policies: Policies, items: Mapping[str, str]) -> Iterator[str]:
    for name, category in policies.categories.items():
        key = f"[categories.{name}]"
        members = [item for item, of in items.items() if of == name]
        for protected in category.never_drop:
            if protected not in members:
                yield f'{key} never_drop: "{protected}" is no item of this category{_one_of(members)}'
        if category.never_drop and not category.drop_lowest + category.drop_highest:
            yield f"{key} never_drop: nothing is dropped here; add drop_lowest = 1 or remove the key"
        counting = [item for item in members if not _item(policies, item).extra_credit]
        if members and not counting:
            yield (
                f"{key}: [assignments.{members[0]}] extra_credit = true, like all items here: there is nothing "
                f"that they could come on top of; make the category extra_credit = true instead"
            )
        yield from _both_ends(key, category, policies)


def _both_ends(key: str, category: CategoryPolicy, policies: Policies) -> Iterator[str]:
    if category.drop_highest and category.drop_lowest and category.items != "equal":
        yield (
            f"{key} drop_lowest = {category.drop_lowest} and drop_highest = {category.drop_highest} need "
            f'items = "equal", not "{category.items}": with other weights it is not certain which items are at the ends'
        )
    if category.drop_highest and category.drop_lowest and category.never_drop:
        yield (
            f"{key} never_drop, drop_lowest = {category.drop_lowest} and drop_highest = {category.drop_highest}: "
            f"it is not certain which items are at the ends; remove one of the three"
        )
    if category.drop_highest and policies.late.budget and category.late:
        yield (
            f"{key} drop_highest = {category.drop_highest} and [late] budget = {policies.late.budget}: what is best "
            f"for the student has no meaning here; add late = false to the category, or remove one of the two"
        )


def _assignments(policies: Policies, items: Mapping[str, str]) -> Iterator[str]:
    categories = policies.all_categories
    for name, item in policies.assignments.items():
        weighed = categories[items[name]].items if items.get(name) in categories else None
        if item.weight is not None and weighed in {"points", "equal"}:
            yield (
                f"[assignments.{name}] weight = {shown(item.weight, 6)} and [categories.{items[name]}] "
                f'items = "{weighed}": the weight would not count; use items = "weights" or remove it'
            )
    for name, of in items.items():
        policy = _item(policies, name)
        if of in categories and categories[of].items == "weights" and policy.weight is None and not policy.revises:
            yield f'[categories.{of}] items = "weights" and [assignments.{name}] has no weight; add weight = 1, say'


def _improvements(policies: Policies, items: Mapping[str, str]) -> Iterator[str]:
    sources = {name: _target(item) for name, item in policies.assignments.items() if _target(item)}
    for name, item in policies.assignments.items():
        key = f"[assignments.{name}]"
        if item.revises and item.replaces:
            yield f'{key} revises = "{item.revises}" and replaces = "{item.replaces}": it can do one of them'
        if not _target(item):
            if item.share != 1:
                yield f"{key} share = {shown(item.share, 6)}: there is nothing to share; add revises or replaces"
            continue
        word, target = ("revises", item.revises) if item.revises else ("replaces", item.replaces)
        if target not in items:
            yield f'{key} {word} = "{target}": is no item of the course{_one_of(items)}'
        if target == name or target in sources:
            other = f'[assignments.{target}] improves "{sources.get(target or "", "")}" itself'
            yield f'{key} {word} = "{target}" and {other}; an item does one or the other'
        if item.revises and item.extra_credit:
            yield f'{key} revises = "{item.revises}" and extra_credit = true: a revision never counts itself; keep one'


def _late(policies: Policies, _: Mapping[str, str]) -> Iterator[str]:
    late = policies.late
    if late.percent and late.points:
        yield f"[late] percent = {shown(late.percent, 6)} and points = {shown(late.points, 6)}: keep one of them"
    yield from (
        f"[late] {key} = {value}: lateness costs nothing; add percent, points or cut_off"
        for key, value in _needing_a_cost(late)
        if late.is_free
    )


def _needing_a_cost(late: LatePolicy) -> Iterator[tuple[str, str]]:
    if late.grace_minutes:
        yield "grace_minutes", shown(late.grace_minutes, 6)
    if late.floor:
        yield "floor", shown(late.floor, 6)
    if late.budget:
        yield "budget", str(late.budget)


def _letters(policies: Policies, _: Mapping[str, str]) -> Iterator[str]:
    ordered = sorted(policies.letters.items(), key=lambda entry: entry[1])
    for (low, lower), (high, higher) in pairwise(ordered):
        if lower == higher:
            yield f"[letters] {low} = {shown(lower, 6)} and {high} = {shown(higher, 6)}: two letters for the same total"
        elif policies.grading.gap > higher - lower:
            yield (
                f"[grading] gap = {shown(policies.grading.gap, 6)} and [letters] {low} = {shown(lower, 6)}, "
                f"{high} = {shown(higher, 6)}: the gap reaches beyond the next letter; make it smaller"
            )
    if ordered and ordered[0][1] > 0:
        yield f"[letters]: who has less than {shown(ordered[0][1], 6)} gets no letter; add one with 0, like F = 0"
    if policies.grading.gap and not ordered:
        yield f"[grading] gap = {shown(policies.grading.gap, 6)}: there are no letters; add a table [letters]"


def _exceptions(policies: Policies, items: Mapping[str, str]) -> Iterator[str]:
    for number, exception in enumerate(policies.exceptions, 1):
        key = f"[[exceptions]] number {number} ({exception.student}, {exception.item or 'no item'})"
        actions = exception.actions
        if len(actions) != 1:
            yield f"{key}: says {' and '.join(actions) or 'nothing'}; say one thing, in two tables if need be"
        if exception.item is None and actions != ("late_days",):
            yield f"{key}: names no item; add item = one of {', '.join(items)}"
        if exception.item is not None and exception.item not in items:
            yield f'{key}: "{exception.item}" is no item of the course{_one_of(items)}'
        if exception.late_days is not None and not policies.late.budget and policies.late.is_free:
            yield f"{key} late_days = {exception.late_days} and [late] without a cost: there is nothing to forgive"
    yield from _clashes(policies.exceptions)


def _clashes(exceptions: tuple[StudentException, ...]) -> Iterator[str]:
    at: dict[tuple[str, str | None], list[tuple[int, StudentException]]] = {}
    for number, exception in enumerate(exceptions, 1):
        at.setdefault((exception.student, exception.item), []).append((number, exception))
    for (student, item), together in at.items():
        where = f"[[exceptions]] {' and '.join(f'number {number}' for number, _ in together)} ({student}, {item})"
        times = Counter(action for _, exception in together for action in exception.actions)
        for action, often in times.items():
            if often > 1 and action not in {"add", "late_days"}:
                yield f"{where} both say {action}; keep one"
        if times["excuse"] and len(times) > 1:
            yield f"{where}: an excused item cannot have {', '.join(sorted(set(times) - {'excuse'}))} as well; keep one"
        if times["score"] and times["waive_late"]:
            yield f"{where}: a score that is set is never late; remove waive_late"


def _requirements(policies: Policies, items: Mapping[str, str]) -> Iterator[str]:
    for number, wanted in enumerate(policies.requirements, 1):
        key = f"[[requirements]] number {number}"
        if (wanted.item is None) == (wanted.category is None):
            yield f"{key}: names {'nothing' if wanted.item is None else 'an item and a category'}; name one of them"
        if wanted.item is not None and wanted.item not in items:
            yield f'{key} item: "{wanted.item}" is no item of the course{_one_of(items)}'
        if wanted.item is not None and (revised := _item(policies, wanted.item).revises):
            yield f'{key} item = "{wanted.item}" and its revises = "{revised}": ask for "{revised}" instead'
        if wanted.category is not None and wanted.category not in policies.all_categories:
            yield f'{key} category: "{wanted.category}" is no category{_one_of(policies.all_categories)}'
        if wanted.letter is None and wanted.total is None:
            yield f"{key}: has no consequence; add letter or total, the best that there is without it"
        if wanted.letter is not None and wanted.letter not in policies.letters:
            yield f'{key} letter = "{wanted.letter}" is not in [letters]{_one_of(policies.letters)}'


def _item(policies: Policies, name: str) -> ItemPolicy:
    return policies.assignments.get(name) or ItemPolicy()


def _target(item: ItemPolicy) -> str | None:
    return item.revises or item.replaces


def _one_of(names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"; there are {listed}" if listed else "; there are none"
