"""Nothing that one submission leaves is seen by the next, nor by one that runs at the same time."""

import os

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from grader.execution.forked import ForkedKernels, seed
from grader.execution.kernel import Message, Reply
from grader.execution.place import inside_environment
from grader.model import Limits
from tests.waiting import wait_until

_LEAKS = {
    # what is left: (how it is left, how it would be seen)
    "file in the working folder": ("open('mark', 'w').close()", "os.path.exists('mark')"),
    "file at home": ("open('/box/student/mark', 'w').close()", "os.path.exists('/box/student/mark')"),
    "temporary file": ("open('/tmp/mark', 'w').close()", "os.path.exists('/tmp/mark')"),
    "file in /var/tmp": ("open('/var/tmp/mark', 'w').close()", "os.path.exists('/var/tmp/mark')"),
    "file in /run": ("open('/run/mark', 'w').close()", "os.path.exists('/run/mark')"),
    "file in shared memory": ("open('/dev/shm/mark', 'w').close()", "os.path.exists('/dev/shm/mark')"),
    "named shared memory": (
        "from multiprocessing import shared_memory as s; kept = s.SharedMemory('mark', create=True, size=8)",
        "os.path.exists('/dev/shm/mark')",
    ),
    "abstract socket": (
        "import socket; kept = socket.socket(socket.AF_UNIX); kept.bind('\\0mark'); kept.listen()",
        "__import__('socket').socket(__import__('socket').AF_UNIX).connect_ex('\\0mark') == 0",
    ),
    "port": (
        "import socket; kept = socket.create_server(('127.0.0.1', 47011))",
        "__import__('socket').socket().connect_ex(('127.0.0.1', 47011)) == 0",
    ),
    "process": (
        "import subprocess; kept = subprocess.Popen(['sleep', '1234'], start_new_session=True)",
        "any(b'1234' in open(f'/proc/{p}/cmdline', 'rb').read() for p in os.listdir('/proc') if p.isdigit())",
    ),
    "daemon": (
        "import subprocess; subprocess.run('setsid sleep 4321 & disown', shell=True, executable='/bin/bash')",
        "any(b'4321' in open(f'/proc/{p}/cmdline', 'rb').read() for p in os.listdir('/proc') if p.isdigit())",
    ),
    "terminal": ("kept = os.openpty()", "len(os.listdir('/dev/pts')) > 1"),
    "environment variable": ("os.environ['MARK'] = '1'", "'MARK' in os.environ"),
    "attribute of a module": ("import json; json.mark = 1", "hasattr(__import__('json'), 'mark')"),
    "module": (
        "import types, sys; sys.modules['mark'] = types.ModuleType('mark')",
        "'mark' in __import__('sys').modules",
    ),
    "builtin": ("import builtins; builtins.mark = 1", "'mark' in dir(__import__('builtins'))"),
    "name in the notebook": ("mark = 1", "'mark' in globals()"),
    "working folder": ("os.chdir('/usr')", "os.getcwd() == '/usr'"),
    "IPython's configuration": (
        "os.makedirs(get_ipython().ipython_dir + '/mark', exist_ok=True)",
        "os.path.exists(get_ipython().ipython_dir + '/mark')",
    ),
    "state of IPython": (
        "get_ipython().register_magic_function(print, magic_name='mark')",
        "get_ipython().find_line_magic('mark') is not None",
    ),
    "state of random": ("import random; random.seed(5)", "__import__('random').random() == 0.6229016948897019"),
}


@pytest.fixture(scope="module")
def kernels(sandbox):
    """Kernels forked from one warm process, as one worker starts them."""
    kernels = ForkedKernels(sandbox, ["numpy"], inside_environment())
    yield kernels
    kernels.close()


@pytest.fixture
def start(kernels):
    """A function that starts a kernel; all are closed at the end."""
    started = []

    def start(*sources, files=None):
        notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
        started.append(kernels.start(notebook, files or {}, Limits()))
        ask(started[-1], "import os")
        return started[-1]

    yield start
    for kernel in started:
        kernel.close()


def ask(kernel, source):
    """Run a cell and return its result as text, failing where it fails."""
    kernel.submit(source)
    result = None
    while True:
        event = kernel.receive(20)
        assert event is not None, "no reply"
        if isinstance(event, Reply):
            assert event.completed, f"{event.ename}: {event.evalue}"
            return result
        if isinstance(event, Message) and event.kind == "execute_result":
            result = event.content["data"]["text/plain"]


@pytest.mark.parametrize(("leave", "look"), _LEAKS.values(), ids=_LEAKS)
def test_leaves_nothing_behind(start, leave, look):
    """What a submission leaves can be seen by itself, but not by one that runs after it."""
    first = start()
    ask(first, leave)
    wait_until(lambda: ask(first, look) == "True")  # a program that is being started has no command line for a moment
    first.close()
    assert ask(start(), look) == "False"


