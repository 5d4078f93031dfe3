"""Training: each stage of the recipe an asset, with its control beside it."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import polars as pl

from assets.checks import checkpoint_checks
from assets.graph import asset_arguments, check_result, fingerprints, image, inputs, materialized
from assets.live_training import LiveTraining
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import digest
from midtrain_dagster.core.parts import check_digests, file_names, write_output
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.dataloader import plan as plans
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens.shards import token_dtype
from midtrain_dagster.training import fit as fits
from midtrain_dagster.training import loop
from midtrain_dagster.training.checkpoints.average import WEIGHTS, milestones
from midtrain_dagster.training.checkpoints.checkpoint import verify_checkpoint
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.metrics.log import TENSORBOARD
from midtrain_dagster.training.stage import RANDOM, Stage
from midtrain_dagster.training.transition.begin import check_start
from resources.artifacts import ArtifactBuilder

VERSION = loop.VERSION + plans.VERSION
CONTROL = "_control"
NO_CAUSES = {
    *("control", "seeds", "checkpoint_every", "checkpoints", "restarts"),
    *("workers", "accelerator", "parallel", "activation_checkpointing"),
}
"""What of a stage says where and how safely it runs, not what comes out of it. Workers and
accelerators change the order of sums, hence last bits; a checkpoint made elsewhere is found."""

MILESTONE = "milestone"
"""The weights alone, at a milestone of tokens; the label says after how many steps."""

TABLES = ("log", "mixture", MILESTONE)
"""What a checkpoint's artifact holds beside the files of the checkpoint."""


class StageInputs(NamedTuple):
    """The artifacts that a stage is trained from."""

    tokenizer: Artifact
    token_shards: Artifact
    start: Artifact | None


