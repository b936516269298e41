"""Sources made ready once: from then on they come out of the cache, until anything that they depend on changes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from grader.errors import NotebookError
from grader.model import Bundle, Limits
from grader.pipeline import bundle
from grader.pipeline.course import open_course


def load(course: Path) -> Bundle:
    """Load the bundle of ps1."""
    opened = open_course(course)
    (assignment,) = opened.course.chosen(["ps1"])
    return bundle.load_bundle(opened, assignment)


def test_the_second_time_nothing_is_prepared(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal bundles, the second without nbgrader's steps."""
    first = load(course)
    monkeypatch.setattr(bundle, "instructor_version", None)
    monkeypatch.setattr(bundle, "release", None)
    assert first == load(course)


@pytest.mark.parametrize("name", ["header.ipynb", "ps1/data.csv"])
def test_what_lies_beside_a_source_counts(course: Path, name: str) -> None:
    """A header for all assignments or a data file makes another bundle."""
    before = load(course)
    more = {"id": "more", "cell_type": "markdown", "metadata": {}, "source": "more"}
    frame = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [more]}
    (course / "source_assignments" / name).write_text(json.dumps(frame))
    assert before.digest != load(course).digest


def test_a_changed_limit_counts(course: Path) -> None:
    """Limits are part of the bundle."""
    before = load(course)
    config = course / "course.toml"
    config.write_text(config.read_text().replace("memory_mb = 512", "memory_mb = 513"))
    after = load(course)
    assert replace(Limits(), cell_seconds=5, memory_mb=513) == after.limits
    assert before.digest != after.digest


@pytest.mark.parametrize("content", ["", "[]", '{"key": 1}', "[" * 100_000])
def test_a_damaged_cache_is_made_anew(course: Path, content: str) -> None:
    """Whatever stands in its place."""
    before = load(course)
    (course / ".grader/cache/ps1.json").write_text(content)
    assert before == load(course)
    assert before.digest in (course / ".grader/cache/ps1.json").read_text()


def test_faults_are_told_each_time(course: Path) -> None:
    """What cannot be prepared is not kept."""
    (course / "source_assignments/ps1/squares.ipynb").write_text("{}")
    for _ in range(2):
        with pytest.raises(NotebookError, match=r"squares\.ipynb"):
            load(course)
