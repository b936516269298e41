"""How editors save a notebook: the same cells, and what each of them adds, drops and renames."""

from __future__ import annotations

import json
from random import Random

from grader.model import Notebook, Student
from grader.notebook import thaw


def save_in_jupyter(notebook: Notebook) -> bytes:
    """As JupyterLab saves it, with the numbers of the runs."""
    import nbformat

    saved = thaw(notebook)
    code = [cell for cell in saved["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(code, start=1):
        cell["execution_count"] = number
    return f"{nbformat.writes(saved)}\n".encode()  # type: ignore[no-untyped-call]  # nbformat has no types


def save_in_colab(notebook: Notebook, student: Student, dice: Random) -> bytes:
    """As Google Colab saves it: format 4.0, no cell ids, metadata with the person's name, widgets without state."""
    saved = thaw(notebook)
    person = {"displayName": student.name, "userId": f"{dice.getrandbits(64):020d}"}
    for number, cell in enumerate(saved["cells"], start=1):
        cell.pop("id", None)
        cell["metadata"]["id"] = _colab_id(dice)
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
            cell["metadata"]["outputId"] = _colab_id(dice)
            cell["metadata"]["executionInfo"] = {
                "status": "ok",
                "timestamp": 1_790_000_000_000 + dice.randrange(10**9),
                "user_tz": 240,
                "elapsed": dice.randrange(5, 900),
                "user": person,
            }
    saved["metadata"] = {
        "colab": {"provenance": []},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "widgets": {"application/vnd.jupyter.widget-state+json": {f"{dice.getrandbits(128):032x}": {}}},
    }
    return json.dumps({**saved, "nbformat": 4, "nbformat_minor": 0}, ensure_ascii=False, indent=2).encode()


def other_name(name: str, student: Student, dice: Random) -> str:
    """A name that a notebook has after a download, a copy or somebody's wish for order."""
    return dice.choice((f"{name} (1)", f"{name}-Copy1", f"Copy of {name}", f"{student.student_id} {name} FINAL"))


def broken_off(content: bytes) -> bytes:
    """What has arrived when an upload stops half-way."""
    return content[: len(content) // 2]


def _colab_id(dice: Random) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(dice.choices(letters, k=12))
