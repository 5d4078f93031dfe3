"""The text generator as a Dagster resource: the recipe says which, this says with what.

Two implementations stand behind it: a local transformers model, run by Ray Data model actors, and
any endpoint that speaks OpenAI's chat completions (its key comes from the environment).
"""

from pathlib import Path

import dagster as dg
import polars as pl
from pydantic import Field

from midtrain_dagster.inference.batches import Progress, generate_table, generate_with_actors
from midtrain_dagster.inference.generator import OpenAIConfig, Request
from resources.ray import RayCluster


class TextGeneratorResource(dg.ConfigurableResource):
    """Completes prompts. Each actor holds the model once; they share the machine's cores."""

    ray: RayCluster
    actors: int = Field(default=1, gt=0, description="Model actors, for a local model")

    def complete(
        self,
        prompts: pl.DataFrame,
        request: Request,
        folder: Path | None,
        progress: Progress,
    ) -> pl.DataFrame:
        """The prompts with a column ``completion``; ``folder`` is where a local model lies."""
        in_process = self.ray.mode == "in_process" or isinstance(request.generator, OpenAIConfig)
        if in_process:
            return generate_table(prompts, request, folder=folder, progress=progress)
        self.ray.execution().start()
        return generate_with_actors(
            prompts, request, folder=folder, actors=self.actors, progress=progress
        )
