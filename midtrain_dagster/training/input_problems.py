"""What of stages and soups cannot be made, by the base checkpoint, the tokenizer and the machine.

A stage checks its start when it begins (``transition.begin``), which may be days into a run. Here
the whole chain is gone through before: what each stage makes of the positions, the vocabulary and
the learning rate that it finds. The first stages of a given base are then checked as they will be,
down to names and shapes.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.models.load import CheckpointError, load_to_train
from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.models.true_config import CONFIG, tied_otherwise
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer
from midtrain_dagster.training.checkpoints.average import unlike, vocabulary
from midtrain_dagster.training.checkpoints.checkpoint import is_checkpoint
from midtrain_dagster.training.inherit import Reset, TransitionError
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.metrics.flops import speed_in_bf16
from midtrain_dagster.training.problems import place_of
from midtrain_dagster.training.retention import milestones
from midtrain_dagster.training.runs import BASE, Run, at_milestone, batch_left
from midtrain_dagster.training.stage import RANDOM
from midtrain_dagster.training.transition.attention import choose_attention
from midtrain_dagster.training.transition.begin import (
    check_finite,
    check_start,
    last_learning_rate,
)
from midtrain_dagster.training.transition.config import (
    PositionError,
    RopeError,
    VocabularyError,
    begun_config,
    change_config,
    has_learned_positions,
    new_config,
)
from midtrain_dagster.training.transition.foreign_moments import find_moments
from midtrain_dagster.training.transition.given import checkpoint_files

LARGEST_READ = 4 << 30
"""Bytes of a checkpoint of ours, whose digests are compared in a look; a stage does it anyhow."""

LONG = 4096
"""Tokens of a window from which a mask of their square is worth a word."""

LARGEST_PROBED = 1 << 30
"""Bytes of a base of which it is tried here whether packed documents see each other and whether its
weights are finite numbers, in a second or two; of a larger one its first stage tries it before its
first step."""


@dataclass(frozen=True)
class Given:
    """What training is given, as far as it is at hand before a run."""

    vocabulary: int | None
    """Tokens of the tokenizer; None: not known."""
    tokenizer: Path | None = None
    """Its folder, where there is one already."""
    model: ModelConfig | None = None
    """Of a base that is trained here."""
    base: Path | None = None
    """The folder of a base that is given; None: trained here, or not at hand."""
    config: Path | None = None
    """The folder of the config of a base that is given, if no more of it is at hand."""
    ingredients: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By soup, the checkpoints that it is made of."""


@dataclass
class Chain:
    """What is known of each checkpoint before it is trained, by name; and what is wrong."""

    configs: dict[str, Any] = field(default_factory=dict)
    rates: dict[str, float | None] = field(default_factory=dict)
    """Where each schedule ends, and where it stands at the milestones at which stages may start;
    None: nobody knows."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def positions(self) -> dict[str, int]:
        """How many positions each checkpoint has."""
        return {name: config.max_position_embeddings for name, config in self.configs.items()}

    @property
    def learned_positions(self) -> bool:
        """Whether any of them has a table of positions, beyond whose end it cannot read."""
        return any(map(has_learned_positions, self.configs.values()))


def chain_of(runs: Sequence[Run], given: Given) -> Chain:
    """Go through all runs in order, with every stage's finding."""
    chain = Chain()
    moments: bool | None = None
    if given.config is not None:
        _has_moments(chain, given.config)
    if given.base is not None:
        moments = _has_moments(chain, given.base)
        if moments is not None:
            chain.findings += _ties(chain.configs[BASE], given.base)
            _base_rate(chain, given, runs, has_moments=moments)
    wrong: set[str] = set()
    chain.findings += _slow(runs)
    chain.findings += _batches(runs)
    chain.findings += _sentinels(runs, given.tokenizer)
    for run in runs:
        found = [*_config(chain, run, given), *_rate(chain, run, given)]
        if run.start == BASE and given.base is not None and moments is False:
            found += _moments(run, given.base)
        stopped = any(finding.stops for finding in found)
        if run.start == BASE and given.base is not None and BASE in chain.configs and not stopped:
            found += _whole_start(run, given, given.base)
        # A control is compared only where its stage is right, and repeats what is wrong with it.
        if run.role == "stage" or run.stage_name not in wrong:
            chain.findings += found
        if any(finding.stops for finding in found):
            wrong.add(run.stage_name)
    for soup, names in given.ingredients.items():
        chain.findings += _soup(chain, soup, names, given)
    return chain


