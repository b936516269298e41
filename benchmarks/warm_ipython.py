"""Run the code cells of notebooks in one warm IPython process and print its CPU seconds: the limit for any grader.

python benchmarks/warm_ipython.py NOTEBOOK...
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output


def main() -> None:
    """Run every notebook in turn; only the cells are timed."""
    shell = InteractiveShell.instance()
    notebooks = [json.loads(Path(path).read_text()) for path in sys.argv[1:]]
    with capture_output():
        shell.run_cell("import numpy")
        began = time.process_time()
        for notebook in notebooks:
            for cell in notebook["cells"]:
                if cell["cell_type"] == "code":
                    shell.run_cell("".join(cell["source"]))
            shell.reset()
        spent = time.process_time() - began
    print(spent)


if __name__ == "__main__":
    main()
