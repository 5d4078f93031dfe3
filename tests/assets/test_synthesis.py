"""Synthetic documents from an endpoint on loopback that answers from the passage it is shown."""

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import dagster as dg
import pytest

from midtrain_dagster.inference.generator import GenerationError
from midtrain_dagster.tokens.held_out import is_held_out


class Endpoint(ThreadingHTTPServer):
    """Speaks OpenAI's chat completions: asks about words of the passage, answers with its start."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.prompts: list[str] = []
        self.invents = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = body["messages"][-1]["content"]
        self.server.prompts.append(prompt)
        passage = prompt.rpartition("Passage:")[2].partition("\nQuestion:")[0].split()
        long = sorted(passage, key=len)[-5:-1]
        answer = "something that no passage says" if self.server.invents else " ".join(passage[:3])
        text = f" Which of {' '.join(long)} is meant?\nAnswer: {answer}"
        reply = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def synthesis(address: str) -> dict[str, Any]:
    generator = {"engine": "openai", "base_url": address, "model": "oracle"}
    return {"domains": ["web", "wikipedia"], "documents": 100, "generator": generator}


@pytest.fixture
def made(graph, shards, tmp_path, endpoint: Endpoint) -> Any:
    shutil.copytree(shards.artifacts.root, tmp_path / "store")
    return graph(synthesis=synthesis(endpoint.address))


def test_pairs_are_made_of_kept_documents_that_are_not_held_out(made, shards, endpoint) -> None:
    made.make("synthetic_documents")
    documents = made.artifact("documents").read("documents")
    decisions = made.artifact("curated_documents").read("decisions")
    kept = documents.join(decisions.filter("keep"), on="id", how="semi")
    apart = kept.filter(is_held_out(kept["id"], share=0.2, seed=made.recipe.seed))
    assert apart.height
    asked = "\n".join(endpoint.prompts)
    assert len(endpoint.prompts) == kept.height - apart.height
    for text in apart["text"]:
        assert text[:150] not in asked
    synthetic = made.artifact("synthetic_documents").read("documents")
    assert set(synthetic["domain"]) == {"qa"}
    assert 0 < synthetic.height <= len(endpoint.prompts)


def test_an_endpoint_that_moves_makes_nothing_again(made, graph, endpoint: Endpoint) -> None:
    made.make("synthetic_documents")
    asked = len(endpoint.prompts)
    moved = graph(synthesis=synthesis("http://127.0.0.1:9/v1"))
    moved.make("synthetic_documents")
    assert len(endpoint.prompts) == asked


def test_answers_that_no_passage_holds_stop_the_run(made, endpoint: Endpoint) -> None:
    endpoint.invents = True
    with pytest.raises(dg.Failure, match=r"none of .* prompts gave a pair"):
        made.make("synthetic_documents")


def test_a_model_that_is_not_there_is_named(graph, shards, tmp_path) -> None:
    shutil.copytree(shards.artifacts.root, tmp_path / "store")
    generator = {"engine": "transformers", "model": "nowhere"}
    made = graph(synthesis={"domains": ["web"], "documents": 1, "generator": generator})
    with pytest.raises(GenerationError, match="nowhere: there is no model's folder"):
        made.make("synthetic_documents")
