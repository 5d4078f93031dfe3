"""Text generators: a local model, or any endpoint that speaks OpenAI's chat completions.

Both take prompts and give completions in the same order. A prompt is a text, which a local model
continues as it stands and an endpoint gets as the user's message, or a list of chat messages.
Greedy by default, so a local generator is a pure function of prompts, weights and batch size: in
bfloat16 the neighbours in a batch change the last bits and may change a word. An endpoint promises
less: ``seed`` is sent, and whether it is honoured is the server's affair.
"""

import copy
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Protocol

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel

if TYPE_CHECKING:
    import httpx
    import torch
    from transformers import GenerationConfig

Message = dict[str, str]
Prompt = str | list[Message]


class GenerationError(RuntimeError):
    """A generator cannot answer; the message says which one, why, and what to do."""


class TransformersConfig(FrozenModel):
    """A local Hugging Face model, batched on this machine."""

    engine: Literal["transformers"] = "transformers"
    model: str = Field(description="a Hugging Face folder, relative to the recipe")
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    batch_size: int = Field(default=16, gt=0, description="prompts generated together")


class OpenAIConfig(FrozenModel):
    """An endpoint with /chat/completions: a vLLM server, or a provider."""

    engine: Literal["openai"] = "openai"
    base_url: str = Field(description="up to and with /v1, such as http://127.0.0.1:8000/v1")
    model: str
    api_key_variable: str | None = Field(
        default=None, description="the environment variable that holds the key; none: no key"
    )
    concurrency: int = Field(default=8, gt=0, description="requests in flight")
    timeout: float = Field(default=120, gt=0, description="seconds for one request")
    attempts: int = Field(default=5, gt=0, description="tries of a request before giving up")


GeneratorConfig = Annotated[TransformersConfig | OpenAIConfig, Field(discriminator="engine")]


class Request(FrozenModel):
    """Whom prompts are put to, and what is asked of every completion."""

    generator: GeneratorConfig
    max_new_tokens: int
    seed: int = 0
    stop: tuple[str, ...] = ()


class TextGenerator(Protocol):
    """What synthesis asks of a generator."""

    def generate(
        self,
        prompts: Sequence[Prompt],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
    ) -> list[str]:
        """One completion a prompt, in order, without the stop string that ended it."""
        ...


def open_generator(
    config: TransformersConfig | OpenAIConfig,
    folder: str | Path | None = None,
    threads: int | None = None,
) -> TextGenerator:
    """The generator that a recipe describes.

    ``folder`` is where the local model lies on this machine, in place of the recipe's relative
    path; ``threads`` are the local model's, none: as many as torch takes.
    """
    if isinstance(config, OpenAIConfig):
        return OpenAICompatible(
            config.base_url,
            config.model,
            config.api_key_variable,
            concurrency=config.concurrency,
            timeout=config.timeout,
            attempts=config.attempts,
        )
    return LocalTransformers(
        folder or config.model, dtype=config.dtype, batch_size=config.batch_size, threads=threads
    )


class Shared(NamedTuple):
    """Tokens that all prompts begin with, and the model's keys and values for them."""

    tokens: list[int]
    cache: Any


