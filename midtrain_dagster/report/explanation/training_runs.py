"""What training runs were fed: their plans, made again from the records of their checkpoints.

A run that was trained is explained by its record and the token shards of that time, whatever the
recipe says now; one that was not, as the recipe plans it. Only the shards' indexes are read, and of
their tokens those parts that a step's spans are in.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, Part
from midtrain_dagster.core.parts import file_names
from midtrain_dagster.dataloader.batch import LossOn
from midtrain_dagster.dataloader.fill_in_the_middle import Middle
from midtrain_dagster.dataloader.occurrences import SIGHTINGS, middles_of, sightings
from midtrain_dagster.dataloader.plan import Plan
from midtrain_dagster.mixture.reference import FoundMixture, MixtureReference
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.report.explanation.document_search import Artifacts
from midtrain_dagster.tokens.shards import TokenShards
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.artifact import Checkpoint
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.record import RunRecord, plan_of, record_of, with_shares
from midtrain_dagster.training.runs import Run

SHARDS = "token_shards"


class RunError(LookupError):
    """What a run was fed cannot be said; the message says why."""


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
    checkpoint: Checkpoint | None
    loss_on: LossOn = "all"

    def texts(self, spans: pl.DataFrame, longest: int | None = None) -> list[str]:
        """The text of spans, as ``pieces`` gives it, whole."""
        return ["".join(piece.text for piece in each) for each in self.pieces(spans, longest)]

    def pieces(self, spans: pl.DataFrame, longest: int | None = None) -> "list[list[Piece]]":
        """The text of spans (id as in the shards, start, stop), decoded from their tokens, in
        pieces by whether the loss looks at them.

        ``longest`` bounds the tokens read of each. Raises :class:`RunError` if the tokenizer that
        the shards were made with is gone.
        """
        artifact = self.shards.artifact
        made_with = _upstream(artifact, "tokenizer")
        if made_with is None:
            raise RunError(f"the tokenizer of the shards of {self.name} is not in the store")
        dtype = np.dtype(Tokenizer(made_with).dtype)
        places = spans.join(self.shards.index, on="id", how="left", maintain_order="left")
        first = (places["offset"] + places["start"]).to_numpy()
        length = (places["stop"] - places["start"]).clip(upper_bound=longest).to_numpy()
        parts = artifact.parts("train_tokens")
        ids: list[list[int]] = [[] for _ in range(places.height)]
        learnt = [np.ones(count, np.bool_) for count in length]
        for number in places["part"].unique().sort():
            rows = np.flatnonzero(places["part"].to_numpy() == number)
            with self._opened(parts[number]) as file:
                tokens = np.memmap(file, dtype, mode="r")
                for row in rows:
                    ids[row] = tokens[first[row] : first[row] + length[row]].tolist()
            targets = self._targets_beside(parts[number])
            if targets is None:
                continue
            with self._opened(targets) as file:
                bits = np.unpackbits(np.fromfile(file, np.uint8))
                for row in rows:
                    learnt[row] = bits[first[row] : first[row] + length[row]] > 0
        return _in_pieces(_decoder(made_with), ids, learnt)

    @contextmanager
    def _opened(self, part: Part) -> Iterator[Path]:
        files = file_names([part])
        with self.shards.artifact.storage.local_folder(files) as folder:
            yield folder / next(iter(files))

    def _targets_beside(self, tokens: Part) -> Part | None:
        """Which tokens of a part the loss looks at, if not all."""
        artifact = self.shards.artifact
        if self.loss_on == "all" or not artifact.has("train_targets"):
            return None
        folder = tokens.path.rpartition("/")[0]
        beside = (part for part in artifact.parts("train_targets") if part.path.startswith(folder))
        return next(beside, None)


class Piece(NamedTuple):
    """A piece of a span's text, and whether the loss looks at it."""

    text: str
    is_learnt: bool


@dataclass(frozen=True)
class Seen:
    """What a run saw of a document: its tokens in the shards (0: it is not there) and the sightings
    (``dataloader.occurrences``), with how it is turned in each (``middles``; none: in none).
    ``is_trained`` is false for a run that is still to come; ``error`` says why nothing is known;
    ``skipped`` are the steps that changed nothing, with their reasons.
    """

    run: str
    is_trained: bool
    error: str = ""
    is_held_out: bool = False
    tokens: int = 0
    steps: int = 0
    sightings: pl.DataFrame = field(default_factory=SIGHTINGS.to_frame)
    middles: Sequence[Middle | None] = ()
    skipped: Mapping[int, str] = field(default_factory=dict)


def seen_by(recipe: Recipe, artifacts: Artifacts, identity: str) -> tuple[Seen, ...]:
    """What every run of the recipe saw of a document, in the order of the runs."""
    return tuple(_seen_by(recipe, artifacts, identity))


def _seen_by(recipe: Recipe, artifacts: Artifacts, identity: str) -> Iterator[Seen]:
    opened: dict[str, Shards] = {}
    for run in recipe.runs():
        checkpoint = _checkpoint(artifacts, run.name)
        if checkpoint is None:
            yield Seen(run.name, is_trained=False)
            continue
        try:
            made_from = str(checkpoint.artifact.manifest.upstream[SHARDS])
            if made_from not in opened:
                opened[made_from] = _shards_of(checkpoint, run.name)
            yield _seen(checkpoint, run.name, opened[made_from], identity)
        except RunError as error:
            yield Seen(run.name, is_trained=True, error=str(error))


