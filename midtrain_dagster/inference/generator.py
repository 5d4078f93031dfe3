"""Text generators: what judges, synthesis and generative evaluation put their prompts to.

All engines take prompts and give completions in the same order. Decoding is greedy by default, so a
local generator is a pure function of prompts, weights and batch size: in bfloat16 the neighbours in
a batch change the last bits and may change a word. An endpoint promises less: ``seed`` is sent, and
the server decides whether it is honoured.
"""

from typing import Annotated

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.inference.engines import distilled, openai, transformers, vllm

GeneratorConfig = Annotated[
    transformers.Config | openai.Config | vllm.Config,
    Field(discriminator="engine"),
]
"""A generator that is there before the recipe is run."""

MethodGenerator = Annotated[
    transformers.Config | openai.Config | vllm.Config | distilled.Config,
    Field(discriminator="engine"),
]
"""A generator that a method of synthesis asks: also one that is trained on what another accepted.
Judges are none of those."""


def small_generator(generator: MethodGenerator) -> str | None:
    """The name of the small generator of the recipe that it is; None: it is another one."""
    return generator.generator if isinstance(generator, distilled.Config) else None


class Request(FrozenModel):
    """The generator that prompts are put to, and what is asked of every completion."""

    generator: MethodGenerator
    max_new_tokens: int
    seed: int = 0
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    json_schema: str | None = None
    """The schema that completions are to follow, where the engine can hold a model to one."""
