"""Addresses of pages, and what stands between a request and the plain function that answers it.

Handlers are plain functions, called one after the other in the event loop's own thread. The app serves one person:
SQLite wants one thread, a handler that reads and then writes is not interleaved with another one, and there are no
locks to get wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from grader.errors import GraderError, StaleError, StoreError
from grader.review.errors import Refusal
from grader.review.forms import Form, Sent
from grader.review.page import problem

if TYPE_CHECKING:
    from grader.review.door import Door

Handler: TypeAlias = Callable[[Request], Response]
MAX_FIELDS = 2000
_LOG = logging.getLogger("grader.review")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method and an address, and the function that answers there."""

    method: str
    path: str
    handler: Handler
    name: str
    upload: int = 0
    """Of how many bytes a file may come with the form; none may for 0."""


def get(path: str, handler: Handler, name: str) -> Endpoint:
    """A page to look at; it changes nothing."""
    return Endpoint("GET", path, handler, name)


def post(path: str, handler: Handler, name: str, *, upload: int = 0) -> Endpoint:
    """A write; its handler finds the fields with `form_of`. Without our pages' secret it is never called."""
    return Endpoint("POST", path, handler, name, upload)


def form_of(request: Request) -> Form:
    """The form that was sent to a handler of `post`."""
    form = request.state.form
    assert isinstance(form, Form)
    return form


def route(endpoint: Endpoint, door: Door) -> Route:
    """The endpoint as Starlette wants it: the form read, its secret checked, every error told as what it is."""

    async def answer(request: Request) -> Response:
        try:
            if endpoint.method == "POST":
                request.state.form = await _checked_form(request, door, files=1 if endpoint.upload else 0)
            return endpoint.handler(request)
        except HTTPException:
            raise
        except GraderError as error:
            return problem(request, status_of(error), error.messages)
        except Exception:  # noqa: BLE001 - the app's boundary: a bug of ours in one page must not end the others
            _LOG.exception("%s %s failed", request.method, request.url.path)
            return problem(request, 500, ("This is a fault of grader, not yours; the terminal tells more.",))

    larger = [Middleware(RequestBodyLimitMiddleware, max_body_size=endpoint.upload)] if endpoint.upload else None
    return Route(endpoint.path, answer, methods=[endpoint.method], name=endpoint.name, middleware=larger)


def status_of(error: GraderError) -> int:
    """The HTTP status that says what kind of trouble it is."""
    match error:
        case Refusal():
            return error.status
        case StaleError():
            return 409
        case StoreError():
            return 503
        case _:
            return 400


async def _checked_form(request: Request, door: Door, files: int) -> Form:
    async with request.form(max_fields=MAX_FIELDS, max_files=files) as sent:
        items = sent.multi_items()
        fields = tuple((name, value) for name, value in items if isinstance(value, str))
        uploads = [(name, value) for name, value in items if not isinstance(value, str)]
        form = Form(fields, tuple([(name, Sent(one.filename or "", await one.read())) for name, one in uploads]))
    if not door.trusts(request.headers.get("x-csrf-token") or form.optional("csrf")):
        raise Refusal(403, "this did not come from a page of this run of grader review; reload the page and try again")
    return form
