import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.inference.generator import (
    GenerationError,
    GeneratorConfig,
    LocalTransformers,
    OpenAICompatible,
    OpenAIConfig,
    TransformersConfig,
    open_generator,
)

PROMPTS = ["the cat", "the mat sat on the cat and the mat", "an answer", "q", "the cat sat"]


@pytest.fixture(scope="module")
def local(tiny_model: Path) -> Iterator[LocalTransformers]:
    import torch

    threads = torch.get_num_threads()
    yield LocalTransformers(tiny_model, dtype="float32", batch_size=2, threads=1)
    torch.set_num_threads(threads)


def by_hand(local: LocalTransformers, prompt: str, new: int) -> str:
    """Greedy decoding without cache, batch, padding or generate()."""
    import torch

    tokens = local.tokenizer(prompt)["input_ids"]
    length = len(tokens)
    for _ in range(new):
        with torch.no_grad():
            logits = local.model(torch.tensor([tokens]), use_cache=False).logits[0, -1]
        tokens.append(int(logits.argmax()))
        if tokens[-1] == local.tokenizer.eos_token_id:
            break
    return local.tokenizer.decode(tokens[length:], skip_special_tokens=True)


def test_completions_are_the_greedy_ones_in_order(local: LocalTransformers) -> None:
    expected = [by_hand(local, prompt, 8) for prompt in PROMPTS]
    assert len(set(expected)) > 2
    assert local.generate(PROMPTS, max_new_tokens=8) == expected
    assert local.generate([], max_new_tokens=8) == []


def test_a_shared_beginning_changes_nothing(local: LocalTransformers) -> None:
    shared = [f"a question and an answer on the mat: {prompt}" for prompt in PROMPTS]
    assert local.generate(shared, max_new_tokens=8) == [by_hand(local, p, 8) for p in shared]
    same = ["the cat", "the cat"]
    assert local.generate(same, max_new_tokens=8) == [by_hand(local, p, 8) for p in same]


def test_a_stop_string_ends_and_is_cut(local: LocalTransformers) -> None:
    whole = local.generate(["the cat"], max_new_tokens=12)[0]
    stop = whole[3:5]
    (cut,) = local.generate(["the cat"], max_new_tokens=12, stop=[stop])
    assert cut == whole[: whole.find(stop)]


def test_sampling_is_reproducible_and_leaves_the_seed_alone(local: LocalTransformers) -> None:
    import torch

    state = torch.get_rng_state()
    runs = [
        local.generate(PROMPTS, max_new_tokens=8, temperature=1.0, seed=seed) for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1] != runs[2]
    assert torch.equal(torch.get_rng_state(), state)


def test_chat_messages_go_through_the_template(local: LocalTransformers) -> None:
    messages = [{"role": "user", "content": "the cat"}]
    assert local.generate([messages], max_new_tokens=5) == local.generate(
        ["[user] the cat\n"], max_new_tokens=5
    )


def test_a_prompt_beyond_the_context(local: LocalTransformers) -> None:
    with pytest.raises(GenerationError, match=r"prompt 1 has .* exceeds the 1024"):
        local.generate(["a", "b " * 1100], max_new_tokens=4)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match="no Hugging Face model here"):
        LocalTransformers(tmp_path)


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
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def completion(text: str | None) -> str:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]})


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    served = Endpoint()
    yield served
    served.server.shutdown()
    served.server.server_close()


def test_an_endpoint_answers_in_order(endpoint: Endpoint, monkeypatch) -> None:
    monkeypatch.setenv("A_KEY", "secret")
    config = OpenAIConfig(
        engine="openai", base_url=endpoint.url, model="m", api_key_variable="A_KEY", concurrency=4
    )
    prompts = [f"prompt {i}" for i in range(20)]
    answers = open_generator(config).generate(
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


def test_a_busy_endpoint_is_asked_again(endpoint: Endpoint) -> None:
    refusals = {1: (429, {"Retry-After": "0"}, "slow down"), 2: (503, {}, "starting")}
    endpoint.answer = lambda body, number: refusals.get(number, (200, {}, completion("yes\n\nno")))
    generator = OpenAICompatible(endpoint.url, "m", first_wait=0.01)
    assert generator.generate(["x"], max_new_tokens=4, stop=["\n\n"]) == ["yes"]
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize(
    ("answer", "requests", "message"),
    [
        ((500, {}, "broken"), 3, "failed 3 times, last with status 500: broken"),
        ((401, {}, "who are you"), 1, "refused a request with status 401: who are you"),
        ((200, {}, "hello"), 1, "answered with no chat completion: hello"),
        ((200, {}, '{"choices": []}'), 1, "answered with no chat completion"),
    ],
)
def test_an_endpoint_that_fails(endpoint: Endpoint, answer, requests: int, message: str) -> None:
    endpoint.answer = lambda body, number: answer
    generator = OpenAICompatible(endpoint.url, "m", attempts=3, first_wait=0.01, concurrency=1)
    with pytest.raises(GenerationError, match=message):
        generator.generate(["x"], max_new_tokens=4)
    assert len(endpoint.requests) == requests


def test_nobody_listens(endpoint: Endpoint) -> None:
    endpoint.server.shutdown()
    endpoint.server.server_close()
    generator = OpenAICompatible(endpoint.url, "m", attempts=2, first_wait=0.01)
    with pytest.raises(GenerationError, match="failed 2 times, last with ConnectError"):
        generator.generate(["x"], max_new_tokens=4)


def test_a_completion_without_text_is_empty(endpoint: Endpoint) -> None:
    endpoint.answer = lambda body, number: (200, {}, completion(None))
    assert OpenAICompatible(endpoint.url, "m").generate(["x"], max_new_tokens=4) == [""]


def test_a_key_that_is_not_set(monkeypatch) -> None:
    monkeypatch.delenv("A_KEY", raising=False)
    with pytest.raises(GenerationError, match="set the environment variable A_KEY"):
        OpenAICompatible("http://127.0.0.1:1/v1", "m", "A_KEY")


def test_the_engine_decides_the_section() -> None:
    adapter: TypeAdapter = TypeAdapter(GeneratorConfig)
    local = adapter.validate_python({"engine": "transformers", "model": "m"})
    assert local == TransformersConfig(model="m", dtype="bfloat16", batch_size=16)
    with pytest.raises(ValidationError, match="base_url"):
        adapter.validate_python({"engine": "openai", "model": "m"})
    with pytest.raises(ValidationError, match="engine"):
        adapter.validate_python({"engine": "vllm", "model": "m"})
