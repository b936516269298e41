"""One base for everything a user can do something about; a traceback is for our own bugs alone."""

from __future__ import annotations


class GraderError(Exception):
    """Bad input or a missing condition, told in one clear line each that says what to do."""

    def __init__(self, *messages: str) -> None:
        """Carry one line a problem; all problems of one input are raised together."""
        super().__init__(*messages)
        self.messages = messages

    def __str__(self) -> str:
        """Join the lines."""
        return "\n".join(self.messages)


class ConfigError(GraderError):
    """`course.toml` or the roster says something that cannot be."""


class NotebookError(GraderError):
    """A file is no notebook, or an instructor's notebook is not one that can be released."""


class IntakeError(GraderError):
    """What was handed to `collect` cannot be taken in."""


class ScoresError(GraderError):
    """A file of scores cannot be imported as it stands."""


class StoreError(GraderError):
    """The course folder or the database does not allow what was asked."""


class SandboxError(GraderError):
    """There is no sandbox in which untrusted code may run."""


class ExecutionFault(GraderError):  # noqa: N818 - "fault" is the project's word for a failure of the grader itself
    """The grader itself failed to run a notebook; never the student's failure, never a zero."""


class MarkingError(GraderError):
    """A mark, a rubric or a request for a regrade says something that cannot be."""


class StaleError(StoreError):
    """Somebody else wrote since what was changed had been seen: who, and when; nothing was written."""
