"""Regrade requests: the list, and one with its thread, what it is about, and the decision."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, Response

from grader.errors import MarkingError, StaleError
from grader.marking import Mark, exact_points, shown_points, with_points
from grader.model import GradedKind
from grader.pipeline.queue import key_of
from grader.pipeline.regrades import Regrades, RequestEntry
from grader.review import request_new
from grader.review.asking import address_of, cells_of, folds_of, marking_of
from grader.review.desk import desk_of
from grader.review.errors import Refusal, not_found
from grader.review.page import link, render, see_other
from grader.review.panel import signed
from grader.review.request_new import title_of
from grader.review.routing import form_of, get, post, status_of
from grader.store import RequestStatus
from grader.text import escape

if TYPE_CHECKING:
    from starlette.requests import Request

    from grader.pipeline.marking import Marking
    from grader.review.forms import Form
    from grader.store import Action, StoredMark

_MOST_ROWS = 1000
_STATES = {"open": RequestStatus.OPEN, "accepted": RequestStatus.ACCEPTED, "declined": RequestStatus.DECLINED}


@dataclass(frozen=True, slots=True)
class Row:
    """A request in the list, or at the head of its page."""

    entry: RequestEntry

    @property
    def change(self) -> Decimal | None:
        """What the decision changed; None while there is none, or where there were no points to compare."""
        request = self.entry.request
        if request.status is RequestStatus.OPEN or request.after is None:
            return None
        return request.after - (request.before or Decimal(0))

    @property
    def effect(self) -> str:
        """The change with its sign; ± 0 for none."""
        return "" if self.change is None else signed(self.change) if self.change else "±0"

    @property
    def direction(self) -> str:
        """up, down or same: the class that colours the effect."""
        if not self.change:
            return "same"
        return "up" if self.change > 0 else "down"

    @property
    def before(self) -> str:
        """The points when it was opened."""
        return _shown(self.entry.request.before)

    @property
    def after(self) -> str:
        """The points when it was decided."""
        return _shown(self.entry.request.after)

    @property
    def now(self) -> str:
        """The points as they stand."""
        return _shown(self.entry.points)

    @property
    def most(self) -> str:
        """How many there are; nothing where nothing is graded."""
        return "" if self.entry.max_score is None else shown_points(self.entry.max_score)

    @property
    def moved_on(self) -> bool:
        """Whether the points are others than those of the decision: somebody graded again, or undid it."""
        decided = self.entry.request.status is not RequestStatus.OPEN
        return decided and self.entry.points != self.entry.request.after


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed into the form for a decision and could not be written."""

    text: str = ""
    points: str | None = None
    problem: tuple[str, ...] = ()


def show_requests(request: Request) -> Response:
    """All requests, those that are open first; of one assignment or one state, if the address says so."""
    marking = marking_of(request)
    found = Regrades(marking).requests()
    state, assignment = request.query_params.get("state", ""), request.query_params.get("assignment", "")
    states = Counter(one.request.status for one in found if assignment in {"", one.request.assignment})
    assignments = Counter(one.request.assignment for one in found)
    chosen = [
        Row(one)
        for one in found
        if assignment in {"", one.request.assignment} and _STATES.get(state, one.request.status) is one.request.status
    ]
    return render(
        request,
        "requests.html.jinja",
        rows=chosen[:_MOST_ROWS],
        matching=len(chosen),
        states=[(word, states[status]) for word, status in _STATES.items()],
        assignments=[(name, title_of(marking, name), assignments[name]) for name in sorted(assignments)],
        state=state if state in _STATES else "",
        assignment=assignment,
        total=sum(states.values()),
        zone=desk_of(request).opened.course.zone,
    )


def show_request(request: Request) -> Response:
    """One request: its thread, what it is about, how that stands, and the form for a decision."""
    return _page(request, Typed())


def decide(request: Request) -> Response:
    """Accept, perhaps with other points, decline, or write on; what is stale is told with what was typed."""
    marking, entry, form = *_asked_for(request), form_of(request)
    typed = Typed(form.text("text"), form.optional("points"))
    try:
        _decide(marking, entry, form)
    except (StaleError, MarkingError) as error:
        return _page(request, replace(typed, problem=error.messages), status_of(error))
    return see_other(request, "request", request=entry.request.id)


def undo(request: Request) -> Response:
    """Undo the points that this grader gave last, if it was here; what was said stays."""
    marking, entry = _asked_for(request)
    if _last_here(marking, entry) is None:
        raise Refusal(400, "What you did last was not here; undo it where it was")
    try:
        marking.undo()
    except StaleError as error:
        return _page(request, Typed(problem=error.messages), 409)
    return see_other(request, "request", request=entry.request.id)