def training_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The base checkpoint if it is given, then every stage and every control."""
    given = [_given_base(recipe)] if recipe.base.checkpoint else []
    return [*given, *(_stage(recipe, name, stage, start) for name, stage, start in recipe.runs())]


def _given_base(recipe: Recipe) -> dg.AssetsDefinition:
    checkpoint = recipe.base.checkpoint
    assert checkpoint is not None

    @dg.asset(
        **asset_arguments(recipe, "training", version=1, section=None, kinds=("huggingface",)),
    )
    def base(context: dg.AssetExecutionContext, workshop: ArtifactBuilder) -> dg.Output[Artifact]:
        """The base checkpoint that the recipe names, copied into the store."""
        from midtrain_dagster.training.transition.given import (
            check_kept,
            checkpoint_files,
            given_checkpoint,
        )

        folder = given_checkpoint(recipe.path(checkpoint), checkpoint)
        check_kept(folder, ((name, stage) for name, stage, of in recipe.runs() if of == "base"))
        files = checkpoint_files(folder)
        causes = {name: digest(path.read_bytes()) for name, path in files.items()}

        def build(fingerprint_: str) -> tuple[list[Part], dict[str, int]]:
            storage = workshop.store.storage
            parts = [
                write_output(storage, f"parts/base/{fingerprint_}", name, path.read_bytes())
                for name, path in files.items()
            ]
            return parts, {}

        artifact = workshop.store.make("base", 1, None, {"files": causes}, build)
        return materialized(artifact)

    return base


def _stage(recipe: Recipe, name: str, stage: Stage, start: str) -> dg.AssetsDefinition:
    seed = recipe.seed if stage.seed is None else stage.seed
    section = {
        "stage": stage.model_dump(mode="json", exclude=NO_CAUSES),
        "seed": seed,
        "model": recipe.base.model if start == RANDOM else None,
        "milestones": stage.checkpoints.milestones,
    }
    upstream = {"tokenizer": "tokenizer", "token_shards": "token_shards"}
    if start != RANDOM:
        upstream["start"] = start

    @dg.asset(
        **asset_arguments(
            recipe, "training", version=VERSION, section=section, kinds=("pytorch", "ray")
        ),
        name=name,
        description=_description(name, stage, start),
        ins=inputs(recipe, **upstream),
    )
    def checkpoint(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        tokenizer: Artifact,
        token_shards: Artifact,
        **begun: Artifact,
    ) -> dg.Output[Artifact]:
        def build(fingerprint_: str) -> tuple[list[Part], dict[str, Any]]:
            given = StageInputs(tokenizer, token_shards, begun.get("start"))
            return _train(recipe, name, stage, seed, workshop, context, fingerprint_, given)

        artifact = workshop.store.make(
            "checkpoint",
            VERSION,
            {"name": name, **section},
            fingerprints(tokenizer=tokenizer, token_shards=token_shards, **begun),
            build,
        )
        run = fits.run_folder(workshop.store.storage.uri("runs"), f"{name}-{artifact.fingerprint}")
        return materialized(
            artifact,
            "log",
            curve=_curve(name, artifact),
            tensorboard=dg.MetadataValue.path(f"{run}/{TENSORBOARD}"),
        )

    return checkpoint


def _description(name: str, stage: Stage, start: str) -> str:
    told = (
        f"A checkpoint: {stage.steps:,} steps of {stage.batch_tokens:,} tokens at length "
        f"{stage.sequence_length:,}, "
    )
    told += "from random weights." if start == RANDOM else f"continuing `{start}`."
    if name.endswith("_control"):
        told += " The control: the same stage with the fields of `control` changed."
    return told


def _curve(name: str, artifact: Artifact) -> dg.MarkdownMetadataValue:
    from midtrain_dagster.report.style import figure_png
    from midtrain_dagster.report.training_plots import schedule_and_loss

    return image(figure_png(schedule_and_loss([(name, artifact.read("log"))])))


def checkpoint_files(artifact: Artifact) -> list[Part]:
    """The files of a checkpoint's Hugging Face folder, without the artifact's own tables."""
    return [part for part in artifact.manifest.parts if part.table not in TABLES]


def _train(
    recipe: Recipe,
    name: str,
    stage: Stage,
    seed: int,
    workshop: ArtifactBuilder,
    context: dg.AssetExecutionContext,
    fingerprint_: str,
    inputs_: StageInputs,
) -> tuple[list[Part], dict[str, Any]]:
    """Run the stage under Ray Train and store its checkpoint, its log and what it was fed."""
    storage = workshop.store.storage
    with ExitStack() as stack:

        def folder(parts: Sequence[Part]) -> Path:
            return stack.enter_context(storage.local_folder(file_names(parts)))

        trained_on = [
            part
            for part in inputs_.token_shards.manifest.parts
            if part.table in ("train_tokens", "train_index")
        ]
        shards = folder(trained_on)
        tokenizer = folder(inputs_.tokenizer.manifest.parts)
        vocabulary = int(inputs_.tokenizer.manifest.figures["vocabulary"] or 0)
        job = Job(
            name=name.removesuffix(CONTROL),
            stage=stage,
            seed=seed,
            shards=tuple(
                zip(
                    sorted(shards.glob("*_tokens.bin")),
                    sorted(shards.glob("*_index.parquet")),
                    strict=True,
                )
            ),
            token_dtype="uint16" if token_dtype(vocabulary).itemsize == 2 else "uint32",
            padding=int(inputs_.tokenizer.manifest.figures["padding"] or 0),
            vocabulary=vocabulary,
            start=folder(checkpoint_files(inputs_.start)) if inputs_.start else None,
            model=recipe.base.model if inputs_.start is None else None,
            tokenizer=tokenizer,
        )
        plan = job.plan(job.open_shards())
        plan.check()
        check_start(job)
        check_digests(storage, trained_on, shards)
        workshop.execution.start()
        run_name = f"{name}-{fingerprint_}"
        runs = storage.uri("runs")
        live = LiveTraining(context, stage, fits.run_folder(runs, run_name))
        result = fits.fit(job, storage_path=runs, run_name=run_name, on_step=live)
        into = f"parts/checkpoint/{fingerprint_}"
        files = sorted(result.checkpoint.iterdir())
        parts = [write_output(storage, into, file.name, file) for file in files]
        parts.append(write_output(storage, into, "log", result.log))
        parts.append(write_output(storage, into, "mixture", mixture_table(plan)))
        parts += _milestones(storage, f"runs/{run_name}", into, stage)
    last = result.log.tail(stage.steps // 10 or 1)
    return parts, {
        "steps": stage.steps,
        "trained_tokens": stage.steps * stage.batch_tokens,
        "last_loss": round(float(last["loss"].mean()), 4),  # type: ignore[arg-type]
        "packing_efficiency": round(plan.efficiency(), 4),
    }


def _milestones(storage: Storage, run: str, into: str, stage: Stage) -> list[Part]:
    """The weights that the run kept at its milestones, as parts. Raises ``CheckpointError`` for a
    damaged one: the new part's digest would speak for it."""
    parts = []
    for step in milestones(stage):
        label = f"step-{step:06d}"
        verify_checkpoint(storage.uri(f"{run}/{label}"))
        with storage.local_folder({WEIGHTS: f"{run}/{label}/{WEIGHTS}"}) as folder:
            part = write_output(
                storage, f"{into}/{label}", MILESTONE, folder / WEIGHTS, file=WEIGHTS
            )
        parts.append(part.model_copy(update={"label": label}))
    return parts


def mixture_table(plan: plans.Plan) -> pl.DataFrame:
    """What a stage was to be fed and what it got: domain, planned share, share, tokens, epochs."""
    planned, delivered, epochs = plan.planned(), plan.delivered(), plan.epochs()
    total = sum(delivered.values())
    return pl.DataFrame(
        {
            "domain": list(planned),
            "planned": list(planned.values()),
            "delivered": [delivered.get(domain, 0) / total for domain in planned],
            "tokens": [delivered.get(domain, 0) for domain in planned],
            "epochs": [epochs.get(domain, 0.0) for domain in planned],
        }
    )


def training_checks(recipe: Recipe) -> list[dg.AssetChecksDefinition]:
    """The checks that the UI shows on each stage."""
    return [_check(recipe, name) for name, _, _ in recipe.runs()]


def _check(recipe: Recipe, name: str) -> dg.AssetChecksDefinition:
    key = dg.AssetKey([recipe.name, name])
    specs = [
        dg.AssetCheckSpec(f"{name}_{promise}", asset=key, description=told)
        for promise, told in (
            ("loss_falls", "The last quarter of the stage has a lower loss than the first"),
            ("natural_floor", "Natural text has at least the recipe's share of the tokens"),
        )
    ]

    @dg.multi_asset_check(
        name=f"{recipe.name}_{name}_checks",
        specs=specs,
        ins={"checkpoint": dg.AssetIn(key=key)},
    )
    def checks(checkpoint: Artifact) -> Iterator[dg.AssetCheckResult]:
        """Looks at the stage's log and at what it was fed."""
        for promise in checkpoint_checks(recipe, name, checkpoint):
            yield check_result(key, promise)

    return checks
