"""Where completions come from: an endpoint needs no Ray, a local model is held by actors."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from midtrain_dagster.inference.generator import Request
from resources.generator import RETRIES, TextGeneratorResource, retries
from resources.ray import RayCluster

REPOSITORY = Path(__file__).parents[2]
PROMPTS = pl.DataFrame({"id": ["a", "b", "c"], "prompt": ["one", "two", "three"]})


class Echo(BaseHTTPRequestHandler):
    """An endpoint that answers with its prompt in capitals."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["messages"][-1]["content"].upper()
        reply = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
        self.send_response(404 if body["model"] == "unknown" else 200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def config(**generator: Any) -> Request:
    return Request.model_validate({"max_new_tokens": 4, "generator": generator})


def test_endpoint_is_asked_from_this_process(address: str) -> None:
    asked = config(engine="openai", base_url=address, model="m")
    steps: list[tuple[int, int]] = []
    cluster = RayCluster(address="192.0.2.1:6379")  # nothing is there; it is never looked for
    completed = TextGeneratorResource(ray=cluster).complete(
        PROMPTS, asked, None, lambda done, total: steps.append((done, total))
    )
    assert completed["completion"].to_list() == ["ONE", "TWO", "THREE"]
    assert completed["id"].to_list() == ["a", "b", "c"]
    assert steps[-1] == (3, 3)


def test_request_that_is_refused_is_not_tried_again(address: str) -> None:
    asked = config(engine="openai", base_url=address, model="unknown")
    resource = TextGeneratorResource(ray=RayCluster(mode="in_process"))
    with pytest.raises(dg.Failure, match="refused a request with status 404") as raised:
        resource.complete(PROMPTS, asked, None, lambda done, total: None)
    assert not raised.value.allow_retries
    assert retries(asked.generator) == RETRIES
    assert retries(config(engine="transformers", model="m").generator) is None


def test_local_model_needs_no_ray_in_process() -> None:
    folder = REPOSITORY / "data" / "smollm2-135m-instruct"
    asked = config(engine="transformers", model="its/folder/is/given/apart")
    cluster = RayCluster(mode="in_process", address="192.0.2.1:6379")
    completed = TextGeneratorResource(ray=cluster).complete(
        PROMPTS.head(1), asked, folder, lambda done, total: None
    )
    assert completed.height == 1
    assert completed["completion"].dtype == pl.String
