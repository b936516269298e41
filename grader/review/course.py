"""Pages about the course: its assignments, its class, its report, each student."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.review.desk import desk_of
from grader.review.page import render
from grader.review.routing import get

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def show_assignments(request: Request) -> Response:
    """All assignments: what came in, what is graded, what waits."""
    from grader.pipeline.status import status

    desk = desk_of(request)
    return render(request, "assignments.html.jinja", states=status(desk.opened, desk.database, ()))


ROUTES = (get("/", show_assignments, "assignments"),)
