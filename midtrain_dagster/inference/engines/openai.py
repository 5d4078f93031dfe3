"""An endpoint that speaks OpenAI's chat completions: a vLLM server, or a provider."""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.inference.engine import (
    FindPath,
    GenerationError,
    Prompt,
    RefusedError,
    before_stop,
)

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
        default=8, gt=0, description="requests in flight"
    )
    timeout: Annotated[float, NOT_A_CAUSE] = Field(
        default=120, gt=0, description="seconds for one request"
    )
    attempts: Annotated[int, NOT_A_CAUSE] = Field(
        default=5, gt=0, description="tries of a request before giving up"
    )

    @property
    def name(self) -> str:
        """The model's name, as the endpoint knows it."""
        return self.model

    @property
    def remote(self) -> bool:
        """It runs elsewhere."""
        return True

    @property
    def prompts_at_once(self) -> int:
        """The requests in flight."""
        return self.concurrency

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
        )


class OpenAICompatible:
    """An endpoint's chat completions over HTTP, several requests in flight.

    A request that meets 429, a server error or a broken connection is tried again after 1, 2, 4, ..
    seconds (or after what ``Retry-After`` says); any other error ends the run at once.
    """

    LONGEST_WAIT = 60.0  # seconds

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
    ) -> None:
        self.url = base_url.rstrip("/") + "/chat/completions"
        self.model = model
        self.concurrency = concurrency
        self.timeout = timeout
        self.attempts = attempts
        self.first_wait = first_wait
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
    ) -> list[str]:
        """One completion a prompt, in order.

        Raises:
            GenerationError: the endpoint refuses, cannot be reached, or answers with nonsense.
        """
        import httpx

        def complete(prompt: Prompt) -> str:
            body: dict[str, Any] = {
                "model": self.model,
                "messages": [{"role": "user", "content": prompt}]
                if isinstance(prompt, str)
                else prompt,
                "max_tokens": max_new_tokens,
                "temperature": temperature,
                "seed": seed,
            }
            if stop:
                body["stop"] = list(stop)
            return before_stop(self._content(self._post(client, body)), stop)

        with (
            httpx.Client(headers=self._headers, timeout=self.timeout) as client,
            ThreadPoolExecutor(self.concurrency) as pool,
        ):
            futures = [pool.submit(complete, prompt) for prompt in prompts]
            try:
                return [future.result() for future in futures]
            except GenerationError:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _post(self, client: "httpx.Client", body: dict[str, Any]) -> "httpx.Response":
        import httpx

        trouble, wait = "", 0.0
        for attempt in range(self.attempts):
            time.sleep(min(wait, self.LONGEST_WAIT))
            wait = self.first_wait * 2**attempt
            try:
                response = client.post(self.url, json=body)
            except httpx.TransportError as error:
                trouble = f"{type(error).__name__}: {error}"
                continue
            if response.is_success:
                return response
            trouble = f"status {response.status_code}: {response.text[:500]}"
            if response.status_code != 429 and response.status_code < 500:
                raise RefusedError(f"{self.url} refused a request with {trouble}")
            if response.headers.get("Retry-After", "").isdigit():
                wait = float(response.headers["Retry-After"])
        raise GenerationError(f"{self.url} failed {self.attempts} times, last with {trouble}")

    def _content(self, response: "httpx.Response") -> str:
        try:
            content = response.json()["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError) as error:
            raise RefusedError(
                f"{self.url} answered with no chat completion: {response.text[:500]}"
            ) from error
        return content or ""
