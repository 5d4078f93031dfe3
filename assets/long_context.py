"""Long contexts: what every checkpoint finds in them."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.build import Build, Built, artifact_asset, image, markdown_table
from assets.declaration import AFTER_PREFLIGHT
from assets.estimate import SMALL_BYTES, reading_amount
from assets.evaluation import HELD_OUT, inputs_by_checkpoint
from assets.samples import with_tokenizer
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.parts import Work
from midtrain_dagster.display.numbers import count
from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation import checkpoint_long_context
from midtrain_dagster.evaluation.effective_length import effective_lengths
from midtrain_dagster.evaluation.report_long_context import HEAD, table_rows
from midtrain_dagster.long_context.settings import LongContext
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.artifact import Checkpoint

NAME = "long_context"

ANSWER_TOKENS = 30
"""Of an answer with its question, to foretell the time."""

FOUND = "found"
"""The table of what was found (``evaluation.long_context.FOUND``), with the checkpoint."""


def long_context_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The asset ``long_context``; none where the recipe hides nothing."""
    settings = recipe.contexts
    if settings is None:
        return []
    checkpoints = inputs_by_checkpoint(recipe)

    @artifact_asset(
        recipe,
        NAME,
        group="evaluation",
        versions=checkpoint_long_context.versions(settings),
        section={
            "settings": settings,
            "domains": recipe.haystack,
            "checkpoints": list(checkpoints),
        },
        inputs={
            "tokenizer": "tokenizer",
            "token_shards": "token_shards",
            **AFTER_PREFLIGHT,
            **{key: f"checkpoint/{name}" for name, key in checkpoints.items()},
        },
        rows=FOUND,
        amount=reading_amount(recipe, _tokens(settings)),
        expected_bytes=SMALL_BYTES,
        metadata=lambda artifact: _shown(artifact, settings),
        kinds=("pytorch", "ray"),
    )
    def long_context(build: Build) -> Built:
        """What every checkpoint finds in long contexts, by task, length and depth.

        By likelihood: whether the right answer is the likeliest. By writing: whether it stands in
        what the checkpoint writes. A share within two standard errors of guessing is marked *at
        chance*.
        """
        return build.parts(
            found_work(recipe, settings, build, build[key], name)
            for name, key in checkpoints.items()
        )

    return [long_context]


def found_work(
    recipe: Recipe, settings: LongContext, build: Build, checkpoint: Artifact, name: str
) -> Work:
    """What the checkpoint called ``name`` finds: asked once, whoever needs it."""
    tokenizer = Tokenizer(build["tokenizer"])
    held_out = [part for part in build["token_shards"].manifest.parts if part.table in HELD_OUT]
    return Work(
        checkpoint_long_context.measure,
        files={
            "model": with_tokenizer(Checkpoint(checkpoint), tokenizer),
            "shards": held_out,
        },
        parameters={
            "settings": settings,
            "domains": recipe.haystack,
            "checkpoint": name,
            "dtype": tokenizer.dtype,
        },
        versions=checkpoint_long_context.versions(settings),
        by_bytes=False,
    )


def _tokens(settings: LongContext) -> float:
    """Tokens that a checkpoint reads: of contexts, and of each answer with its question."""
    items = len(settings.tasks) * len(settings.depths) * settings.items
    answers = len(settings.lengths) * (1 + settings.distractors) * ANSWER_TOKENS
    return float(items * (sum(settings.lengths) + answers))


def _shown(artifact: Artifact, settings: LongContext) -> Mapping[str, Any]:
    from midtrain_dagster.display.style import figure_png
    from midtrain_dagster.evaluation.report_long_context import heat_map

    found = artifact.read(FOUND)
    effective = effective_lengths(found, settings.threshold)
    return {
        "heat_map": image(figure_png(heat_map(found))),
        "effective_length": markdown_table(
            ("checkpoint", "by rank", "by writing"),
            [
                (spoken(name), count(by_rank), count(by_writing))
                for name, by_rank, by_writing in effective.iter_rows()
            ],
            numbers=("by rank", "by writing"),
        ),
        "found": markdown_table(HEAD, table_rows(found), numbers=HEAD[2:]),
    }
