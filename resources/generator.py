"""The text generator as a Dagster resource: the recipe says which, this says with what.

A local model is run by Ray Data model actors, or in this process where Ray is not used; an endpoint
is asked from this process, and its key comes from the environment.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import polars as pl
from pydantic import Field

from midtrain_dagster.inference.batches import (
    Progress,
    generate_table,
    generate_with_actors,
    raise_first_fault,
    stream_table,
    stream_with_actors,
)
from midtrain_dagster.inference.engine import Engine, RefusedError
from midtrain_dagster.inference.generator import Request
from resources.ray import RayCluster

RETRIES = dg.RetryPolicy(max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL)
"""Beside the attempts of each request: an endpoint that restarts is away for a minute or two."""


def retries(generator: Engine) -> dg.RetryPolicy | None:
    """How an asset that asks the generator is tried again: only where the generator is remote."""
    return RETRIES if generator.remote else None


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
        """The prompts with the columns ``batches.COMPLETED``, each of them answered; ``folder`` is
        where a local model lies.

        Raises GenerationError; a Failure that allows no retry where asking again is of no use.
        """
        with _refusals():
            if self._in_this_process(request):
                made = generate_table(prompts, request, folder=folder, progress=progress)
            else:
                made = generate_with_actors(
                    prompts, request, folder=folder, actors=self.actors, progress=progress
                )
            raise_first_fault(made)
            return made

    def stream(
        self, prompts: pl.DataFrame, request: Request, folder: Path | None
    ) -> Iterator[pl.DataFrame]:
        """The same table chunk by chunk, as they are generated; a prompt without a completion says
        why."""
        with _refusals():
            if self._in_this_process(request):
                yield from stream_table(prompts, request, folder=folder)
            else:
                yield from stream_with_actors(prompts, request, folder=folder, actors=self.actors)

    def _in_this_process(self, request: Request) -> bool:
        """Whether it is asked from here: in no need of Ray, or with actors of its own."""
        alone = self.ray.mode == "in_process" and not request.generator.has_actors
        if alone or request.generator.remote:
            return True
        self.ray.execution().start()
        return request.generator.has_actors


@contextmanager
def _refusals() -> Iterator[None]:
    """Refusals as a failure that Dagster does not try again."""
    try:
        yield
    except RefusedError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
