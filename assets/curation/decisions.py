"""The decision on each document: what it deserves by itself, then duplicates, then the sample."""

from collections.abc import Mapping

import dagster as dg
import polars as pl

from assets.attributes import AttributeGroup, whole_corpus_table
from assets.graph import fingerprints, image, inputs, materialized, require_benchmarks
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation import curate, decisions, eligibility, sampling
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.removal import check_removal_ceiling
from midtrain_dagster.curation.sampling import Sampling
from resources.artifacts import ArtifactBuilder


def eligibility_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``eligibility``."""
    asked = {"policy": use.recipe.curation.without_ceilings()}
    tables = ("language", "signals", "ratings")

    @dg.asset(
        name="eligibility",
        **use.arguments(eligibility.VERSION, asked),
        ins=inputs(
            use.recipe,
            documents=use.documents,
            contamination=use.name("contamination"),
            **{name: use.name(name) for name in tables},
        ),
    )
    def eligibility_table(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        documents: Artifact,
        contamination: dict[str, Artifact],
        **attributes: Artifact,
    ) -> dg.Output[Artifact]:
        """What each document deserves by itself: null, or the first reason against it."""
        hits = _hits(require_benchmarks(use.recipe, contamination))

        def build(_: str) -> tuple[list[Part], dict[str, int]]:
            works = [
                Work(
                    "eligibility",
                    eligibility.VERSION,
                    eligibility.eligibility,
                    tables={
                        "hits": found,
                        **{name: [attributes[name].parts(name)[number]] for name in tables},
                    },
                    scans={"documents": [document]},
                    parameters=asked,
                )
                for number, (document, found) in enumerate(
                    zip(documents.parts("documents"), hits, strict=True)
                )
            ]
            return [part for made in workshop.parts(context, works) for part in made], {}

        upstream = {
            **fingerprints(documents=documents, **attributes),
            "hits": [[part.digest for part in found] for found in hits],
        }
        artifact = workshop.store.make("eligibility", eligibility.VERSION, asked, upstream, build)
        eligible = artifact.scan("eligibility").filter(pl.col("reason").is_null())
        return materialized(
            artifact, "eligibility", eligible=eligible.select(pl.len()).collect().item()
        )

    return eligibility_table


def _hits(scans: Mapping[str, Artifact]) -> list[list[Part]]:
    """The tables of hits of each part of documents.

    Benchmarks come in the order of names, and of their tables only those that hold something: one
    that is added and found nowhere leaves every decision as it is.
    """
    by_part = zip(*(scans[name].parts("hits") for name in sorted(scans)), strict=True)
    return [[part for part in found if part.rows] or list(found[:1]) for found in by_part]


def sample_asset(use: AttributeGroup, section: Sampling) -> dg.AssetsDefinition:
    """The asset ``sample``, of a recipe that gives domains a budget."""
    parameters = {"budget": section, "maximum_repeated": _maximum_repeated(use)}
    repeated = {"repeated_text": use.name("repeated_text")} if use.recipe.repeated_text else {}

    @dg.asset(
        **use.arguments(sampling.VERSION, parameters),
        ins=inputs(
            use.recipe,
            eligibility=use.name("eligibility"),
            clusters=use.name("duplicate_clusters"),
            **repeated,
        ),
    )
    def sample(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        eligibility: Artifact,
        **others: Artifact,
    ) -> dg.Output[Artifact]:
        """How often each document is used, so that its domain meets its token budget."""
        work = Work(
            "sample",
            sampling.VERSION,
            curate.sample,
            tables={name: each.parts(name) for name, each in others.items()},
            scans={"eligibility": eligibility.parts("eligibility")},
            parameters=parameters,
        )
        upstream = fingerprints(eligibility=eligibility, **others)
        return whole_corpus_table(context, workshop, work, upstream)

    return sample


def _maximum_repeated(use: AttributeGroup) -> float:
    return use.recipe.repeated_text.maximum_share if use.recipe.repeated_text else 1.0


def curated_documents_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``curated_documents``."""
    recipe = use.recipe
    optional = {
        "repeated_text": recipe.repeated_text,
        "personal_data": recipe.personal_data,
        "sample": recipe.sampling,
    }
    given = [name for name, section in optional.items() if section is not None]
    parameters = {"maximum_repeated": _maximum_repeated(use)}

    @dg.asset(
        **use.arguments(decisions.VERSION, [given, parameters]),
        ins=inputs(
            recipe,
            documents=use.documents,
            eligibility=use.name("eligibility"),
            clusters=use.name("duplicate_clusters"),
            **{name: use.name(name) for name in given},
        ),
    )
    def curated_documents(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        documents: Artifact,
        eligibility: Artifact,
        clusters: Artifact,
        **others: Artifact,
    ) -> dg.Output[Artifact]:
        """The decision on each document: kept or dropped, and why; and what is cut from it.

        Not a copy of the text. A gate raises when a source loses more than its declared ceiling.
        """

        def build(_: str) -> tuple[list[Part], dict[str, int]]:
            works = [
                Work(
                    "curated_documents",
                    decisions.VERSION,
                    curate.curate,
                    tables={
                        "eligibility": [judged],
                        "clusters": clusters.parts("clusters"),
                        **{name: _of_part(name, each, number) for name, each in others.items()},
                    },
                    parameters=parameters,
                )
                for number, judged in enumerate(eligibility.parts("eligibility"))
            ]
            return [part for made in workshop.parts(context, works) for part in made], {}

        upstream = fingerprints(eligibility=eligibility, clusters=clusters, **others)
        artifact = workshop.store.make(
            "curated_documents", decisions.VERSION, parameters, upstream, build
        )
        made = artifact.scan("decisions").select("id", "keep", "reason").collect()
        _check_removal(recipe.curation, documents, made)
        reasons = made.group_by("reason").len().sort("len", descending=True)
        return materialized(
            artifact,
            "decisions",
            kept=int(made["keep"].sum()),
            reasons=dg.MetadataValue.md(_markdown(reasons)),
            funnel=image(_funnel(artifact)),
        )

    return curated_documents


def _check_removal(policy: CurationPolicy, documents: Artifact, made: pl.DataFrame) -> None:
    present = {part.label for part in documents.parts("documents")}
    overrides = {
        source: share for source, share in policy.removal_ceilings.items() if source in present
    }
    texts = documents.scan("documents").select("id", "source", "text")
    check_removal_ceiling(made, texts, ceiling=policy.removal_ceiling, overrides=overrides)


def _of_part(name: str, artifact: Artifact, number: int) -> list[Part]:
    """What speaks of one part: the whole sample, or the part's own spans."""
    return list(artifact.parts("copies")) if name == "sample" else [artifact.parts(name)[number]]


def funnel_table(artifact: Artifact) -> pl.DataFrame:
    """The funnel over all parts: documents and characters left after each step."""
    keys = ["step", "source", "kind"]
    table = artifact.read("funnel")
    return table.group_by(keys, maintain_order=True).agg(pl.col("documents", "characters").sum())


def _funnel(artifact: Artifact) -> bytes:
    from midtrain_dagster.report.corpus_plots import funnel
    from midtrain_dagster.report.style import figure_png

    return figure_png(funnel(funnel_table(artifact)))


def _markdown(reasons: pl.DataFrame) -> str:
    rows = [f"| {reason} | {count:,} |" for reason, count in reasons.iter_rows()]
    return "\n".join(["| reason | documents |", "|---|---:|", *rows])
