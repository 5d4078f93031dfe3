"""An endpoint, as a real HTTP server on loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.inference.engine import GenerationError, RefusedError
from midtrain_dagster.inference.engines.openai import Config, OpenAICompatible


class Endpoint:
    """A real HTTP server on loopback; ``answer`` says what it does with a request."""

    def __init__(self) -> None:
        self.requests: list[dict] = []
        self.headers: list[dict] = []
        self.answer = lambda body, number: (200, {}, completion(body["messages"][-1]["content"]))
        endpoint = self
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    endpoint.requests.append({"path": self.path, **body})
                    endpoint.headers.append(dict(self.headers))
                    number = len(endpoint.requests)
                status, headers, answer = endpoint.answer(body, number)
                data = answer.encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()


def completion(text: str | None) -> str:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]})


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    served = Endpoint()
    yield served
    served.server.shutdown()
    served.server.server_close()


def test_endpoint_answers_in_order(endpoint: Endpoint, monkeypatch) -> None:
    monkeypatch.setenv("A_KEY", "secret")
    config = Config(
        engine="openai", base_url=endpoint.url, model="m", api_key_variable="A_KEY", concurrency=4
    )
    prompts = [f"prompt {i}" for i in range(20)]
    answers = config.open(None, None).generate(
        [*prompts, [{"role": "user", "content": "hello"}]],
        max_new_tokens=7,
        seed=3,
        stop=["\n\n"],
    )
    assert answers == [*prompts, "hello"]
    first = next(r for r in endpoint.requests if r["messages"][0]["content"] == "prompt 0")
    assert first == {
        "path": "/v1/chat/completions",
        "model": "m",
        "messages": [{"role": "user", "content": "prompt 0"}],
        "max_tokens": 7,
        "temperature": 0.0,
        "seed": 3,
        "stop": ["\n\n"],
    }
    assert {headers["Authorization"] for headers in endpoint.headers} == {"Bearer secret"}


def test_endpoint_that_is_busy_is_asked_again(endpoint: Endpoint) -> None:
    refusals = {1: (429, {"Retry-After": "0"}, "slow down"), 2: (503, {}, "starting")}
    endpoint.answer = lambda body, number: refusals.get(number, (200, {}, completion("yes\n\nno")))
    generator = OpenAICompatible(endpoint.url, "m", first_wait=0.01)
    assert generator.generate(["x"], max_new_tokens=4, stop=["\n\n"]) == ["yes"]
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize(
    ("answer", "requests", "error", "message"),
    [
        ((500, {}, "broken"), 3, GenerationError, "failed 3 times, last with status 500: broken"),
        (
            (401, {}, "who are you"),
            1,
            RefusedError,
            "refused a request with status 401: who are you",
        ),
        ((200, {}, "hello"), 1, RefusedError, "answered with no chat completion: hello"),
        ((200, {}, '{"choices": []}'), 1, RefusedError, "answered with no chat completion"),
    ],
)
def test_endpoint_that_fails_is_named_and_refusals_are_not_repeated(
    endpoint: Endpoint, answer, requests: int, error: type, message: str
) -> None:
    endpoint.answer = lambda body, number: answer
    generator = OpenAICompatible(endpoint.url, "m", attempts=3, first_wait=0.01, concurrency=1)
    with pytest.raises(GenerationError, match=message) as raised:
        generator.generate(["x"], max_new_tokens=4)
    assert raised.type is error
    assert len(endpoint.requests) == requests


def test_endpoint_that_is_not_there_is_named(endpoint: Endpoint) -> None:
    endpoint.server.shutdown()
    endpoint.server.server_close()
    generator = OpenAICompatible(endpoint.url, "m", attempts=2, first_wait=0.01)
    with pytest.raises(GenerationError, match="failed 2 times, last with ConnectError"):
        generator.generate(["x"], max_new_tokens=4)


def test_completion_without_text_is_empty(endpoint: Endpoint) -> None:
    endpoint.answer = lambda body, number: (200, {}, completion(None))
    assert OpenAICompatible(endpoint.url, "m").generate(["x"], max_new_tokens=4) == [""]


def test_key_that_is_not_set_is_named(monkeypatch) -> None:
    monkeypatch.delenv("A_KEY", raising=False)
    with pytest.raises(RefusedError, match="set the environment variable A_KEY"):
        OpenAICompatible("http://127.0.0.1:1/v1", "m", "A_KEY")


def test_endpoint_is_known_by_its_model_and_not_by_where_it_is() -> None:
    here = Config(base_url="http://127.0.0.1:8000/v1", model="maker/m")
    there = Config(
        base_url="http://127.0.0.1:1/v1", model="maker/m", api_key_variable="K", concurrency=1
    )
    assert here.name == here.identity(str) == "maker/m"
    assert here.folder(str) is None
    assert list(here.findings(str)) == []
    assert canonical(here) == canonical(there)
    assert canonical(here) != canonical(Config(base_url=here.base_url, model="maker/n"))
