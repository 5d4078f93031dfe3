"""The decision on each document: what it deserves by itself, then duplicates, then the sample."""

from collections.abc import Collection, Mapping
from typing import Any

import dagster as dg
import polars as pl

from assets.attributes import AttributeGroup
from assets.build import Build, Built, image, markdown_table
from assets.curation.removal import check_removal_ceilings, check_removal_so_far
from assets.declaration import Given, Input
from assets.decontamination import look_argument, look_digests
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import digest, versions_of
from midtrain_dagster.core.parts import Work, read_table
from midtrain_dagster.curation import bands, decisions, eligibility, sampling
from midtrain_dagster.curation.duplicates import clusters
from midtrain_dagster.curation.removal import told
from midtrain_dagster.curation.sampling import Sampling
from midtrain_dagster.decontamination import actions, cuts
from midtrain_dagster.decontamination.options import Action, Rules
from midtrain_dagster.recipe import Recipe
from resources.terminal import TOLD

DROP: Action = "drop_document"
CUT: Action = "cut_span"


def eligibility_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``eligibility``."""
    parameters = {"policy": use.recipe.curation}
    recipe = use.recipe
    scans = Input(use.key("contamination"), cause=lambda given: _digests_of(recipe, given, DROP))

    @use.asset(
        "eligibility",
        versions=versions_of(eligibility),
        section=parameters,
        inputs={
            "documents": use.documents,
            **({"contamination": scans} if use.recipe.benchmarks else {}),
            **{name: use.key(name) for name in use.attributes},
        },
        gate=lambda build, artifact: check_removal_so_far(
            use.recipe, build["documents"], artifact.scan("eligibility")
        ),
        rows="eligibility",
        metadata=lambda artifact: {"eligible": _eligible(artifact)},
    )
    def eligibility_table(build: Build) -> Built:
        """What each document deserves by itself: null, or the first reason against it.

        A gate raises when a source loses more than its declared ceiling by this alone.
        """
        documents = build["documents"].parts("documents")
        scanned = build.partitions("contamination") if use.recipe.benchmarks else {}
        hits = _hits(recipe, build, scanned, DROP) or [[] for _ in documents]
        attributes = {name: build[name].parts(name) for name in use.attributes}
        return build.parts(
            Work(
                eligibility.eligibility,
                tables={
                    **{name: [parts[number]] for name, parts in attributes.items()},
                    **({"hits": hits[number]} if hits[number] else {}),
                },
                scans={"documents": [document]},
                parameters=parameters,
                arguments=use.unmade,
            )
            for number, document in enumerate(documents)
        )

    return eligibility_table


def _meeting(recipe: Recipe, scans: Mapping[str, Artifact], action: Action) -> dict[str, Rules]:
    """The benchmarks whose text leads to ``action`` in some document, in the order of names."""
    every = {name: recipe.decontamination.rules(name) for name in sorted(scans)}
    return {name: rules for name, rules in every.items() if action in rules.possible}


def _scanned(scans: Mapping[str, Artifact], names: Collection[str]) -> list[list[Part]]:
    """The tables of hits of each part of documents, of these benchmarks.

    Of their tables only those that hold something: one that is added, be it the first, and found
    nowhere leaves every decision as it is.
    """
    by_part = zip(*(scans[name].parts("hits") for name in names), strict=True)
    return [[part for part in found if part.rows] for found in by_part]


def _hits(
    recipe: Recipe, build: Build, scans: Mapping[str, Artifact], action: Action
) -> list[list[Part]]:
    """The tables of hits of each part of documents that lead to ``action``; none at all where no
    benchmark's text does. Where that depends on the document, they are told apart first."""
    meeting = _meeting(recipe, scans, action)
    found = _scanned(scans, meeting)
    mixed = {name: rules for name, rules in meeting.items() if len(rules.possible) > 1}
    if not mixed:
        return found
    documents = build["documents"].parts("documents")
    works = {
        number: Work(
            actions.of_action,
            tables={"hits": hits},
            scans={"documents": [document]},
            parameters={"rules": meeting, "action": action},
        )
        for number, (document, hits) in enumerate(zip(documents, found, strict=True))
        if hits
    }
    made = dict(zip(works, build.by_work(works.values()), strict=True))
    return [[part for part in made.get(number, ()) if part.rows] for number in range(len(found))]


