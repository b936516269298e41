"""The random numbers of a notebook: derived from what it runs and nothing else, the same in both engines."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from grader.model import Files, Notebook


def seed(notebook: Notebook, files: Files) -> int:
    """Derive the seed of a notebook's random numbers from its code and its files."""
    digest = hashlib.sha256()
    sources = [cell["source"].encode() for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for part in (*sources, *(part for path in sorted(files) for part in (path.encode(), files[path]))):
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return int.from_bytes(digest.digest()[:8])


def seeding_code(number: int) -> str:
    """Python that seeds every generator of a kernel in which it runs, and leaves no name behind."""
    return f"(lambda space: (exec({_source()!r}, space), space['seed_everything']({number})))({{'__name__': 'seeds'}})"


@cache
def _source() -> str:
    return (Path(__file__).parent / "warm" / "seeds.py").read_text(encoding="utf-8")