def _decide(marking: Marking, entry: RequestEntry, form: Form) -> None:
    text, seen = form.text("text"), form.integer("version")
    regrades, request = Regrades(marking), entry.request
    match form.choice("do", {"accept", "decline", "reply"}):
        case "reply":
            regrades.reply(request.id, text, seen)
        case "decline":
            regrades.decide(request.id, text, seen, accepted=False)
        case _:
            stored = _stored(marking, entry)
            wanted = _wanted(marking, stored, form, text) if stored and request.question else None
            regrades.decide(request.id, text, seen, accepted=True, wanted=wanted)


def _wanted(marking: Marking, stored: StoredMark, form: Form, text: str) -> tuple[Mark, str] | None:
    """The mark that is to be written, with the version that was seen; None where the points stay as they are."""
    typed, seen = (form.optional("points") or "").strip(), form.text("seen")
    if not typed or exact_points(typed) == stored.points:
        if seen != stored.version:
            raise StaleError("the answer was graded since you saw it; look at its points and decide again")
        return None
    rubric = marking.rubric(stored.question).rubric
    mark = with_points(stored.mark or Mark(flagged=stored.flagged), rubric, stored.max_score, exact_points(typed))
    tests = stored.kind is GradedKind.TESTS
    return (replace(mark, comment=text) if tests else mark), seen


def _page(request: Request, typed: Typed, status: int = 200) -> HTMLResponse:
    marking, entry = _asked_for(request)
    question, stored = entry.request.question, _stored(marking, entry)
    asked = marking.answers.asked(question) if question and _is_there(marking, entry) else None
    return render(
        request,
        "request.html.jinja",
        status=status,
        row=Row(entry),
        stored=stored,
        given="" if stored is None or stored.points is None else shown_points(stored.points),
        extra=shown_points(stored.extra_credit) if stored else "",
        items=_items(marking, stored),
        cells=cells_of(asked, marking.answers.given(question, entry.student.student_id))
        if asked and question
        else None,
        folds=folds_of(request),
        place=Regrades(marking).place(entry.request.id),
        heading=title_of(marking, entry.request.assignment),
        answer=_answer_of(request, stored) if asked else None,
        whole=_whole_of(request, marking, entry),
        last=_last_here(marking, entry),
        typed=typed,
        zone=desk_of(request).opened.course.zone,
    )


def _asked_for(request: Request) -> tuple[Marking, RequestEntry]:
    marking, request_id = marking_of(request), request.path_params["request"]
    if request_id not in dict(marking.database.marks.request_places()):
        raise not_found(f"there is no request {escape(request_id, 40)!r}")
    return marking, Regrades(marking).request(request_id)


def _stored(marking: Marking, entry: RequestEntry) -> StoredMark | None:
    """How the answer stands; None for a whole assignment, and where there is no graded answer."""
    rows = marking.database.marks.standing_in(entry.request.assignment, entry.request.student_id)
    return next((row for row in rows if row.question == entry.request.question), None)


def _items(marking: Marking, stored: StoredMark | None) -> list[tuple[str, str]]:
    """Points and texts of the rubric items that the answer carries."""
    if stored is None or stored.mark is None:
        return []
    carried = stored.mark.items
    return [
        (signed(item.points), item.text)
        for item in marking.rubric(stored.question).rubric.ordered
        if item.id in carried
    ]


def _answer_of(request: Request, stored: StoredMark | None) -> str | None:
    """Where the answer stands in the queue of its question; tests have none."""
    if stored is None or stored.kind is GradedKind.TESTS:
        return None
    return link(request, "answer", key=key_of(stored.question, stored.student_id), **address_of(stored.question))


def _whole_of(request: Request, marking: Marking, entry: RequestEntry) -> str | None:
    """The page of the whole submission, at the question."""
    there = {"assignment": entry.request.assignment, "student": entry.request.student_id}
    if not _is_there(marking, entry) or entry.max_score is None:
        return None
    question = entry.request.question
    at = question and link(request, "submission_at", notebook=question.notebook, question=question.grade_id, **there)
    return at or link(request, "submission", **there)


def _is_there(marking: Marking, entry: RequestEntry) -> bool:
    """Whether the course still has the assignment."""
    return entry.request.assignment in {one.name for one in marking.opened.course.notebook_assignments}


def _last_here(marking: Marking, entry: RequestEntry) -> Action | None:
    """What this grader did last, if it was here: that can be undone."""
    last = next((action for action in marking.actions() if not action.undone), None)
    here = (entry.request.question, (entry.request.student_id,))
    return last if last is not None and (last.question, last.students) == here else None


def _shown(points: Decimal | None) -> str:
    return "–" if points is None else shown_points(points)


ROUTES = (
    get("/requests", show_requests, "requests"),
    *request_new.ROUTES,
    get("/requests/{request}", show_request, "request"),
    post("/requests/{request}", decide, "request_decide"),
    post("/requests/{request}/undo", undo, "request_undo"),
)