def _digests_of(recipe: Recipe, scans: Given, action: Action) -> Any:
    assert not isinstance(scans, Artifact)
    meeting = _meeting(recipe, scans, action)
    digests = [[part.digest for part in found] for found in _scanned(scans, meeting)]
    mixed = {name: rules for name, rules in meeting.items() if len(rules.possible) > 1}
    if not any(digests):
        return None
    return [digests, mixed] if mixed else digests


def _cut_inputs(use: AttributeGroup) -> dict[str, Any]:
    """What spans of benchmark text are cut by, of a recipe that cuts any."""
    recipe = use.recipe
    if not any(CUT in recipe.decontamination.rules(name).possible for name in recipe.benchmarks):
        return {}

    def cause(given: Given) -> Any:
        assert not isinstance(given, Artifact)
        digests = _digests_of(recipe, given, CUT)
        keys = [part.digest for part in _common_keys(recipe, given)]
        return [digests, keys] if digests and keys else digests

    return {
        "contamination": Input(use.key("contamination"), cause=cause),
        "benchmark_items": "benchmark_items",
    }


def _common_keys(recipe: Recipe, scans: Mapping[str, Artifact]) -> list[Part]:
    """The n-grams that count for nothing, of benchmarks of which spans are cut."""
    if recipe.decontamination.common_ngrams is None:
        return []
    meeting = _meeting(recipe, scans, CUT)
    keys = (part for name in meeting for part in scans[name].parts("common_keys"))
    return [part for part in keys if part.rows]


def _benchmark_cuts(recipe: Recipe, build: Build) -> list[list[Part]]:
    """Of each part of documents the table of spans that are cut for their benchmark text."""
    documents = build["documents"].parts("documents")
    if "contamination" not in build.inputs:
        return [[] for _ in documents]
    config = recipe.decontamination
    scans = build.partitions("contamination")
    hits = _hits(recipe, build, scans, CUT)
    keys = _common_keys(recipe, scans)
    meeting = _meeting(recipe, scans, CUT)
    items = [
        part
        for name, each in build.partitions("benchmark_items").items()
        if name in meeting
        for part in each.parts("items")
    ]
    made: list[list[Part]] = []
    for document, found in zip(documents, hits, strict=True):
        tables = {"documents": [document], "items": items, "hits": found}
        work = Work(
            cuts.cuts,
            tables=tables | ({"common_keys": keys} if keys else {}),
            parameters={"config": config},
            causes=look_digests(recipe),
            arguments=look_argument(recipe),
            versions=cuts.versions_for(config),
        )
        made.append(build.parts([work]) if found else [])
    return made


def _eligible(artifact: Artifact) -> int:
    found = artifact.scan("eligibility").filter(pl.col("reason").is_null())
    eligible: int = found.select(pl.len()).collect().item()
    return eligible


def sample_asset(use: AttributeGroup, section: Sampling) -> dg.AssetsDefinition:
    """The asset ``sample``, of a recipe that gives domains a budget."""
    parameters = {"budget": section, "maximum_repeated": _maximum_repeated(use)}
    repeated = {"repeated_text": use.key("repeated_text")} if use.recipe.repeated_text else {}

    @use.asset(
        "sample",
        versions=versions_of(sampling),
        section=parameters,
        inputs={
            "eligibility": use.key("eligibility"),
            "clusters": use.key("duplicate_clusters"),
            **repeated,
        },
        rows="copies",
    )
    def sample(build: Build) -> Built:
        """How often each document is used, so that its domain meets its token budget."""
        names = ("clusters", *repeated)
        work = Work(
            sampling.sample,
            tables={name: build[name].parts(name) for name in names},
            scans={"eligibility": build["eligibility"].parts("eligibility")},
            parameters=parameters,
        )
        return build.parts([work])

    return sample


