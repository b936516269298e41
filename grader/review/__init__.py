"""The web app for grading by hand: parse a request, call the pipeline, render a template; nothing else lives here."""

from __future__ import annotations

from grader.review.app import create_app
from grader.review.desk import Settings
from grader.review.server import serve

__all__ = ["Settings", "create_app", "serve"]
