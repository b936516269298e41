"""What `grader doctor` finds out: by trying, and with a remedy where something does not work."""

import pytest

from grader.errors import SandboxError
from grader.execution import doctor


@pytest.mark.slow
def test_all_is_well_where_the_sandbox_works(sandbox):
    """On a machine with a sandbox every wall is tried and holds."""
    found = {check.name: check for check in doctor.checks()}
    assert {name: check.detail for name, check in found.items() if not check.ok} == {}
    assert {"sandbox", "no privileges", "no network", "nothing of the host in view", "memory limit"} <= set(found)


def test_a_missing_sandbox_is_told_with_its_remedy(monkeypatch):
    """Where there is no sandbox, its reason and remedy are shown and what needs it is not tried."""

    def none():
        raise SandboxError("it is not installed", "install it")

    monkeypatch.setattr(doctor, "find_sandbox", none)
    found = {check.name: check for check in doctor.checks()}
    assert (found["sandbox"].ok, found["sandbox"].detail) == (False, "it is not installed")
    assert found["sandbox"].remedy == "install it"
    assert {"Python", "kernels", "disk"} <= set(found)
    assert "no network" not in found


@pytest.mark.slow
def test_a_wall_that_does_not_hold_is_reported(sandbox, monkeypatch, tmp_path):
    """A file of the host that can be seen inside fails its check by name."""
    monkeypatch.setattr(doctor, "_private_paths", lambda: ["/usr/bin", str(tmp_path)])
    found = {check.name: check for check in doctor._held(sandbox)}
    assert not found["nothing of the host in view"].ok
    assert "/usr/bin" in found["nothing of the host in view"].detail
    assert str(tmp_path) not in found["nothing of the host in view"].detail
