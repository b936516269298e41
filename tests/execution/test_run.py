"""The policy that both engines share, against kernels made of plain Python."""

import time
from collections import deque

import nbformat
import pytest

from grader.execution.kernel import KernelDied, Message, Reply, Usage
from grader.execution.run import run_notebook
from grader.model import Limits

DONE = Reply(completed=True)
FAILED = Reply(completed=False, ename="ValueError", evalue="no")
HANG = object()
DIE = object()


def printed(text):
    """Make the message of something printed."""
    return Message("stream", {"name": "stdout", "text": text}, len(text))


class FakeKernel:
    """Answers each source as its script says; a hanging cell ends when interrupted, unless it is stubborn."""

    def __init__(self, script, usage=None, *, stubborn=False):
        self.script, self.stubborn = script, stubborn
        self.submitted, self.events = [], deque()
        self.closed = False
        self._usage = usage or Usage()

    def submit(self, source, *, counted=True):
        """Queue the script's events."""
        self.submitted.append(source)
        self.events = deque(self.script.get(source, [DONE]))

    def receive(self, seconds):
        """Give the next event, or wait."""
        event = self.events.popleft() if self.events else HANG
        if event is DIE:
            raise KernelDied
        if event is HANG:
            self.events.appendleft(HANG)
            time.sleep(min(seconds, 0.05))
            return None
        return event

    def interrupt(self):
        """End a hanging cell."""
        if not self.stubborn:
            self.events = deque([FAILED])

    def usage(self):
        """Tell what the script says."""
        return self._usage

    def close(self):
        """Remember it."""
        self.closed = True


@pytest.fixture
def play(notebook_of):
    """Run sources with a new fake kernel for each start; returns what was executed and the kernels."""

    def play(sources, script, limits=None, **options):
        kernels = []

        def start(notebook, files, limits):
            kernels.append(FakeKernel(script, **options))
            return kernels[-1]

        executed = run_notebook(notebook_of(*sources), {}, limits or Limits(cell_seconds=0.3), start)
        assert all(kernel.closed for kernel in kernels)
        return executed, kernels

    return play


def test_completed_needs_the_kernels_own_ok(play, statuses):
    """A cell is completed by an ok reply, has raised by another, and its outputs are its own."""
    executed, _ = play(["a", "b"], {"a": [printed("1"), DONE], "b": [FAILED]})
    assert statuses(executed) == ["completed", "raised"]
    assert [cell.outputs[0].output_type for cell in executed.notebook.cells] == ["stream", "error"]
    assert [cell.execution_count for cell in executed.notebook.cells] == [1, 2]
    nbformat.validate(executed.notebook)


def test_a_failure_always_shows(play, statuses):
    """A cell that failed without a readable message has an error among its outputs all the same."""
    executed, _ = play(["a", "b"], {"a": [FAILED], "b": [Message("error", None, 10**8), Reply(completed=False)]})
    assert statuses(executed) == ["raised", "raised"]
    assert [[output.get("ename") for output in cell.outputs][:1] for cell in executed.notebook.cells] == [
        ["ValueError"],
        ["Error"],
    ]


def test_the_given_notebook_is_not_changed(notebook_of):
    """The notebook that came in keeps its outputs; in the new one only outputs and counts differ."""
    given = notebook_of("a")
    given.cells[0]["outputs"] = [nbformat.v4.new_output("stream", text="old")]
    executed = run_notebook(given, {}, Limits(), lambda *_: FakeKernel({}))
    assert given.cells[0].outputs[0].text == "old"
    assert executed.notebook.cells[0].outputs == []
    assert executed.notebook.cells[0].source == "a"


def test_only_code_is_run(play, notebook_of):
    """Text cells have no run; an empty code cell completes without a kernel."""
    notebook = notebook_of("", "a")
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell("b"))
    kernel = FakeKernel({})
    executed = run_notebook(notebook, {}, Limits(), lambda *_: kernel)
    assert executed.runs[0] is None
    assert executed.runs[1].status.value == "completed"
    assert kernel.submitted == ["a"]


def test_a_cell_that_hangs_is_interrupted_and_the_kernel_kept(play, statuses, kinds):
    """At the cell's time limit it is interrupted; the next cell runs in the same kernel."""
    executed, kernels = play(["a", "b", "c"], {"b": [HANG]})
    assert statuses(executed) == ["completed", "stopped", "completed"]
    assert kinds(executed) == [("time", 1)]
    assert [kernel.submitted for kernel in kernels] == [["a", "b", "c"]]
    assert executed.notebook.cells[1].outputs[-1].ename == "TimeLimitReached"


def test_an_ok_after_the_limit_is_not_completed(play, statuses):
    """A cell that swallows the interrupt and then says ok was stopped all the same."""
    executed, _ = play(["b"], {"b": [HANG]})
    assert statuses(executed) == ["stopped"]


