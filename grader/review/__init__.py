"""The web app for grading by hand: parse a request, call the pipeline, render a template; nothing else lives here.

A page is a module named in `app.PAGES` with `ROUTES`, a tuple of `get(path, handler, name)` and `post(...)`. A handler
is a plain function of a request: it finds course and database with `desk_of`, what was sent with `form_of`, and answers
with `render`. Errors are raised: a `GraderError` becomes a line on the page, or in its corner where htmx asked. Keys
are attributes of what they press: `data-key="j"`, `data-says` for the sheet of keys.
"""

from __future__ import annotations

from grader.review.app import create_app
from grader.review.desk import Settings
from grader.review.server import serve

__all__ = ["Settings", "create_app", "serve"]
