"""Samples: the same beginnings continued by every checkpoint."""

import dagster as dg

from assets.build import Build, Built, artifact_asset
from assets.declaration import AFTER_PREFLIGHT
from assets.estimate import SMALL_BYTES, reading_amount
from assets.evaluation import HELD_OUT, inputs_by_checkpoint, shortest_window
from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.evaluation import samples
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens.load_tokenizer import TOKENIZER_FILES
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.artifact import Checkpoint


def sample_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The asset ``samples``."""
    checkpoints = inputs_by_checkpoint(recipe)
    asked = recipe.evaluation.samples
    domains = sorted(recipe.view.natural)
    parameters = {
        "domains": domains,
        "window": shortest_window(recipe),
        "prompts": list(asked.prompts),
        "tokens": asked.tokens,
    }

    @artifact_asset(
        recipe,
        "samples",
        group="evaluation",
        versions=versions_of(samples),
        section={**parameters, "checkpoints": list(checkpoints)},
        inputs={
            "tokenizer": "tokenizer",
            "token_shards": "token_shards",
            **AFTER_PREFLIGHT,
            **{key: f"checkpoint/{name}" for name, key in checkpoints.items()},
        },
        rows="samples",
        amount=reading_amount(recipe, len(asked.prompts or domains) * asked.tokens),
        expected_bytes=SMALL_BYTES,
        kinds=("pytorch", "ray"),
    )
    def samples_(build: Build) -> Built:
        """The same beginnings continued by every checkpoint, to be read."""
        tokenizer = Tokenizer(build["tokenizer"])
        held_out = [part for part in build["token_shards"].manifest.parts if part.table in HELD_OUT]
        return build.parts(
            Work(
                samples.sample,
                files={
                    "model": with_tokenizer(Checkpoint(build[key]), tokenizer),
                    "shards": held_out,
                },
                parameters={**parameters, "checkpoint": name, "dtype": tokenizer.dtype},
                by_bytes=False,
            )
            for name, key in checkpoints.items()
        )

    return [samples_]


def with_tokenizer(checkpoint: Checkpoint, tokenizer: Tokenizer) -> list[Part]:
    """A model's files with the recipe's tokenizer in place of one of its own."""
    model = [part for part in checkpoint.model_files if part.table not in TOKENIZER_FILES]
    return [*tokenizer.files, *model]
