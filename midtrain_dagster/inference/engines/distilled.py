"""A small generator that the recipe trains on accepted pairs of a method (``generators``).

It has learnt to do without what all prompts of its teacher begin with, instruction and worked
examples, which are most of a prompt: whoever asks it writes the same prompts, and what it learnt
without is left out here. The rest is what the user says in its chat template, as in training.
Askell et al. (arXiv 2112.00861, section 2.1) call this context distillation; that a small model is
fine-tuned on pairs that a larger one wrote and takes its place is JiuZhang3.0's
(arXiv 2405.14365).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.inference import beginnings
from midtrain_dagster.inference.beginnings import messages, read_beginnings
from midtrain_dagster.inference.engine import Completion, FindPath, GenerationError, Prompt
from midtrain_dagster.inference.engines import transformers
from midtrain_dagster.inference.engines.transformers import LocalTransformers

VERSION = 1
USES = (transformers, beginnings)


class Config(FrozenModel):
    """A small generator that this recipe trains, run as a local model."""

    engine: Literal["distilled"]
    generator: str = Field(description="its name below `generators`")
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    """The precision of weights and activations."""
    batch_size: int = Field(default=16, gt=0, description="prompts generated together")

    @property
    def name(self) -> str:
        """Its name in the recipe."""
        return self.generator

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
        """Nothing: what it lacks before it is trained, its own section says."""
        yield from ()

    def folder(self, find: FindPath) -> Path | None:
        """Its folder is an artifact's, which the asset that asks it has as an input."""
        raise GenerationError(f"generators.{self.generator} lies in the store, at no path")

    def identity(self, find: FindPath) -> Any:
        """Its artifact's fingerprint stands for it among the causes."""
        raise GenerationError(f"generators.{self.generator} is known by its artifact")

    def open(self, folder: str | Path | None, threads: int | None) -> "Distilled":
        """The model that was trained, in its folder."""
        if folder is None:
            raise GenerationError(f"generators.{self.generator}: its folder is not there")
        model = LocalTransformers(
            folder, dtype=self.dtype, batch_size=self.batch_size, threads=threads
        )
        return Distilled(model, read_beginnings(Path(folder)))


class Distilled:
    """A fine-tuned model that is asked without what all prompts begin with."""

    def __init__(self, model: LocalTransformers, beginnings: Sequence[str]) -> None:
        self.model = model
        self.beginnings = beginnings

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
        """One completion a prompt, in order; see ``transformers.LocalTransformers``."""
        return self.model.generate(
            [messages(prompt, self.beginnings) for prompt in prompts],
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            seed=seed,
            stop=stop,
            schema=schema,
        )