def _soup(chain: Chain, soup: str, names: Sequence[str], given: Given) -> Iterator[Finding]:
    """Ingredients that cannot be averaged: of other positions, shapes or vocabularies."""
    known = {name: _fields(chain.configs[name]) for name in names if name in chain.configs}
    place = ("soups", soup, "of")
    for (first, config), (other, theirs) in pairwise(known.items()):
        # What is made here is known in fewer fields than a config that is given.
        both = config.keys() & theirs.keys()
        one, another = ({key: each[key] for key in both} for each in (config, theirs))
        if wrong := unlike(one, another):
            told = "; ".join(f"{key} is {one[key]} and {another[key]}" for key in wrong)
            yield Finding(
                place,
                f"{first!r} and {other!r} cannot be averaged, for they are of different "
                f"architectures: {told}; average checkpoints of stages of one length and `rope`",
            )
    trained = [name for name in names if name != BASE]
    if given.base is None or given.tokenizer is None or BASE not in names or not trained:
        return
    if vocabulary(given.base) not in (None, vocabulary(given.tokenizer)):
        yield Finding(
            place,
            f"{BASE!r} and {trained[0]!r} cannot be averaged, for the tokenizer of the run is not "
            "the base's: leave one of them out, or set tokenizer: {path: base}",
        )


def _fields(config: Any) -> dict[str, Any]:
    """The fields of a config, be it one of transformers or what is known of one that is made."""
    return dict(config.to_dict() if hasattr(config, "to_dict") else vars(config))


def _has_moments(chain: Chain, folder: Path) -> bool | None:
    """Whether a given base has moments, and its config in the chain; None: it is no checkpoint."""
    try:
        chain.configs[BASE] = begun_config(folder)
        return find_moments(folder) is not None
    except (CheckpointError, TransitionError) as error:
        chain.findings.append(Finding(("base", "checkpoint"), str(error)))
        return None


def _ties(config: Any, folder: Path) -> Iterator[Finding]:
    """A config that says tied or untied of tensors that are otherwise; it is corrected."""
    true = tied_otherwise(folder)
    if true is not None:
        config.tie_word_embeddings = true
        yield doubt(
            ("base", "checkpoint"),
            f"{folder / CONFIG} says tie_word_embeddings: {str(not true).lower()}, but the stored "
            f"head and embedding are {'one tensor' if true else 'two different tensors'}: it is "
            f"trained and exported {'' if true else 'un'}tied",
        )


def _base_rate(chain: Chain, given: Given, runs: Sequence[Run], *, has_moments: bool) -> None:
    """The learning rate that the given base ended with, into the chain, if a stage asks for it."""
    asking = [run for run in runs if run.start == BASE and run.stage.inherits_learning_rate]
    if not asking or not has_moments:
        chain.rates[BASE] = None
        return
    assert given.base is not None
    try:
        chain.rates[BASE] = last_learning_rate(_job(asking[0], given, given.base))
    except (CheckpointError, TransitionError, ValueError) as error:
        place = (*place_of(asking[0]), "inherit", "learning_rate")
        chain.findings.append(Finding(place, str(error)))


def _moments(run: Run, folder: Path) -> Iterator[Finding]:
    """Moments that are to be kept and are not there."""
    if run.stage.inherit.takes_moments:
        yield Finding(
            (*place_of(run), "inherit", "moments"),
            f"{folder} has no optimizer state, so there are no moments to keep: put optimizer.pt "
            "or a torch DCP folder there, or say inherit: {moments: {reset: WHY}} (or {reestimate: "
            "WHY, steps: N})",
        )


def _start(chain: Mapping[str, Any], run: Run, given: Given) -> str | None:
    """The checkpoint among those known that says what a run starts from; of a soup, the first."""
    names = given.ingredients.get(run.start, [run.start])
    return next((name for name in names if name in chain), None)


def _config(chain: Chain, run: Run, given: Given) -> Iterator[Finding]:
    """What a run makes of the config of its start."""
    stage, place = run.stage, place_of(run)
    if run.start == RANDOM:
        if given.model is not None:
            chain.configs[run.name] = new_config(
                given.model,
                vocabulary=given.vocabulary or 0,
                sequence_length=stage.sequence_length,
            )
        return
    start = _start(chain.configs, run, given)
    if start is None:
        return
    config = copy.deepcopy(chain.configs[start])
    named = str(given.base) if start == BASE and given.base else repr(run.start)
    try:
        doubts = change_config(
            config, stage, vocabulary=given.vocabulary, name=run.name, start=named
        )
    except PositionError as error:
        yield Finding((*place, "sequence_length"), str(error).removeprefix(f"{run.name}: "))
    except VocabularyError as error:
        yield Finding(("tokenizer",), str(error).removeprefix(f"{run.name}: "))
    except (RopeError, TransitionError) as error:
        yield Finding((*place, "rope"), str(error))
    else:
        chain.configs[run.name] = config
        yield from (doubt((*place, "rope"), reason) for reason in doubts)


def _rate(chain: Chain, run: Run, given: Given) -> Iterator[Finding]:
    """Where the schedule of a run ends, from where its start's ended."""
    stage, last = run.stage, None
    if stage.inherits_learning_rate:
        if run.start_point not in chain.rates:
            return
        last = chain.rates[run.start_point]
    try:
        chain.rates[run.name] = stage.final_learning_rate(last)
        if stage.checkpoints.moments:
            rates = stage.learning_rates(last)
            for number, step in enumerate(milestones(stage), 1):
                chain.rates[at_milestone(run.name, number)] = float(rates[step])
    except TransitionError as error:
        field_ = ("inherit", "learning_rate") if last is None else ("schedule",)
        yield Finding((*place_of(run), *field_), str(error))
        return
    first = stage.schedule.root[0]
    if stage.begins_at_zero and (first.tokens or stage.tokens) <= stage.batches.sizes[0]:
        yield doubt(
            (*place_of(run), "schedule", 0),
            "this warm-up is one step long, and the first step of one from 0 has rate 0 (as in "
            "transformers): the next has the whole rate; give it two steps or more, or a `start`",
        )


