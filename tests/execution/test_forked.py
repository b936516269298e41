"""The forked engine's own promises: what a hostile kernel sends is harmless, and whatever dies leaves nothing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from grader.errors import ExecutionFault
from grader.execution.forked import ForkedEngine, ForkedKernels, forked_engine_works
from grader.execution.frames import FrameReader, Oversized, pack, pack_text
from grader.execution.kernel import KernelDied, Message, Reply
from grader.execution.limits import descendants
from grader.execution.place import inside_environment
from grader.model import Limits
from tests.waiting import wait_until

_TEARING = """
import json, os, struct
frames = get_ipython().kernel.session.frames
def send(parent=get_ipython().parent_header["msg_id"], **frame):
    frames.write(json.dumps({"parent": parent, **frame}).encode())
"""
"""The first lines of cells that write to the pipe behind the kernel's back."""


@pytest.fixture(scope="module")
def engine(sandbox):
    """One forked engine."""
    with ForkedEngine(sandbox, ["numpy", "no_such_module"]) as engine:
        yield engine


@pytest.fixture
def run(engine, notebook_of):
    """Run code cells in the forked engine."""

    def run(*sources, files=None, **limits):
        return engine.execute(notebook_of(*sources), files or {}, Limits(**{"cell_seconds": 20, **limits}))

    return run


@pytest.fixture
def kernels(sandbox):
    """A warm process of the test's own, to be killed."""
    kernels = ForkedKernels(sandbox, [], inside_environment())
    yield kernels
    kernels.close()


def events_until_reply(kernel, source):
    """Run a cell and return what was received of it."""
    kernel.submit(source)
    events = []
    while not (events and isinstance(events[-1], Reply)):
        event = kernel.receive(20)
        assert event is not None, "no reply"
        events.append(event)
    return events


def receive_until_death(kernel):
    """Receive until that raises, as it must: nothing else can come from a cell that only sleeps."""
    for _ in range(20):
        assert kernel.receive(1) is None


def alive(pid):
    """Tell whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_works_here(sandbox):
    """Where the sandbox works and namespaces can be nested, the forked engine works."""
    assert forked_engine_works(sandbox) is None


def test_a_module_that_cannot_be_preloaded_is_passed_over(run, statuses):
    """What cannot be imported beforehand fails in the cell that imports it, and nowhere else."""
    executed = run("import no_such_module", "import numpy")
    assert statuses(executed) == ["raised", "completed"]


def test_preloaded_modules_are_there_before_the_first_cell(run, text_of):
    """The instructor's modules are imported once, not for each notebook."""
    assert text_of(run("'numpy' in __import__('sys').modules"), 0) == "True"


def test_working_folder_holds_exactly_the_files(run, text_of):
    """The kernel finds the submission's files, of any size and depth, and nothing else."""
    files = {"a.txt": b"1", "deep/er/b.bin": bytes(3 << 20), "ü.txt": b""}
    look = "from pathlib import Path; sorted((str(p), p.stat().st_size) for p in Path().rglob('*') if p.is_file())"
    assert text_of(run(look, files=files), 0) == "[('a.txt', 1), ('deep/er/b.bin', 3145728), ('ü.txt', 0)]"


def test_files_do_not_count_against_the_disk(run, statuses):
    """A submission larger than the disk that it may use can still be run."""
    executed = run("open('own', 'wb').write(bytes(1 << 19))", files={"data": bytes(5 << 20)}, disk_mb=1)
    assert statuses(executed) == ["completed"]


def test_a_cell_is_not_in_the_process_before_its_turn(run, text_of):
    """The memory of a kernel holds the cell that runs, and not the one that comes after it."""
    search = (
        "import re\n"
        "def found(pattern):\n"
        "    areas = [line.split()[0].split('-') for line in open('/proc/self/maps') if ' rw-p ' in line]\n"
        "    with open('/proc/self/mem', 'rb', 0) as memory:\n"
        "        for start, end in [(int(a, 16), int(b, 16)) for a, b in areas]:\n"
        "            memory.seek(start)\n"
        "            try:\n"
        "                if re.search(pattern, memory.read(end - start)): return True\n"
        "            except OSError: pass\n"
        "    return False\n"
        "kept = b'-'.join([b'present', b'token'])\n"
        "found(b'present[-]token'), found(b'hidden[-]token')"
    )
    executed = run(search, "'hidden-token'", "found(b'hidden[-]token')")
    assert text_of(executed, 0) == "(True, False)"
    assert text_of(executed, 2) == "True"


def test_notebooks_of_other_languages_are_not_run_as_python(engine, notebook_of):
    """A notebook for another language's kernel goes to that kernel, or is told to be missing."""
    notebook = notebook_of("1", kernel={"name": "no-such-kernel", "display_name": "?", "language": "cobol"})
    with pytest.raises(ExecutionFault, match="no-such-kernel"):
        engine.execute(notebook, {}, Limits())