@pytest.mark.slow
def test_a_cell_that_cannot_be_interrupted_costs_the_kernel(play, statuses, kinds):
    """After the grace period a new kernel runs the earlier cells again, without the one that hung."""
    executed, kernels = play(["a", "b", "c"], {"b": [HANG]}, stubborn=True)
    assert statuses(executed) == ["completed", "stopped", "completed"]
    assert kinds(executed) == [("time", 1)]
    assert [kernel.submitted for kernel in kernels] == [["a", "b"], ["a", "c"]]


def test_after_a_crash_what_passed_stays_passed(play, statuses, kinds):
    """Completed and failed cells are run again in a new kernel; their first outputs stand."""
    script = {"a": [printed("1"), DONE], "b": [FAILED], "c": [printed("x"), DIE]}
    executed, kernels = play(["a", "b", "c", "d"], script)
    assert statuses(executed) == ["completed", "raised", "stopped", "completed"]
    assert kinds(executed) == [("crash", 2)]
    assert [kernel.submitted for kernel in kernels] == [["a", "b", "c"], ["a", "b", "d"]]
    assert executed.notebook.cells[0].outputs[0].text == "1"
    assert executed.notebook.cells[2].outputs[0].text == "x"


def test_no_new_kernel_for_nothing(play):
    """A kernel that dies in the last cell is not replaced."""
    _, kernels = play(["a", "b"], {"b": [DIE]})
    assert len(kernels) == 1


def test_a_cell_that_kills_again_is_left_out(notebook_of, statuses, kinds):
    """A cell that passed once and kills the next kernel keeps its result and is not run a third time."""
    scripts = [{"b": [DIE]}, {"a": [DIE]}, {}]
    kernels = []

    def start(*_):
        kernels.append(FakeKernel(scripts[len(kernels)]))
        return kernels[-1]

    executed = run_notebook(notebook_of("a", "b", "c"), {}, Limits(), start)
    assert statuses(executed) == ["completed", "stopped", "completed"]
    assert kinds(executed) == [("crash", 1), ("crash", 0)]
    assert [kernel.submitted for kernel in kernels] == [["a", "b"], ["a"], ["c"]]


def test_restarts_are_bounded(play, statuses):
    """A notebook that keeps killing its kernel is given up; the rest is not run, which is never a pass."""
    sources = [f"k{number}" for number in range(6)]
    executed, kernels = play(sources, {source: [DIE] for source in sources})
    assert statuses(executed) == ["stopped"] * 4 + ["not-run"] * 2
    assert len(kernels) == 4


def test_the_whole_notebooks_time_ends_it(play, statuses, kinds):
    """When the notebook's time is up, the running cell is stopped and the rest is not run."""
    executed, _ = play(["a", "b", "c"], {"b": [HANG]}, Limits(cell_seconds=9, notebook_seconds=0.3))
    assert statuses(executed) == ["completed", "stopped", "not-run"]
    assert kinds(executed) == [("time", 1)]


@pytest.mark.parametrize(
    ("usage", "kind"),
    [
        (Usage(memory_bytes=3 << 30), "memory"),
        (Usage(processes=500), "processes"),
        (Usage(files=1_000_000), "disk"),
    ],
)
def test_a_sandbox_that_takes_too_much_is_killed(play, statuses, kinds, usage, kind):
    """Memory, processes and files of the whole sandbox: no interrupt would free them."""
    executed, kernels = play(["a", "b"], {"a": [HANG]}, Limits(), usage=usage)
    assert statuses(executed) == ["stopped", "completed"]
    assert kinds(executed) == [(kind, 0)]
    assert len(kernels) == 2


def test_a_flood_is_interrupted(play, statuses, kinds):
    """Output far beyond the limit stops the cell; a little beyond is only dropped."""
    flood = Message("stream", None, 300 << 20)
    little = Message("stream", None, 10 << 20)
    executed, _ = play(["a", "b"], {"a": [flood, HANG], "b": [little, DONE]}, Limits())
    assert statuses(executed) == ["stopped", "completed"]
    assert kinds(executed) == [("output", 0), ("output", 1)]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (("MemoryError", ""), "memory"),
        (("_ArrayMemoryError", "Unable to allocate"), "memory"),
        (("OSError", "[Errno 28] No space left on device"), "disk"),
        (("OSError", "[Errno 27] File too large"), "disk"),
        (("BlockingIOError", "[Errno 11] Resource temporarily unavailable"), "processes"),
        (("RuntimeError", "can't start new thread"), "processes"),
    ],
)
def test_a_limit_met_as_an_exception_is_noted(play, statuses, kinds, error, kind):
    """A cell that fails at a limit has raised, and which limit it was is told."""
    executed, _ = play(["a"], {"a": [Reply(False, *error)]})
    assert statuses(executed) == ["raised"]
    assert kinds(executed) == [(kind, 0)]


def test_an_incident_names_the_question(notebook_of):
    """An incident carries the grade_id of its cell."""
    notebook = notebook_of("a")
    notebook.cells[0].metadata["nbgrader"] = {"grade_id": "q1"}
    executed = run_notebook(notebook, {}, Limits(), lambda *_: FakeKernel({"a": [DIE]}))
    assert [incident.grade_id for incident in executed.incidents] == ["q1"]
