"""What all tests share: one Ray for the session, an S3 server, and a store in a folder."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import settings

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.execution import OnRay
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.training.metrics.log import StepRecord

REPOSITORY = Path(__file__).parents[1]
DATA = REPOSITORY / "data"

os.environ["HF_HUB_OFFLINE"] = "1"

# A change is judged by the same examples each time; look for new ones with
# `pytest --hypothesis-profile=default`, and keep what they find as an @example.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

# Some tests import ray before the seam can say this: every Ray of the tests is on loopback.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"


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
    import boto3
    from botocore.exceptions import EndpointConnectionError

    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    endpoint = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    for _ in range(200):
        try:
            client.create_bucket(Bucket="midtrain")
            break
        except EndpointConnectionError:
            time.sleep(0.1)
    yield endpoint
    server.terminate()
    server.wait()


class Command:
    """Runs ``midtrain`` in a process of its own, with a store and a Ray folder of its own."""

    def __init__(self, root: Path, ray_folder: Path) -> None:
        self.root, self.ray_folder = root, ray_folder

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER", "MIDTRAIN"))}
        return kept | {"MIDTRAIN_ROOT": str(self.root), "RAY_TMPDIR": str(self.ray_folder)}

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

    def ray_sessions(self) -> int:
        """How many times Ray was started."""
        return len(list(self.ray_folder.glob("ray/session_2*")))


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
            return Command(tmp_path_factory.mktemp(name) / "store", Path(folder))

        yield make


@pytest.fixture
def command(new_command: Callable[[str], Command]) -> Command:
    """``midtrain`` with an empty store."""
    return new_command("command")


@pytest.fixture(scope="session")
def whole_run(tiny: Path, new_command: Callable[[str], Command]) -> tuple[Command, str]:
    """A finished run of the tiny recipe: the command that made it and what it printed."""
    made = new_command("whole")
    finished = made("run", str(tiny))
    assert finished.code == 0, finished.output
    return made, finished.output


@pytest.fixture
def record() -> StepRecord:
    """What is recorded of a step that went well."""
    return StepRecord(
        step=0,
        tokens=256,
        loss=4.5,
        rate=1e-3,
        gradient_norm=2.0,
        skipped=None,
        gradient_square=None,
        gradient_variance=None,
        noise_scale=None,
        seconds=0.2,
        tokens_per_second=1280.0,
        mfu=0.375,
        data_wait=0.001,
        memory=10**9,
    )
