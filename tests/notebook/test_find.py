"""Which file is which notebook, whatever students and systems made of the names."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest

from grader.notebook import find_notebooks


def data(notebook: Any) -> bytes:
    """A notebook as a file."""
    return json.dumps(notebook).encode()


def other(assignment: Any) -> Any:
    """The release of a second notebook: other ids, other texts."""
    released = json.loads(json.dumps(assignment.released).replace("square", "root").replace("cube", "log"))
    for cell in released["cells"]:
        if meta := cell["metadata"].get("nbgrader"):
            meta["grade_id"] = "second_" + meta["grade_id"]
    return released


@pytest.fixture
def releases(assignment):
    """An assignment of one notebook."""
    return {"Homework 1": assignment.released}


@pytest.fixture
def solved(assignment):
    """A file with answers in it."""
    return data(assignment.solved)


@pytest.fixture
def unsolved(assignment):
    """The release as a file."""
    return data(assignment.released)


def test_the_exact_name_is_taken_unread(releases):
    """Where the names settle it no file is read: a broken one is for whoever reads it next to report."""
    found = find_notebooks({"Homework 1.ipynb": b"not json", "data.csv": b"1"}, releases)
    assert ({"Homework 1": "Homework 1.ipynb"}, (), (), ()) == (
        found.found,
        found.repairs,
        found.flags,
        found.problems,
    )


@pytest.mark.parametrize(
    "name",
    [
        "homework 1.ipynb",
        "Homework_1.ipynb",
        "homework1.IPYNB",
        "Hómework 1.ipynb",
        unicodedata.normalize("NFD", "Hómework 1.ipynb"),
        "Homework 1 (1).ipynb",
        "Homework 1(2).ipynb",
        "Homework 1-Copy1.ipynb",
        "Homework 1 - Copy.ipynb",
        "Homework 1 copy 2.ipynb",
        "Copy of Homework 1.ipynb",
        "Homework 1-2.ipynb",
        "homework_1-Copy1 (2).ipynb",
        "doejane_123_456_Homework 1.ipynb",
        "some/folder/Homework 1.ipynb",
        "untitled.ipynb",
    ],
)
def test_a_renamed_notebook_is_found(releases, solved, name):
    """The student is told under which name it was found."""
    found = find_notebooks({name: solved}, releases)
    assert {"Homework 1": name} == found.found
    assert ["renamed"] == [repair.kind for repair in found.repairs]
    assert ((), ()) == (found.flags, found.problems)


@pytest.mark.parametrize("name", ["Homework 1 (1).ipynb", "mine.ipynb", "old/Homework 1.ipynb"])
def test_the_answer_wins_over_the_release_beside_it(releases, solved, unsolved, name):
    """The unsolved release has the right name; the answer has another."""
    found = find_notebooks({"Homework 1.ipynb": unsolved, name: solved}, releases)
    assert {"Homework 1": name} == found.found
    assert () == found.flags


def test_of_two_answers_the_right_name_wins_and_staff_are_told(assignment, releases, solved):
    """Both are answers: the exact name counts, and a person may decide otherwise."""
    partly = data(assignment.answered({"square": assignment.answers["square"]}))
    found = find_notebooks({"Homework 1.ipynb": partly, "Homework 1-Copy1.ipynb": solved}, releases)
    assert {"Homework 1": "Homework 1.ipynb"} == found.found
    (flag,) = found.flags
    assert "several-notebooks" == flag.kind
    assert "Homework 1-Copy1.ipynb" in flag.sentence


def test_the_same_file_twice_is_no_question(releases, solved):
    """Identical copies: nobody needs to decide."""
    found = find_notebooks({"Homework 1.ipynb": solved, "Homework 1 (1).ipynb": solved}, releases)
    assert ({"Homework 1": "Homework 1.ipynb"}, ()) == (found.found, found.flags)


def test_a_broken_file_does_not_matter_beside_a_good_one(releases, solved):
    """The copy that can be read is taken; the other is mentioned with the reason."""
    found = find_notebooks({"Homework 1.ipynb": b"{", "Homework 1 (1).ipynb": solved}, releases)
    assert {"Homework 1": "Homework 1 (1).ipynb"} == found.found
    assert found.problems[0].startswith("Homework 1.ipynb: line 1")


def test_a_broken_file_alone_is_found_so_that_its_reason_is_told(releases):
    """Reading it afterwards tells why it cannot be graded."""
    assert {"Homework 1": "hw.ipynb"} == find_notebooks({"hw.ipynb": b"{"}, releases).found


@pytest.mark.parametrize(
    "name",
    [
        ".ipynb_checkpoints/Homework 1-checkpoint.ipynb",
        "__MACOSX/._Homework 1.ipynb",
        "._Homework 1.ipynb",
        ".Homework 1.ipynb",
        "Homework 1.ipynb.txt",
        "Homework 1.html",
    ],
)
def test_what_is_no_notebook_of_somebodys_is_left_out(releases, solved, name):
    """Systems' leftovers and other files are never taken, not even alone."""
    found = find_notebooks({name: solved}, releases)
    assert {} == found.found
    assert "“Homework 1” was not handed in" in found.problems[0]
    assert {"Homework 1": "x.ipynb"} == find_notebooks({name: solved, "x.ipynb": solved}, releases).found


