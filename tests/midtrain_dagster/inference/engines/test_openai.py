"""An endpoint, as a real HTTP server on loopback."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.inference.batches import COMPLETED
from midtrain_dagster.inference.budget import Budget
from midtrain_dagster.inference.engine import Completion, GenerationError, RefusedError
from midtrain_dagster.inference.engines import openai as module
from midtrain_dagster.inference.engines.openai import DOWN, Config, OpenAICompatible
from midtrain_dagster.inference.pace import asked_wait


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
    assert [answer.text for answer in answers] == [*prompts, "hello"]
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
    (answer,) = generator.generate(["x"], max_new_tokens=4, stop=["\n\n"])
    assert answer == Completion("yes")
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
    answers = OpenAICompatible(endpoint.url, "m").generate(["x"], max_new_tokens=4)
    assert answers == [Completion("")]


def answered(**message: Any) -> str:
    return json.dumps({"choices": [{"message": {"role": "assistant", **message}}]})


def test_content_in_parts_is_the_text_that_is_said(endpoint: Endpoint) -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    parts = [thought, {"type": "text", "text": "a "}, {"type": "text", "text": "part"}]
    endpoint.answer = lambda body, number: (200, {}, answered(content=parts))
    (answer,) = OpenAICompatible(endpoint.url, "m").generate(["p"], max_new_tokens=1)
    assert (answer.text, answer.fault) == ("a part", None)


def test_a_refusal_beside_the_content_is_one(endpoint: Endpoint) -> None:
    endpoint.answer = lambda body, number: (200, {}, answered(content=None, refusal="I will not."))
    (answer,) = OpenAICompatible(endpoint.url, "m").generate(["p"], max_new_tokens=1)
    assert (answer.text, answer.fault, answer.detail) == ("", "refused", "I will not.")


def test_half_a_character_and_counts_that_cannot_be_go_into_a_table(endpoint: Endpoint) -> None:
    said = json.loads(answered(content="half \ud83d"))
    said["usage"] = {"prompt_tokens": 10**30, "completion_tokens": -5}
    endpoint.answer = lambda body, number: (200, {}, json.dumps(said))
    (answer,) = OpenAICompatible(endpoint.url, "m").generate(["p"], max_new_tokens=1)
    row = pl.DataFrame([answer], COMPLETED, orient="row").row(0, named=True)
    assert row["completion"] == "half \ufffd"
    assert (row["tokens_in"], row["tokens_out"]) == (0, 0)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "the request exceeds the available context size. try increasing the context size"),
        (422, "Input validation error: `inputs` must have less than 1024 tokens. Given: 1500"),
        (400, "The input token count (12) exceeds the maximum number of tokens allowed (8)."),
        (400, "This model's maximum context length is 8192 tokens."),
        (413, "Request Entity Too Large"),
    ],
)
def test_a_prompt_that_is_too_long_is_told_in_every_servers_words(
    endpoint: Endpoint, status: int, said: str
) -> None:
    endpoint.answer = lambda body, number: (status, {}, said)
    (answer,) = OpenAICompatible(endpoint.url, "m").generate(["p"], max_new_tokens=1)
    assert answer.fault == "prompt_too_long"


def test_a_first_prompt_that_is_filtered_costs_itself(endpoint: Endpoint) -> None:
    filtered = (400, {}, '{"error": {"code": "content_filter", "message": "filtered"}}')
    endpoint.answer = lambda body, number: filtered if number == 1 else (200, {}, completion("x"))
    client = OpenAICompatible(endpoint.url, "m", concurrency=1)
    answers = client.generate(["bad", "good"], max_new_tokens=1)
    assert [answer.fault for answer in answers] == ["refused", None]


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


def said(text: str | None, **given: Any) -> str:
    """A whole response, with what is given beside the content."""
    choice = {"message": {"content": text}, "finish_reason": given.pop("finish", "stop")}
    usage = dict(
        zip(("prompt_tokens", "completion_tokens"), given.pop("usage", (0, 0)), strict=True)
    )
    return json.dumps({"choices": [choice], "usage": usage, **given})


def ready(endpoint: Endpoint, **given: Any) -> OpenAICompatible:
    """A generator that asks one after the other and waits for nothing."""
    return OpenAICompatible(
        endpoint.url, "m", **{"concurrency": 1, "attempts": 2, "first_wait": 0.0, **given}
    )


def test_tokens_and_ends_are_told(endpoint: Endpoint) -> None:
    answers = {
        "a": said("whole", usage=(12, 3)),
        "b": said("half of it", usage=(12, 4), finish="length"),
        "c": said("called", finish="tool_calls"),
        "d": said("x", usage=(9, 0), finish="content_filter"),
    }
    endpoint.answer = lambda body, number: (200, {}, answers[body["messages"][0]["content"]])
    assert ready(endpoint).generate([*answers], max_new_tokens=4) == [
        Completion("whole", "stop", 12, 3),
        Completion("half of it", "length", 12, 4),
        Completion("called", "other"),
        Completion("", "other", 9, 0, "refused", "content filter"),
    ]


NONSENSE = (
    "<html><body>502 Bad Gateway</body></html>",
    'data: {"choices": [{"delta": {"content": "a"}}]}\n\ndata: [DONE]\n\n',
    '{"error": {"message": "overloaded"}}',
    '{"choices": [{"message": {"content": 7}}]}',
    '{"choices": [{"message": null}]}',
    "[]",
    "null",
    "",
)


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_between_answers_costs_itself(endpoint: Endpoint, nonsense: str) -> None:
    endpoint.answer = lambda body, number: (200, {}, nonsense if number == 2 else said("yes"))
    first, second, third = ready(endpoint).generate(["a", "b", "c"], max_new_tokens=4)
    assert first == third == Completion("yes")
    assert (second.text, second.fault) == ("", "no_completion")
    assert nonsense[:20] in second.detail


@pytest.mark.parametrize(
    ("status", "text"), [(200, "<html>502 Bad Gateway</html>"), (422, "unsupported value")]
)
def test_a_first_request_that_has_no_answer_costs_itself(
    endpoint: Endpoint, status: int, text: str
) -> None:
    endpoint.answer = lambda body, number: (
        (status, {}, text) if number == 1 else (200, {}, said("yes"))
    )
    answers = ready(endpoint).generate(["bad", "good"], max_new_tokens=4)
    assert [answer.fault is None for answer in answers] == [False, True]


def test_an_endpoint_that_answers_nobody_ends_the_run_after_some(endpoint: Endpoint) -> None:
    endpoint.answer = lambda body, number: (200, {}, "<html>502 Bad Gateway</html>")
    with pytest.raises(RefusedError, match="answered with no chat completion"):
        ready(endpoint).generate([str(n) for n in range(3 * DOWN)], max_new_tokens=4)
    assert len(endpoint.requests) == DOWN
    with pytest.raises(RefusedError, match="answered with no chat completion"):
        ready(endpoint).generate(["a", "b", "c"], max_new_tokens=4)


@pytest.mark.parametrize(
    ("status", "text", "fault"),
    [
        (400, "This model's maximum context length is 4096 tokens", "prompt_too_long"),
        (413, "prompt too long", "prompt_too_long"),
        (422, "unsupported value", "refused"),
        (500, "broken", "failed"),
    ],
)
def test_a_request_that_fails_between_answers_costs_itself(
    endpoint: Endpoint, status: int, text: str, fault: str
) -> None:
    good = (200, {}, said("yes"))
    endpoint.answer = lambda body, _: (
        (status, {}, text) if body["messages"][0]["content"] == "bad" else good
    )
    answers = ready(endpoint).generate(["good", "bad", "good"], max_new_tokens=4)
    assert [answer.fault for answer in answers] == [None, fault, None]
    assert text in answers[1].detail


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_what_concerns_every_request_ends_the_run(endpoint: Endpoint, status: int) -> None:
    endpoint.answer = lambda body, number: (
        (200, {}, said("yes")) if number == 1 else (status, {}, "")
    )
    with pytest.raises(RefusedError, match=f"refused a request with status {status}"):
        ready(endpoint).generate(["a", "b", "c", "d"], max_new_tokens=4)
    assert len(endpoint.requests) == 2


def test_an_endpoint_that_goes_down_ends_the_run(endpoint: Endpoint) -> None:
    endpoint.answer = lambda body, number: (
        (200, {}, said("yes")) if number < 4 else (503, {}, "gone")
    )
    with pytest.raises(GenerationError, match="failed 2 times, last with status 503: gone"):
        ready(endpoint).generate(["x"] * 200, max_new_tokens=4)
    assert len(endpoint.requests) == 3 + 2 * DOWN


def test_a_model_that_changes_under_its_name_is_told(endpoint: Endpoint) -> None:
    endpoint.answer = lambda body, number: (200, {}, said("yes", model=f"m-{min(number, 3) // 3}"))
    with pytest.raises(RefusedError, match="'m' was answered by 'm-0' and is now by 'm-1'"):
        ready(endpoint).generate(["a", "b", "c", "d"], max_new_tokens=4)


def test_what_was_answered_before_an_end_is_handed_over(endpoint: Endpoint) -> None:
    answers = {"a": (200, said("yes")), "b": (422, "no"), "c": (200, said("no")), "d": (401, "")}

    def answer(body: dict, number: int) -> tuple[int, dict, str]:
        status, text = answers[body["messages"][0]["content"]]
        return status, {}, text

    endpoint.answer = answer
    with pytest.raises(RefusedError) as ended:
        ready(endpoint).generate(["a", "b", "c", "d", "a", "c"], max_new_tokens=4)
    assert ended.value.answered == [Completion("yes"), None, Completion("no"), None, None, None]


def test_an_answer_without_end_is_given_up(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_ANSWER", 1000)
    endpoint.answer = lambda body, number: (200, {}, said("yes" * (500 if number > 1 else 1)))
    good, endless = ready(endpoint).generate(["a", "b"], max_new_tokens=4)
    assert (good.text, endless.fault) == ("yes", "failed")
    assert "an answer of more than 1,000 bytes" in endless.detail


class Dripping(BaseHTTPRequestHandler):
    """Sends a byte now and then, for ever."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.02)

    def log_message(self, *_: object) -> None: ...


