"""The gradebook: scores and rules in, one weighted grade a student out. All of it is pure."""

from __future__ import annotations

from grader.gradebook.book import CategoryGrade, Gradebook, ItemGrade, Overall, StudentGrade
from grader.gradebook.compute import compute
from grader.gradebook.exact import exact, rounded, shown
from grader.gradebook.formats.plain import to_csv
from grader.gradebook.formats.plan import Change, ImportPlan, Matched, Problem
from grader.gradebook.formats.reading import read_scores
from grader.gradebook.policies import CategoryPolicy, GradingPolicy, Policies
from grader.gradebook.scores import Item, ItemScore, Scores, Status

__all__ = [
    "CategoryGrade",
    "CategoryPolicy",
    "Change",
    "Gradebook",
    "GradingPolicy",
    "ImportPlan",
    "Item",
    "ItemGrade",
    "ItemScore",
    "Matched",
    "Overall",
    "Policies",
    "Problem",
    "Scores",
    "Status",
    "StudentGrade",
    "compute",
    "exact",
    "read_scores",
    "rounded",
    "shown",
    "to_csv",
]