@pytest.mark.parametrize(
    "tearing",
    [
        "os.write(frames._descriptor, struct.pack('<I', 9) + b'not json!')",
        "frames.write(b'[1, 2]')",
        "frames.write(b'null')",
        "frames.write(b'[' * 100_000)",
        'frames.write(b\'{"parent": 1, "msg_type": [], "content": 1}\')',
        "send(msg_type='stream', content=7)",
        "send(msg_type={}, content={})",
        "send(msg_type='error', content={'ename': 1})",
        "send(msg_type='display_data', content={'data': {1: 2}, 'metadata': 3, 'transient': 4})",
        "send(msg_type='execute_reply', content='ok')",
        "send(parent='another', msg_type='execute_reply', content={'status': 'error'})",
        "frames.write(json.dumps({'ready': True, 'fault': 'x'}).encode())",
        "frames.write(b'x' * (20 << 20))",
    ],
)
def test_frames_that_are_no_messages_change_nothing(run, statuses, text_of, tearing):
    """Junk between a cell's messages neither ends the cell nor reaches the notebook."""
    executed = run(f"{_TEARING}{tearing}\nprint('kept')", "1 + 1")
    assert statuses(executed) == ["completed", "completed"]
    assert text_of(executed, 0).startswith("kept\n")
    assert text_of(executed, 1) == "2"
    json.dumps(executed.notebook)


@pytest.mark.parametrize(("depth", "kept"), [(50, True), (200, False), (900, False), (5000, False)])
def test_absurd_nesting_is_dropped(run, statuses, depth, kept):
    """JSON that is nested more deeply than any notebook needs is not taken; the cell goes on and can be saved."""
    code = (
        f"{_TEARING}value = '[' * {depth} + ']' * {depth}\n"
        "parent = get_ipython().parent_header['msg_id']\n"
        'content = \'{"data": {"application/json": %s}, "metadata": {}}\' % value\n'
        'frames.write(b\'{"parent": "%b", "msg_type": "display_data", "content": %b}\''
        " % (parent.encode(), content.encode()))"
    )
    executed = run(code, "1")
    assert statuses(executed) == ["completed", "completed"]
    assert bool(executed.notebook.cells[0].outputs) is kept
    json.dumps(executed.notebook)


def test_a_torn_frame_ends_in_a_limit_and_not_in_a_hang(run, statuses):
    """A length that is never filled up swallows what follows: the cell meets its time limit, the rest goes on."""
    executed = run(f"{_TEARING}os.write(frames._descriptor, struct.pack('<I', 1 << 20))", "2", cell_seconds=1)
    assert statuses(executed) == ["stopped", "completed"]


def test_a_reply_counts_only_for_the_cell_at_hand(kernels, notebook_of):
    """A forged answer to a cell that was not sent yet is no answer to it."""
    kernel = kernels.start(notebook_of(), {}, Limits())
    guessed = (
        "frames.write(json.dumps({'parent': %s, 'msg_type': 'execute_reply', 'content': {'status': 'ok'}}).encode())"
    )
    for parent in ("''", "None", "0"):
        events = events_until_reply(kernel, _TEARING + guessed % parent + "\n1 / 0")
        assert events[-1] == Reply(completed=False, ename="ZeroDivisionError", evalue="division by zero")
    kernel.close()


def test_a_kernel_that_reads_nothing_does_not_hold_the_host_up(kernels, notebook_of):
    """A cell longer than a pipe takes is sent as the kernel reads it, without blocking the host."""
    kernel = kernels.start(notebook_of(), {}, Limits())
    stuck = "import asyncio, time; asyncio.get_running_loop().call_soon(lambda: time.sleep(1000)); 1"
    events_until_reply(kernel, stuck)
    kernel.submit("x = '" + "y" * 500_000 + "'")
    assert kernel.receive(0.2) is None
    kernel.close()


def test_prints_of_a_killed_cell_are_kept(run, statuses, text_of):
    """What a cell printed a moment before its kernel died is in the notebook."""
    executed = run("print('before', flush=True); __import__('os')._exit(1)")
    assert statuses(executed) == ["stopped"]
    assert text_of(executed, 0) == "before\n"


def test_prints_arrive_while_a_cell_runs(kernels, notebook_of):
    """Unflushed output of a long cell does not wait for its end."""
    kernel = kernels.start(notebook_of(), {}, Limits())
    kernel.submit("import time; print('now'); time.sleep(1000)")
    event = kernel.receive(20)
    assert isinstance(event, Message)
    assert event.content == {"name": "stdout", "text": "now\n"}
    kernel.close()


