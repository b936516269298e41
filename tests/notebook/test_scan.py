"""Student code that reaches for the tests is flagged with its line; what honest notebooks do is not."""

from pathlib import Path

import pytest

from grader.notebook.scan import scan
from tests.making import make_cell, make_notebook


def flags(source, **meta):
    """Scan a cell."""
    return scan(make_notebook(make_cell("code", source, **meta)))


@pytest.mark.parametrize(
    ("line", "does"),
    [
        ("import sys; sys._getframe(1)", "frames"),
        ("from sys import _getframe", "frames"),
        ("import inspect\ninspect.stack()", "frames"),
        ("import inspect as i\ni.stack()", "frames"),
        ("from inspect import stack", "frames"),
        ("f.f_back.f_locals['expected']", "frames"),
        ("import sys; sys.settrace(print)", "watches"),
        ("import gc\ngc.get_objects()", "memory"),
        ("import linecache", "source"),
        ("from ctypes import cdll", "past Python"),
        ("get_ipython().input_transformers_post.append(f)", "runs the cells"),
        ("ip = get_ipython()\nip.run_cell = None", "runs the cells"),
        ("get_ipython().kernel.session.send = f", "runs the cells"),
        ("import builtins as b\nb.abs = lambda *a: 0", "builtins"),
        ("import builtins\nsetattr(builtins, 'abs', f)", "builtins"),
        ("import numpy.testing as n\nn.assert_allclose = print", "library"),
        ("class A:\n    def __eq__(self, other):\n        return True", "equals everything"),
        ("open('/proc/self/mem')", "from outside"),
        ("%matplotlib inline\n!ls\nimport linecache", "source"),
    ],
)
def test_reaching_out_is_flagged(line, does):
    """With the cell, the line and what it does."""
    (flag, *_) = flags(line)
    assert does in flag.sentence
    assert "line " in flag.evidence
    assert "Cell 1, line " in flag.sentence


@pytest.mark.parametrize(
    "source",
    [
        "import inspect\ninspect.signature(f); inspect.getsource(f)",
        "import gc\ngc.collect()",
        "import matplotlib.pyplot as plt\nplt.rcParams['figure.dpi'] = 100",
        "import pandas as pd\npd.options.display.max_rows = 5",
        "import torch\ntorch.backends.cudnn.deterministic = True",
        "from IPython.core.interactiveshell import InteractiveShell\nInteractiveShell.ast_node_interactivity = 'all'",
        "get_ipython().run_line_magic('matplotlib', 'inline')",
        "class P:\n    def __eq__(self, other):\n        return self.x == other.x",
        "import sys\nsys.setrecursionlimit(5000)\nsys.path.append('.')",
        "%%bash\ncat /proc/self/status",
        "def f(:\n  sys._getframe",
        "import re\nre.compile('a').match('a')",
        "model.compile(optimizer='sgd'); model.kernel",
    ],
)
def test_honest_code_is_not(source):
    """What courses teach, what tutorials say, and what does not parse."""
    assert () == flags(source)


def test_the_instructors_cells_are_not_scanned():
    """A test may look at frames."""
    assert () == flags("import sys; sys._getframe(1)", grade_id="t", grade=True, locked=True)


def test_evidence_is_escaped():
    """It is a student's text."""
    (flag,) = flags("import linecache  # \x1b[2J\u202e")
    assert flag.evidence.isprintable()


def test_findings_are_bounded():
    """However often it reaches out, there are few flags to read."""
    notebook = make_notebook(*(make_cell("code", "import linecache") for _ in range(100)))
    assert 20 == len(scan(notebook))


def test_the_stress_notebook_of_the_engines_raises_no_alarm():
    """All ways to use a kernel that are no tampering; one cell changes the input transformers, which is."""
    text = (Path(__file__).parents[1] / "execution" / "stress_cells.txt").read_text(encoding="utf-8")
    cells = [make_cell("code", part.partition("\n")[2]) for part in text.split("%% ")[1:]]
    found = [flag.evidence for flag in scan(make_notebook(*cells))]
    assert [] == [evidence for evidence in found if "input_transformers_post" not in evidence]


def test_of_nbgraders_notebooks_those_that_cheat_raise_an_alarm():
    """Its two attempts to cheat do; its other test notebooks and its documentation's course do not."""
    import nbgrader

    from grader.errors import NotebookError
    from grader.notebook import read

    flagged, seen = set(), 0
    for path in sorted(Path(nbgrader.__file__).parent.rglob("*.ipynb")):
        try:
            notebook = read(path.read_bytes(), path.name).notebook
        except NotebookError:
            continue
        seen += 1
        flagged |= {path.name} if scan(notebook) else set()
    assert seen > 50
    assert {"submitted-cheat-attempt.ipynb", "submitted-cheat-attempt-alternative.ipynb"} == flagged
