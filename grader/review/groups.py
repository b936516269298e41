"""Groups of equal answers: one grade for all members, which can be taken back one by one."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from grader.errors import MarkingError, StaleError
from grader.marking import Mark, exact_points, shown_points, with_points
from grader.review.asking import PATH, address_of, cells_of, folds_of, marking_of, question_of, shows_names
from grader.review.desk import desk_of
from grader.review.differences import Differences, side_by_side
from grader.review.errors import Refusal, not_found
from grader.review.gate import MAX_BODY
from grader.review.page import render, toast
from grader.review.panel import Panel, Yours, check_known, mark_of, wanted, yours
from grader.review.queue import progress_of, without_names
from grader.review.routing import form_of, get, post

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from grader.marking import Question, Rubric
    from grader.pipeline.marking import Marking
    from grader.pipeline.queue import AnswerGroup, QueueEntry
    from grader.review.forms import Form

_OPEN = frozenset({"waiting", "changed", "blank"})
"""How answers stand that no person has graded."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group in the list."""

    group: AnswerGroup
    standing: tuple[tuple[str, int], ...]
    """Points that were given and to how many, the most frequent first."""

    @property
    def key(self) -> str:
        """What addresses name it by."""
        return self.group.group.key


@dataclass(frozen=True, slots=True)
class Beside:
    """Another group that is nearly equal."""

    group: AnswerGroup
    likeness: float
    differences: Differences


def show_groups(request: Request) -> Response:
    """All groups of a question, the largest first; answers that stand alone below."""
    marking = marking_of(request)
    question = question_of(request, marking)
    rows = [GroupRow(group, _standing_of(group)) for group in marking.groups(question)]
    return render(
        request,
        "groups.html.jinja",
        asked=marking.answers.asked(question),
        question=question,
        address=address_of(question),
        shared=[row for row in rows if len(row.group.entries) > 1 or row.group.group.blank],
        alone=[row for row in rows if len(row.group.entries) == 1 and not row.group.group.blank],
        **progress_of(marking, question, None),
    )


def show_group(request: Request) -> Response:
    """One group: its answer, its members, what is nearly equal, and the panel for all of them."""
    marking = marking_of(request)
    question = question_of(request, marking)
    groups = marking.groups(question)
    group = _found(groups, request.path_params["group"])
    first = marking.answer(question, group.entries[0].student_id)
    place = groups.index(group)
    around = {"previous": groups[place - 1] if place else None, "next": next(iter(groups[place + 1 :]), None)}
    waiting = next((one for one in (*groups[place + 1 :], *groups[:place]) if one.waiting), None)
    return render(
        request,
        "group.html.jinja",
        **_group(request, marking, question, group),
        title=first.title,
        cells=cells_of(first.asked, first.given),
        folds=folds_of(request),
        near=_near(groups, group),
        keys={name: one and one.group.key for name, one in (around | {"next_waiting": waiting}).items()},
        place=place + 1,
        total=len(groups),
    )


def grade_group(request: Request) -> Response:
    """Give all members the same, or those that nobody has graded; all get it, or none where somebody was quicker."""
    marking = marking_of(request)
    question, form = question_of(request, marking), form_of(request)
    group = _found(marking.groups(question), request.path_params["group"])
    rubric = marking.rubric(question).rubric
    most = group.stored[0].max_score
    chosen = [
        entry for entry in group.entries if form.choice("scope", {"open", "all"}) == "all" or entry.state in _OPEN
    ]
    if not chosen:
        response = _panel(request, marking, question, group)
        return toast(response, "Nobody in this group waits: choose “all” to grade them anew", "error")
    mark = _wanted(form, rubric, most)
    flags = {stored.student_id: stored.flagged for stored in group.stored}
    seen = _seen(form)
    new = {
        one.student_id: (mark and replace(mark, flagged=flags[one.student_id]), seen.get(one.key, "")) for one in chosen
    }
    try:
        done = marking.mark_each(question, new)
    except StaleError as error:
        told = yours(mark, rubric, most, without_names(marking, question, error))
        return _panel(request, marking, question, _found(marking.groups(question), group.group.key), told)
    response = _panel(request, marking, question, _found(marking.groups(question), group.group.key))
    return toast(response, f"{done.action.sentence[:1].upper()}{done.action.sentence[1:]}; u undoes it")


