"""Small generators: below ``generator/NAME`` a given model, trained on a method's accepted pairs.

It is made after its teacher's documents are curated and before its student's are asked for. Its
shards are its own and hold the pairs alone, so the token shards of the stages, which hold what
every method wrote, come after all of it, and the graph has no circle.
"""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import polars as pl

from assets.build import Build, Built, artifact_asset, image
from assets.estimate import generator_amount, generator_bytes
from assets.training import POOL, fitted
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.known_digests import known_digest
from midtrain_dagster.core.parts import file_names
from midtrain_dagster.core.system_files import own_files
from midtrain_dagster.inference.beginnings import BEGINNINGS
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import field_in_file
from midtrain_dagster.synthesis import accepted_pairs
from midtrain_dagster.synthesis.accepted_pairs import DOMAIN, Learnt, conversations, learn
from midtrain_dagster.synthesis.report_small import Trained, trained
from midtrain_dagster.synthesis.small_generators import asked
from midtrain_dagster.tokens import chat_splits, edits
from midtrain_dagster.tokens import tokenizer as tokenizers
from midtrain_dagster.tokens.chat_template import CHATML
from midtrain_dagster.tokens.shards import token_dtype
from midtrain_dagster.tokens.splits import shard_files
from midtrain_dagster.training import fit as fits
from midtrain_dagster.training import small_generator
from midtrain_dagster.training.artifact import LOG, is_of_model
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.metrics.log import TARGETS
from midtrain_dagster.training.small_generator import SmallGenerator
from midtrain_dagster.training.transition import given
from midtrain_dagster.training.transition.begin import check_start
from midtrain_dagster.training.versions import versions_of_stage

PAIRS = "pairs"
"""The table of what was learnt (``accepted_pairs.PAIRS``)."""

SHARDS = ("train_tokens", "train_index", "train_targets")


