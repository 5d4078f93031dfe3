"""Training: each run of the recipe's stages an asset ``checkpoint/NAME``, and a given base."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import polars as pl

from assets.build import Build, Built, artifact_asset, image, markdown_table
from assets.declaration import AFTER_PREFLIGHT, Given, Input
from assets.estimate import checkpoint_bytes, training_amount
from assets.length_gates import gate_input, refuse_failed_gate
from assets.live_training import LiveTraining
from assets.token_gate import gate_inputs, refuse_stale_shards
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.known_digests import known_digest
from midtrain_dagster.core.parts import check_digests, file_names
from midtrain_dagster.core.room import require_room
from midtrain_dagster.core.system_files import own_files
from midtrain_dagster.dataloader.by_length import lengths_of
from midtrain_dagster.display import numbers
from midtrain_dagster.display.style import BLUE, checkpoint_looks
from midtrain_dagster.mixture.reference import FoundMixture, MixtureReference
from midtrain_dagster.models.true_config import true_config
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer
from midtrain_dagster.tokens.splits import shard_files
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training import fit as fits
from midtrain_dagster.training.artifact import (
    LENGTHS,
    LOG,
    MILESTONE,
    MIXTURE,
    ON_THE_WAY,
    RECORD,
    Checkpoint,
)
from midtrain_dagster.training.batch.ramp import in_words as batch_in_words
from midtrain_dagster.training.checkpoints.average import WEIGHTS
from midtrain_dagster.training.checkpoints.checkpoint import (
    DIGESTS,
    read_digests,
    verify_checkpoint,
)
from midtrain_dagster.training.disk import check_disk
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.marks import knots_of, sentinels_of
from midtrain_dagster.training.metrics.log import TARGETS, TENSORBOARD
from midtrain_dagster.training.node_inputs import NodeInputs
from midtrain_dagster.training.record import mixture_table, with_shares
from midtrain_dagster.training.retention import milestones, named, step_of_milestone
from midtrain_dagster.training.runs import BASE, Run
from midtrain_dagster.training.stage import RANDOM, Stage, searches_factors
from midtrain_dagster.training.transition import given
from midtrain_dagster.training.transition.begin import check_start
from midtrain_dagster.training.versions import versions_of_stage

SPLIT = ("train_tokens", "train_index", "train_targets")
"""The tables of the token shards that are trained on."""

HELD_OUT = ("held_out_tokens", "held_out_index")
"""Those that a stage looks at which searches LongRoPE's factors."""

POOL = "training"
"""The pool of runs that train: one at a time, unless the instance says otherwise."""


