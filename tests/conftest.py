"""What all tests share: one Ray for the session, an S3 server, and a finished run of a tiny recipe.

``make test`` runs two processes (pytest-xdist), file by file (``order``). Each has a Ray of its
own; the finished run is made once for both.
"""

import io
import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from filelock import FileLock
from hypothesis import settings

from benchmarks.job_server import RayHead
from benchmarks.object_stores import SERVERS, Server, s3
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.execution import OnRay
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.training.metrics.log import StepRecord
from tests.endpoint import Endpoint
from tests.order import pytest_collection_modifyitems, pytest_xdist_make_scheduler

if TYPE_CHECKING:
    from midtrain_dagster.recipe import Recipe

__all__ = ["pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]

REPOSITORY = Path(__file__).parents[1]
DATA = REPOSITORY / "data"

os.environ["HF_HUB_OFFLINE"] = "1"

# Some environments say that nothing compiled is kept. Then each of the hundreds of processes that
# the tests start compiles every module again, and both of pytest's rewrite every assertion.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A change is judged by the same examples each time, and never by the clock; look for new ones with
# `pytest --hypothesis-profile=default`, and keep what they find as an @example.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")

# Some tests import ray before the seam can say this: every Ray of the tests is on loopback.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"

# A process reads once whether Ray wants a token, and which: the Rays of the tests have this one,
# and so has a job server that is asked from here, whichever of them comes first.
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}

# `make` says it, and what is tested is a machine where nobody has.
os.environ.pop("MIDTRAIN_WEBSERVER_URL", None)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Both processes must call a test the same, and compressed data holds the time."""
    return argname if isinstance(val, bytes) and not val.isascii() else None


@pytest.fixture(scope="session")
def on_ray() -> Iterator[OnRay]:
    """The session's one Ray, started through the seam that the project uses."""
    execution = OnRay("local", object_store_bytes=200 * 2**20)
    execution.start()
    yield execution
    import ray

    ray.shutdown()


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """An artifact store in an empty folder."""
    return ArtifactStore(Storage(root=str(tmp_path / "store")))


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A real S3 server (moto in server mode) on loopback, with an empty bucket ``midtrain``."""
    with s3() as server:
        credentials = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        os.environ |= {name: server.environment[name] for name in credentials}
        yield server.environment["AWS_ENDPOINT_URL"]


@pytest.fixture(scope="session")
def object_store() -> Iterator[Callable[[str], Server]]:
    """Object stores by their scheme, each started when it is asked for first."""
    with ExitStack() as stack:
        yield cache(lambda scheme: stack.enter_context(SERVERS[scheme]()))


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def ray_head() -> Iterator[RayHead]:
    """A Ray cluster that takes jobs."""
    head = RayHead(os.environ["RAY_AUTH_TOKEN"])
    yield head
    head.close()


class Command:
    """Runs ``midtrain`` with a store of its own: in a process and a Ray of its own, or here."""

    def __init__(self, root: Path, ray_folder: Path) -> None:
        self.root, self.ray_folder = root, ray_folder
        self.beside: dict[str, str] = {}
        """What else its environment has."""

    @property
    def environment(self) -> dict[str, str]:
        others = ("DAGSTER", "MIDTRAIN", "RAY_AUTH")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        temporary = {"TMPDIR": str(self.ray_folder / "t"), "RAY_TMPDIR": str(self.ray_folder)}
        return kept | {"MIDTRAIN_ROOT": str(self.root), **temporary} | self.beside

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "midtrain", *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *arguments: str, timeout: float = 580) -> "Finished":
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=timeout)
        return Finished(process.returncode, output)

    def here(self, *arguments: str) -> "Finished":
        """The same in this process, which has imported all and may have a Ray: much quicker."""
        from midtrain.command import main

        output = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(output):
            patch.setenv("MIDTRAIN_ROOT", str(self.root))
            patch.setenv("DAGSTER_HOME", str(self.root / ".dagster"))
            with pytest.raises(SystemExit) as ended:
                main(arguments)
        return Finished(int(ended.value.code or 0), output.getvalue())

    def files(self) -> dict[str, int]:
        """Every file of the store that is an artifact's: path to time of last change."""
        return {
            str(path.relative_to(self.root)): path.stat().st_mtime_ns
            for folder in ("parts", "manifests")
            for path in (self.root / folder).rglob("*")
            if path.is_file()
        }

    def manifests(self) -> dict[str, str]:
        """Every manifest's content by its path: what was made, whatever happened on the way."""
        folder = self.root / "manifests"
        return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*.json")}

    def parts_of(self, *assets: str) -> set[str]:
        """The parts that the manifests of assets name, as paths below the store."""
        files = (path for name in assets for path in (self.root / "manifests" / name).iterdir())
        return {part["path"] for path in files for part in json.loads(path.read_text())["parts"]}

    def ray_started(self) -> int:
        """When Ray was last started or ended, 0 if it never was: it leaves a folder changed."""
        changed = self.ray_folder.stat().st_mtime_ns
        return changed if changed > (self.ray_folder / "new").stat().st_mtime_ns else 0

    def left_in_temporary_folders(self) -> list[str]:
        """What is there yet of what the command, its Ray and its workers wrote for a while."""
        everything = [*self.ray_folder.iterdir(), *(self.ray_folder / "t").iterdir()]
        return sorted(path.name for path in everything if path.name not in ("new", "t"))

    def run_statuses(self) -> list[str]:
        """How each of its Dagster runs stands, the first first."""
        import dagster as dg

        with dg.DagsterInstance.from_config(str(self.root / ".dagster")) as instance:
            return [run.status.value for run in reversed(instance.get_runs())]