@pytest.mark.parametrize(("leave", "look"), _LEAKS.values(), ids=_LEAKS)
def test_shows_nothing_meanwhile(start, leave, look):
    """What a submission leaves is not seen by one that runs at the same time."""
    first, second = start(), start()
    ask(first, leave)
    assert ask(second, look) == "False"


def test_random_numbers_depend_on_the_submission_alone(start):
    """The same submission draws the same numbers whatever ran before it, another submission other ones."""
    draw = "import random, numpy; (random.random(), float(numpy.random.rand()))"
    one, again, other = start("1"), start("1"), start("2")
    drawn = ask(one, draw)
    assert drawn == ask(again, draw)
    assert drawn != ask(other, draw)


def test_random_numbers_of_a_late_import_are_seeded(sandbox):
    """What the warm process has not imported is seeded when student code imports it."""
    kernels = ForkedKernels(sandbox, [], inside_environment())
    drawn = []
    for source in ("1", "1", "2"):
        kernel = kernels.start(new_notebook(cells=[new_code_cell(source)]), {}, Limits())
        assert ask(kernel, "import sys; 'numpy' in sys.modules") == "False"
        drawn.append(ask(kernel, "import numpy; float(numpy.random.rand())"))
        kernel.close()
    kernels.close()
    assert drawn[0] == drawn[1] != drawn[2]


def test_seed_depends_on_sources_and_files():
    """The seed changes with any source or file, and with nothing else of the notebook."""
    notebook = new_notebook(cells=[new_code_cell("1")])
    noted = new_notebook(cells=[new_code_cell("1", metadata={"tags": ["x"]})], metadata={"a": 1})
    other = new_notebook(cells=[new_code_cell("2")])
    assert seed(notebook, {"a": b"1"}) == seed(noted, {"a": b"1"})
    assert len({seed(n, f) for n in (notebook, other) for f in ({}, {"a": b"1"}, {"a": b"2"}, {"b": b"1"})}) == 8


def test_sees_no_other_process(start):
    """A kernel sees its first process and itself; neither the warm process nor another kernel."""
    start()
    second = start()
    assert ask(second, "sorted(int(name) for name in os.listdir('/proc') if name.isdigit())") == "[1, 2]"
    assert ask(second, "(os.getpid(), os.getppid())") == "(2, 0)"


def test_cannot_look_into_its_first_process(start):
    """The process that reaps is opaque: no memory, no environment, no descriptors."""
    kernel = start()
    code = (
        "def closed(path):\n"
        "    try: os.listdir(path) if path.endswith('fd') else open(path, 'rb').read(1)\n"
        "    except PermissionError: return True\n"
        "    return False\n"
        "all(map(closed, ['/proc/1/mem', '/proc/1/environ', '/proc/1/fd']))"
    )
    assert ask(kernel, code) == "True"


def test_holds_no_way_to_the_warm_process(start):
    """No socket of the warm process is among a kernel's descriptors."""
    code = (
        "import socket, stat\n"
        "kinds = []\n"
        "for name in os.listdir('/proc/self/fd'):\n"
        "    try: found = os.fstat(int(name))\n"
        "    except OSError: continue\n"
        "    if stat.S_ISSOCK(found.st_mode): kinds.append(socket.socket(fileno=os.dup(int(name))).type)\n"
        "socket.SOCK_SEQPACKET in kinds"
    )
    assert ask(start(), code) == "False"


def test_sees_nothing_of_the_host(start, tmp_path, monkeypatch):
    """Neither the host's environment nor its files are there."""
    monkeypatch.setenv("GRADER_TEST_SECRET", "mark")
    secret = tmp_path / "secret"
    secret.write_text("mark")
    kernel = start()
    assert ask(kernel, f"os.path.exists({str(secret)!r})") == "False"
    assert ask(kernel, "'GRADER_TEST_SECRET' in os.environ") == "False"
    assert ask(kernel, f"os.path.exists({__file__!r}), os.path.exists('/etc/shadow')") == "(False, False)"
    assert ask(kernel, f"os.path.exists('/proc/{os.getpid()}/fd')") == "False"


def test_cannot_write_to_what_others_read(start):
    """Python, its packages and the root are read-only."""
    code = (
        "import errno, sys\n"
        "def refused(folder):\n"
        "    try: open(folder + '/mark', 'w')\n"
        "    except OSError as error: return error.errno in (errno.EROFS, errno.EACCES)\n"
        "    return False\n"
        "[*map(refused, ['/', '/usr/lib', '/dev', '/box/student', sys.prefix, os.path.dirname(os.__file__)])]"
    )
    assert ask(start(), code) == "[True, True, True, False, True, True]"


def test_reaches_no_network(start):
    """There is the loopback interface and no other."""
    assert ask(start(), "import socket; [name for _, name in socket.if_nameindex()]") == "['lo']"
    code = "s = __import__('socket').socket(); s.settimeout(2); s.connect_ex(('192.0.2.1', 80)) != 0"
    assert ask(start(), code) == "True"
