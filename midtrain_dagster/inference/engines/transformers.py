"""A Hugging Face model on this machine, run by transformers on its CPUs.

Prompts of like length share a batch, and what all prompts begin with is read once.
"""

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import Field

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.known_digests import folder_digests
from midtrain_dagster.core.system_files import own_files
from midtrain_dagster.inference.engine import (
    Completion,
    FindPath,
    GenerationError,
    Prompt,
    before_stop,
)
from midtrain_dagster.inference.prompt_tokens import prompt_tokens
from midtrain_dagster.tokens import chat_tokens
from midtrain_dagster.tokens.chat_tokens import ChatEncoder
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import GenerationConfig

VERSION = 2
USES = (chat_tokens,)

CONFIG_FILE = "config.json"


class Config(FrozenModel):
    """A local Hugging Face model, batched on this machine."""

    engine: Literal["transformers"] = "transformers"
    model: Annotated[str, NOT_A_CAUSE] = Field(
        description="a Hugging Face folder, relative to the recipe"
    )
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    """The precision of weights and activations."""
    batch_size: int = Field(default=16, gt=0, description="prompts generated together")

    @property
    def name(self) -> str:
        """The folder's name."""
        return Path(self.model).name

    @property
    def remote(self) -> bool:
        """It runs on this machine."""
        return False

    @property
    def has_actors(self) -> bool:
        """None: this project starts those that hold it."""
        return False

    @property
    def prompts_at_once(self) -> int:
        """A batch."""
        return self.batch_size

    @property
    def prices(self) -> tuple[None, None]:
        """This machine has no price."""
        return None, None

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """A folder without a model, or without its weights or its tokenizer."""
        try:
            folder = self.folder(find)
        except GenerationError as error:
            yield Finding(("model",), str(error))
            return
        for pattern, what in (("*.safetensors", "weights"), ("tokenizer*", "a tokenizer")):
            if not any(own_files(folder, pattern)):
                yield Finding(("model",), f"{folder}: there is no {pattern}: it lacks {what}")

    def folder(self, find: FindPath) -> Path:
        """The model's folder. Raises GenerationError if it holds no model."""
        folder = Path(find(self.model))
        if not (folder / CONFIG_FILE).is_file():
            raise GenerationError(
                f"{folder}: there is no model's folder; `midtrain fetch` makes the default one, or "
                "correct the generator's `model`"
            )
        return folder

    def identity(self, find: FindPath) -> dict[str, str]:
        """The digest of each file in the model's folder."""
        return folder_digests(self.folder(find))

    def open(self, folder: str | Path | None, threads: int | None) -> "LocalTransformers":
        """The model, loaded from the folder, or else from where the recipe says."""
        return LocalTransformers(
            folder or self.model, dtype=self.dtype, batch_size=self.batch_size, threads=threads
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
        from transformers import AutoModelForCausalLM

        if not (Path(folder) / CONFIG_FILE).is_file():
            raise GenerationError(f"{folder}: no Hugging Face model here (config.json is missing)")
        if threads:
            # A Ray worker with one CPU would otherwise run on one OpenMP thread.
            torch.set_num_threads(threads)
        self.folder = Path(folder)
        self.batch_size = batch_size
        self.tokenizer = load_tokenizer(folder)
        self.tokenizer.padding_side = "left"
        self.encoder = ChatEncoder(self.tokenizer)
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
        self.model.eval()
        # A model that names no end would write on beyond it.
        self.ends = self.model.generation_config.eos_token_id
        if self.ends is None:
            self.ends = self.tokenizer.eos_token_id
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
        schema: str | None = None,
    ) -> list[Completion]:
        """One completion a prompt, in order; prompts of like length share a batch.

        A prompt that does not fit into the model's context with its completion is not asked. A
        ``schema`` is not looked at.
        """
        import torch
        from transformers import GenerationConfig

        encoded = [prompt_tokens(self.encoder, prompt, self.folder) for prompt in prompts]
        completions = [self._if_too_long(tokens, max_new_tokens) for tokens in encoded]
        settings = GenerationConfig(
            max_new_tokens=max_new_tokens,
            do_sample=temperature > 0,
            temperature=temperature if temperature > 0 else None,
            stop_strings=list(stop) or None,
            pad_token_id=self.tokenizer.pad_token_id,
            eos_token_id=self.ends,
        )
        fitting = [index for index, each in enumerate(completions) if each is None]
        order = sorted(fitting, key=lambda index: (len(encoded[index]), index))
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(seed)
            shared = self._read_shared([encoded[index] for index in fitting])
            for start in range(0, len(order), self.batch_size):
                batch = order[start : start + self.batch_size]
                tokens = self._continue(shared, [encoded[index] for index in batch], settings)
                texts = self.tokenizer.batch_decode(tokens, skip_special_tokens=True)
                for index, text, row in zip(batch, texts, tokens.tolist(), strict=True):
                    cut, length = before_stop(text, stop), self._length(row)
                    ended = cut != text or length < max_new_tokens or self._is_end(row[-1])
                    completions[index] = Completion(
                        cut, "stop" if ended else "length", len(encoded[index]), length
                    )
        return [each for each in completions if each is not None]

    def _is_end(self, token: int) -> bool:
        ends = self.ends if isinstance(self.ends, list) else [self.ends]
        return token in ends

    def _length(self, row: list[int]) -> int:
        """The tokens that were written, the one that ended them included."""
        end = next((at for at, token in enumerate(row) if self._is_end(token)), None)
        if end is not None:
            return end + 1
        padding = self.tokenizer.pad_token_id
        return max((at for at, token in enumerate(row, 1) if token != padding), default=0)

    def _read_shared(self, encoded: list[list[int]]) -> Shared:
        """Read once what all prompts begin with; worked examples are most of a prompt."""
        import torch

        tokens = _common_beginning([prompt[:-1] for prompt in encoded])
        cache = self.model(torch.tensor([tokens])).past_key_values if tokens else None
        return Shared(tokens, cache)

    def _continue(
        self, shared: Shared, encoded: list[list[int]], settings: "GenerationConfig"
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

    def _if_too_long(self, tokens: list[int], max_new_tokens: int) -> Completion | None:
        context = self.model.config.max_position_embeddings
        if len(tokens) + max_new_tokens <= context:
            return None
        return Completion(
            "",
            tokens_in=len(tokens),
            fault="prompt_too_long",
            detail=f"the prompt has {len(tokens)} tokens; with {max_new_tokens} new ones that "
            f"exceeds the {context} of {self.folder.name}",
        )


def _common_beginning(sequences: list[list[int]]) -> list[int]:
    first, last = min(sequences, default=[]), max(sequences, default=[])
    pairs = zip(first, last, strict=False)
    length = next((at for at, (a, b) in enumerate(pairs) if a != b), len(first))
    return first[:length]
