"""The app: the gate, the pages, and nothing in between."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from grader.pipeline.answers import Answers
from grader.review.assets import PREFIX, serve_asset
from grader.review.desk import Desk, Settings
from grader.review.door import Door
from grader.review.gate import MAX_BODY, Gate
from grader.review.page import problem
from grader.review.regrade import Errands, ended_with_the_app
from grader.review.routing import route

if TYPE_CHECKING:
    from grader.pipeline.course import OpenCourse
    from grader.store import Database

PAGES = ("course", "queue", "rubric", "groups", "submission", "attempts", "regrade", "requests")
"""Modules of this package with pages: each has `ROUTES`, a tuple of `get(...)` and `post(...)`."""
_WORDS = {404: "There is no such page.", 405: "This page cannot be asked for like that.", 413: "That is too much."}


def create_app(opened: OpenCourse, database: Database, settings: Settings) -> Starlette:
    """The app for one course, one person and one run; the database is used in the event loop's thread alone."""
    door = Door(settings.token, settings.port)
    endpoints = [endpoint for name in PAGES for endpoint in import_module(f"grader.review.{name}").ROUTES]
    app = Starlette(
        routes=[
            Route(f"{PREFIX}{{path:path}}", _asset, methods=["GET"], name="static"),
            *(route(endpoint, door) for endpoint in endpoints),
        ],
        middleware=[
            Middleware(Gate, door=door, settings=settings),
            Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY),
        ],
        lifespan=ended_with_the_app,
        exception_handlers={HTTPException: _told},
    )
    app.state.desk = Desk(opened, database, settings, Answers(opened))
    app.state.door = door
    app.state.errands = Errands(opened.folder.root)
    return app


async def _asset(request: Request) -> Response:
    return serve_asset(request)


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = problem(request, error.status_code, (_WORDS.get(error.status_code, error.detail),))
    response.headers.update(error.headers or {})
    return response