def take_back(request: Request) -> Response:
    """Take one member's grade back; the others keep theirs."""
    marking = marking_of(request)
    question, form = question_of(request, marking), form_of(request)
    group = _found(marking.groups(question), request.path_params["group"])
    entry = _member(group, form.text("one"))
    try:
        marking.mark(question, entry.student_id, None, form.text("version"))
    except StaleError as error:
        told = yours(
            None, marking.rubric(question).rubric, group.stored[0].max_score, without_names(marking, question, error)
        )
        return _panel(request, marking, question, _found(marking.groups(question), group.group.key), told)
    response = _panel(request, marking, question, _found(marking.groups(question), group.group.key))
    return toast(response, f"{entry.pseudonym} has no grade by hand any more")


def undo_group(request: Request) -> Response:
    """Undo what this grader did last."""
    marking = marking_of(request)
    question = question_of(request, marking)
    try:
        action = marking.undo()
    except StaleError as error:
        raise Refusal(409, without_names(marking, question, error)) from error
    group = _found(marking.groups(question), request.path_params["group"])
    return toast(_panel(request, marking, question, group), f"Undone: {action.sentence}")


def _found(groups: tuple[AnswerGroup, ...], key: str) -> AnswerGroup:
    found = next((group for group in groups if group.group.key == key), None)
    if found is None:
        raise not_found("there is no such group any more: its answers have changed; load the list of groups again")
    return found


def _seen(form: Form) -> Mapping[str, str]:
    """The versions of the members that the page showed, by their keys."""
    try:
        found = json.loads(form.text("seen", longest=MAX_BODY))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(version, str) for version in found.values()):
        raise Refusal(400, "seen does not name the answers that the page showed; load it again")
    return found


def _member(group: AnswerGroup, key: str) -> QueueEntry:
    found = next((entry for entry in group.entries if entry.key == key), None)
    if found is None:
        raise not_found("this answer is not in the group any more; load the page again")
    return found


def _wanted(form: Form, rubric: Rubric, most: Any) -> Mark | None:
    """The mark for all: what is ticked and typed, or all points, or none, or no mark."""
    shown = mark_of(form, flagged=False)
    check_known(shown, rubric)
    if form.choice("do", {"save", "full", "zero", "clear"}) != "save":
        return wanted(form, shown, rubric, most)
    typed = form.text("points", longest=40).strip()
    if not typed and not shown.items and not shown.adjustment:
        raise MarkingError("nothing is ticked and no points are typed; zero (z) and full (f) are keys of their own")
    return with_points(shown, rubric, most, exact_points(typed)) if typed else shown


def _group(
    request: Request, marking: Marking, question: Question, group: AnswerGroup, told: Yours | None = None
) -> dict[str, Any]:
    rubric = marking.rubric(question)
    kept = told.mark if told and told.mark else Mark()
    panel = Panel(kept, rubric.rubric, rubric.version, group.stored[0].max_score, graded=False, points=None)
    people = {one.key: marking.student(one.student_id).name for one in group.entries} if shows_names(request) else {}
    return {
        "question": question,
        "address": address_of(question),
        "group": group,
        "row": GroupRow(group, _standing_of(group)),
        "open": sum(entry.state in _OPEN for entry in group.entries),
        "seen": json.dumps({entry.key: entry.version for entry in group.entries}),
        "members": tuple(zip(group.entries, group.stored, strict=True)),
        "people": people,
        "panel": panel,
        "yours": told,
        "zone": desk_of(request).opened.course.zone,
        **progress_of(marking, question, None),
    }


def _panel(
    request: Request, marking: Marking, question: Question, group: AnswerGroup, told: Yours | None = None
) -> Response:
    values = _group(request, marking, question, group, told) | {"oob": True}
    return render(request, "_group_panel.html.jinja", status=409 if told else 200, **values)


def _standing_of(group: AnswerGroup) -> tuple[tuple[str, int], ...]:
    given: Mapping[str, int] = Counter(
        shown_points(entry.points) for entry in group.entries if entry.state not in _OPEN and entry.points is not None
    )
    return tuple(sorted(given.items(), key=lambda one: (-one[1], one[0])))


def _near(groups: tuple[AnswerGroup, ...], group: AnswerGroup) -> tuple[Beside, ...]:
    known = {other.group.key: other for other in groups}
    return tuple(
        Beside(known[near.key], near.likeness, side_by_side(group.text, known[near.key].text))
        for near in group.group.near
        if near.key in known
    )


ROUTES = (
    get(f"{PATH}/groups", show_groups, "groups"),
    get(f"{PATH}/groups/{{group}}", show_group, "group"),
    post(f"{PATH}/groups/{{group}}", grade_group, "grade_group"),
    post(f"{PATH}/groups/{{group}}/back", take_back, "take_back"),
    post(f"{PATH}/groups/{{group}}/undo", undo_group, "undo_group"),
)