class Finished(NamedTuple):
    code: int
    output: str


@pytest.fixture(scope="session")
def tiny() -> Path:
    """A recipe of the whole graph in miniature."""
    return REPOSITORY / "tests" / "recipes" / "tiny.yaml"


@pytest.fixture(scope="session")
def new_command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Command]]:
    """Makes ``midtrain`` with an empty store of its own.

    Ray's folder is a short path of its own, because the names of its sockets are limited.
    """
    with ExitStack() as stack:

        def make(name: str) -> Command:
            folder = stack.enter_context(TemporaryDirectory(prefix="r"))
            Path(folder, "t").mkdir()
            Path(folder, "new").touch()
            return Command(tmp_path_factory.mktemp(name) / "store", Path(folder))

        yield make


@pytest.fixture
def command(new_command: Callable[[str], Command]) -> Command:
    """``midtrain`` with an empty store."""
    return new_command("command")


@pytest.fixture(scope="session")
def whole_run(
    tiny: Path, new_command: Callable[[str], Command], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Command, str]:
    """A finished run of the tiny recipe: the command that made it and what it printed.

    It is made once for all processes of a session. Each has a folder of its own for what comes
    after, since that of who made it goes with that process.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made = shared / "whole_run.json"
    with FileLock(shared / "whole_run.lock"):
        if not made.exists():
            command = new_command("whole")
            finished = command("run", str(tiny))
            assert finished.code == 0, finished.output
            assert command.left_in_temporary_folders() == []
            found = {"root": str(command.root), "ray_started": command.ray_started()}
            made.write_text(json.dumps(found | {"output": finished.output}))
    found = json.loads(made.read_text())
    after = Command(Path(found["root"]), new_command("after").ray_folder)
    if found["ray_started"]:
        later = (after.ray_folder / "new").stat().st_mtime_ns + 1
        os.utime(after.ray_folder, ns=(later, later))
    return after, found["output"]


@dataclass(frozen=True)
class TinyRun:
    """What the finished run of the tiny recipe has made; tests read it and change nothing."""

    recipe: "Recipe"
    store: ArtifactStore

    @cached_property
    def artifacts(self) -> dict[str, Any]:
        """Every artifact by the asset's name; of partitioned assets a mapping by benchmark."""
        from assets.latest_artifacts import latest_artifacts
        from definitions import recipe_assets

        assets = recipe_assets(self.recipe)
        found, missing = latest_artifacts(self.store, assets, self.recipe.benchmarks)
        assert missing == []
        return found

    def __getitem__(self, name: str) -> Artifact:
        """An artifact that is not partitioned."""
        artifact = self.artifacts[name]
        assert isinstance(artifact, Artifact)
        return artifact


@pytest.fixture(scope="session")
def tiny_run(whole_run: tuple[Command, str], tiny: Path) -> TinyRun:
    """The artifacts of the finished run, by name."""
    from midtrain_dagster.recipe_file import load_recipe

    store = ArtifactStore(Storage(root=str(whole_run[0].root)))
    return TinyRun(load_recipe(tiny), store)


@pytest.fixture
def record() -> StepRecord:
    """What is recorded of a step that went well."""
    return StepRecord(
        step=0,
        tokens=256,
        loss=4.5,
        learning_rate=1e-3,
        gradient_norm=2.0,
        skipped=None,
        router_loss=None,
        targets=None,
        gradient_square=None,
        gradient_variance=None,
        noise_scale=None,
        seconds=0.2,
        tokens_per_second=1280.0,
        mfu=0.375,
        data_wait=0.001,
        memory=10**9,
    )
