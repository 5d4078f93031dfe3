"""Synthetic documents from an endpoint on loopback that answers from the passage it is shown."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import dagster as dg
import pytest

from midtrain_dagster.inference.engine import GenerationError
from midtrain_dagster.synthesis.method import EXAMPLES_KEPT
from midtrain_dagster.tokens.held_out import is_held_out


class Endpoint(ThreadingHTTPServer):
    """Speaks OpenAI's chat completions, and says what it is to say in words of the passage."""

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
        text = "something that no passage says" if self.server.invents else completion(prompt)
        reply = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: object) -> None: ...


def completion(prompt: str) -> str:
    """A question about long words of the passage, or the passage in another order."""
    passage = prompt.rpartition("Passage:")[2].rpartition("\n")[0].split()
    if prompt.endswith("Rephrased:"):
        turned = [" ".join(passage[at : at + 3]) for at in range(0, len(passage), 3)][::-1]
        return " ".join(turned) + "."
    long = sorted(passage, key=len)[-5:-1]
    return f" Which of {' '.join(long)} is meant?\nAnswer: {' '.join(passage[:3])}"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def synthesis(address: str) -> dict[str, Any]:
    """Two methods, one of them twice: the same questions under two names."""
    generator = {"engine": "openai", "base_url": address, "model": "oracle"}
    common = {"domains": ["web", "wikipedia"], "documents": 100, "generator": generator}
    asked = {"method": "question_answer", **common}
    return {"qa": asked, "again": asked, "said": {"method": "rephrase", **common}}


@pytest.fixture
def made(graph, root, endpoint: Endpoint) -> Any:
    return graph(synthesis=synthesis(endpoint.address))


NAMES = tuple(f"synthesis/{name}/documents" for name in ("qa", "again", "said"))


def test_documents_are_made_of_kept_ones_that_are_not_held_out(made, endpoint) -> None:
    made.make(*NAMES)
    documents = made.artifact("documents").read("documents")
    decisions = made.artifact("curated_documents").read("decisions")
    kept = documents.join(decisions.filter("keep"), on="id", how="semi")
    apart = kept.filter(is_held_out(kept["id"], share=0.2, seed=made.recipe.seed))
    assert apart.height
    asked = "\n".join(endpoint.prompts)
    assert len(endpoint.prompts) == 3 * (kept.height - apart.height)
    for text in apart["text"]:
        assert text[:150] not in asked
    ids: set[str] = set()
    for name, domain in zip(NAMES, ("qa", "qa", "rephrased"), strict=True):
        artifact = made.artifact(name)
        written = artifact.read("documents")
        assert written.height > 10
        assert set(written["domain"]) == {domain}
        assert set(written["source"]) == {f"synthetic_{name.split('/')[1]}"}
        assert artifact.rows("examples") == min(written.height, EXAMPLES_KEPT)
        assert written.height + artifact.rows("rejects") == kept.height - apart.height
        # The same question under another name is another document.
        assert ids.isdisjoint(written["id"])
        ids.update(written["id"])
    texts = [set(made.artifact(name).read("documents")["text"]) for name in NAMES]
    assert texts[0] == texts[1] != texts[2]


def test_endpoint_that_moves_makes_nothing_again(made, graph, endpoint: Endpoint) -> None:
    made.make(NAMES[0])
    asked = len(endpoint.prompts)
    moved = graph(synthesis=synthesis("http://127.0.0.1:9/v1"))
    moved.make(NAMES[0])
    assert len(endpoint.prompts) == asked
    fields = synthesis(endpoint.address)
    fields["qa"]["generator"]["model"] = "another"
    graph(synthesis=fields).make(NAMES[0])
    assert len(endpoint.prompts) == 2 * asked


def test_completions_of_which_none_is_accepted_stop_the_run_at_once(made, endpoint) -> None:
    endpoint.invents = True
    expected = r"none of \d+ completions was accepted \(most often no_question\)"
    with pytest.raises(dg.Failure, match=expected):
        made.make(NAMES[0])


def test_model_that_is_not_there_is_named(graph, root) -> None:
    generator = {"engine": "transformers", "model": "nowhere"}
    fields = {"method": "rephrase", "domains": ["web"], "documents": 1, "generator": generator}
    made = graph(synthesis={"said": fields})
    with pytest.raises(GenerationError, match="nowhere: there is no model's folder"):
        made.make("synthesis/said/documents")
