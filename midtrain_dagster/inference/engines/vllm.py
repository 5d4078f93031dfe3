"""A Hugging Face model on GPUs, run by vLLM inside Ray Data (``ray.data.llm``).

Ray Data keeps as many engines as there are replicas and feeds each with overlapping batches: no GPU
waits for the slowest answer of a batch. Prompts are tokenized here, by the same rules as for the
engine ``transformers``; vLLM gets tokens, and none that are too many. Batches change from run to
run, so in bfloat16 a word may, too.

Written against Ray 2.60 (``ray.llm._internal.batch``). vLLM is no dependency of this project, since
it pins a torch of its own: install it beside Ray where GPUs are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.machine import machine
from midtrain_dagster.inference import prompt_tokens as prompt_tokens_module
from midtrain_dagster.inference.engine import (
    Completion,
    FindPath,
    GenerationError,
    Prompt,
    before_stop,
)
from midtrain_dagster.inference.engines import transformers
from midtrain_dagster.inference.prompt_tokens import prompt_tokens
from midtrain_dagster.tokens.chat_tokens import ChatEncoder
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer

if TYPE_CHECKING:
    from ray.data.llm import vLLMEngineProcessorConfig

VERSION = 1
USES = (prompt_tokens_module,)

BATCH = 64
"""Prompts of a batch of Ray Data; from 32 on vLLM is kept busy (``OfflineProcessorConfig``)."""

ERROR = "__inference_error__"
"""Ray's column with what went wrong with a row; such a row has nothing else that is meant."""


class Config(FrozenModel):
    """A local Hugging Face model, on GPUs with vLLM."""

    engine: Literal["vllm"] = "vllm"
    model: Annotated[str, NOT_A_CAUSE] = Field(
        description="a Hugging Face folder, relative to the recipe, which every node can read"
    )
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    """The precision of weights and activations."""
    context: int | None = Field(
        default=None, gt=0, description="tokens of prompt and completion; none: as the model has it"
    )
    gpus: Annotated[int, NOT_A_CAUSE] = Field(
        default=1, gt=0, description="GPUs that share one replica's weights (tensor parallel)"
    )
    replicas: Annotated[int, NOT_A_CAUSE] = Field(
        default=1, gt=0, description="engines side by side, each on GPUs of its own"
    )
    memory_share: Annotated[float, NOT_A_CAUSE] = Field(
        default=0.9, gt=0, lt=1, description="of a GPU's memory that vLLM takes"
    )

    @property
    def name(self) -> str:
        """The folder's name."""
        return Path(self.model).name

    @property
    def remote(self) -> bool:
        """It runs on this cluster."""
        return False

    @property
    def has_actors(self) -> bool:
        """Ray Data's, which hold the GPUs."""
        return True

    @property
    def prompts_at_once(self) -> int:
        """The batches that Ray keeps in flight (8 a replica)."""
        return 8 * BATCH * self.replicas

    @property
    def prices(self) -> tuple[None, None]:
        """A machine of one's own has no price."""
        return None, None

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """No vLLM, no GPU on this machine, or a folder that holds no model."""
        if find_spec("vllm") is None:
            yield Finding(
                ("engine",), "vllm is not installed here: install it, or use transformers"
            )
        if not machine().gpus:
            yield Finding(("engine",), "there is no GPU here: use transformers, or an endpoint")
        yield from self._as_local().findings(find)

    def folder(self, find: FindPath) -> Path:
        """The model's folder. Raises GenerationError if it holds no model."""
        return self._as_local().folder(find)

    def identity(self, find: FindPath) -> dict[str, str]:
        """The digest of each file in the model's folder."""
        return self._as_local().identity(find)

    def open(self, folder: str | Path | None, threads: int | None) -> "Pipeline":
        """Ray Data's pipeline with the model of that folder. Raises GenerationError without vLLM or
        a GPU."""
        lacking = [each.reason for each in self.findings(str) if each.place == ("engine",)]
        if lacking:
            raise GenerationError(f"{folder or self.model}: {'; '.join(lacking)}")
        return Pipeline(self, folder or self.model)

    def _as_local(self) -> transformers.Config:
        return transformers.Config(model=self.model, dtype=self.dtype)


def processor_config(config: Config, folder: str | Path) -> "vLLMEngineProcessorConfig":
    """What Ray Data builds its stages from: the engine alone, since tokens go in and text comes
    out."""
    from ray.data.llm import vLLMEngineProcessorConfig

    options: dict[str, Any] = {
        "dtype": config.dtype,
        "tensor_parallel_size": config.gpus,
        "gpu_memory_utilization": config.memory_share,
        # Worked examples are most of a prompt, and the same in all.
        "enable_prefix_caching": True,
        "trust_remote_code": False,
    }
    if config.context is not None:
        options["max_model_len"] = config.context
    return vLLMEngineProcessorConfig(
        model_source=str(folder),
        engine_kwargs=options,
        concurrency=config.replicas,
        batch_size=BATCH,
        # One bad prompt costs itself.
        should_continue_on_error=True,
        log_engine_metrics=False,
        chat_template_stage=False,
        tokenize_stage=False,
        detokenize_stage=False,
    )


