"""The standard kernel: which one a notebook gets, how it starts, and without a sandbox where that was asked for."""

import json
import os
import sys
from pathlib import Path

import psutil
import pytest

from grader.errors import ExecutionFault, SandboxError
from grader.execution import open_engine
from grader.execution.kernelspecs import is_python, spec_for
from grader.execution.stock import StockKernel
from grader.model import Limits

ECHO = """
from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

class Echo(Kernel):
    implementation = language = "echo"
    implementation_version = banner = "1"
    language_info = {"name": "echo", "mimetype": "text/plain", "file_extension": ".txt"}

    def do_execute(self, code, silent, store_history=True, user_expressions=None, allow_stdin=False):
        self.send_response(self.iopub_socket, "stream", {"name": "stdout", "text": code.upper()})
        return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}

IPKernelApp.launch_instance(kernel_class=Echo)
"""


@pytest.fixture
def echo(tmp_path, monkeypatch):
    """An installed kernel of another language: it says everything louder."""
    folder = tmp_path / "kernels" / "echo"
    folder.mkdir(parents=True)
    tmp_path.chmod(0o755)
    (folder / "echo.py").write_text(ECHO)
    argv = [sys.executable, "{resource_dir}/echo.py", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Echo", "language": "echo", "env": {"VOLUME": "11"}}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    return {"name": "echo", "language": "echo", "display_name": "Echo"}


@pytest.mark.parametrize("kind", ["stock", "forked"])
def test_a_kernel_of_another_language(sandbox, echo, notebook_of, text_of, statuses, *, kind):
    """Any installed Jupyter kernel runs in the sandbox, whichever engine is asked for."""
    with open_engine(kind) as engine:
        executed = engine.execute(notebook_of("hello", kernel=echo), {}, Limits())
    assert statuses(executed) == ["completed"]
    assert text_of(executed, 0) == "HELLO"


@pytest.mark.parametrize("name", ["python", "xpython", "conda-env-dl4ds-py", "../../etc"])
def test_an_unknown_python_kernel_is_ours(notebook_of, name):
    """A Python notebook from another machine runs in this machine's Python."""
    notebook = notebook_of("1", kernel={"name": name, "language": "python", "display_name": "P"})
    assert spec_for(notebook).name == "python3"
    assert is_python(notebook)


def test_a_notebook_without_a_kernelspec_is_python(notebook_of):
    """No kernelspec, or one without a language, means Python."""
    assert is_python(notebook_of("1"))
    assert spec_for(notebook_of("1", kernel={"name": "whatever", "display_name": "W"})).language == "python"


def test_another_language_is_found_by_its_name(echo, notebook_of):
    """An unknown kernel name takes an installed kernel of its language."""
    notebook = notebook_of("1", kernel={**echo, "name": "echo-at-home"})
    assert spec_for(notebook).name == "echo"
    assert not is_python(notebook)


def test_a_missing_language_is_our_fault(notebook_of):
    """A language without a kernel is reported with what is installed, in one escaped line; never a student's zero."""
    kernel = {"name": "apl\x1b[2J", "language": "apl\nx", "display_name": "A"}
    with pytest.raises(ExecutionFault, match=r"apl\\x1b.*python3") as caught:
        spec_for(notebook_of("1", kernel=kernel))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("argv", "said"),
    [(["/usr/bin/false"], "did not start"), ([sys.executable, "-c", "raise RuntimeError('no luck')"], "no luck")],
)
def test_a_kernel_that_cannot_start_is_our_fault(sandbox, echo, tmp_path, notebook_of, *, argv, said):
    """A kernel that ends before it answers raises, with its own words, and leaves nothing running."""
    spec = {"argv": argv, "display_name": "Echo", "language": "echo"}
    (tmp_path / "kernels" / "echo" / "kernel.json").write_text(json.dumps(spec))
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with open_engine("stock") as engine, pytest.raises(ExecutionFault, match=said):
        engine.execute(notebook_of("1", kernel=echo), {}, Limits())
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


def test_nothing_of_ours_stays_open(sandbox, notebook_of):
    """After a notebook, this process has the file descriptors and children that it had before."""
    with open_engine("stock") as engine:
        engine.execute(notebook_of("1"), {}, Limits())
        handles, children = psutil.Process().num_fds(), len(psutil.Process().children(recursive=True))
        engine.execute(notebook_of("import os; os._exit(1)", "2"), {}, Limits())
    assert (handles, children) == (psutil.Process().num_fds(), len(psutil.Process().children(recursive=True)))


def test_closing_twice(sandbox, notebook_of):
    """A kernel may be closed at any time, and again."""
    kernel = StockKernel(spec_for(notebook_of("1")), sandbox, {}, Limits())
    kernel.submit("while True: pass")
    kernel.close()
    kernel.close()


def test_runs_are_reproducible(sandbox, notebook_of, text_of):
    """Two runs of a notebook see the same hashes of strings."""
    with open_engine("stock") as engine:
        found = {text_of(engine.execute(notebook_of("hash('a')"), {}, Limits()), 0) for _ in range(2)}
    assert len(found) == 1


def test_without_a_sandbox(notebook_of, text_of, statuses, kinds, tmp_path):
    """Asked for by name, notebooks run under limits alone; folders and processes are cleared away all the same."""
    marker = str(3 * 10**7 + os.getpid())
    cells = [
        f"import os, subprocess\nsubprocess.Popen(['sleep', '{marker}'])\nprint(open('a.txt').read(), os.getcwd())",
        "import os; os.environ.get('GRADER_TEST_SECRET')",
        "import numpy as np\nnp.ones(1 << 40, dtype='u1')",
        "os._exit(0)",
        "5",
    ]
    with open_engine("auto", sandbox=False) as engine:
        assert engine.name == "stock"
        executed = engine.execute(notebook_of(*cells), {"a.txt": b"given"}, Limits())
    assert statuses(executed) == ["completed", "completed", "raised", "stopped", "completed"]
    assert kinds(executed) == [("memory", 2), ("crash", 3)]
    given, folder = text_of(executed, 0).split()
    assert given == "given"
    assert not Path(folder).exists()
    assert [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", marker]] == []


def test_the_forked_engine_needs_the_sandbox():
    """It is never run without one."""
    with pytest.raises(SandboxError, match="stock"):
        open_engine("forked", sandbox=False)
