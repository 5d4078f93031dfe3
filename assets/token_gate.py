"""The gate on tokens: no benchmark's text in what a trainer will read, asked twice.

``token_shards`` asks it whenever the shards are made or found. A stage asks it again of the very
files that its job names, after their bytes were compared with their digests and before a step is
trained, so that a shard that came into the store some other way (an older copy, a manifest that was
put in place of another) is stopped where it would be read. Both times the answer lies in the store
under the digests of shard, items and tokenizer: where nothing changed, nothing is read.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import polars as pl

from assets.build import Build
from assets.declaration import Input
from assets.decontamination import look_argument, look_digests
from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.parts import Work, read_table
from midtrain_dagster.dataloader.occurrences import sightings
from midtrain_dagster.dataloader.plan import Plan
from midtrain_dagster.decontamination import actions
from midtrain_dagster.decontamination import tokens as token_gate
from midtrain_dagster.decontamination.options import Action, Rules
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens import splits
from midtrain_dagster.tokens.tokenizer import Tokenizer

CONTAMINATED = "benchmark text is in the token shards"

ADVICE = "Scan those benchmarks again and curate again"


FLAG: Action = "flag_item"


def gate_inputs(recipe: Recipe) -> dict[str, Input]:
    """What the gate looks at beside the shards: the items, and whatever spared text that holds
    some. No cause of anything: what it judges is not made of them."""
    if not recipe.benchmarks:
        return {}
    names = ["benchmark_items"]
    if recipe.decontamination.common_ngrams is not None:
        names += _of_each_group(recipe, "contamination")
    if any(len(rules.possible) > 1 for rules in _flagging(recipe).values()):
        names += _of_each_group(recipe, "documents")
    return {name.replace("/", "_"): Input(name, cause=None) for name in names}


def _of_each_group(recipe: Recipe, asset: str) -> list[str]:
    """An asset of the collected documents and of those of each method of synthesis."""
    return [asset, *(f"synthesis/{name}/{asset}" for name in recipe.synthesis)]


def _flagging(recipe: Recipe) -> dict[str, Rules]:
    """The benchmarks whose text stays in some document, or in all."""
    every = {name: recipe.decontamination.rules(name) for name in recipe.benchmarks}
    return {name: rules for name, rules in every.items() if FLAG in rules.possible}


def refuse_contamination(recipe: Recipe, build: Build, parts: Sequence[Part]) -> None:
    """Gate: no benchmark's text may be in the tokens, as the trainer reads them.

    ``parts`` are those of token shards; ``build`` has the inputs ``tokenizer`` and
    :func:`gate_inputs`. Raises :class:`dagster.Failure` that names document, item and shard.
    """
    hits = _hits(recipe, build, parts)
    if hits.height:
        raise dg.Failure(f"{_told(hits)}. {ADVICE}")


def refuse_stale_shards(
    recipe: Recipe, build: Build, parts: Sequence[Part], plan: Plan, run: str
) -> None:
    """Gate: no benchmark's text may be in the tokens that a run's plan hands out.

    ``parts`` are what the job of that run was given, ``plan`` is its plan over them. Every document
    of theirs is looked at, since a plan hands out spans of documents and nothing else; the message
    says at which step the first one with a hit would have been read. Raises as
    :func:`refuse_contamination` does.
    """
    hits = _hits(recipe, build, parts)
    if not hits.height:
        return
    seen = sightings(plan, hits["id"][0])
    when = (
        f"step {seen['step'][0]} would be the first to read it"
        if seen.height
        else "no step of this run would read it, but others may"
    )
    raise dg.Failure(
        f"{run} was not trained: {_told(hits)}; {when}. These shards are not what the gate on "
        f"`token_shards` passed, or the benchmark came after it. {ADVICE}",
        allow_retries=False,
    )


def _told(hits: pl.DataFrame) -> str:
    """How many hits of what, and all of the first: document, item, shard, text."""
    first = hits.row(0, named=True)
    return (
        f"{CONTAMINATED} ({hits.height} hits of {', '.join(sorted(hits['benchmark'].unique()))}); "
        f"first: document {first['id']} holds item {first['item']} of {first['benchmark']}, "
        f"{first['text'][:120]!r}, in the shard {first['shard']}"
    )


def _hits(recipe: Recipe, build: Build, parts: Sequence[Part]) -> pl.DataFrame:
    """All hits (``scan.HITS``) with the address of their shard; no column where there is none."""
    storage = build.store.storage
    works = list(_works(recipe, build, parts))
    found = [
        read_table(storage, part).with_columns(shard=pl.lit(storage.uri(shard)))
        for (shard, _), made in zip(works, build.by_work(work for _, work in works), strict=True)
        for part in made
        if part.rows
    ]
    return _without_flagged(recipe, build, pl.concat(found)) if found else pl.DataFrame()


def _without_flagged(recipe: Recipe, build: Build, hits: pl.DataFrame) -> pl.DataFrame:
    """The hits without those in documents from whose source or kind nothing is removed."""
    mixed = {name: rules for name, rules in _flagging(recipe).items() if len(rules.possible) > 1}
    for group in _of_each_group(recipe, "documents") if mixed else ():
        documents = build[group.replace("/", "_")].scan("documents")
        flagged = actions.of_action(hits, documents, rules=mixed, action=FLAG, strangers=False)
        hits = hits.join(flagged["hits"], on=["id", "benchmark"], how="anti", maintain_order="left")
    return hits


def _common_keys(recipe: Recipe, build: Build) -> list[Part]:
    """The n-grams that count for nothing in some group of documents."""
    if recipe.decontamination.common_ngrams is None:
        return []
    scans = (
        scan
        for name in _of_each_group(recipe, "contamination")
        for scan in build.partitions(name.replace("/", "_")).values()
    )
    keys = {part.digest: part for scan in scans for part in scan.parts("common_keys") if part.rows}
    return [keys[digest] for digest in sorted(keys)]


def _works(recipe: Recipe, build: Build, parts: Sequence[Part]) -> Iterator[tuple[str, Work]]:
    """The scan of each shard that has a document, with the path of its tokens."""
    tokenizer = Tokenizer(build["tokenizer"])
    config = recipe.decontamination
    items = [
        part
        for name, each in build.partitions("benchmark_items").items()
        if config.rules(name).possible != {FLAG}
        for part in each.parts("items")
    ]
    if not items:
        return
    keys = _common_keys(recipe, build)
    tables = {"items": items, **({"common_keys": keys} if keys else {})}
    shards: dict[str, dict[str, Part]] = {}
    for part in parts:
        shards.setdefault(part.path.rpartition("/")[0], {})[part.table] = part
    for by_name in shards.values():
        for split in splits.SPLITS:
            index, tokens = (by_name.get(f"{split}_{each}") for each in ("index", "tokens"))
            if index and tokens and index.rows:
                yield (
                    tokens.path,
                    Work(
                        token_gate.scan_tokens,
                        tables={"index": [index], **tables},
                        files={"tokens": [tokens], "tokenizer": tokenizer.files},
                        parameters={"config": config, "dtype": tokenizer.dtype},
                        causes=look_digests(recipe),
                        arguments=look_argument(recipe),
                        versions=token_gate.versions_for(config),
                        by_bytes=config.second_look is None,
                        effort=token_gate.EFFORT,
                    ),
                )
