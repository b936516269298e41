"""Run a notebook cell by cell under its limits: the policy that every engine shares.

A cell is sent when its turn comes, so a hidden test is not in the process before. At a limit the cell is interrupted;
if that does not help, or the kernel dies, its sandbox is killed, a new kernel runs the earlier cells again without the
one that killed it, and the notebook goes on.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from grader.execution.kernel import Kernel, KernelDied, Message, Reply, StartKernel
from grader.execution.limits import Breach, breach_in_error, breach_in_usage
from grader.execution.outputs import Recorder
from grader.model import (
    CellRun,
    Executed,
    Files,
    Incident,
    IncidentKind,
    Limits,
    Notebook,
    ProbeRun,
    Probes,
    RunStatus,
)

NO_PROBES: Probes = MappingProxyType({})
_SAMPLE_SECONDS = 0.1
_GRACE_SECONDS = 2.0
_MOST_RESTARTS = 3
_ERROR_NAMES = {
    IncidentKind.TIME: "TimeLimitReached",
    IncidentKind.MEMORY: "MemoryLimitReached",
    IncidentKind.OUTPUT: "OutputLimitReached",
    IncidentKind.DISK: "DiskLimitReached",
    IncidentKind.PROCESSES: "ProcessLimitReached",
    IncidentKind.CRASH: "KernelDied",
}
_CRASH = Breach(IncidentKind.CRASH, "the kernel died while this cell ran")


def run_notebook(
    notebook: Notebook, files: Files, limits: Limits, start: StartKernel, probes: Probes = NO_PROBES
) -> Executed:
    """Run every code cell in order; only outputs and execution counts differ in the notebook that is returned."""
    run = _Run(notebook, files, limits, start)
    try:
        for index, source in _code_cells(notebook):
            run.cell(index, source)
            run.probe(index, probes.get(index, ()))
        return run.result()
    finally:
        run.close()


def _code_cells(notebook: Notebook) -> Iterator[tuple[int, str]]:
    for index, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            yield index, cell["source"]


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a cell ended; `alive` tells whether the kernel can run another."""

    reply: Reply | None
    breach: Breach | None
    alive: bool
    seconds: float


