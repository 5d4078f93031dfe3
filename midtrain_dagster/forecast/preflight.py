"""What cannot go well after the token shards, before the first step is trained.

What a recipe says of its later stages, of its measures and of its report is decided by the shards,
the tokenizer and a given base, all of which there are before anything is trained. Each room looks
at its own (``ROOM/preflight.py``, and again the ``input_problems.py`` whose guesses are figures by
then); here they are put together.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from midtrain_dagster.core.findings import Finding, Unknown
from midtrain_dagster.evaluation import preflight as evaluation
from midtrain_dagster.evaluation.preflight import Measures
from midtrain_dagster.long_context import preflight as long_context
from midtrain_dagster.mixture.problems import without_room
from midtrain_dagster.mixture.reference import MixtureReference
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens import text_encoder
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer
from midtrain_dagster.tokens.shards import TokenShards
from midtrain_dagster.training import preflight as training
from midtrain_dagster.training.checkpoints.checkpoint import State
from midtrain_dagster.training.input_problems import LARGEST_PROBED, Given, chain_of
from midtrain_dagster.training.preflight import Bounds, Ground
from midtrain_dagster.training.problems import place_of
from midtrain_dagster.training.runs import BASE, Run

VERSION = 1
USES = (training, evaluation, text_encoder)

MEASURED = (
    Unknown(
        ("stages",),
        "whether losses fall, spike or are no numbers, and which checkpoint is the better: that is "
        "measured",
    ),
    Unknown(
        ("stages",),
        "whether the machine has the memory, the disk and the time: each stage asks when it begins",
    ),
)
"""What no look can tell of any recipe."""


@dataclass(frozen=True)
class There:
    """What there is before the first step."""

    train: pl.DataFrame
    """``domain`` and ``length`` of each document that is trained on, with its ``id``."""
    held_out: pl.DataFrame
    """The same of each that is held out."""
    vocabulary: int
    tokenizer: Path
    """The tokenizer's folder."""
    conversations: pl.DataFrame | None = None
    """What became of each conversation (``chat_splits.CONVERSATIONS``)."""
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By mixture that was found in the graph, the share of each domain."""
    max_epochs_of: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By such a mixture, the most passes over single domains that were found with the shares."""
    base: Path | None = None
    """The folder of a given base."""
    base_state: State | None = None
    items: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    """The items of each benchmark."""
    examples: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    """The worked examples of those that have some in files of their own."""
    untestable: Mapping[str, int] = field(default_factory=dict)
    """How many of them cannot be searched in the corpus."""


@dataclass(frozen=True)
class Look:
    """What was found, and what cannot be."""

    findings: list[Finding]
    unknown: list[Unknown]


def preflight(recipe: Recipe, there: There, measures: Measures) -> Look:
    """Look at every later stage, soup, measure and benchmark."""
    found: list[Finding | Unknown] = [
        *_stages(recipe, there),
        *evaluation.held_out_findings(there.held_out, measures),
        *_items(recipe, there),
        *_long_context(recipe, there),
        *MEASURED,
    ]
    return Look(
        [each for each in found if isinstance(each, Finding)],
        [each for each in found if isinstance(each, Unknown)],
    )


def _stages(recipe: Recipe, there: There) -> Iterator[Finding | Unknown]:
    runs = recipe.runs()
    given = Given(
        vocabulary=there.vocabulary,
        tokenizer=there.tokenizer,
        model=recipe.base.model,
        base=there.base,
        ingredients={name: list(recipe.ingredients(name)) for name in recipe.soups},
    )
    for finding in chain_of(runs, given).findings:
        yield finding._replace(reason=_named(finding.reason, recipe, there))
    for run in runs:
        mixture = run.stage.mixture
        if isinstance(mixture, MixtureReference) and mixture.from_ not in there.shares:
            yield Unknown(
                (*place_of(run), "mixture"),
                f"whether it can be served as {mixture.from_!r} has it: that is found by "
                "experiments which start from a checkpoint that is trained first",
            )
    tokens = there.train.group_by("domain").agg(pl.col("length").cast(pl.Int64).sum())
    counted = dict(tokens.sort("domain").iter_rows())
    for name, reason in without_room(recipe.mixtures, recipe.view, counted):
        yield Finding(("mixtures", name), reason)
    yield from _knots(runs, there.tokenizer)
    yield from training.data_findings(
        runs,
        Ground(
            TokenShards.without_tokens(there.train),
            there.shares,
            there.max_epochs_of,
            _said(there.conversations),
            {} if there.base is None else {BASE: there.base_state},
            int(there.held_out["length"].max() or 0),  # type: ignore[arg-type]
        ),
        Bounds(_synthetic(recipe), recipe.checks.natural_floor),
    )
    if there.base is not None and _size(there.base) > LARGEST_PROBED:
        yield Unknown(
            ("base", "checkpoint"),
            "whether packed documents see each other in it, and whether all of its weights are "
            "finite numbers: it is large, so the first stage that starts from it looks",
        )


def _knots(runs: Sequence[Run], tokenizer: Path) -> Iterator[Finding]:
    """Knots that are no tokens of the tokenizer."""
    vocabulary: dict[str, int] | None = None
    for run in runs:
        packing = run.stage.packing
        if isinstance(packing, str) or packing.knots is None or run.role == "seed":
            continue
        vocabulary = vocabulary or load_tokenizer(tokenizer).get_vocab()
        try:
            packing.ids(vocabulary)
        except ValueError as error:
            yield Finding((*place_of(run), "packing", "knots"), str(error))


def _named(reason: str, recipe: Recipe, there: There) -> str:
    """A reason that names the folders by what the recipe calls them: they lie anywhere."""
    base = str(recipe.base.checkpoint)
    for folder, name in ((there.base, base), (there.tokenizer, "the tokenizer")):
        reason = reason if folder is None else reason.replace(str(folder), name)
    return reason


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def _synthetic(recipe: Recipe) -> Collection[str]:
    return recipe.view.generated


def _said(conversations: pl.DataFrame | None) -> dict[str, int]:
    """The tokens that an assistant says in the conversations that are trained on, by domain."""
    if conversations is None:
        return {}
    trained = conversations.filter(pl.col("split") == "train", pl.col("left_out").is_null())
    return dict(trained.group_by("domain").agg(pl.col("targets").sum()).sort("domain").iter_rows())


def _items(recipe: Recipe, there: There) -> Iterator[Finding | Unknown]:
    window = min(run.stage.sequence_length for run in recipe.runs())
    prompts = recipe.evaluation.samples.prompts
    asked = [name for name, each in recipe.benchmarks.items() if each.evaluate]
    count = _counter(there.tokenizer) if asked or prompts else len
    for name, items in there.items.items():
        benchmark = recipe.benchmarks[name]
        yield from evaluation.item_findings(
            name,
            benchmark,
            items,
            examples=there.examples.get(name),
            window=window,
            count=count,
        )
        yield from evaluation.search_findings(
            name, benchmark, items=items.height, untestable=there.untestable[name]
        )
    yield from evaluation.prompt_findings(prompts, count)


def _long_context(recipe: Recipe, there: There) -> Iterator[Finding]:
    if recipe.contexts is not None:
        fill = there.held_out.filter(pl.col("domain").is_in(recipe.haystack))
        lengths = fill["length"].to_list()
        yield from long_context.findings(recipe.contexts, there.tokenizer, lengths)


def _counter(folder: Path) -> Callable[[str], int]:
    """How many tokens a text has."""
    encoder = text_encoder.text_encoder(load_tokenizer(folder))
    return lambda text: len(encoder.encode(text, add_special_tokens=False).ids)
