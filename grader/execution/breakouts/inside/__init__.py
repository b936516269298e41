"""Ways out of a sandbox, tried from inside it: modules that lie in a notebook's working folder.

Each attempt is a generator of what was tried and whether it got through. None does harm where it gets through: what it
makes it removes, what it opens it closes, and a signal that it sends is one that programs ignore. Standard library
alone, and nothing of the grader's: where these run, there is none.
"""

from __future__ import annotations

import json
import sys

from . import files, kernel, network, rights
from .reach import Attempt, Facts

ATTEMPTS: dict[str, Attempt] = {
    attempt.__name__: attempt
    for attempt in (
        files.course,
        files.database,
        files.homes,
        files.secrets,
        network.network,
        network.sockets,
        rights.privileges,
        rights.users,
        rights.namespaces,
        rights.mounts,
        kernel.tracing,
        files.processes,
        kernel.keyrings,
        kernel.doors,
        kernel.devices,
        files.writing,
        files.leftovers,
        files.found_leftovers,
    )
}


def report(name: str, facts: Facts) -> None:
    """Write how many ways were tried, and which got through."""
    tries = list(ATTEMPTS[name](facts))
    through = [what for what, worked in tries if worked]
    sys.stdout.write(json.dumps({"tried": len(tries), "through": through}) + "\n")