@dataclass(slots=True)
class _Run:
    """One notebook's run while it lasts."""

    notebook: Notebook
    files: Files
    limits: Limits
    start: StartKernel
    kernel: Kernel | None = None
    restarts: int = -1
    runs: dict[int, CellRun] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    recorded: list[int] = field(default_factory=list)
    not_again: set[int] = field(default_factory=set)
    probes: dict[int, tuple[ProbeRun, ...]] = field(default_factory=dict)
    recorder: Recorder = field(init=False)
    end: float = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(int(self.limits.output_mb * (1 << 20)))
        self.end = time.monotonic() + self.limits.notebook_seconds

    def cell(self, index: int, source: str) -> None:
        """Run one cell of the notebook and record how it went."""
        if not source.strip():
            self.runs[index] = CellRun(RunStatus.COMPLETED)
            return
        if self._kernel() is None:
            self.runs[index] = CellRun(RunStatus.NOT_RUN)
            return
        self.recorded.append(index)
        self.recorder.begin(len(self.recorded))
        self._judge(index, self._ended(source, self.recorder))

    def probe(self, index: int, sources: Sequence[str]) -> None:
        """Run what should fail now that this cell has run to its end, and keep how it failed apart from the notebook.

        Once one did not fail, no more are run: that is known then, and nothing that it did lasts longer than it must.
        """
        if self.kernel is None or self.runs[index].status is not RunStatus.COMPLETED:
            return
        found: list[ProbeRun] = []
        for source in sources:
            if time.monotonic() >= self.end:
                break
            found.append(self._probed(source))
            if found[-1].status is not RunStatus.RAISED:
                break
        if found:
            self.probes[index] = tuple(found)

    def _probed(self, source: str) -> ProbeRun:
        scratch = Recorder(0)
        scratch.begin(0)
        ended = self._ended(source, scratch, counted=False)
        if not ended.alive:
            self._drop_kernel()
        if ended.reply is None:
            return ProbeRun(RunStatus.STOPPED)
        status = RunStatus.COMPLETED if ended.reply.completed else RunStatus.RAISED
        return ProbeRun(status, ended.reply.evalue, scratch.last_error[1])

    def _judge(self, index: int, ended: _Ended) -> None:
        breach = ended.breach
        if breach is None and ended.reply is not None and not ended.reply.completed:
            told, shown = (ended.reply.ename, ended.reply.evalue), self.recorder.last_error
            noted = breach_in_error(*told, self.limits) or breach_in_error(*shown, self.limits)
            status = RunStatus.RAISED
            if shown == ("", ""):  # too long to be sent: whoever reads the outputs alone must see that it failed
                self.recorder.add_error(
                    ended.reply.ename or "Error", ended.reply.evalue or "its text was too long to keep"
                )
        elif breach is None:
            noted, status = None, RunStatus.COMPLETED
        else:
            noted, status = breach, RunStatus.STOPPED
            self.recorder.add_error(_ERROR_NAMES[breach.kind], breach.sentence)
        if noted is not None:
            self._note(noted, index)
        if self.recorder.dropped and (noted is None or noted.kind is not IncidentKind.OUTPUT):
            sentence = f"the notebook's output exceeded {self.limits.output_mb:g} MB here; the rest was dropped"
            self._note(Breach(IncidentKind.OUTPUT, sentence), index)
        self.runs[index] = CellRun(status, ended.seconds)
        if not ended.alive:
            self._drop_kernel()

    def result(self) -> Executed:
        """Return the notebook as it stands."""
        notebook = copy.deepcopy(self.notebook)
        outputs = dict(zip(self.recorded, self.recorder.outputs(), strict=True))
        counts = {index: count for count, index in enumerate(self.recorded, 1)}
        from nbformat import from_dict

        for index, cell in enumerate(notebook["cells"]):
            if cell["cell_type"] == "code":
                cell["outputs"] = from_dict(outputs.get(index, []))  # type: ignore[no-untyped-call]
                cell["execution_count"] = counts.get(index)
        runs = tuple(self.runs.get(index) for index in range(len(notebook["cells"])))
        return Executed(notebook, runs, tuple(self.incidents), self.probes)

    def close(self) -> None:
        """Leave nothing running."""
        self._drop_kernel()

    def _drop_kernel(self) -> None:
        if self.kernel is not None:
            self.kernel.close()
            self.kernel = None

    def _kernel(self) -> Kernel | None:
        """Return the kernel, started anew and brought up to date if it died, or None if it may not be."""
        while self.kernel is None:
            if self.restarts >= _MOST_RESTARTS or time.monotonic() >= self.end:
                return None
            self.restarts += 1
            self.kernel = self.start(self.notebook, self.files, self.limits)
            self._catch_up()
        return None if time.monotonic() >= self.end else self.kernel

    def _catch_up(self) -> None:
        """Run again, in a new kernel, what ended by itself in the old one; the first outputs stand."""
        for index in list(self.recorded):
            before = self.runs[index].status
            if before is RunStatus.STOPPED or index in self.not_again:
                continue
            scratch = Recorder(0)
            scratch.begin(0)
            ended = self._ended(self.notebook["cells"][index]["source"], scratch)
            if not ended.alive:
                self._note(Breach(IncidentKind.CRASH, "the kernel did not survive running this cell once more"), index)
                self.not_again.add(index)
                self._drop_kernel()
                return
            if before is RunStatus.COMPLETED and not (ended.reply is not None and ended.reply.completed):
                sentence = "it ran at first, but failed when it was run once more after the kernel had died"
                self._note(Breach(IncidentKind.CRASH, sentence), index)

    def _note(self, breach: Breach, index: int) -> None:
        metadata = self.notebook["cells"][index].get("metadata", {}).get("nbgrader", {})
        grade_id = metadata.get("grade_id") if isinstance(metadata, dict) else None
        self.incidents.append(Incident(breach.kind, breach.sentence, index, grade_id))

    def _ended(self, source: str, recorder: Recorder, *, counted: bool = True) -> _Ended:
        """Run one cell to its end, whichever that is."""
        assert self.kernel is not None
        began = time.monotonic()
        watch = _Watch(self.kernel, self.limits, began, self.end)
        try:
            self.kernel.submit(source, counted=counted)
            while True:
                event = self.kernel.receive(watch.patience())
                if isinstance(event, Reply):
                    return _Ended(event, watch.breach, alive=True, seconds=time.monotonic() - began)
                if isinstance(event, Message):
                    recorder.add(event)
                if watch.look(flooded=recorder.flooded):
                    return _Ended(None, watch.breach, alive=False, seconds=time.monotonic() - began)
        except KernelDied:
            return _Ended(None, watch.breach or _CRASH, alive=False, seconds=time.monotonic() - began)


class _Watch:
    """The clock and the measures of one running cell."""

    def __init__(self, kernel: Kernel, limits: Limits, began: float, end: float) -> None:
        self.breach: Breach | None = None
        self._kernel, self._limits = kernel, limits
        self._deadline = min(began + limits.cell_seconds, end)
        self._whole_notebook = end <= began + limits.cell_seconds
        self._next_sample = began + _SAMPLE_SECONDS

    def patience(self) -> float:
        """Return how long nothing needs to be looked at."""
        return max(0.0, min(self._deadline, self._next_sample) - time.monotonic())

    def look(self, *, flooded: bool) -> bool:
        """Interrupt the cell at its first breach; tell whether the sandbox must be killed."""
        now = time.monotonic()
        if now >= self._deadline and self.breach is not None:
            return True
        if now >= self._deadline:
            self._interrupt(self._time_is_up(), now)
        elif flooded and self.breach is None:
            sentence = f"it went on printing long after the limit of {self._limits.output_mb:g} MB"
            self._interrupt(Breach(IncidentKind.OUTPUT, sentence), now)
        if now < self._next_sample:
            return False
        self._next_sample = now + _SAMPLE_SECONDS
        found = breach_in_usage(self._kernel.usage(), self._limits)
        self.breach = self.breach or found
        return found is not None

    def _interrupt(self, breach: Breach, now: float) -> None:
        self.breach = breach
        self._deadline = now + _GRACE_SECONDS
        self._kernel.interrupt()

    def _time_is_up(self) -> Breach:
        if self._whole_notebook:
            sentence = f"the whole notebook ran for more than {self._limits.notebook_seconds:g} s and was stopped here"
        else:
            sentence = f"it ran for more than {self._limits.cell_seconds:g} s and was stopped"
        return Breach(IncidentKind.TIME, sentence)