def training_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The base checkpoint if it is given, then every run."""
    base = [] if recipe.base.checkpoint is None else [_given_base(recipe, recipe.base.checkpoint)]
    return [*base, *(_run(recipe, run) for run in recipe.runs())]


def _given_base(recipe: Recipe, named: str) -> dg.AssetsDefinition:
    def files() -> dict[str, Path]:
        return given.checkpoint_files(given.given_checkpoint(recipe.path(named), named))

    def external(_: Mapping[str, Given]) -> dict[str, str]:
        folder = given.given_checkpoint(recipe.path(named), named)
        given.check_kept(folder, [run for run in recipe.runs() if run.start == BASE])
        return {name: known_digest(path) for name, path in files().items()}

    @artifact_asset(
        recipe,
        f"checkpoint/{BASE}",
        group="training",
        versions=versions_of(given),
        external=external,
        metadata=lambda artifact: kv_cache_shown(Checkpoint(artifact)),
        kinds=("huggingface",),
    )
    def base(build: Build) -> Built:
        """The base checkpoint that the recipe names, copied into the store; where its config says
        tied or untied of tensors that are otherwise, it is corrected."""
        if build.store.storage.is_local:
            size = sum(path.stat().st_size for path in files().values())
            require_room(build.store.storage.root, size, "the copy of the base checkpoint")
        folder = given.given_checkpoint(recipe.path(named), named)
        # One of ours is true, and its digests speak for every byte.
        correctable = None if given.is_checkpoint(folder) else given.CONFIG
        return [
            build.write(name, true_config(folder) if name == correctable else path.read_bytes())
            for name, path in files().items()
        ]

    return base


def _run(recipe: Recipe, run: Run) -> dg.AssetsDefinition:
    model = recipe.base.model if run.start == RANDOM else None
    inputs: dict[str, str | Input] = {
        "tokenizer": "tokenizer",
        "token_shards": "token_shards",
        **AFTER_PREFLIGHT,
    }
    inputs |= gate_inputs(recipe)  # Asked before the first step.
    inputs |= gate_input(recipe, run)
    if run.start != RANDOM:
        inputs["start"] = f"checkpoint/{run.start}"
    mixture = run.stage.mixture
    if isinstance(mixture, MixtureReference):
        inputs["mixture"] = f"mixture/{mixture.from_}"

    @artifact_asset(
        recipe,
        f"checkpoint/{run.name}",
        group="training",
        method="checkpoint",
        versions=versions_of_stage(run.stage),
        section={"run": run.name, "stage": run.stage, "seed": run.seed, "model": model},
        inputs=inputs,
        rows=LOG,
        metadata=lambda artifact: _metadata(recipe, run, artifact),
        kinds=("pytorch", "ray"),
        description=_description(run),
        pool=POOL,
        checked=True,
        amount=training_amount(recipe, run),
        expected_bytes=checkpoint_bytes(recipe),
    )
    def checkpoint(build: Build) -> Built:
        refuse_failed_gate(recipe, build, run)
        stage = run.stage
        if "mixture" in build.inputs:
            found = FoundMixture(build["mixture"])
            stage = with_shares(stage, found.shares, found.max_epochs_of)
        with ExitStack() as stack:
            fetched: dict[str, tuple[Part, ...]] = {}

            def folder(parts: Sequence[Part]) -> Path:
                files = build.store.storage.local_folder(file_names(parts))
                path = stack.enter_context(files)
                fetched[str(path)] = tuple(parts)
                return path

            shards = [part for part in build["token_shards"].manifest.parts if part.table in SPLIT]
            shard_folder = folder(shards)
            files = shard_files(shard_folder)
            tokenizer = Tokenizer(build["tokenizer"])
            apart = _held_out(build, stage)
            apart_folder = folder(apart) if apart else None
            held_out = shard_files(apart_folder) if apart_folder else []
            start = None
            if run.start != RANDOM:
                start = folder(start_files(recipe, run.start, stage.milestone, build["start"]))
            tokenizer_folder = folder(tokenizer.files)
            loaded = load_tokenizer(tokenizer_folder)
            job = Job(
                name=run.stage_name,
                stage=stage,
                seed=run.seed,
                role=run.role,
                shards=tuple((each.tokens, each.index) for each in files),
                targets=tuple(each.targets for each in files),
                held_out=tuple((each.tokens, each.index) for each in held_out),
                token_dtype=tokenizer.dtype,
                padding=tokenizer.vocabulary.padding,
                knots=knots_of(stage, loaded),
                sentinels=sentinels_of(stage, loaded, len(tokenizer.vocabulary.opening)),
                vocabulary=tokenizer.vocabulary.tokens,
                start=start,
                model=model,
                tokenizer=tokenizer_folder,
            )
            plan = job.plan(job.open_shards())
            plan.check()
            check_start(job)
            check_digests(build.store.storage, shards, shard_folder)
            if apart_folder:
                check_digests(build.store.storage, apart, apart_folder)
            if recipe.benchmarks:
                refuse_stale_shards(recipe, build, shards, plan, run.name)
            colour = checkpoint_looks(recipe.checkpoints())[run.name].colour
            return _trained(build, job, fetched, colour)

    return checkpoint


def _held_out(build: Build, stage: Stage) -> list[Part]:
    """The held-out documents of a stage that searches LongRoPE's factors on them."""
    parts = build["token_shards"].manifest.parts
    return [each for each in parts if each.table in HELD_OUT] if searches_factors(stage) else []


