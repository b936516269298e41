"""Pages for students: values in, one self-contained HTML text out; no files, no clock, no database.

Everything that a student or a notebook contributes is escaped, or has gone through the sanitiser (`sanitise.py`); the
pages carry no script and a Content-Security-Policy that allows none.
"""

from grader.feedback.pages import AssignmentRow, IndexPage, NotebookPage, QuestionScore, ScoreState, state_of
from grader.feedback.prose import markdown
from grader.feedback.render import CellFragment, environment, render_cells, render_index_page, render_notebook_page

__all__ = [
    "AssignmentRow",
    "CellFragment",
    "IndexPage",
    "NotebookPage",
    "QuestionScore",
    "ScoreState",
    "environment",
    "markdown",
    "render_cells",
    "render_index_page",
    "render_notebook_page",
    "state_of",
]