def generator_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The small generators of a recipe."""
    return [_generator(recipe, name, section) for name, section in recipe.generators.items()]


def trained_generators(recipe: Recipe, one: Callable[[str], Artifact]) -> dict[str, Trained]:
    """The small generators with their teachers and students; ``one`` finds an artifact."""
    return trained(
        {name: one(f"generator/{name}") for name in recipe.generators},
        recipe.teachers,
        {name: asked(method) for name, method in recipe.synthesis.items()},
    )


def _generator(recipe: Recipe, name: str, section: SmallGenerator) -> dg.AssetsDefinition:
    teacher = f"synthesis/{section.pairs_of}"

    def base() -> Path:
        return given.given_checkpoint(recipe.path(section.base), section.base)

    @artifact_asset(
        recipe,
        f"generator/{name}",
        group="generators",
        method="generator",
        versions={
            **versions_of(accepted_pairs, chat_splits, tokenizers, small_generator),
            **versions_of_stage(section.stage(1, DOMAIN)),
        },
        section={
            "name": name,
            "generator": section,
            "held_out": recipe.held_out,
            "seed": recipe.seed,
        },
        inputs={"documents": f"{teacher}/documents", "decisions": f"{teacher}/curated_documents"},
        external=lambda _: {
            each: known_digest(path) for each, path in given.checkpoint_files(base()).items()
        },
        rows=PAIRS,
        metadata=lambda artifact: _metadata(name, artifact),
        kinds=("pytorch", "ray"),
        pool=POOL,
        amount=generator_amount(recipe, section),
        expected_bytes=generator_bytes(recipe, section),
    )
    def generator(build: Build) -> Built:
        """A given model, fine-tuned on the pairs of prompt and answer that a method accepted.

        The table `pairs` has what it learnt, `beginnings.json` what it learnt to do without.
        """
        documents = build["documents"]
        learnt = learn(
            documents.read("documents"),
            build["decisions"].read("decisions"),
            documents.read("requests"),
            documents.read("answers"),
            share=recipe.held_out,
            seed=recipe.seed,
        )
        with TemporaryDirectory() as folder:
            tokenizer = Path(folder)
            files = tokenizers.tokenizer_files(base(), default_template=CHATML)
            for each, data in files.items():
                (tokenizer / each).write_bytes(data)
            shards, long = _shards(learnt, tokenizer, section.sequence_length)
            tokens = int(shards["train_index"]["length"].sum())
            if not tokens:
                raise _nothing(recipe, name, section, learnt, long)
            parts = [build.write(each, shards[each]) for each in SHARDS]
            vocabulary = tokenizers.vocabulary_of(files)
            with build.store.storage.local_folder(file_names(parts)) as opened:
                made = shard_files(opened)
                job = Job(
                    name=f"generator_{name}",
                    stage=section.stage(tokens, DOMAIN),
                    seed=section.seed,
                    shards=tuple((each.tokens, each.index) for each in made),
                    targets=tuple(each.targets for each in made),
                    token_dtype=token_dtype(vocabulary.tokens).str,
                    padding=vocabulary.padding,
                    vocabulary=vocabulary.tokens,
                    start=base(),
                    tokenizer=tokenizer,
                )
                job.plan(job.open_shards()).check()
                check_start(job)
                result = fitted(build, job, {str(opened): tuple(parts)})
                parts += _written(build, result, learnt)
        last = result.log.tail(max(1, job.stage.steps // 10))["loss"].mean()
        return parts, {
            "pairs": learnt.pairs.height - long,
            **{f"left_out_{why}": count for why, count in learnt.left_out.items()},
            "left_out_long": long,
            "pair_tokens": tokens,
            "steps": job.stage.steps,
            "target_tokens": int(result.log[TARGETS].sum()),
            "last_loss": round(float(last), 4),  # type: ignore[arg-type]
        }

    return generator


def _shards(learnt: Learnt, tokenizer: Path, longest: int) -> tuple[dict[str, Any], int]:
    """The pairs as shards, and how many are longer than a window and left out."""
    documents = conversations(learnt)
    outputs = _sharded(documents, tokenizer)
    told = outputs["conversations"]
    long = told.filter(pl.col("tokens") > longest)["id"]
    if long.len():
        outputs = _sharded(documents.filter(~pl.col("id").is_in(long.implode())), tokenizer)
    return outputs, long.len()


def _sharded(documents: pl.DataFrame, tokenizer: Path) -> dict[str, Any]:
    decisions = documents.select(
        "id",
        keep=True,
        reason=pl.lit(None, pl.String),
        copies=pl.lit(1, pl.UInt32),
        edits=pl.lit([], dtype=pl.List(edits.EDIT)),
    )
    return dict(
        chat_splits.shard_conversations(documents, decisions, tokenizer=tokenizer, share=0, seed=0)
    )


def _written(build: Build, result: fits.FitResult, learnt: Learnt) -> list[Part]:
    """The model alone, which nothing is trained on from, with what it learnt and its log."""
    files = sorted(own_files(result.checkpoint))
    return [
        *(build.write(each.name, each) for each in files if is_of_model(each.name)),
        build.write(BEGINNINGS, json.dumps(learnt.beginnings).encode()),
        build.write(PAIRS, learnt.pairs),
        build.write(LOG, result.log),
    ]


def _nothing(
    recipe: Recipe, name: str, section: SmallGenerator, learnt: Learnt, long: int
) -> dg.Failure:
    """No pair is left to learn."""
    lost = {**learnt.left_out, "long": long}
    why = ", ".join(f"{reason} {count:,}" for reason, count in lost.items() if count)
    return dg.Failure(
        f"{field_in_file(recipe, ('generators', name, 'pairs_of'))}: {section.pairs_of} has no "
        f"pair that can be learnt ({why or 'it accepted nothing'}): ask it about more, raise its "
        "max_new_tokens where answers are cut, or sequence_length where pairs are long",
        allow_retries=False,
    )


def _metadata(name: str, artifact: Artifact) -> dict[str, Any]:
    from midtrain_dagster.display.style import figure_png
    from midtrain_dagster.training.report_plots import schedule_and_loss

    return {"curve": image(figure_png(schedule_and_loss({name: artifact.read(LOG)})))}