def sampling(
    *,
    max_new_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
    stop: Sequence[str] = (),
    schema: str | None = None,
) -> dict[str, Any]:
    """How vLLM is asked, as ``vllm.SamplingParams`` has it."""
    asked: dict[str, Any] = {
        "max_tokens": max_new_tokens,
        "temperature": temperature,
        "seed": seed,
    }
    if stop:
        asked["stop"] = list(stop)
    if schema is not None:
        asked["structured_outputs"] = {"json": schema}
    return asked


class Pipeline:
    """Tokens in, completions out, as Ray Data's actors give them. Ray must be initialised."""

    def __init__(self, config: Config, folder: str | Path) -> None:
        """Load the tokenizer; the weights are loaded by the actors, once for all prompts."""
        from transformers import AutoConfig

        self.config, self.folder = config, Path(folder)
        self.tokenizer = load_tokenizer(folder)
        self.encoder = ChatEncoder(self.tokenizer)
        model = AutoConfig.from_pretrained(folder)
        self.context = config.context or int(model.max_position_embeddings)
        ends = model.eos_token_id if model.eos_token_id is not None else self.tokenizer.eos_token_id
        self.ends = set(ends if isinstance(ends, list) else [ends])

    def generate(self, prompts: Sequence[Prompt], **asked: Any) -> list[Completion]:
        """One completion a prompt, in order."""
        return list(self.stream(prompts, **asked))

    def stream(self, prompts: Sequence[Prompt], **asked: Any) -> Iterator[Completion]:
        """The completions in the order of their prompts, each as soon as those before it are there.

        ``asked`` is what :func:`sampling` takes.
        """
        import ray.data
        from ray.data.llm import build_processor

        encoded = [prompt_tokens(self.encoder, prompt, self.folder) for prompt in prompts]
        rows = self.rows(encoded, asked)
        done = {
            number: self._too_long(tokens, asked["max_new_tokens"])
            for number, tokens in enumerate(encoded)
            if not self._fits(tokens, asked["max_new_tokens"])
        }
        if not rows:
            yield from (done[number] for number in range(len(prompts)))
            return
        processor = build_processor(processor_config(self.config, self.folder), postprocess=kept)
        answered = processor(ray.data.from_items(rows, override_num_blocks=-(-len(rows) // BATCH)))
        arriving = ((row["number"], self.completion(row, asked)) for row in answered.iter_rows())
        yield from _in_order(len(prompts), done, arriving)

    def rows(self, encoded: Sequence[list[int]], asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What goes into Ray Data: the prompts that fit, each with its number."""
        how = sampling(**asked)
        return [
            {"number": number, "tokenized_prompt": tokens, "sampling_params": how}
            for number, tokens in enumerate(encoded)
            if self._fits(tokens, asked["max_new_tokens"])
        ]

    def completion(self, row: Mapping[str, Any], asked: Mapping[str, Any]) -> Completion:
        """What came out of Ray Data for one prompt."""
        if row.get(ERROR):
            return Completion("", fault="failed", detail=str(row[ERROR]))
        text = before_stop(row["generated_text"], asked.get("stop", ()))
        written = row["num_generated_tokens"]
        stopped = written < asked["max_new_tokens"] or row["last_token"] in self.ends
        ended = stopped or text != row["generated_text"]
        return Completion(text, "stop" if ended else "length", row["num_input_tokens"], written)

    def _fits(self, tokens: list[int], max_new_tokens: int) -> bool:
        return len(tokens) + max_new_tokens <= self.context

    def _too_long(self, tokens: list[int], max_new_tokens: int) -> Completion:
        return Completion(
            "",
            tokens_in=len(tokens),
            fault="prompt_too_long",
            detail=f"the prompt has {len(tokens)} tokens; with {max_new_tokens} new ones that "
            f"exceeds the {self.context} of {self.folder.name}",
        )


def kept(row: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a row of vLLM's output; Ray leaves rows that failed as they are."""
    tokens = row["generated_tokens"]
    return {
        "number": row["number"],
        "generated_text": row["generated_text"],
        "num_input_tokens": row["num_input_tokens"],
        "num_generated_tokens": row["num_generated_tokens"],
        "last_token": int(tokens[-1]) if len(tokens) else -1,
    }


def _in_order(
    count: int, done: dict[int, Completion], arriving: Iterable[tuple[int, Completion]]
) -> Iterator[Completion]:
    """Completions by number from 0, as they become complete."""
    following = 0
    for number, completion in arriving:
        done[number] = completion
        while following in done:
            yield done.pop(following)
            following += 1
    while following in done:
        yield done.pop(following)
        following += 1
    if following < count:
        raise GenerationError(f"vLLM answered {following} of {count} prompts and ended")
