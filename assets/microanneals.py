"""Microanneals: short decays with a candidate source and without, and what they come to."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import polars as pl

from assets.build import Build, Built, artifact_asset, markdown_table
from assets.declaration import AFTER_PREFLIGHT, Input
from assets.estimate import SMALL_BYTES, parameters
from assets.token_gate import gate_inputs, refuse_contamination
from assets.training import POOL, start_files
from midtrain_dagster.core.artifacts import Artifact, Figures, Part, scan_parts
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import file_names, read_table
from midtrain_dagster.experiments import short_run
from midtrain_dagster.experiments.groups import GROUPS
from midtrain_dagster.experiments.microanneals import decisions, preflight
from midtrain_dagster.experiments.microanneals.config import Microanneals
from midtrain_dagster.experiments.microanneals.decisions import decide, judge, table_of
from midtrain_dagster.experiments.microanneals.report_section import decision_rows, verdict_rows
from midtrain_dagster.experiments.microanneals.runs import (
    Planned,
    general_shares,
    is_source,
    measured_shares,
    measures_of,
    mixed_as,
    planned,
    sources_apart,
    targets_of,
)
from midtrain_dagster.experiments.shard_parts import HELD_OUT, SPLIT, parts_with
from midtrain_dagster.experiments.short_run import Ground, Measures, Vocabulary
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens.shards import INDEX
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training import runs as training_runs
from midtrain_dagster.training.scale import Scale
from resources.terminal import TOLD


def microanneal_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """An asset ``microanneals/NAME`` for each of the recipe's microanneals."""
    return [_microanneals(recipe, name, asked) for name, asked in recipe.microanneals.items()]


def _microanneals(recipe: Recipe, name: str, asked: Microanneals) -> dg.AssetsDefinition:
    view = recipe.view
    full = training_runs.runs(recipe.stages, Scale(), seed=recipe.seed)
    before = next((run for run in full if run.name == asked.start), None)
    runs = planned(asked, before, recipe.scale, recipe.fine_tuning)
    general = general_shares(asked, before)
    measures = measures_of(
        asked,
        general,
        view,
        window=runs[0].phases[0].stage.sequence_length,
        tokens=recipe.measures.tokens_by_domain,
    )
    apart = {
        each.candidate: sorted(sources_apart(asked, each.candidate, general, view)) for each in runs
    }
    targets, shares = targets_of(asked, view), measured_shares(general, view)
    domains = {each: mixed_as(each, view) for each in asked.candidates}
    sources = {each for each in asked.candidates if is_source(each, view)}
    phases = [phase for each in runs for phase in each.phases]

    @artifact_asset(
        recipe,
        f"microanneals/{name}",
        group="experiments",
        method="microanneals",
        versions={**short_run.versions(phases), **versions_of(decisions)},
        section={
            "runs": [[each.candidate, each.seed, list(each.phases)] for each in runs],
            "measures": measures,
            "apart": apart,
            "general": shares,
            "targets": targets,
            "domains": domains,
            "accept": asked.accept,
            "judged_after": asked.judged_after,
        },
        inputs=_inputs(recipe, asked, sources, measures),
        rows="decisions",
        metadata=_metadata,
        kinds=("pytorch", "ray"),
        pool=POOL,
        amount=6.0 * parameters(recipe) * sum(phase.stage.batches.tokens for phase in phases),
        expected_bytes=SMALL_BYTES,
    )
    def microanneals(build: Build) -> Built:
        """Short decays to 0 from one checkpoint, with a candidate source and without: what each
        does to the targets and to general loss, and whether it is worth its tokens."""
        if recipe.benchmarks:
            refuse_contamination(recipe, build, build["token_shards"].manifest.parts)
        groups = _groups(build, sources, apart)
        start = start_files(recipe, asked.start, asked.milestone, build["start"])
        _check(build, asked, runs, measures, groups, start)
        made = build.by_work(
            short_run.work(
                _ground(build, each, measures, apart[each.candidate], domains),
                phases=each.phases,
                seed=each.seed,
                measures=measures,
                start=start,
                groups=groups.get(each.candidate, []),
            )
            for each in runs
        )
        tables = {
            table: table_of(
                (each.candidate, each.seed, read_table(build.store.storage, part))
                for each, parts in zip(runs, made, strict=True)
                for part in parts
                if part.table == table
            )
            for table in ("runs", "losses", "steps")
        }
        chain = [phase.name for phase in runs[0].phases]
        decided = decide(tables["losses"], shares, targets, asked.candidates, asked.accept, chain)
        verdicts = judge(decided, tables["runs"], asked.judged_after, asked.accept, domains)
        tables |= {"decisions": decided, "verdicts": verdicts}
        parts = [build.write(table, found) for table, found in tables.items()]
        failed = int(tables["runs"]["failed"].count())
        accepted = verdicts.filter(verdict="accept")["candidate"].to_list()
        figures: Figures = {
            "accepted": ", ".join(accepted) or "none",
            "runs": len(runs),
            "failed_runs": failed,
            "tokens_trained": int(tables["runs"]["tokens"].sum()),
        }
        return [*parts, *(part for each in groups.values() for part in each)], figures

    return microanneals