class LocalTransformers:
    """A causal language model run by transformers on this machine's CPUs."""

    def __init__(
        self,
        folder: str | Path,
        *,
        dtype: str = "bfloat16",
        batch_size: int = 16,
        threads: int | None = None,
    ) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        if not (Path(folder) / "config.json").is_file():
            raise GenerationError(f"{folder}: no Hugging Face model here (config.json is missing)")
        if threads:
            # A Ray worker with one CPU would otherwise run on one OpenMP thread.
            torch.set_num_threads(threads)
        self.folder = Path(folder)
        self.batch_size = batch_size
        self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
        self.model.eval()
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token

    def generate(
        self,
        prompts: Sequence[Prompt],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
    ) -> list[str]:
        """One completion a prompt, in order; prompts of like length share a batch.

        Raises:
            GenerationError: a prompt and its completion do not fit into the model's context.
        """
        import torch
        from transformers import GenerationConfig

        encoded = [self._encode(prompt) for prompt in prompts]
        self._raise_if_too_long(encoded, max_new_tokens)
        settings = GenerationConfig(
            max_new_tokens=max_new_tokens,
            do_sample=temperature > 0,
            temperature=temperature if temperature > 0 else None,
            stop_strings=list(stop) or None,
            pad_token_id=self.tokenizer.pad_token_id,
            eos_token_id=self.model.generation_config.eos_token_id,
        )
        order = sorted(range(len(prompts)), key=lambda index: (len(encoded[index]), index))
        completions = [""] * len(prompts)
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(seed)
            shared = self._read_shared(encoded)
            for start in range(0, len(order), self.batch_size):
                batch = order[start : start + self.batch_size]
                tokens = self._continue(shared, [encoded[index] for index in batch], settings)
                texts = self.tokenizer.batch_decode(tokens, skip_special_tokens=True)
                for index, text in zip(batch, texts, strict=True):
                    completions[index] = _before_stop(text, stop)
        return completions

    def _read_shared(self, encoded: list[list[int]]) -> "Shared":
        """Read once what all prompts begin with; worked examples are most of a prompt."""
        import torch

        tokens = _common_beginning([prompt[:-1] for prompt in encoded])
        cache = self.model(torch.tensor([tokens])).past_key_values if tokens else None
        return Shared(tokens, cache)

    def _continue(
        self, shared: "Shared", encoded: list[list[int]], settings: "GenerationConfig"
    ) -> "torch.Tensor":
        """New tokens after each prompt: shared beginning, left padding, the prompt's own rest."""
        import torch

        length = len(shared.tokens)
        rest = self.tokenizer.pad(
            {"input_ids": [prompt[length:] for prompt in encoded]}, return_tensors="pt"
        )
        beginning = torch.tensor([shared.tokens] * len(encoded), dtype=torch.int64)
        tokens = torch.cat([beginning, rest["input_ids"]], dim=1)
        cache = copy.deepcopy(shared.cache)
        if cache is not None:
            cache.batch_repeat_interleave(len(encoded))
        output = self.model.generate(
            input_ids=tokens,
            attention_mask=torch.cat([torch.ones_like(beginning), rest["attention_mask"]], dim=1),
            past_key_values=cache,
            generation_config=settings,
            tokenizer=self.tokenizer,
        )
        return output[:, tokens.shape[1] :]

    def _encode(self, prompt: Prompt) -> list[int]:
        if isinstance(prompt, str):
            return self.tokenizer(prompt)["input_ids"]
        text = self.tokenizer.apply_chat_template(
            prompt, tokenize=False, add_generation_prompt=True
        )
        # The template has written the special tokens already.
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def _raise_if_too_long(self, encoded: list[list[int]], max_new_tokens: int) -> None:
        context = self.model.config.max_position_embeddings
        for index, tokens in enumerate(encoded):
            if len(tokens) + max_new_tokens > context:
                raise GenerationError(
                    f"prompt {index} has {len(tokens)} tokens; with {max_new_tokens} new ones that "
                    f"exceeds the {context} of {self.folder}"
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
                raise GenerationError(
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
            return _before_stop(self._content(self._post(client, body)), stop)

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
                raise GenerationError(f"{self.url} refused a request with {trouble}")
            if response.headers.get("Retry-After", "").isdigit():
                wait = float(response.headers["Retry-After"])
        raise GenerationError(f"{self.url} failed {self.attempts} times, last with {trouble}")

    def _content(self, response: "httpx.Response") -> str:
        try:
            content = response.json()["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError) as error:
            raise GenerationError(
                f"{self.url} answered with no chat completion: {response.text[:500]}"
            ) from error
        return content or ""


def _before_stop(text: str, stop: Sequence[str]) -> str:
    ends = [at for at in (text.find(string) for string in stop) if at >= 0]
    return text[: min(ends)] if ends else text


def _common_beginning(sequences: list[list[int]]) -> list[int]:
    first, last = min(sequences, default=[]), max(sequences, default=[])
    pairs = zip(first, last, strict=False)
    length = next((at for at, (a, b) in enumerate(pairs) if a != b), len(first))
    return first[:length]
