"""The environment that notebooks see, as part of every result's key."""

import platform
import sys
from importlib.metadata import version

from grader.execution import environment, view


def test_it_names_python_and_what_is_installed():
    """Python, the platform and each package with its version."""
    summary = environment().summary
    assert summary["python"] == platform.python_version()
    assert {name: summary[name] for name in ("numpy", "ipykernel", "jupyter-client")} == {
        name: version(name) for name in ("numpy", "ipykernel", "jupyter-client")
    }
    assert "grader" not in summary


def test_it_is_stable():
    """The same environment has the same digest."""
    assert environment() == environment()


def test_another_version_is_another_environment(tmp_path, monkeypatch):
    """A package that is upgraded changes the digest; one that kernels cannot see does not."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    before = environment()
    (tmp_path / "some_Package-1.0.dist-info").mkdir()
    assert environment() == before
    monkeypatch.setattr(view, "readable_paths", lambda: (tmp_path,))
    first = environment()
    assert first.summary["some-package"] == "1.0"
    (tmp_path / "some_Package-1.0.dist-info").rename(tmp_path / "some_Package-1.1.dist-info")
    assert environment().summary["some-package"] == "1.1"
    assert environment().digest != first.digest


def test_what_an_imported_package_adds_to_the_path_is_not_in_it(monkeypatch):
    """Setuptools puts packages of its own on the path when it is imported; the key must not depend on that."""
    before = environment()
    site_packages = sys.modules["pytest"].__path__[0].rpartition("/")[0]
    monkeypatch.setattr(sys, "path", [*sys.path, f"{site_packages}/setuptools/_vendor"])
    assert environment() == before
