"""The decision on each document: what it deserves by itself, then duplicates, then the sample."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from assets.attributes import AttributeGroup
from assets.build import Build, Built, image, markdown_table
from assets.curation.removal import check_removal_ceilings, check_removal_so_far
from assets.declaration import Given, Input
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation import decisions, eligibility, sampling
from midtrain_dagster.curation.removal import told
from midtrain_dagster.curation.sampling import Sampling
from resources.terminal import TOLD


def eligibility_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``eligibility``."""
    parameters = {"policy": use.recipe.curation}
    scans = Input(use.key("contamination"), cause=_digests_of_hits)

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
        hits = _hits(scanned) or [[] for _ in documents]
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


def _hits(scans: Mapping[str, Artifact]) -> list[list[Part]]:
    """The tables of hits of each part of documents.

    Benchmarks come in the order of names, and of their tables only those that hold something: one
    that is added, be it the first, and found nowhere leaves every decision as it is.
    """
    by_part = zip(*(scans[name].parts("hits") for name in sorted(scans)), strict=True)
    return [[part for part in found if part.rows] for found in by_part]


def _digests_of_hits(scans: Given) -> list[list[str]] | None:
    assert not isinstance(scans, Artifact)
    digests = [[part.digest for part in found] for found in _hits(scans)]
    return digests if any(digests) else None


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
    parameters = {"maximum_repeated": _maximum_repeated(use)}

    @use.asset(
        "curated_documents",
        versions=versions_of(decisions),
        section=parameters,
        inputs={
            # The gate looks at their text; what decides on them is in their eligibility.
            "documents": Input(use.documents, cause=None),
            "eligibility": use.key("eligibility"),
            "clusters": use.key("duplicate_clusters"),
            **{name: use.key(name) for name in given},
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
        return build.parts(
            Work(
                decisions.curate,
                tables={
                    "eligibility": [judged],
                    "clusters": build["clusters"].parts("clusters"),
                    **{name: _of_part(name, build[name], number) for name in given},
                },
                parameters=parameters,
            )
            for number, judged in enumerate(build["eligibility"].parts("eligibility"))
        )

    return curated_documents


def _of_part(name: str, artifact: Artifact, number: int) -> list[Part]:
    """What speaks of one part: the whole sample, or the part's own spans."""
    return list(artifact.parts("copies")) if name == "sample" else [artifact.parts(name)[number]]


def _shown(artifact: Artifact) -> Mapping[str, Any]:
    from midtrain_dagster.curation.report_plots import funnel
    from midtrain_dagster.curation.report_section import funnel_table
    from midtrain_dagster.display.style import figure_png

    made = artifact.scan("decisions").select("keep", "reason").collect()
    reasons = made.group_by("reason").len().sort("len", "reason", descending=[True, False])
    counted = ((reason, f"{count:,}") for reason, count in reasons.iter_rows())
    return {
        TOLD: "\n".join(told(artifact.read("reasons"))),
        "kept": int(made["keep"].sum()),
        "reasons": markdown_table(("reason", "documents"), counted, numbers=("documents",)),
        "funnel": image(figure_png(funnel(funnel_table(artifact)))),
    }