def test_processes_that_a_cell_forks_print_whole_messages(run, statuses, text_of):
    """Many processes and threads that print at once neither tear nor lose a line."""
    code = (
        "import os, threading\n"
        "def shout(name):\n"
        "    for _ in range(20): print(str(name) * 6000, flush=True)\n"
        "children = []\n"
        "for name in 'abcd':\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        shout(name); os._exit(0)\n"
        "    children.append(child)\n"
        "threads = [threading.Thread(target=shout, args=[name]) for name in 'ef']\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "for child in children: os.waitpid(child, 0)\n"
    )
    executed = run(code, output_mb=5)
    assert statuses(executed) == ["completed"]
    text = text_of(executed, 0)
    assert {name: text.count(name) for name in "abcdef"} == dict.fromkeys("abcdef", 20 * 6000)


def test_a_dead_warm_process_is_a_fault_and_is_replaced(kernels, notebook_of):
    """When the warm process dies, the notebook that runs is no one's failure; the next one gets a new process."""
    kernel = kernels.start(notebook_of(), {}, Limits())
    kernel.submit("import time; time.sleep(1000)")
    os.kill(kernels._warm._jail.init, signal.SIGKILL)
    with pytest.raises(ExecutionFault, match="warm process"):
        receive_until_death(kernel)
    kernel.close()
    again = kernels.start(notebook_of(), {}, Limits())
    assert events_until_reply(again, "1")[-1] == Reply(completed=True)
    again.close()


def test_a_warm_process_that_cannot_start_is_a_fault(kernels, notebook_of):
    """If the process cannot be replaced either, that is a fault of the grader's, said in one line."""
    kernels._environment["PYTHONHOME"] = "/nowhere"
    with pytest.raises(ExecutionFault, match="warm process") as caught:
        kernels.start(notebook_of(), {}, Limits())
    assert len(caught.value.messages) == 1


def test_a_closed_kernel_leaves_no_process(kernels, notebook_of):
    """Whatever a kernel has started is gone when `close` returns; the warm process goes on."""
    kernel = kernels.start(notebook_of(), {}, Limits())
    events_until_reply(
        kernel, "import subprocess; [subprocess.Popen(['sleep', '1000'], start_new_session=True) for _ in 'abc']"
    )
    pids = [pid for root in kernel._pids for pid in (root, *descendants(root))]
    assert len(pids) >= 5
    kernel.close()
    assert not any(map(alive, pids))
    assert kernels._warm.alive()
    kernel.close()


def test_a_kernel_whose_first_process_is_killed_dies(kernels, notebook_of):
    """The death of a kernel's first process is the kernel's death, known at once."""
    kernel = kernels.start(notebook_of(), {}, Limits())
    kernel.submit("import time; time.sleep(1000)")
    os.kill(kernel._pids[0], signal.SIGKILL)
    with pytest.raises(KernelDied):
        receive_until_death(kernel)
    kernel.close()


_HOST = """
import sys
from nbformat.v4 import new_notebook
from grader.execution import find_sandbox
from grader.execution.forked import ForkedKernels
from grader.execution.limits import descendants
from grader.execution.place import inside_environment
from grader.model import Limits
kernels = ForkedKernels(find_sandbox(), [], inside_environment())
kernel = kernels.start(new_notebook(), {}, Limits())
kernel.submit("import subprocess; subprocess.Popen(['sleep', '1000'], start_new_session=True); print('up', flush=True)")
while getattr(kernel.receive(20), "kind", "") != "stream":
    pass
print(kernels._warm._jail.process.pid, *descendants(kernels._warm._jail.process.pid), flush=True)
sys.stdin.read()
"""


def test_a_killed_host_leaves_no_process(sandbox):
    """When the worker is killed, so are the sandbox, the warm process, the kernel and all that it started."""
    host = subprocess.Popen([sys.executable, "-c", _HOST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pids = [int(word) for word in host.stdout.readline().split()]
    assert len(pids) >= 6
    assert all(map(alive, pids))
    host.kill()
    host.wait()
    host.stdin.close()
    host.stdout.close()
    wait_until(lambda: not any(map(alive, pids)))


def test_reader_cuts_frames_wherever_they_are_torn():
    """The same frames come out however the bytes arrive."""
    frames = [b"{}", b"", b"x" * 300, b"y"]
    stream = b"".join(map(pack_text, frames))
    for size in (1, 2, 3, 5, 7, 100, 1000):
        reader = FrameReader(300)
        parts = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert [frame for part in parts for frame in reader.feed(part)] == frames


def test_reader_skips_what_is_too_large_and_stores_none_of_it():
    """A frame beyond the limit is told by its size and passed over; the next one is read."""
    reader = FrameReader(100)
    out = [frame for part in (pack_text(b"x" * 5000), pack({"a": 1})) for frame in reader.feed(part)]
    assert isinstance(out[0], Oversized)
    assert out[0].args == (5000,)
    assert out[1:] == [b'{"a":1}']
    reader = FrameReader(100)
    list(reader.feed(b"\xff\xff\xff\xff"))
    for _ in range(100):
        assert list(reader.feed(bytes(1 << 16))) == []
        assert len(reader._buffer) == 0
