"""What is at an address is told in one line, and in time: nobody, another program, another Ray."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from benchmarks.job_server import RayHead, free_ports
from midtrain_dagster.core.cluster import ClusterError
from midtrain_dagster.submission import server as server_module
from midtrain_dagster.submission.server import JobServer


def refusal(address: str) -> str:
    """Why a job server is refused, in one line."""
    with pytest.raises(ClusterError) as refused:
        JobServer(address)
    message = str(refused.value)
    assert message.startswith(f"the Ray cluster at {address}: ")
    assert "\n" not in message
    return message


@contextmanager
def answering(answers: dict[str, str]) -> Iterator[str]:
    """A server of web pages by their paths; what it lacks is not found."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = answers.get(self.path)
            self.send_response(404 if page is None else 200)
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_server_that_nobody_is_at_is_told_at_once() -> None:
    assert "no answer (Connection refused)" in refusal(f"http://127.0.0.1:{free_ports(1)[0]}")
    assert "no answer (Name or service not known)" in refusal("http://no.such.host.invalid:8265")


def test_server_that_is_none_of_rays_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "ANSWER_SECONDS", 0.5)
    with answering({}) as address:
        assert "is not Ray's dashboard" in refusal(address)
    with answering({"/api/version": "<html>"}) as address:
        assert "is not Ray's dashboard" in refusal(address)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "has not answered as Ray does" in refusal(address)


def test_server_of_another_ray_or_python_is_told_with_both() -> None:
    """No other Ray can be installed beside this one; these are its answers."""
    versions = {"rayVersion": "2.40.0", "pythonVersion": "3.9.1"}
    pages = {
        "/api/version": json.dumps({"version": "4", "ray_version": "2.40.0"}),
        "/api/v0/cluster_metadata": json.dumps({"result": True, "data": versions}),
    }
    with answering(pages) as address:
        told = refusal(address)
    assert "it runs Ray 2.40.0 on Python 3.9.1, and this is Ray 2.60.0 on Python 3." in told


@pytest.mark.slow
def test_server_that_wants_a_token_is_told_which_to_set(ray_head: RayHead) -> None:
    """In a process that has not read one yet."""
    program = f"""
from midtrain_dagster.core.cluster import ClusterError
from midtrain_dagster.submission.server import JobServer
try:
    JobServer("{ray_head.address}")
except ClusterError as error:
    print(error)
"""
    for environment in ({"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_TOKEN": "0" * 64}):
        finished = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | ray_head.client | environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN" in finished.stdout
