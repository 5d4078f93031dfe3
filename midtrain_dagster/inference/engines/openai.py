"""An endpoint that speaks OpenAI's chat completions: a vLLM server, or a provider.

Nothing that it does makes an endless loop: a request has a number of tries, a time for all of its
answer and a size, and an endpoint that answers nobody is given up.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import Field, model_validator

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.inference.budget import Budget
from midtrain_dagster.inference.chat_protocol import (
    count_of,
    is_filtered,
    is_too_long,
    text_of,
    whole_characters,
)
from midtrain_dagster.inference.engine import (
    OVER_BUDGET,
    Completion,
    Fault,
    FindPath,
    Finish,
    GenerationError,
    Prompt,
    RefusedError,
    before_stop,
    without_nulls,
)
from midtrain_dagster.inference.pace import Pace, StoppedError, asked_wait

if TYPE_CHECKING:
    import httpx

VERSION = 1


class Config(FrozenModel):
    """An endpoint with /chat/completions: a vLLM server, or a provider."""

    engine: Literal["openai"] = "openai"
    base_url: Annotated[str, NOT_A_CAUSE] = Field(
        description="up to and with /v1, such as http://127.0.0.1:8000/v1"
    )
    model: str
    """The model's name, as the endpoint knows it."""
    api_key_variable: Annotated[str | None, NOT_A_CAUSE] = Field(
        default=None, description="the environment variable that holds the key; none: no key"
    )
    concurrency: Annotated[int, NOT_A_CAUSE] = Field(
        default=8, gt=0, description="requests in flight, at most; fewer where it is overloaded"
    )
    timeout: Annotated[float, NOT_A_CAUSE] = Field(
        default=120, gt=0, description="seconds for one request"
    )
    attempts: Annotated[int, NOT_A_CAUSE] = Field(
        default=5, gt=0, description="tries of a request before giving up"
    )
    price_in: Annotated[float | None, NOT_A_CAUSE] = Field(
        default=None, ge=0, description="of a million tokens read, in any money"
    )
    price_out: Annotated[float | None, NOT_A_CAUSE] = Field(
        default=None, ge=0, description="of a million tokens written"
    )
    budget_tokens: Annotated[int | None, NOT_A_CAUSE] = Field(
        default=None,
        gt=0,
        description="read and written by one run of what asks; what was answered by then is kept",
    )
    budget_money: Annotated[float | None, NOT_A_CAUSE] = Field(
        default=None, gt=0, description="likewise, at `price_in` and `price_out`"
    )

    @model_validator(mode="after")
    def _money_needs_prices(self) -> "Config":
        if self.budget_money is not None and None in (self.price_in, self.price_out):
            raise ValueError("budget_money needs price_in and price_out: what does a token cost?")
        return self

    @property
    def name(self) -> str:
        """The model's name, as the endpoint knows it."""
        return self.model

    @property
    def remote(self) -> bool:
        """It runs elsewhere."""
        return True

    @property
    def has_actors(self) -> bool:
        """None."""
        return False

    @property
    def prompts_at_once(self) -> int:
        """Some times the requests in flight: who waits for the slowest of few waits too often."""
        return 8 * self.concurrency

    @property
    def prices(self) -> tuple[float | None, float | None]:
        """As the recipe says."""
        return self.price_in, self.price_out

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """A key that is not set; the endpoint is asked when there is something to ask."""
        name = self.api_key_variable
        if name and not os.environ.get(name):
            yield Finding(
                ("api_key_variable",), f"set the environment variable {name} to the API key"
            )
        if not self.base_url.startswith(("http://", "https://")):
            yield Finding(("base_url",), f"{self.base_url!r} is no URL (http://HOST:PORT/v1)")

    def folder(self, find: FindPath) -> None:
        """The model lies elsewhere."""

    def identity(self, find: FindPath) -> str:
        """The model's name: more of it cannot be seen from here."""
        return self.model

    def open(self, folder: str | Path | None, threads: int | None) -> "OpenAICompatible":
        """The endpoint, ready to be asked. Raises RefusedError if the key is not set."""
        return OpenAICompatible(
            self.base_url,
            self.model,
            self.api_key_variable,
            concurrency=self.concurrency,
            timeout=self.timeout,
            attempts=self.attempts,
            budget=Budget(
                tokens=self.budget_tokens,
                money=self.budget_money,
                price_in=self.price_in or 0.0,
                price_out=self.price_out or 0.0,
            ),
        )


LARGEST_ANSWER = 16 * 2**20  # bytes
DOWN = 16
"""Requests in a row without an answer from which an endpoint answers nobody."""