def _inputs(
    recipe: Recipe, asked: Microanneals, sources: set[str], measures: Measures
) -> dict[str, str | Input]:
    """The start, the shards, and what names the documents of sources and items of benchmarks."""
    inputs: dict[str, str | Input] = {
        **AFTER_PREFLIGHT,
        **gate_inputs(recipe),
        "tokenizer": "tokenizer",
        "token_shards": "token_shards",
        "start": f"checkpoint/{asked.start}",
    }
    for each in sources:
        asset = f"synthesis/{each}/documents" if each in recipe.synthesis else "documents"
        inputs[asset.replace("/", "_")] = asset
    if names := measures.benchmarks:
        inputs["benchmark_items"] = Input(
            "benchmark_items",
            cause=lambda given: {name: given[name].fingerprint for name in names},  # type: ignore[index]
        )
    return inputs


def _groups(
    build: Build, sources: set[str], apart: Mapping[str, Sequence[str]]
) -> dict[str, list[Part]]:
    """The documents that are in domains of their own in the runs of each candidate
    (``groups.GROUPS``), as parts; none of a candidate that needs none."""
    ids = {each: _ids(build, each) for each in sources}
    found = {}
    for number, (candidate, names) in enumerate(apart.items()):
        if names:
            table = pl.concat(
                ids[each].select("id", pl.lit(each).alias("group")).cast(GROUPS) for each in names
            )
            found[candidate] = [build.write("groups", table, f"{number:02d}")]
    return found


def _ids(build: Build, source: str) -> pl.DataFrame:
    """The ids of a source's documents, or of what a method of synthesis writes."""
    written = f"synthesis_{source}_documents"
    documents = build[written if written in build.inputs else "documents"]
    parts = [
        part
        for part in documents.parts("documents")
        if written in build.inputs or part.label == source
    ]
    return scan_parts(build.store.storage, parts).select("id").collect()


def _check(
    build: Build,
    asked: Microanneals,
    runs: Sequence[Planned],
    measures: Measures,
    groups: Mapping[str, Sequence[Part]],
    start: Sequence[Part],
) -> None:
    """Raise what every run would, before any of them is trained."""
    shards, storage = build["token_shards"], build.store.storage
    preflight.check_data(
        runs,
        shards.scan("train_index").select(INDEX.names()).collect(),
        {each: read_table(storage, parts[0]) for each, parts in groups.items()},
        set(shards.scan("held_out_index").select("domain").unique().collect()["domain"]),
        measures,
    )
    with ExitStack() as stack:

        def folder(parts: Sequence[Part]) -> Path:
            return stack.enter_context(storage.local_folder(file_names(parts)))

        tokenizer = folder(Tokenizer(build["tokenizer"]).files)
        preflight.check_first(asked, runs[0], _vocabulary(build), folder(start), tokenizer)


def _vocabulary(build: Build) -> Vocabulary:
    tokenizer = Tokenizer(build["tokenizer"])
    known = tokenizer.vocabulary
    return Vocabulary(
        tokens=known.tokens,
        dtype=tokenizer.dtype,
        padding=known.padding,
        opening=len(known.opening),
    )


def _ground(
    build: Build,
    run: Planned,
    measures: Measures,
    apart: Sequence[str],
    domains: Mapping[str, str],
) -> Ground:
    """What a run reads: the parts with documents of its domains, and of the domains of sources
    that are apart."""
    shards = build["token_shards"]
    read = set(run.domains) | {domains[each] for each in apart}
    items = [
        part
        for name in measures.benchmarks
        for part in build.partitions("benchmark_items")[name].parts("items")
    ]
    return Ground(
        train=parts_with(shards, read, SPLIT),
        held_out=parts_with(shards, measures.domains, HELD_OUT),
        tokenizer=Tokenizer(build["tokenizer"]).files,
        vocabulary=_vocabulary(build),
        items=items,
    )


def _metadata(artifact: Artifact) -> dict[str, dg.MetadataValue | str]:
    verdicts, decided = artifact.read("verdicts"), artifact.read("decisions")
    heads, rows = verdict_rows(verdicts)
    columns, table = decision_rows(decided)
    told = "; ".join(f"{row['candidate']}: {row['verdict']}" for row in verdicts.to_dicts())
    return {
        "verdicts": markdown_table(heads, rows),
        "decisions": markdown_table(columns, table),
        TOLD: told,
    }
