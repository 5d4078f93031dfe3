"""What the tests of a deployment share: a PostgreSQL server that can be killed."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import psutil
import pytest

PASSWORD = "planted-secret-of-postgres"
ROOT = os.geteuid() == 0


class Postgres:
    """A server of its own on loopback, run by the user ``postgres`` where the tests are root's."""

    def __init__(self, folder: Path) -> None:
        installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        assert installed, "Debian's PostgreSQL is needed: apt-get install postgresql"
        self._programs, self._data, self.password = installed[-1], folder / "data", PASSWORD
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if ROOT:
            for each in (folder, secret):
                shutil.chown(each, "postgres")
        subprocess.run(
            [
                self._programs / "initdb",
                *("--pgdata", self._data, "--username", "postgres", "--pwfile", secret),
                *("--auth", "scram-sha-256", "--no-sync", "--encoding", "UTF8"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            user="postgres" if ROOT else None,
        )

    @property
    def environment(self) -> dict[str, str]:
        """What ``deploy/dagster.yaml`` asks of the environment, of the server's first database."""
        return {
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": str(self.port),
            "DAGSTER_POSTGRES_DB": "postgres",
            "DAGSTER_POSTGRES_USER": "postgres",
            "DAGSTER_POSTGRES_PASSWORD": PASSWORD,
        }

    def start(self) -> None:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
        }
        settings = [item for name, value in options.items() for item in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self._data, *settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user="postgres" if ROOT else None,
        )
        ready = [self._programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        for _ in range(600):
            assert self._process.poll() is None, "the server ended"
            if subprocess.run(ready, check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise AssertionError("the server did not answer within a minute")

    def kill(self) -> None:
        """SIGKILL to the server and each of its processes."""
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        family = [server, *server.children(recursive=True)]
        server.kill()
        for each in family[1:]:
            if each.is_running():
                each.kill()
        self._process.wait()
        psutil.wait_procs(family)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    folder = Path(mkdtemp(prefix="midtrain-postgres-"))
    server = Postgres(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)
