"""Grading on a Dask cluster of real processes: the same bytes as here, whoever dies or differs meanwhile.

Where the machine allows it, each worker has a network of its own, and the folder of the course is out of its sight.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
import psutil
import pytest

from grader import __version__
from grader.errors import ConfigError, GraderError
from grader.execution import Environment
from grader.model import Outcome, Submission
from grader.notebook import instructor_version, release
from grader.pipeline import grade, gradebook
from grader.pipeline.admission import Described, Terms
from grader.pipeline.cluster import Cluster, ClusterError
from grader.pipeline.course import open_course
from grader.pipeline.joining import Kind, Tls, Where, _signals_kept, joined
from grader.pipeline.oversight import Overseer, Running
from grader.pipeline.pool import Done, Failed, run
from grader.pipeline.worker import EngineChoice, Task
from tests.making import solved, squares
from tests.slurm import asked, running_slurm
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SPY = (
    "import socket\ndef square(x):\n    return x * x\ntry:\n    socket.create_connection(({host!r}, {port}), 3)\n"
    "    print('the scheduler was ' + 'reached')\nexcept OSError as error:\n    print(type(error).__name__)"
)
"""A student's answer that tries to speak to the scheduler."""


class Lab:
    """A scheduler and its workers, as processes; each worker on what looks like a machine of its own."""

    def __init__(self, folder: Path, hidden: Path, networks: "Networks | None", options: Sequence[str] = ()) -> None:
        self.folder, self._hidden, self._options, self._networks = folder, hidden, options, networks
        self.host = f"{networks.subnet}.1" if networks else "127.0.0.1"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return f"{'tls' if self._options else 'tcp'}://{self.host}:{self.port}"

    def start_scheduler(self) -> None:
        """Start it, under the address that it had before."""
        where = ("--host", self.address.rpartition(":")[0], "--port", str(self.port))
        self._start("scheduler", (), "dask_scheduler", *where)

    def start_worker(self, number: int, **environment: str) -> None:
        """Start one on the machine of this number."""
        machine = self._machine(self._networks, number) if self._networks else ()
        self._start(f"worker-{number}", machine, "dask_worker", self.address, "--nthreads", "1", **environment)

    def log(self, name: str) -> str:
        """Give what it wrote."""
        return (self.folder / f"{name}.log").read_text()

    def kill(self, name: str) -> None:
        """Kill it and what it started."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def worker_process(self, name: str) -> int:
        """Find the process that does the work, below the one that restarts it."""
        below = psutil.Process(self.processes[name].pid).children()
        return next(process.pid for process in below if any("spawn_main" in word for word in process.cmdline()))

    def close(self) -> None:
        """Kill all."""
        for name in [*self.processes]:
            self.kill(name)

    def _start(self, name: str, machine: Sequence[str], program: str, *options: str, **environment: str) -> None:
        command = [*machine, sys.executable, "-m", f"distributed.cli.{program}", *options, *self._options]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*command, "--no-dashboard"],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    def _machine(self, networks: "Networks", number: int) -> Sequence[str]:
        hide = 'mount -t tmpfs none "$0" && exec "$@"'
        return ("ip", "netns", "exec", f"{networks.name}-{number}", "sh", "-c", hide, str(self._hidden))


class Networks:
    """Network namespaces that see each other and this machine."""

    def __init__(self, count: int) -> None:
        self.name = f"grader{os.getpid()}"
        self.subnet = f"10.213.{os.getpid() % 250}"
        self._count = count

    def make(self) -> bool:
        """Make them; tell whether that is possible here."""
        try:
            self._ip(f"link add {self.name} type bridge", f"link set {self.name} up")
            self._ip(f"addr add {self.subnet}.1/24 dev {self.name}")
            for n in range(self._count):
                namespace, ours = f"{self.name}-{n}", f"gr{os.getpid()}-{n}"
                self._ip(f"netns add {namespace}", f"link add {ours} type veth peer name eth0 netns {namespace}")
                self._ip(f"link set {ours} master {self.name} up", f"-n {namespace} link set lo up")
                self._ip(f"-n {namespace} addr add {self.subnet}.{n + 10}/24 dev eth0")
                self._ip(f"-n {namespace} link set eth0 up")
        except (OSError, subprocess.CalledProcessError):
            return False
        return True

    def remove(self) -> None:
        """Remove what was made."""
        for command in (f"link del {self.name}", *(f"netns del {self.name}-{n}" for n in range(self._count))):
            with suppress(OSError, subprocess.CalledProcessError):
                self._ip(command)

    def _ip(self, *commands: str) -> None:
        for command in commands:
            subprocess.run(["ip", *command.split()], check=True, capture_output=True)


@pytest.fixture(scope="module")
def networks() -> Iterator[Networks | None]:
    """Networks for three workers, where that is possible."""
    networks = Networks(3)
    yield networks if networks.make() else None
    networks.remove()


@pytest.fixture(scope="module")
def lab(networks: Networks | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A scheduler and two workers."""
    lab = Lab(tmp_path_factory.mktemp("lab"), tmp_path_factory.getbasetemp(), networks)
    lab.start_scheduler()
    lab.start_worker(0)
    lab.start_worker(1)
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def template(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course in which five have handed in, one of whom is after the scheduler."""
    root = tmp_path_factory.mktemp("template") / "course"
    source = root / "source_assignments" / "ps1"
    source.mkdir(parents=True)
    (source / "squares.ipynb").write_text(json.dumps(squares()))
    (root / "course.toml").write_text('[course]\nid = "small"\n[engine]\nkind = "forked"\n')
    released = release(instructor_version(squares()))
    answers = {f"s{n}": f"def square(x):\n    print({n})\n    return x ** {n}" for n in range(4)}
    for student, answer in {**answers, "spy": SPY.format(host=lab.host, port=lab.port)}.items():
        folder = root / "submitted" / student / "ps1"
        folder.mkdir(parents=True)
        (folder / "squares.ipynb").write_text(json.dumps(solved(released, square=answer)))
    return root


@pytest.fixture
def course(template: Path, tmp_path: Path) -> Path:
    """A copy of it in which nothing is graded."""
    return shutil.copytree(template, tmp_path / "course")


@pytest.fixture(scope="module")
def here(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What grading makes of it on this machine alone."""
    root = shutil.copytree(template, tmp_path_factory.mktemp("here") / "course")
    list(outcomes(root, 2))
    result = made(root)
    rows = dict(re.findall(r"^(\w+),.*,(\d+),$", result["all.csv"].decode(), re.MULTILINE))
    assert {"s0": "0", "s1": "0", "s2": "5", "s3": "0", "spy": "5"} == rows  # else all comparisons are of nothing
    return result


def outcomes(root: Path, workers: "int | Cluster", overseer: Overseer | None = None) -> Iterator[Outcome]:
    """Grade what is to be graded."""
    opened = open_course(root)
    with opened.database() as database:
        plan = grade.plan_grade(opened, database, grade.GradeRequest())
        yield from grade.carry_out(opened, database, plan, workers, overseer)


def made(root: Path) -> dict[str, bytes]:
    """Every graded notebook, and the gradebook."""
    opened = open_course(root)
    with opened.database() as database:
        gradebook.write(opened, gradebook.build(opened, database), root / "all.csv")
    files = [*(root / "autograded").rglob("*.ipynb"), root / "all.csv"]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


@contextmanager
def all_workers(lab: Lab, count: int = 2, tell: Callable[[str], None] = lambda _: None) -> Iterator[Cluster]:
    """Join a lab and wait until so many workers are used."""
    with joined(Where(lab.address), EngineChoice(), tell) as cluster:
        wait_until(lambda: cluster.capacity() == count)
        yield cluster


def test_a_cluster_gives_the_same_bytes(lab: Lab, course: Path, here: dict[str, bytes]) -> None:
    """Notebooks and gradebook are those of this machine alone, and no student's code got to the scheduler."""
    with all_workers(lab) as cluster:
        assert 5 == len(list(outcomes(course, cluster)))
    assert here == made(course)
    spied = json.loads(here["autograded/spy/ps1/squares.ipynb"])["cells"]
    (answer,) = (cell for cell in spied if cell["id"] == "square")
    assert re.fullmatch(r"\w*Error\n", "".join(answer["outputs"][0]["text"]))


def test_workers_have_networks_of_their_own_and_no_course(lab: Lab, networks: Networks | None, course: Path) -> None:
    """What the test above shows holds for machines that share nothing."""
    if networks is None:
        pytest.skip("network namespaces need root and iproute2")
    with all_workers(lab) as cluster:
        seen = cluster._client.run(_surroundings, str(course))
    assert 2 == len({network for network, _ in seen.values()} - {Path("/proc/self/ns/net").stat().st_ino})
    assert {False} == {there for _, there in seen.values()}


def _surroundings(course: str) -> tuple[int, bool]:
    return Path("/proc/self/ns/net").stat().st_ino, Path(course).exists()


def test_a_worker_killed_in_the_middle_costs_nothing(lab: Lab, course: Path, here: dict[str, bytes]) -> None:
    """Its jobs are done elsewhere."""
    with all_workers(lab) as cluster:
        running = outcomes(course, cluster)
        next(running)
        os.kill(lab.worker_process("worker-0"), signal.SIGKILL)
        assert 4 == len(list(running))
    assert here == made(course)


def deadly(task: Task, bundle: bytes) -> int:
    """Kill the worker for one task, as its node's lack of memory would."""
    assert bundle == b"bundle"
    if task.key == "bad":
        os.kill(os.getpid(), signal.SIGKILL)
    return 1


def test_a_job_that_kills_two_workers_is_given_up_alone(lab: Lab, tmp_path: Path) -> None:
    """It is done twice, the second time with a worker of its own; others that waited behind it are done."""
    bundle = tmp_path / "a.bundle"
    bundle.write_bytes(b"bundle")
    tasks = [
        Task((Submission(key, "ps1", {}, ""),), key, bundle, EngineChoice(), ()) for key in ("a", "bad", "c", "d", "e")
    ]
    with all_workers(lab) as cluster:
        deaths = killed(lab)
        results = list(run(tasks, deadly, cluster))
        wait_until(lambda: cluster.capacity() == 2)
    assert ["bad"] == [result.job.key for result in results if isinstance(result, Failed)]
    assert {"a", "c", "d", "e"} == {result.job.key for result in results if isinstance(result, Done)}
    assert 2 == killed(lab) - deaths


def who_works(task: Task, bundle: bytes) -> int:
    """Do something short, and tell where."""
    time.sleep(0.02)
    return os.getpid()


def tasks(count: int, folder: Path) -> list[Task]:
    """Tasks of one assignment."""
    bundle = folder / "a.bundle"
    bundle.write_bytes(b"bundle")
    return [Task((Submission(str(n), "ps1", {}, ""),), str(n), bundle, EngineChoice(), ()) for n in range(count)]


def test_short_jobs_come_to_all_workers(lab: Lab, tmp_path: Path) -> None:
    """Not only to the one that has their bundle: Dask sends work to where its data is, and drops copies that rest."""
    with all_workers(lab) as cluster:
        done = [result.result for result in run(tasks(400, tmp_path), who_works, cluster) if isinstance(result, Done)]
    shares = Counter(done[100:])
    assert 2 == len(shares)
    assert min(shares.values()) > 60


def names() -> int:
    """Count the names of jobs that a process of Dask's keeps."""
    return dask.utils.key_split.cache_info().currsize


def notes(dask_scheduler: Any) -> int:
    """Count the notes of jobs that a scheduler keeps."""
    return sum(len(span.metadata["collections"]) for span in dask_scheduler.extensions["spans"].spans.values())


def test_neither_scheduler_nor_worker_remembers_jobs(lab: Lab, tmp_path: Path) -> None:
    """After hundreds, only the latest: their memory does not grow with the class."""
    with all_workers(lab) as cluster:
        assert 300 == len(list(run(tasks(300, tmp_path), who_works, cluster)))
        cluster._look()
        client = cluster._client
        kept = [*map(client.run_on_scheduler, (names, notes)), *client.run(names).values()]
    assert [True] * 4 == [count < 60 for count in kept], kept


def killed(lab: Lab) -> int:
    """Count the deaths of workers."""
    return sum(len(re.findall("was killed by signal 9", lab.log(f"worker-{n}"))) for n in (0, 1))


def test_a_worker_with_another_numpy_is_named_and_not_used(lab: Lab) -> None:
    """It joins while the others work; only if asked for, it gets work."""
    told: list[str] = []
    with tempfile.TemporaryDirectory() as base, all_workers(lab, tell=told.append) as cluster:
        packages = Path(base, "lib", "python{}.{}".format(*sys.version_info), "site-packages")
        (packages / "numpy-9.9.9.dist-info").mkdir(parents=True)
        lab.start_worker(2, PYTHONUSERBASE=base, PYTHONPATH=str(packages))
        wait_until(lambda: cluster.capacity() == 2 and bool(told[1:]))
        with joined(Where(lab.address, any_environment=True), EngineChoice()) as whoever:
            wait_until(lambda: whoever.capacity() == 3)
        lab.kill("worker-2")
    assert "numpy 9.9.9 ->" in told[1]


@dataclass
class Closing:
    """Closes a lab once jobs were handed out, before others are."""

    lab: Lab
    begun: bool = False
    closed: bool = False

    def stopping(self) -> bool:
        """Never."""
        if self.begun and not self.closed:
            self.closed = True
            self.lab.close()
        return False

    def see(self, running: Sequence[Running[Any]]) -> None:
        """Note that jobs were handed out."""
        self.begun = bool(running)


def test_a_scheduler_that_is_started_again_goes_on(lab: Lab, course: Path, here: dict[str, bytes]) -> None:
    """It is waited for; with its workers it is handed anew what it had forgotten."""
    told: list[str] = []

    def tell(line: str) -> None:
        if "does not answer" in line and line not in told:
            lab.start_scheduler()
            lab.start_worker(0)
        told.append(line)

    with all_workers(lab, tell=tell) as cluster:
        assert 5 == len(list(outcomes(course, cluster, Closing(lab)))), told
    assert any("does not answer" in line for line in told), told
    assert here == made(course)


def test_a_coordinator_that_was_killed_goes_on(lab: Lab, course: Path, here: dict[str, bytes], tmp_path: Path) -> None:
    """The same command grades the rest, once; the scheduler forgets what the killed one had asked for."""
    command = [sys.executable, "-m", "grader", "-C", str(course), "grade", "--json", "--scheduler", lab.address]
    errors = tmp_path / "errors"
    with (
        errors.open("w") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as first,
    ):
        assert first.stdout is not None
        line = first.stdout.readline()
        first.kill()
        lines = [line, *first.stdout]
    assert line, errors.read_text()
    done = {json.loads(line)["student"] for line in lines}
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == second.returncode, second.stderr
    rest = [json.loads(line) for line in second.stdout.splitlines()]
    assert done.isdisjoint(row["student"] for row in rest), second.stderr
    assert "1 worker at" in second.stderr or not rest
    assert here == made(course)


def test_a_scheduler_that_stays_away_is_told_in_a_line(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do about it; and so is one that never was there."""
    monkeypatch.setattr("grader.pipeline.joining._SECONDS", 1)
    with joined(Where(lab.address), EngineChoice()) as cluster:
        lab.close()
        with pytest.raises(ClusterError, match=r"is gone.*same command"):
            wait_until(lambda: cluster.capacity() == 0)
    with pytest.raises(GraderError, match="no scheduler can be reached at"), joined(Where(lab.address), EngineChoice()):
        pass


def test_a_cluster_can_be_begun_for_one_run() -> None:
    """On this machine, of as many workers as are asked for, each with one thread."""
    with joined(Where(kind="local", workers=1), EngineChoice()) as cluster:
        assert 1 == cluster.capacity()
        assert [1] == [*cluster._client.nthreads().values()]


@pytest.fixture(scope="module")
def slurm_config() -> Iterator[Path]:
    """A Slurm that runs."""
    with running_slurm() as config:
        yield config


@pytest.fixture
def slurm(slurm_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """It is this process's Slurm; what its jobs print goes to a folder of the test's."""
    with _signals_kept():
        pytest.importorskip("dask_jobqueue")  # it brings its defaults
    monkeypatch.setenv("SLURM_CONF", str(slurm_config))
    monkeypatch.chdir(tmp_path)
    with dask.config.set({"jobqueue.slurm.cores": 2, "jobqueue.slurm.memory": "2GB"}):
        yield slurm_config


def test_slurm_gives_the_same_bytes(slurm: Path, course: Path, here: dict[str, bytes]) -> None:
    """Two workers of one job, which is gone from its queue afterwards."""
    with joined(Where(kind="slurm", workers=2), EngineChoice()) as cluster:
        wait_until(lambda: cluster.capacity() == 2)
        assert re.fullmatch(r"\d+ R\n", asked(slurm, "squeue", "--noheader", "--format=%i %t"))
        assert 5 == len(list(outcomes(course, cluster)))
    assert here == made(course)
    wait_until(lambda: not asked(slurm, "squeue", "--noheader"))


def test_what_slurm_refuses_is_told(slurm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its own words and at once, where Dask waits for workers that never come; likewise where there is no Slurm."""
    refused = pytest.raises(GraderError, match=r"begun: sbatch: .*nosuch.*; sbatch: .*Invalid partition")
    with dask.config.set({"jobqueue.slurm.queue": "nosuch"}), refused:
        joined(Where(kind="slurm", workers=4), EngineChoice()).__enter__()
    assert "" == asked(slurm, "squeue", "--noheader")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match="no sbatch here: use a login node"):
        joined(Where(kind="slurm"), EngineChoice()).__enter__()


def test_where_slurm_takes_some_jobs_only_none_stays(
    slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a limit of jobs a user: it is told, and those that were taken are gone from the queue."""
    sbatch = tmp_path / "sbatch"
    sbatch.write_text(
        f'#!/bin/sh\nmkdir {tmp_path}/first && exec {shutil.which("sbatch")} "$@"\necho No more. >&2\nexit 1\n'
    )
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(GraderError, match=r"begun: .*No more\.$"):
        joined(Where(kind="slurm", workers=6), EngineChoice()).__enter__()
    assert (tmp_path / "first").is_dir()
    wait_until(lambda: not asked(slurm, "squeue", "--noheader"))


def test_ctrl_c_is_left_as_it_was(slurm: Path) -> None:
    """Dask's package for Slurm would let it end the process as if all were done."""
    program = (
        "import signal\nfrom grader.pipeline.joining import Where, joined\n"
        "from grader.pipeline.worker import EngineChoice\nbefore = signal.getsignal(signal.SIGINT)\n"
        "with joined(Where(kind='slurm', workers=1), EngineChoice()):\n"
        "    assert before is signal.getsignal(signal.SIGINT)\n"
    )
    environment = {**os.environ, "DASK_JOBQUEUE__SLURM__MEMORY": "2GB"}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)


def test_tls_keeps_strangers_out(tmp_path: Path, lab: Lab) -> None:
    """Whoever has no certificate of the cluster's authority gets no answer."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make certificates with")
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=grader"]
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run([openssl, *made, "-keyout", key, "-out", cert], check=True, capture_output=True)
    secret = Lab(tmp_path, tmp_path, None, ("--tls-ca-file", str(cert), "--tls-cert", str(cert), "--tls-key", str(key)))
    secret.start_scheduler()
    secret.start_worker(0)
    try:
        with joined(Where(secret.address, tls=Tls(cert, cert, key)), EngineChoice(sandbox=False)) as cluster:
            assert 1 == cluster.capacity()
        with pytest.raises(GraderError, match="no scheduler"), joined(Where(secret.address), EngineChoice()):
            pass
    finally:
        secret.close()


def test_without_the_extra_there_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install, for Dask itself and for what it needs on a kind of cluster."""
    monkeypatch.setattr("grader.pipeline.joining.find_spec", lambda _: None)
    with (
        pytest.raises(ConfigError, match=r"pip install 'grader\[cluster\]'"),
        joined(Where("lab:8786"), EngineChoice()),
    ):
        pass


@pytest.mark.parametrize(("kind", "package"), [("slurm", "dask-jobqueue"), ("kubernetes", "dask-kubernetes")])
def test_a_kind_of_cluster_may_need_a_package(kind: Kind, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named."""
    monkeypatch.setattr("grader.pipeline.joining.find_spec", lambda name: None if name.startswith("dask_") else name)
    with pytest.raises(ConfigError, match=f"pip install {package}"), joined(Where(kind=kind), EngineChoice()):
        pass


def test_workers_are_refused_for_a_reason() -> None:
    """Without grader, with another release or environment of it, without a sandbox; allowed is another environment."""
    here = Environment("1", {"python": "3.11.7", "numpy": "2.2.1"})
    there = Environment("2", {"python": "3.11.7", "numpy": "2.2.2"})
    terms = Terms(here)
    assert "" == terms.why_not(Described(__version__, here, ""))
    assert "numpy 2.2.2 -> 2.2.1" in terms.why_not(Described(__version__, there, ""))
    assert "" == Terms(here, any_environment=True).why_not(Described(__version__, there, ""))
    assert "grader 0.0.1" in Terms(here, any_environment=True).why_not(Described("0.0.1", here, ""))
    assert "no sandbox: no bwrap" in terms.why_not(Described(__version__, here, "no bwrap"))
    assert "" == Terms(here, sandbox=False).why_not(Described(__version__, here, "no bwrap"))
    assert "cannot import" in terms.why_not(ModuleNotFoundError("No module named 'grader'"))


def test_dask_is_imported_only_where_it_is_asked_for() -> None:
    """A run on this machine alone does without it."""
    program = "import sys, grader.cli.grade, grader.pipeline.grade; assert not {'dask', 'distributed'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", program], check=True)
