"""An explanation as text or HTML. The numbers that are printed add up as printed."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from grader.gradebook.exact import rounded
from grader.gradebook.explain import Explanation, Line
from grader.text import escape


def to_plain_text(explanation: Explanation) -> str:
    """Return the explanation for a terminal."""
    student = explanation.student
    title = f"{escape(student.name)} ({escape(student.student_id)}): {headline(explanation)}"
    printed = [(_indented(line, depth), line.unit, number) for line, number, depth in _printed(explanation)]
    width = max((len(said) for said, _, number in printed if number is not None), default=0)
    lines = (_text(said, unit, number, width) for said, unit, number in printed)
    return "\n".join([title, "", *lines, "", *explanation.remarks]).rstrip() + "\n"


def to_html(explanation: Explanation) -> str:
    """Return the explanation as a fragment of HTML: nested lists, everything escaped, no script and no style."""
    name = html.escape(escape(explanation.student.name))
    return f'<section class="statement"><h2>{name}</h2>{to_fragment(explanation)}</section>'


def to_fragment(explanation: Explanation) -> str:
    """Return the same without the student's name, for a page that has it already."""
    remarks = "".join(f"<p>{html.escape(remark)}</p>" for remark in explanation.remarks)
    target = Fraction(explanation.total) if explanation.total is not None else None
    return (
        f'<p class="total">{html.escape(headline(explanation))}</p>'
        f"{_list(explanation.lines, target, explanation.digits + 2)}{remarks}"
    )


def headline(explanation: Explanation) -> str:
    """Say the grade in a few words."""
    word = "total" if explanation.grade == "final" else "current grade"
    if explanation.total is None:
        return f"no {word} yet"
    return f"{word} {explanation.total:f} %{f', {explanation.letter}' if explanation.letter else ''}"


def apportioned(values: Sequence[Fraction], whole: Fraction, digits: int) -> list[Decimal]:
    """Round the values so that they add up to the rounded whole: each is off by one unit of the last digit at most.

    The units that plain rounding down leaves over go to the largest remainders.
    """
    if not values:
        return []
    scale = 10**digits
    floors = [value * scale // 1 for value in values]
    left = int(rounded(whole, digits).scaleb(digits)) - sum(floors)
    order = sorted(range(len(values)), key=lambda place: floors[place] - values[place] * scale)
    for turn in range(abs(left)):
        floors[order[turn % len(order)] if left > 0 else order[-1 - turn % len(order)]] += 1 if left > 0 else -1
    return [Decimal(int(number)).scaleb(-digits) for number in floors]


def _numbers(lines: Sequence[Line], whole: Fraction | None, digits: int) -> list[Decimal | None]:
    """One number a line that has one; together they are the whole."""
    values = [line.value for line in lines if line.value is not None]
    numbers = iter(apportioned(values, whole if whole is not None else sum(values, Fraction(0)), digits))
    return [None if line.value is None else next(numbers) for line in lines]


def _inner_whole(line: Line, number: Decimal | None) -> Fraction | None:
    return line.whole if line.whole is not None or number is None else Fraction(number)


def _printed(explanation: Explanation) -> Iterator[tuple[Line, Decimal | None, int]]:
    whole = Fraction(explanation.total) if explanation.total is not None else None
    yield from _walk(explanation.lines, whole, explanation.digits + 2, 1)


def _walk(
    lines: Sequence[Line], whole: Fraction | None, digits: int, depth: int
) -> Iterator[tuple[Line, Decimal | None, int]]:
    for line, number in zip(lines, _numbers(lines, whole, digits), strict=True):
        yield line, number, depth
        yield from _walk(line.parts, _inner_whole(line, number), digits, depth + 1)


def _indented(line: Line, depth: int) -> str:
    return f"{'  ' * depth}{escape(line.sentence, 400)}"


def _text(said: str, unit: str, number: Decimal | None, width: int) -> str:
    if number is None:
        return said
    return f"{said:<{width}} {number:>+10f}{' points' if unit == 'points' else ''}"


def _list(lines: Sequence[Line], whole: Fraction | None, digits: int) -> str:
    if not lines:
        return ""
    items = (
        f"<li>{_value(line, number)}{html.escape(escape(line.sentence, 400))}"
        f"{_list(line.parts, _inner_whole(line, number), digits)}</li>"
        for line, number in zip(lines, _numbers(lines, whole, digits), strict=True)
    )
    return f"<ul>{''.join(items)}</ul>"


def _value(line: Line, number: Decimal | None) -> str:
    unit = " points" if line.unit == "points" else ""
    return "" if number is None else f'<data value="{number:f}">{number:+f}{unit}</data> '