ALL = (401, 402, 403, 404)
"""Refusals of whoever asks, whatever is asked: the key, the account, the model's name."""

BYTES_OF_A_TOKEN = 4
"""Where an endpoint does not count: of English text, to keep a budget by."""


class Answer(NamedTuple):
    """A response, read to its end."""

    status: int
    headers: Mapping[str, str]
    text: str
    seconds: float


class OpenAICompatible:
    """An endpoint's chat completions over HTTP, as many requests in flight as it can take.

    A request that meets 429, a server error or a broken connection is tried again after 1, 2, 4, ..
    seconds, give or take a half (or after what ``Retry-After`` says). One that fails each time, or
    that the endpoint will not answer, says so in its completion. What concerns every request ends
    the run: a key or a model that it does not know, an endpoint that answers nobody, a model whose
    name changes on the way.
    """

    LONGEST_WAIT = 60.0  # seconds
    LONGEST_ASKED = 600.0  # seconds that `Retry-After` may ask for

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key_variable: str | None = None,
        *,
        concurrency: int = 8,
        timeout: float = 120,
        attempts: int = 5,
        first_wait: float = 1.0,
        budget: Budget | None = None,
    ) -> None:
        self.url = base_url.rstrip("/") + "/chat/completions"
        self.model = model
        self.concurrency = concurrency
        self.timeout = timeout
        self.attempts = attempts
        self.first_wait = first_wait
        self.budget = budget or Budget()
        self.pace = Pace(concurrency)
        self.answered_by: str | None = None
        self._ended: GenerationError | None = None
        self._answers = self._asked = 0
        self._failed_in_a_row = 0
        self._headers: dict[str, str] = {}
        if api_key_variable:
            key = os.environ.get(api_key_variable)
            if not key:
                raise RefusedError(
                    f"{base_url}: set the environment variable {api_key_variable} to the API key"
                )
            self._headers["Authorization"] = f"Bearer {key}"

    def generate(
        self,
        prompts: Sequence[Prompt],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        schema: str | None = None,
    ) -> list[Completion]:
        """One completion a prompt, in order; a prompt that has none says why.

        Raises:
            GenerationError: the endpoint refuses whoever asks, cannot be reached, or answers all
                with nonsense; ``answered`` has what was answered until then, for it was paid for.
        """
        import httpx

        self._asked = len(prompts)

        def complete(prompt: Prompt) -> Completion:
            spent = self.budget.exhausted
            if spent:
                return Completion("", fault=OVER_BUDGET, detail=f"{self.url}: {spent}")
            body: dict[str, Any] = {
                "model": self.model,
                "messages": [{"role": "user", "content": prompt}]
                if isinstance(prompt, str)
                else without_nulls(prompt),
                "max_tokens": max_new_tokens,
                "temperature": temperature,
                "seed": seed,
            }
            if stop:
                body["stop"] = list(stop)
            if schema is not None:
                held = {"name": "answer", "strict": True, "schema": json.loads(schema)}
                body["response_format"] = {"type": "json_schema", "json_schema": held}
            answered = self._ask(client, body)
            return answered._replace(text=before_stop(answered.text, stop))

        with (
            httpx.Client(headers=self._headers, timeout=self.timeout) as client,
            ThreadPoolExecutor(self.concurrency) as pool,
        ):
            futures = [pool.submit(self._or_end, complete, prompt) for prompt in prompts]
            try:
                return [future.result() for future in futures]
            except GenerationError as error:
                pool.shutdown(wait=True, cancel_futures=True)
                # Of many that were stopped, the one that was first says why.
                ended = self._ended or error
                ended.answered = [_answered(future) for future in futures]
                raise ended from None
            except BaseException:
                self.pace.stop()
                raise
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _or_end(self, complete: Callable[[Prompt], Completion], prompt: Prompt) -> Completion:
        """A completion; or, where there can be none for anybody, the end of all requests."""
        try:
            return complete(prompt)
        except StoppedError:
            raise GenerationError(f"{self.url}: stopped, since another request failed") from None
        except GenerationError as error:
            self._ended = self._ended or error
            self.pace.stop()
            raise

    def _ask(self, client: "httpx.Client", body: dict[str, Any]) -> Completion:
        """Ask until there is an answer, or a reason why there is none."""
        import httpx

        trouble, wait = "", 0.0
        for attempt in range(self.attempts):
            try:
                self.pace.wait(wait)
                wait = min(self.first_wait * 2**attempt, self.LONGEST_WAIT)
                wait *= random.uniform(0.5, 1.5)
                with self.pace.turn():
                    answer = self._post(client, body)
            except httpx.RequestError as error:
                trouble = f"{type(error).__name__}: {error}"
                self.pace.overloaded()
                continue
            if 200 <= answer.status < 300:
                return self._read(answer, body)
            trouble = f"status {answer.status}: {answer.text[:500]}"
            if answer.status != 429 and answer.status < 500:
                return self._refused(answer, trouble)
            asked = min(asked_wait(answer.headers), self.LONGEST_ASKED)
            self.pace.overloaded(asked)
            wait = max(wait, asked) if asked else wait
        message = f"{self.url} failed {self.attempts} times, last with {trouble}"
        return self._lost("failed", message, GenerationError(message))

    def _post(self, client: "httpx.Client", body: dict[str, Any]) -> Answer:
        """One response, read to its end.

        Raises httpx.RequestError; also for one that takes longer than the time of a request, byte
        by byte, and for one that has no end.
        """
        import httpx

        began, parts, size = time.monotonic(), [], 0
        with client.stream("POST", self.url, json=body) as response:
            for part in response.iter_bytes():
                parts.append(part)
                size += len(part)
                if time.monotonic() - began > self.timeout:
                    raise httpx.ReadTimeout(f"no whole answer within {self.timeout:g} seconds")
                if size > LARGEST_ANSWER:
                    raise httpx.ReadError(f"an answer of more than {LARGEST_ANSWER:,} bytes")
        text = b"".join(parts).decode(errors="replace")
        return Answer(response.status_code, response.headers, text, time.monotonic() - began)

    def _read(self, answer: Answer, body: dict[str, Any]) -> Completion:
        """The completion in a response that says that all is well."""
        try:
            said = json.loads(answer.text)
            choice = said["choices"][0]
            text = text_of(choice["message"]["content"])
            refusal, finish = choice["message"].get("refusal"), choice.get("finish_reason")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            message = f"{self.url} answered with no chat completion: {answer.text[:500]}"
            return self._lost("no_completion", message, RefusedError(message))
        tokens_in, tokens_out = (
            count_of(said.get("usage"), name) for name in ("prompt_tokens", "completion_tokens")
        )
        self._note_model(said.get("model"))
        self._answers += 1
        self._failed_in_a_row = 0
        self.pace.answered(answer.seconds)
        asked = len(json.dumps(body["messages"], ensure_ascii=False).encode())
        self.budget.spend(
            tokens_in or asked // BYTES_OF_A_TOKEN,
            tokens_out or len(text.encode()) // BYTES_OF_A_TOKEN,
        )
        if finish == "content_filter" or (refusal and not text):
            why = whole_characters(str(refusal)) if refusal else "content filter"
            return Completion("", "other", tokens_in, tokens_out, "refused", why)
        ended: Finish = finish if finish in ("stop", "length") else "other" if finish else "stop"
        return Completion(text, ended, tokens_in, tokens_out)

    def _note_model(self, name: Any) -> None:
        """Remember who answers. Raises RefusedError if that is no longer who answered before."""
        if not isinstance(name, str):
            return
        if self.answered_by is None:
            self.answered_by = name
        if name != self.answered_by:
            raise RefusedError(
                f"{self.url}: {self.model!r} was answered by {self.answered_by!r} and is now by "
                f"{name!r}: name the one that is meant as the generator's `model`"
            )

    def _refused(self, answer: Answer, trouble: str) -> Completion:
        """A request that the endpoint will not answer. Raises RefusedError if it answers none."""
        message = f"{self.url} refused a request with {trouble}"
        if answer.status in ALL:
            raise RefusedError(message)
        if is_too_long(answer.status, answer.text):
            return Completion("", fault="prompt_too_long", detail=message)
        if is_filtered(answer.text):
            return Completion("", fault="refused", detail=message)
        return self._lost("refused", message, RefusedError(message))

    def _lost(self, fault: Fault, message: str, error: GenerationError) -> Completion:
        """A request without an answer; raises the error if the endpoint answers nobody: some in a
        row say so, or the first that cannot be asked."""
        self._failed_in_a_row += 1
        enough = DOWN if self._answers else 1 if fault == "failed" else min(DOWN, self._asked)
        if self._failed_in_a_row >= enough:
            raise error
        return Completion("", fault=fault, detail=message)


def _answered(future: "Future[Completion]") -> Completion | None:
    """What became of a request when all were ended: its completion, if it had one."""
    if future.cancelled() or future.exception() is not None or future.result().fault:
        return None
    return future.result()
