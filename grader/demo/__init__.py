"""The demo: a course of our own, and a class invented for it. Values in and out; nothing is written here."""

from __future__ import annotations

from grader.demo.course import course_files
from grader.demo.fates import Fate
from grader.demo.invention import SEED, Drop, InventedClass, invent
from grader.demo.people import STUDENTS, not_invented, roster_csv

__all__ = [
    "SEED",
    "STUDENTS",
    "Drop",
    "Fate",
    "InventedClass",
    "course_files",
    "invent",
    "not_invented",
    "roster_csv",
]