def _maximum_repeated(use: AttributeGroup) -> float:
    return use.recipe.repeated_text.maximum_share if use.recipe.repeated_text else 1.0


def curated_documents_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``curated_documents``."""
    recipe = use.recipe
    optional = {
        "repeated_text": recipe.repeated_text,
        "personal_data": recipe.personal_data,
        "c4_edits": recipe.curation.cutting,
        "sample": recipe.sampling,
    }
    given = [name for name, section in optional.items() if section is not None]
    # Synthesis feeds no domain that has bands.
    banded = {"bands": recipe.bands} if recipe.bands and not use.prefix else {}
    parameters = {"maximum_repeated": _maximum_repeated(use), **banded}

    @use.asset(
        "curated_documents",
        versions=versions_of(decisions, *([bands] if banded else [])),
        section=parameters,
        inputs={
            # The gate looks at their text; what decides on them is in their eligibility.
            "documents": Input(use.documents, cause=None),
            "eligibility": use.key("eligibility"),
            "clusters": use.key("duplicate_clusters"),
            **{name: use.key(name) for name in given},
            **_cut_inputs(use),
        },
        gate=lambda build, artifact: check_removal_ceilings(
            recipe, build["documents"], artifact.read("reasons"), artifact.scan("decisions")
        ),
        rows="decisions",
        metadata=_shown,
    )
    def curated_documents(build: Build) -> Built:
        """The decision on each document: kept or dropped, and why; and what is cut from it.

        Not a copy of the text. A gate raises when a source loses more than its declared ceiling.
        """
        members = _members(build)
        benchmark_cuts = _benchmark_cuts(recipe, build)
        return build.parts(
            Work(
                decisions.curate,
                tables={
                    "eligibility": [judged],
                    **{name: _of_part(name, build[name], number) for name in given},
                    **({"benchmark_cuts": each} if (each := benchmark_cuts[number]) else {}),
                },
                parameters=parameters,
                causes={"clusters": digest(members[number].write_csv().encode())},
                arguments={"clusters": members[number]},
            )
            for number, judged in enumerate(build["eligibility"].parts("eligibility"))
        )

    return curated_documents


def _members(build: Build) -> list[pl.DataFrame]:
    """The members of clusters of each part of documents (id, kept)."""
    judged = build["eligibility"].parts("eligibility")
    work = Work(
        clusters.by_part,
        tables={"clusters": build["clusters"].parts("clusters")},
        scans={"eligibility": judged},
        parameters={"rows": [part.rows for part in judged]},
    )
    (made,) = build.parts([work])
    table = read_table(build.store.storage, made)
    by_number = {
        number: own.select("id", "kept")
        for (number,), own in table.partition_by("part", as_dict=True, maintain_order=True).items()
    }
    none = table.select("id", "kept").clear()
    return [by_number.get(number, none) for number in range(len(judged))]


def _of_part(name: str, artifact: Artifact, number: int) -> list[Part]:
    """What speaks of one part: the whole sample, or the part's own spans."""
    return list(artifact.parts("copies")) if name == "sample" else [artifact.parts(name)[number]]


def _shown(artifact: Artifact) -> Mapping[str, Any]:
    from midtrain_dagster.curation.report_plots import funnel
    from midtrain_dagster.curation.report_section import funnel_table
    from midtrain_dagster.display.style import figure_png

    made, left = (
        artifact.scan("decisions").select("keep", "reason").collect(),
        funnel_table(artifact),
    )
    reasons = made.group_by("reason").len().sort("len", "reason", descending=[True, False])
    counted = ((reason, f"{count:,}") for reason, count in reasons.iter_rows())
    return {
        TOLD: "\n".join(told(artifact.read("reasons"))),
        "kept": int(made["keep"].sum()),
        "reasons": markdown_table(("reason", "documents"), counted, numbers=("documents",)),
        **({"funnel": image(figure_png(funnel(left)))} if left.height else {}),
    }