def _trained(build: Build, job: Job, fetched: dict[str, tuple[Part, ...]], colour: str) -> Built:
    """Train under Ray Train; the parts are the checkpoint's files and what is kept of the run.
    ``fetched`` are the folders of the job's files, and what they hold."""
    stage = job.stage
    result = fitted(build, job, fetched, colour)
    plan = job.plan(job.open_shards())
    parts = [build.write(file.name, file) for file in sorted(own_files(result.checkpoint))]
    parts += [
        build.write(LOG, result.log),
        build.write(MIXTURE, mixture_table(plan)),
        build.write(RECORD, job.record().model_dump_json(indent=1).encode()),
        *_milestones(build, f"runs/{_run_name(build, job)}", stage),
    ]
    if job.record().mixture.length_classes is not None:
        parts.append(build.write(LENGTHS, lengths_of(plan)))
    last = result.log.tail(stage.steps // 10 or 1)
    loss = last["loss"].mean()
    counted = int(result.log[TARGETS].sum()) if TARGETS in result.log.columns else None
    return parts, {
        "steps": stage.steps,
        "tokens_with_padding": stage.batches.tokens,
        "target_tokens": counted,
        "last_loss": None if loss is None else round(float(loss), 4),  # type: ignore[arg-type]
        "packing_efficiency": round(plan.efficiency(), 4),
        **(
            {}
            if stage.fill_in_the_middle is None
            else {"turned": int(plan.turned()["turned"].sum())}
        ),
    }


def fitted(
    build: Build, job: Job, fetched: dict[str, tuple[Part, ...]], colour: str = BLUE
) -> fits.FitResult:
    """Train under Ray Train, shown as it goes on, in a folder of the artifact's fingerprint."""
    storage, stage = build.store.storage, job.stage
    runs, run_name = storage.uri("runs"), _run_name(build, job)
    check_disk(job, fits.run_folder(runs, run_name))
    # What can be trained in this process waits for no Ray, and shares the machine with none.
    in_process = fits.fits_in_process(stage) and build.execution.rest()
    if not in_process:
        build.execution.start()
    live = LiveTraining(build.context, stage, fits.run_folder(runs, run_name), colour)
    return fits.fit(
        job,
        storage_path=runs,
        run_name=run_name,
        in_process=in_process,
        inputs=None if storage.is_local else NodeInputs(storage=storage, folders=fetched),
        on_step=live,
        on_loss=build.context.log.warning,
    )


def _run_name(build: Build, job: Job) -> str:
    return f"{job.run.folder}-{build.fingerprint}"


def _milestones(build: Build, run: str, stage: Stage) -> list[Part]:
    """What the run kept at its milestones, as parts: weights, and the rest where it keeps moments.
    Raises ``CheckpointError`` for a damaged one: the new part's digest would speak for it."""
    storage, parts = build.store.storage, []
    for step in milestones(stage):
        label = named(step)
        at = f"{run}/{label}"
        verify_checkpoint(storage.uri(at))
        names = [WEIGHTS]
        if stage.checkpoints.moments:
            names += sorted({DIGESTS, *read_digests(storage.uri(at))} - {WEIGHTS})
        with storage.local_folder({name: f"{at}/{name}" for name in names}) as folder:
            for name in names:
                table = MILESTONE if name == WEIGHTS else ON_THE_WAY
                parts.append(build.write(table, folder / name, label, file=name))
    return parts


def start_files(recipe: Recipe, name: str, milestone: int | None, artifact: Artifact) -> list[Part]:
    """The files of the checkpoint of that name, which a run starts from: at its end, or at one of
    its milestones."""
    checkpoint, number = Checkpoint(artifact), milestone
    if number is None:
        return checkpoint.files
    stage = next(each.stage for each in recipe.runs() if each.name == name)
    return checkpoint.whole_at(named(step_of_milestone(stage, number)))


def _description(run: Run) -> str:
    stage = run.stage
    text = (
        f"A checkpoint: {stage.steps:,} steps of {batch_in_words(stage.batch_tokens)} tokens at "
        f"length {stage.sequence_length:,}, "
    )
    text += "from random weights" if run.start == RANDOM else f"continuing `{run.start}`"
    text += "." if stage.milestone is None else f" at its milestone {stage.milestone}."
    match run.role:
        case "control":
            text += " The control: the same stage with the fields of `control` changed."
        case "seed":
            text += f" The same stage with seed {run.seed}."
        case "fine_tuned":
            text += " The small supervised fine-tuning, the same for every checkpoint."
        case "stage":
            pass
    return text


def kv_cache_shown(checkpoint: Checkpoint) -> dict[str, dg.MetadataValue]:
    """The bytes of its KV cache a token, and the plain model's; nothing where it is not known."""
    found = checkpoint.kv_cache
    if found is None:
        return {}
    return {
        "kv_cache_bytes_a_token": dg.MetadataValue.int(found.a_token),
        "kv_cache_of_the_plain_model": dg.MetadataValue.int(found.plain),
    }


def _lengths(table: pl.DataFrame) -> dict[str, dg.MetadataValue]:
    """What was planned and read of each class of length."""
    rows = [
        (each, numbers.share(planned), numbers.share(delivered), numbers.count(tokens))
        for each, planned, delivered, tokens in table.iter_rows()
    ]
    heads = ["class", "planned", "delivered", "tokens"]
    return {"lengths": markdown_table(heads, rows, numbers=heads[1:])}


def _metadata(recipe: Recipe, run: Run, artifact: Artifact) -> dict[str, dg.MetadataValue]:
    from midtrain_dagster.display.style import figure_png
    from midtrain_dagster.training.report_plots import schedule_and_loss

    folder = fits.run_folder(artifact.storage.uri("runs"), f"{run.folder}-{artifact.fingerprint}")
    checkpoint = Checkpoint(artifact)
    lengths = checkpoint.lengths
    return {
        **kv_cache_shown(checkpoint),
        **({} if lengths is None else _lengths(lengths)),
        "curve": image(
            figure_png(schedule_and_loss({run.name: checkpoint.log}, recipe.checkpoints()))
        ),
        "tensorboard": dg.MetadataValue.path(f"{folder}/{TENSORBOARD}"),
    }
