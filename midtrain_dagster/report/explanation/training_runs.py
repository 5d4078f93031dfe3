"""What training runs were fed: their plans, made again from the records of their checkpoints.

A run that was trained is told as its checkpoint's manifest has it (its stage, its seed, the token
shards of that time), whatever the recipe says now; one that was not is told as the recipe plans it.
Only the shards' indexes are read, and of their tokens those parts that a step's spans are in.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.parts import file_names
from midtrain_dagster.dataloader.occurrences import SIGHTINGS, sightings
from midtrain_dagster.dataloader.plan import Plan
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.report.explanation.document_search import Artifacts
from midtrain_dagster.tokens.shards import TokenShards, token_dtype
from midtrain_dagster.training.checkpoints.checkpoint import STATE
from midtrain_dagster.training.stage import RANDOM

SHARDS = "token_shards"
CONTROL = "_control"

STARTS = ("checkpoint", "base", "soup")
"""The methods of what a stage may start from: trained here, given, averaged."""


class RunError(LookupError):
    """What a run was fed cannot be told; the message says why."""


@dataclass(frozen=True)
class Shards:
    """The index of token shards: ``opened`` answers for documents, and holds no token.

    ``index`` has, a row a document in that order, its offset (tokens) in its part.
    """

    artifact: Artifact
    opened: TokenShards
    index: pl.DataFrame


@dataclass(frozen=True)
class TrainingRun:
    """A run and its plan. ``checkpoint`` is what it made; None: it is planned, not trained."""

    name: str
    plan: Plan
    shards: Shards
    checkpoint: Artifact | None

    def texts(self, spans: pl.DataFrame, longest: int | None = None) -> list[str]:
        """The text of spans (id as in the shards, start, stop), decoded from their tokens.

        ``longest`` bounds the tokens read of each. Raises :class:`RunError` if the tokenizer that
        the shards were made with is gone.
        """
        artifact = self.shards.artifact
        tokenizer = _upstream(artifact, "tokenizer")
        if tokenizer is None:
            raise RunError(f"the tokenizer of the shards of {self.name} is not in the store")
        dtype = token_dtype(int(tokenizer.manifest.figures["vocabulary"] or 0))
        places = spans.join(self.shards.index, on="id", how="left", maintain_order="left")
        first = (places["offset"] + places["start"]).to_numpy()
        length = (places["stop"] - places["start"]).clip(upper_bound=longest).to_numpy()
        parts = artifact.parts("train_tokens")
        ids: list[list[int]] = [[] for _ in range(places.height)]
        for number in places["part"].unique().sort():
            files = file_names([parts[number]])
            with artifact.storage.local_folder(files) as folder:
                tokens = np.memmap(folder / next(iter(files)), dtype, mode="r")
                for row in np.flatnonzero(places["part"].to_numpy() == number):
                    ids[row] = tokens[first[row] : first[row] + length[row]].tolist()
        return _decoder(tokenizer)(ids)


@dataclass(frozen=True)
class Seen:
    """What a run saw of a document: its tokens in the shards (0: it is not there) and the sightings
    (``dataloader.occurrences``). ``is_trained`` is false for a run that is still to come; ``error`` says why
    it cannot be told; ``skipped`` are the steps that changed nothing, with their reasons."""

    run: str
    is_trained: bool
    error: str = ""
    is_held_out: bool = False
    tokens: int = 0
    steps: int = 0
    sightings: pl.DataFrame = field(default_factory=SIGHTINGS.to_frame)
    skipped: Mapping[int, str] = field(default_factory=dict)


def seen_by(recipe: Recipe, artifacts: Artifacts, identity: str) -> tuple[Seen, ...]:
    """What every run of the recipe saw of a document, in the order of the runs."""
    return tuple(_seen_by(recipe, artifacts, identity))


def _seen_by(recipe: Recipe, artifacts: Artifacts, identity: str) -> Iterator[Seen]:
    opened: dict[str, Shards] = {}
    for name, _, _ in recipe.runs():
        checkpoint = artifacts.get(name)
        if not isinstance(checkpoint, Artifact):
            yield Seen(name, is_trained=False)
            continue
        try:
            made_from = str(checkpoint.manifest.upstream[SHARDS])
            if made_from not in opened:
                opened[made_from] = _shards_of(checkpoint, name)
            yield _seen(checkpoint, name, opened[made_from], identity)
        except RunError as error:
            yield Seen(name, is_trained=True, error=str(error))


def _seen(checkpoint: Artifact, name: str, shards: Shards, identity: str) -> Seen:
    held_out = shards.artifact.scan("held_out_index").filter(id=identity).collect().height > 0
    known = shards.opened.ids == identity
    plan = _recorded_plan(checkpoint, name, shards)
    return Seen(
        name,
        is_trained=True,
        is_held_out=held_out,
        tokens=int(shards.opened.lengths[known.to_numpy()].sum()),
        steps=plan.steps,
        sightings=sightings(plan, identity),
        skipped=_skipped(checkpoint),
    )


def _skipped(checkpoint: Artifact) -> dict[int, str]:
    log = checkpoint.read("log")
    if "skipped" not in log.columns:
        return {}
    return dict(log.drop_nulls("skipped").select("step", "skipped").iter_rows())


def training_run(recipe: Recipe, artifacts: Artifacts, name: str) -> TrainingRun:
    """A run of the recipe with its plan: as it was trained, or as it is planned.

    Raises :class:`RunError` where there are no token shards to plan with, and what ``Plan`` raises
    for a mixture that they cannot serve.
    """
    checkpoint, current = artifacts.get(name), artifacts.get(SHARDS)
    if isinstance(checkpoint, Artifact):
        shards = _shards_of(checkpoint, name)
        return TrainingRun(name, _recorded_plan(checkpoint, name, shards), shards, checkpoint)
    if not isinstance(current, Artifact):
        raise RunError(f"{name} has no plan yet: its token shards are still to be made")
    shards = _opened(current)
    stage = next(stage for run, stage, _ in recipe.runs() if run == name)
    seed = recipe.seed if stage.seed is None else stage.seed
    start = artifacts.get(stage.start)
    plan = _plan(
        stage.model_dump(mode="json"),
        name,
        seed,
        shards,
        start if isinstance(start, Artifact) else None,
    )
    return TrainingRun(name, plan, shards, None)


def _recorded_plan(checkpoint: Artifact, name: str, shards: Shards) -> Plan:
    """The plan that a checkpoint was trained by, checked against what the run counted.

    Raises :class:`RunError` where the two differ: another version of the plan was at work.
    """
    section = checkpoint.manifest.section
    start = _upstream(checkpoint, "start") if "start" in checkpoint.manifest.upstream else None
    plan = _plan(section["stage"], name, section["seed"], shards, start)
    counted = dict(checkpoint.read("mixture").select("domain", "tokens").iter_rows())
    delivered = plan.delivered()
    if any(delivered.get(domain, 0) != tokens for domain, tokens in counted.items()):
        raise RunError(
            f"{name} was trained by another version of the plan: it counted {counted} tokens, and "
            f"the plan made again has {delivered}. Train it again, or explain it with the code "
            "that trained it"
        )
    return plan


def _plan(
    stage: dict[str, Any], name: str, seed: int, shards: Shards, start: Artifact | None
) -> Plan:
    """As `Job.plan`, from a stage's record: of its fields only those that the plan depends on, so
    that a record is still read when a later version gives stages other fields."""
    batch, length = stage["batch_tokens"], stage["sequence_length"]
    begin = None
    if stage["inherit"].get("data") == "keep" and stage["start"] != RANDOM:
        if start is None or not start.has(STATE):
            raise RunError(
                f"{name} goes on in the data of {stage['start']}, whose position is not known yet"
            )
        (state,) = start.parts(STATE)
        begin = json.loads(start.storage.read(state.path))["data"]
    return Plan(
        shards.opened,
        Mixture.model_validate(stage["mixture"]),
        seed=seed,
        stage=name.removesuffix(CONTROL),
        sequence_length=length,
        windows_per_step=batch // length,
        steps=-(-stage["tokens"] // batch),
        begin=begin,
    )


def _shards_of(checkpoint: Artifact, name: str) -> Shards:
    shards = _upstream(checkpoint, SHARDS)
    if shards is None:
        raise RunError(f"the token shards that {name} was trained on are not in the store")
    return _opened(shards)


def _opened(artifact: Artifact) -> Shards:
    """The shards in the order in which training reads them: that of their parts."""
    rows = [part.rows for part in artifact.parts("train_index")]
    part = np.repeat(np.arange(len(rows), dtype=np.uint32), rows)
    index = artifact.read("train_index").with_columns(part=pl.Series(part))
    opened = TokenShards([], index, dtype=np.dtype("<u4"))
    offsets = index.select("id", pl.col("offset").cast(pl.Int64), "part")
    return Shards(artifact, opened, offsets)


def _upstream(artifact: Artifact, name: str) -> Artifact | None:
    """What an artifact was made from, if the store still has it.

    A record has a start's fingerprint and not its method; fingerprints of two methods differ.
    """
    methods = STARTS if name == "start" else (name,)
    store, fingerprint_ = ArtifactStore(artifact.storage), str(artifact.manifest.upstream[name])
    found = (store.find(method, fingerprint_) for method in methods)
    return next((each for each in found if each is not None), None)


def _decoder(tokenizer: Artifact) -> Any:
    from tokenizers import Tokenizer

    (part,) = tokenizer.parts("tokenizer.json")
    decoder = Tokenizer.from_buffer(tokenizer.storage.read(part.path))

    def decode(ids: list[list[int]]) -> list[str]:
        return decoder.decode_batch(ids, skip_special_tokens=False)

    return decode
