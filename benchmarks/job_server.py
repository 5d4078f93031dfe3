"""A real Ray cluster on loopback that takes jobs and wants a token: for tests, and to be killed."""

import os
import random
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import requests

BIN = Path(sys.executable).parent


class RayHead:
    """``ray start --head`` with a dashboard; its nodes have the credentials that it is started
    with, and the ``token`` that clients have to show."""

    def __init__(self, token: str, **environment: str) -> None:
        self._token = token
        self._folder = TemporaryDirectory(prefix="r")
        self._environment = {
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            **self.client,
            # On a machine that others use as well.
            "RAY_raylet_start_wait_time_s": "120",
            "RAY_health_check_failure_threshold": "30",
            **environment,
        }
        self._ports = free_ports(4)
        self.gcs = f"127.0.0.1:{self._ports[0]}"
        self.address = f"http://127.0.0.1:{self._ports[1]}"
        self._output = Path(self._folder.name) / "output"
        self.start()

    @property
    def client(self) -> dict[str, str]:
        """What clients of their own environment have in it."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self._token}

    @property
    def session(self) -> Path:
        """The folder of Ray's logs."""
        return Path(self._folder.name) / "session_latest"

    def start(self) -> None:
        """Start a cluster at the same address, which knows of nothing before."""
        names = ("port", "dashboard-port", "dashboard-agent-listen-port", "ray-client-server-port")
        options = {
            **dict(zip(names, self._ports, strict=True)),
            "node-ip-address": "127.0.0.1",
            "dashboard-host": "127.0.0.1",
            "num-cpus": 2,
            "object-store-memory": 100 * 2**20,
            "temp-dir": self._folder.name,
        }
        self.process = subprocess.Popen(
            [
                *(str(BIN / "ray"), "start", "--head", "--block", "--disable-usage-stats"),
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            env=self._environment,
            stdout=self._output.open("w"),
            stderr=subprocess.STDOUT,
        )
        self._wait()

    def kill(self) -> None:
        """SIGKILL all of it: nobody says goodbye."""
        processes = [psutil.Process(self.process.pid)]
        processes += processes[0].children(recursive=True)
        while processes:
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(processes, timeout=30)
            # What was started while these were listed would keep the ports of the next cluster.
            processes = self._left()
        self.process.wait()

    def _left(self) -> list[psutil.Process]:
        """Processes of this cluster that run yet: all of Ray's own name its folder."""
        return [
            process
            for process in psutil.process_iter(["cmdline", "status"])
            if process.info["status"] != psutil.STATUS_ZOMBIE
            and any(self._folder.name in word for word in process.info["cmdline"] or ())
        ]

    def close(self) -> None:
        """Kill it, and remove its folder."""
        self.kill()
        self._folder.cleanup()

    def _wait(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        for _ in range(600):
            assert self.process.poll() is None, self._output.read_text()
            try:
                if requests.get(f"{self.address}/api/jobs/", headers=headers, timeout=20).ok:
                    return
            except requests.exceptions.RequestException:
                pass
            time.sleep(0.1)
        raise TimeoutError(f"no job server at {self.address}")


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens at, between those of Ray's workers and those that the system hands
    out to others meanwhile."""
    found: set[int] = set()
    while len(found) < number:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) != 0:
                found.add(port)
    return list(found)