def _batches(runs: Sequence[Run]) -> Iterator[Finding]:
    """Batches that change where a stage begins, beside a rate that is inherited unchanged."""
    known: dict[str, Run] = {}
    for run in runs:
        before = known.get(run.start)
        known[run.name] = run
        if before is None or run.role != "stage" or run.stage.inherit.learning_rate != "keep":
            continue
        was, now = batch_left(before, run), run.stage.batches.sizes[0]
        if was != now:
            yield doubt(
                (*place_of(run), "batch_tokens"),
                f"the batch changes from {was:,} tokens, with which {run.start!r} ends, to "
                f"{now:,}, and the rate is inherited as it is: if it should follow, say inherit: "
                "{learning_rate: {map: WHY, batch: sqrt}} (or linear, with a warmup); if not, "
                "factor: 1",
            )


def _sentinels(runs: Sequence[Run], tokenizer: Path | None) -> Iterator[Finding]:
    """Documents that are to be turned, and no tokens of the tokenizer before their parts."""
    known: dict[str, int] | None = None
    for run in runs:
        fill = run.stage.fill_in_the_middle
        if fill is None or tokenizer is None or run.role == "seed":
            continue
        known = known or load_tokenizer(tokenizer).get_vocab()
        try:
            fill.ids(known)
        except ValueError as error:
            yield Finding((*place_of(run), "fill_in_the_middle"), str(error))


def _slow(runs: Sequence[Run]) -> Iterator[Finding]:
    """Stages in bf16 on a CPU that multiplies slower in it."""
    stages = [
        run
        for run in runs
        if run.role == "stage" and run.stage.accelerator == "cpu" and run.stage.precision == "bf16"
    ]
    if not stages or (speed := speed_in_bf16()) >= 1:
        return
    for run in stages:
        yield doubt(
            (*place_of(run), "precision"),
            f"this machine's CPU multiplies {1 / speed:.0f} times slower in bf16 than in fp32: "
            "take fp32, unless the stage is trained on another machine",
        )


def _whole_start(run: Run, given: Given, folder: Path) -> Iterator[Finding]:
    """The files that the run will take of its start, checked as it will, from headers alone."""
    if given.vocabulary is None or (is_checkpoint(folder) and _size(folder) > LARGEST_READ):
        return
    with TemporaryDirectory() as beside:
        taken = Path(beside, folder.name)
        taken.mkdir()
        try:
            for name, path in checkpoint_files(folder).items():
                (taken / name).symlink_to(path.absolute())
            job = _job(run, given, taken)
            check_start(job)
            if _size(folder) <= LARGEST_PROBED:
                model = load_to_train(taken)
                if not isinstance(run.stage.inherit.weights, Reset):
                    check_finite(str(taken), dict(model.named_parameters()))
                settled = choose_attention(run.stage, model.eval(), job.name)
                if settled.is_quadratic and run.stage.sequence_length >= LONG:
                    told = settled.line.removeprefix(f"{run.stage_name}: ")
                    yield doubt((*place_of(run), "sequence_length"), told)
        except (CheckpointError, TransitionError, RopeError) as error:
            told = str(error).removeprefix(f"{run.stage_name}: ").replace(str(taken), str(folder))
            yield Finding((*place_of(run), "start"), told)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def _job(run: Run, given: Given, folder: Path) -> Job:
    """The run as it will be handed to its workers, without anything to train on."""
    return Job(
        name=run.stage_name,
        stage=run.stage,
        seed=run.seed,
        role=run.role,
        shards=(),
        token_dtype="<u4",
        padding=0,
        vocabulary=given.vocabulary or 0,
        start=folder,
        tokenizer=given.tokenizer,
    )


def machine_problems(runs: Sequence[Run], *, cpus: int, gpus: int) -> Iterator[Finding]:
    """Stages that ask for more than a machine has: CPUs or GPUs, one for each worker."""
    for run in runs:
        stage, place = run.stage, place_of(run)
        if stage.accelerator == "gpu" and gpus < stage.workers:
            had = f"{gpus} of the {stage.workers} that its workers need" if gpus else "none"
            yield Finding(
                (*place, "accelerator"),
                f"a GPU is asked for, and this machine has {had}: say accelerator: cpu, or name a "
                "cluster (MIDTRAIN_RAY_ADDRESS)",
            )
        elif stage.workers > cpus:
            yield Finding(
                (*place, "workers"),
                f"{stage.workers} workers need a CPU each, and this machine has {cpus}: lower it, "
                "or name a cluster (MIDTRAIN_RAY_ADDRESS)",
            )
