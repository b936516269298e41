"""The heart: from what one student handed in to its scores, a function of values."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from grader.errors import NotebookError
from grader.model import (
    Bundle,
    Canaries,
    CellScore,
    Execute,
    Executed,
    Files,
    Flag,
    Graded,
    GradedNotebook,
    Notebook,
    Rejected,
    Repair,
    Submission,
)
from grader.notebook import (
    find_notebooks,
    points_cells,
    read,
    restore,
    score,
    score_unexecuted,
    with_student_outputs,
)
from grader.notebook.canaries import Twin, tampering_seen, twins
from grader.notebook.scan import scan
from grader.notebook.surroundings import missed

NOTEBOOK = ".ipynb"


def grade_submission(submission: Submission, bundle: Bundle, execute: Execute) -> Graded | Rejected:
    """Score everything that one student handed in for an assignment; rejected if none of it can be read.

    A fault of ours in `execute` raises; whatever the student did is in the value.
    """
    started = time.monotonic()
    found = find_notebooks(submission.files, bundle.releases)
    notebooks = tuple(
        _grade_file(name, found.found.get(name), submission, bundle, execute) for name in sorted(bundle.sources)
    )
    if all(notebook.rejection for notebook in notebooks):
        reasons = (*submission.problems, *(notebook.rejection for notebook in notebooks if notebook.rejection))
        return Rejected(submission.student_id, submission.assignment, " ".join(dict.fromkeys(reasons)), notebooks)
    refused = tuple(Flag("refused-entry", problem) for problem in submission.problems)
    first = replace(
        notebooks[0],
        repairs=(*found.repairs, *notebooks[0].repairs),
        flags=(*refused, *found.flags, *notebooks[0].flags),
    )
    return Graded(submission.student_id, submission.assignment, (first, *notebooks[1:]), time.monotonic() - started)


def best(attempts: Sequence[Graded | Rejected]) -> Graded | Rejected:
    """The outcome with the most automatic points, of attempts from the latest to the first; of equals, the latest."""
    chosen = max(range(len(attempts)), key=lambda index: (_points(attempts[index]), -index))
    outcome = attempts[chosen]
    if chosen == 0 or isinstance(outcome, Rejected):
        return outcome
    told = Repair("best-attempt", f"Of {len(attempts)} attempts an earlier one counts: it has the most points.")
    first = replace(outcome.notebooks[0], repairs=(told, *outcome.notebooks[0].repairs))
    return replace(outcome, notebooks=(first, *outcome.notebooks[1:]), attempt=chosen)


def grade_notebook(name: str, submitted: Notebook, work: Files, bundle: Bundle, execute: Execute) -> GradedNotebook:
    """Score one submitted notebook against the instructor's version, beside the files of its working folder."""
    instructor, released = bundle.sources[name], bundle.releases[name]
    restored = restore(submitted, instructor, released)
    if not bundle.execute:
        theirs = with_student_outputs(restored, submitted)
        scored = score_unexecuted(theirs, instructor, released=released)
        flags = (*restored.flags, *scored.flags)
        return GradedNotebook(name, theirs, scored.scores, restored.repairs, flags, unanswered=scored.unanswered)
    planned = twins(restored.notebook, instructor, _words(), bundle.canaries)
    executed = _executed(restored.notebook, work, bundle, planned, execute)
    scored = score(executed, instructor, released=released)
    seconds = tuple(None if run is None else run.seconds for run in executed.runs)
    return GradedNotebook(
        name=name,
        notebook=executed.notebook,
        scores=scored.scores,
        repairs=restored.repairs,
        flags=(*restored.flags, *scored.flags, *_suspicions(executed, planned, bundle)),
        incidents=(*executed.incidents, *missed(executed, instructor)),
        seconds=sum(second or 0.0 for second in seconds),
        cell_seconds=seconds,
        unanswered=scored.unanswered,
    )


def _executed(
    notebook: Notebook, work: Files, bundle: Bundle, planned: Mapping[int, Sequence[Twin]], execute: Execute
) -> Executed:
    if not planned:
        return execute(notebook, work, bundle.limits)
    probes = {index: [twin.source for twin in of_cell] for index, of_cell in planned.items()}
    return execute(notebook, work, bundle.limits, probes)


def _suspicions(executed: Executed, planned: Mapping[int, Sequence[Twin]], bundle: Bundle) -> tuple[Flag, ...]:
    if bundle.canaries is Canaries.OFF:
        return ()
    return (*tampering_seen(executed, planned), *scan(executed.notebook))


def _words() -> Iterator[str]:
    """Words that nobody knows beforehand; they are in no result."""
    while True:
        yield secrets.token_hex(8)


def work_files(submission: Submission, bundle: Bundle) -> Files:
    """The working folder: the student's own files, and over them the instructor's data, which wins."""
    own = {path: content for path, content in submission.files.items() if not path.endswith(NOTEBOOK)}
    return {**own, **bundle.files}


def _grade_file(
    name: str, path: str | None, submission: Submission, bundle: Bundle, execute: Execute
) -> GradedNotebook:
    if path is None:
        return _rejected(name, bundle, f"{name}{NOTEBOOK} was not handed in.")
    try:
        submitted = read(submission.files[path], path)
    except NotebookError as error:
        return _rejected(name, bundle, f"{error}.")
    graded = grade_notebook(name, submitted.notebook, work_files(submission, bundle), bundle, execute)
    return replace(graded, repairs=(*submitted.repairs, *graded.repairs))


def _rejected(name: str, bundle: Bundle, reason: str) -> GradedNotebook:
    """Nothing to grade: 0 in every cell, and the release version stands in for what was not there."""
    scores = tuple(
        CellScore(cell.grade_id, cell.kind, cell.max_score, 0.0, needs_manual=False, reason=reason)
        for cell in points_cells(bundle.sources[name])
    )
    return GradedNotebook(name, bundle.releases[name], scores, rejection=reason)


def _points(outcome: Graded | Rejected) -> float:
    """Automatic points; what cannot be read is less than nothing."""
    if isinstance(outcome, Rejected):
        return -1.0
    return sum(score.auto_score or 0.0 for notebook in outcome.notebooks for score in notebook.scores)