def test_an_answer_that_comes_byte_by_byte_is_given_up() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Dripping) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        generator = OpenAICompatible(url, "m", attempts=1, timeout=0.3)
        with pytest.raises(
            GenerationError, match=r"ReadTimeout: no whole answer within 0\.3 seconds"
        ):
            generator.generate(["x"], max_new_tokens=4)
        server.shutdown()


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("0.25", 0.25), ("7200", 600), ("soon", 0), ("", 0), ("-3", 0)],
)
def test_retry_after_is_honoured(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, asked: str, seconds: float
) -> None:
    headers = {"Retry-After": asked}
    endpoint.answer = lambda body, number: (
        (429, headers, "") if number == 1 else (200, {}, said("y"))
    )
    generator = ready(endpoint)
    pauses: list[float] = []
    waits: list[float] = []
    monkeypatch.setattr(generator.pace, "overloaded", pauses.append)
    monkeypatch.setattr(generator.pace, "wait", waits.append)
    assert generator.generate(["x"], max_new_tokens=4) == [Completion("y")]
    assert pauses == [seconds]
    assert waits == [0.0, seconds]


def test_retry_after_may_be_a_date() -> None:
    wait = asked_wait({"Retry-After": formatdate(time.time() + 100, usegmt=True)})
    assert 90 < wait < 101
    assert asked_wait({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0


def test_waits_grow_and_differ(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint.answer = lambda body, number: (503, {}, "")
    generator = ready(endpoint, attempts=5, first_wait=1.0)
    waits: list[float] = []
    monkeypatch.setattr(generator.pace, "wait", waits.append)
    with pytest.raises(GenerationError):
        generator.generate(["x"], max_new_tokens=4)
    assert waits[0] == 0
    for wait, middle in zip(waits[1:], (1, 2, 4, 8), strict=True):
        assert middle / 2 <= wait <= middle * 1.5
        assert wait != middle


@pytest.mark.parametrize(
    ("budget", "asked", "detail"),
    [
        (Budget(tokens=30), 3, "`budget_tokens` of 30 are spent (30)"),
        (Budget(tokens=29), 3, "`budget_tokens` of 29 are spent (30)"),
        (
            Budget(money=0.5, price_in=10_000, price_out=40_000),
            3,
            "`budget_money` of 0.5 is spent (0.66)",
        ),
    ],
)
def test_a_budget_ends_the_asking_and_keeps_what_was_answered(
    endpoint: Endpoint, budget: Budget, asked: int, detail: str
) -> None:
    endpoint.answer = lambda body, number: (200, {}, said("yes", usage=(6, 4)))
    answers = ready(endpoint, budget=budget).generate(["x"] * 9, max_new_tokens=4)
    assert len(endpoint.requests) == asked
    assert answers[:asked] == [Completion("yes", "stop", 6, 4)] * asked
    assert {answer.fault for answer in answers[asked:]} == {"over_budget"}
    assert all(answer.detail.endswith(detail) for answer in answers[asked:])


def test_tokens_that_nobody_counts_are_estimated_for_the_budget(endpoint: Endpoint) -> None:
    generator = ready(endpoint, budget=Budget(tokens=10**6))
    generator.generate(["word " * 400], max_new_tokens=4)
    assert 900 < generator.budget.spent_tokens < 1100


def test_money_without_prices_is_an_error() -> None:
    with pytest.raises(ValidationError, match="budget_money needs price_in and price_out"):
        Config(base_url="http://h/v1", model="m", budget_money=5, price_in=1)


def test_what_is_spent_and_how_fast_is_no_cause() -> None:
    plain = Config(base_url="http://h/v1", model="m")
    spending = Config(
        base_url="http://h/v1", model="m", budget_tokens=5, budget_money=1, price_in=1, price_out=2
    )
    assert canonical(plain) == canonical(spending)
    assert (plain.prices, spending.prices) == ((None, None), (1, 2))


def test_a_schema_is_handed_to_the_endpoint(endpoint: Endpoint) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    ready(endpoint).generate(["x"], max_new_tokens=4, schema=json.dumps(schema))
    assert endpoint.requests[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": schema},
    }