def test_several_notebooks_are_told_apart_by_content(assignment, solved):
    """Names that say nothing, or the wrong thing."""
    releases = {"one": assignment.released, "two": other(assignment)}
    found = find_notebooks({"a.ipynb": data(other(assignment)), "b.ipynb": solved}, releases)
    assert {"one": "b.ipynb", "two": "a.ipynb"} == found.found
    found = find_notebooks({"one.ipynb": solved, "one (1).ipynb": data(other(assignment))}, releases)
    assert {"one": "one.ipynb", "two": "one (1).ipynb"} == found.found


def test_a_notebook_without_metadata_is_told_by_its_text(assignment, solved):
    """Lost ids leave the texts."""
    bare = json.loads(solved)
    for cell in bare["cells"]:
        cell["metadata"] = {}
    releases = {"two": other(assignment), "one": assignment.released}
    found = find_notebooks({"x.ipynb": data(bare), "y.ipynb": data(other(assignment))}, releases)
    assert {"one": "x.ipynb", "two": "y.ipynb"} == found.found


def test_a_missing_notebook_is_named(assignment, solved):
    """One of two was not handed in; the other is not taken twice."""
    releases = {"one": assignment.released, "two": other(assignment)}
    found = find_notebooks({"one.ipynb": solved}, releases)
    assert {"one": "one.ipynb"} == found.found
    assert ("The notebook “two” was not handed in.",) == found.problems


def test_a_foreign_notebook_alone_is_taken_with_a_flag(releases):
    """The one file for the one notebook: a person sees that it has nothing in common."""
    cell = {"cell_type": "markdown", "metadata": {}, "source": "Poem"}
    foreign = data({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]})
    found = find_notebooks({"poem.ipynb": foreign}, releases)
    assert {"Homework 1": "poem.ipynb"} == found.found
    assert ["unlike-notebook"] == [flag.kind for flag in found.flags]


def test_the_order_of_files_does_not_matter(releases, solved):
    """Equal candidates: the same one whatever order they come in."""
    files = {"b/x.ipynb": solved, "a/x.ipynb": solved, "x2.ipynb": solved}
    assert find_notebooks(files, releases) == find_notebooks(dict(reversed(files.items())), releases)


def test_names_of_files_are_escaped(releases, solved):
    """A file's name cannot steer a terminal."""
    found = find_notebooks({"\x1b[2J.ipynb": solved}, releases)
    assert "\\x1b[2J.ipynb" in found.repairs[0].sentence