def _seen(checkpoint: Checkpoint, name: str, shards: Shards, identity: str) -> Seen:
    held_out = shards.artifact.scan("held_out_index").filter(id=identity).collect().height > 0
    known = shards.opened.ids == identity
    plan = _recorded_plan(checkpoint, name, shards)
    skipped = checkpoint.log.drop_nulls("skipped").select("step", "skipped")
    seen = sightings(plan, identity)
    return Seen(
        name,
        is_trained=True,
        is_held_out=held_out,
        tokens=int(shards.opened.lengths[known.to_numpy()].sum()),
        steps=plan.steps,
        sightings=seen,
        middles=middles_of(plan, identity, seen),
        skipped=dict(skipped.iter_rows()),
    )


def training_run(recipe: Recipe, artifacts: Artifacts, name: str) -> TrainingRun:
    """A run of the recipe with its plan: as it was trained, or as it is planned.

    Raises :class:`RunError` where it cannot be planned yet, and what ``Plan`` raises for a mixture
    that the token shards cannot serve.
    """
    checkpoint, current = _checkpoint(artifacts, name), artifacts.get(SHARDS)
    if checkpoint is not None:
        shards = _shards_of(checkpoint, name)
        plan, loss_on = _recorded_plan(checkpoint, name, shards), checkpoint.record.loss_on
        return TrainingRun(name, plan, shards, checkpoint, loss_on)
    if not isinstance(current, Artifact):
        raise RunError(f"{name} has no plan yet: its token shards are still to be made")
    shards = _opened(current)
    run = next(run for run in recipe.runs() if run.name == name)
    plan = plan_of(_planned(run, artifacts), shards.opened)
    return TrainingRun(name, plan, shards, None, run.stage.loss_on)


def _planned(run: Run, artifacts: Artifacts) -> RunRecord:
    """The record that a run would have if it were trained now."""
    mixture, start = run.stage.mixture, _checkpoint(artifacts, run.start)
    if isinstance(mixture, MixtureReference):
        found = artifacts.get(f"mixture/{mixture.from_}")
        if not isinstance(found, Artifact):
            raise RunError(f"{run.name} has no plan yet: its mixture is still to be made")
        mixed = FoundMixture(found)
        stage = with_shares(run.stage, mixed.shares, mixed.max_epochs_of)
        run = replace(run, stage=stage)
    try:
        return record_of(run, start.state if start else None)
    except TransitionError as error:
        raise RunError(f"{run.name} has no plan yet: {error}") from error


def _recorded_plan(checkpoint: Checkpoint, name: str, shards: Shards) -> Plan:
    """The plan that a checkpoint was trained by, checked against what the run counted.

    Raises :class:`RunError` where the two differ: another version of the plan was at work.
    """
    plan = plan_of(checkpoint.record, shards.opened)
    counted = dict(checkpoint.mixture.select("domain", "tokens").iter_rows())
    delivered = plan.delivered()
    if any(delivered.get(domain, 0) != tokens for domain, tokens in counted.items()):
        raise RunError(
            f"{name} was trained by another version of the plan: it counted {counted} tokens, and "
            f"the plan made again has {delivered}. Train it again, or explain it with the code "
            "that trained it"
        )
    return plan


def _checkpoint(artifacts: Artifacts, name: str) -> Checkpoint | None:
    made = artifacts.get(f"checkpoint/{name}")
    return Checkpoint(made) if isinstance(made, Artifact) else None


def _shards_of(checkpoint: Checkpoint, name: str) -> Shards:
    shards = _upstream(checkpoint.artifact, SHARDS)
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
    """What an artifact was made from, if the store still has it."""
    fingerprint = str(artifact.manifest.upstream[name])
    return ArtifactStore(artifact.storage).find(name, fingerprint)


def _in_pieces(
    decode: Callable[[list[list[int]]], list[str]], ids: list[list[int]], learnt: list[np.ndarray]
) -> list[list[Piece]]:
    """The texts of tokens, each in pieces of equal ``learnt``."""
    cuts = [np.flatnonzero(np.diff(each)) + 1 for each in learnt]
    runs = [
        (row, bool(learnt[row][begin]), ids[row][begin:end])
        for row, at in enumerate(cuts)
        for begin, end in pairwise([0, *at.tolist(), len(ids[row])])
        if begin < end
    ]
    pieces: list[list[Piece]] = [[] for _ in ids]
    for (row, is_learnt, _), text in zip(runs, decode([run for *_, run in runs]), strict=True):
        pieces[row].append(Piece(text, is_learnt))
    return pieces


def _decoder(tokenizer: Artifact) -> Any:
    from tokenizers import Tokenizer as Decoder

    decoder = Decoder.from_buffer(tokenizer.content("tokenizer.json"))

    def decode(ids: list[list[int]]) -> list[str]:
        return decoder.decode_batch(ids, skip_special_tokens=False)

    return decode
