"""What of a recipe the store holds at present, for the subcommands that read it."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from assets.report import measurements
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, MissingArtifactError
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.evaluation.headline import Measurements
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.artifact import Checkpoint
from resources.artifacts import ArtifactStoreResource, load_materialized


class NotMadeError(ValueError):
    """Something that the store does not hold, or the recipe does not name; says what to do."""


@dataclass(frozen=True)
class Made:
    """The artifacts of a recipe that were materialised last."""

    recipe: Recipe

    @cached_property
    def store(self) -> ArtifactStore:
        """The store that the environment names."""
        return ArtifactStoreResource().store()

    def one(self, name: str) -> Artifact:
        """An asset's artifact. Raises :class:`NotMadeError` if it was never made."""
        try:
            return load_materialized(self.store, [self.recipe.name, *name.split("/")])
        except MissingArtifactError as error:
            raise NotMadeError(f"{error}: `midtrain run` makes it") from error

    def checkpoint(self, name: str) -> Checkpoint:
        """A checkpoint by its name. Raises :class:`NotMadeError` for one that is not there."""
        known = self.recipe.checkpoints()
        if name not in known:
            raise NotMadeError(
                f"the recipe has no checkpoint {name!r} (it has {', '.join(known)})"
                + did_you_mean(name, known)
            )
        return Checkpoint(self.one(f"checkpoint/{name}"))

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the run."""
        return Tokenizer(self.one("tokenizer"))

    @property
    def measured(self) -> Measurements | None:
        """What the report shows of every checkpoint; none where there is no report yet."""
        try:
            return measurements(self.recipe, self.one("report"))
        except NotMadeError:
            return None

    def of_report(self, table: str) -> pl.DataFrame | None:
        """A table that the report holds; none without a report of it."""
        try:
            report = self.one("report")
        except NotMadeError:
            return None
        return report.read(table) if report.has(table) else None

    def of_groups(self, name: str) -> list[Artifact]:
        """What is known of the collected documents, then of those of each method of synthesis."""
        return [
            self.one(name),
            *(self.one(f"synthesis/{method}/{name}") for method in self.recipe.synthesis),
        ]
