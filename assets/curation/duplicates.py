"""Duplicates: signatures, verified edges that are never verified twice, clusters."""

import dagster as dg
import polars as pl

from assets.attributes import AttributeGroup, attribute_table, whole_corpus_table
from assets.graph import fingerprints, inputs, materialized
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, Part, scan_parts
from midtrain_dagster.core.causes import digest
from midtrain_dagster.core.parts import Work, read_table, write_output
from midtrain_dagster.curation import curate
from midtrain_dagster.curation.duplicates import candidates, minhash, verification
from midtrain_dagster.curation.duplicates import clusters as duplicates
from midtrain_dagster.curation.duplicates.clusters import DuplicatePolicy
from resources.artifacts import ArtifactBuilder

METHOD = "duplicate_edges"
CANDIDATES = "duplicate_candidates"
BUCKETS_AT_ONCE = 4_000_000
"""Buckets that a unit of work joins: 8 bytes each, and more for those that documents share."""
VERSION = candidates.VERSION + verification.VERSION


def signatures_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``signatures``."""
    policy = use.recipe.duplicates
    parameters = {name: getattr(policy, name) for name in ("shingle", "bands", "rows", "seed")}

    @dg.asset(
        **use.arguments(minhash.VERSION, parameters),
        ins=inputs(use.recipe, documents=use.documents),
    )
    def signatures(
        context: dg.AssetExecutionContext, workshop: ArtifactBuilder, documents: Artifact
    ) -> dg.Output[Artifact]:
        """MinHash band buckets of each document, and the hash of its normalised text."""
        artifact = attribute_table(
            context,
            workshop,
            "signatures",
            minhash.VERSION,
            minhash.signatures,
            documents,
            upstream={},
            parameters=parameters,
        )
        return materialized(artifact, "signatures")

    return signatures


def duplicate_edges_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``duplicate_edges``."""
    policy = use.recipe.duplicates
    parameters = {name: getattr(policy, name) for name in ("shingle", "threshold", "bucket_limit")}

    @dg.asset(
        **use.arguments(VERSION, parameters),
        ins=inputs(use.recipe, documents=use.documents, signatures=use.name("signatures")),
    )
    def duplicate_edges(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        documents: Artifact,
        signatures: Artifact,
    ) -> dg.Output[Artifact]:
        """Pairs of documents that are duplicates indeed: candidates verified on their text.

        Candidates are joined anew over all signatures, which reads no text. What was measured of a
        pair is kept, so new documents cost the verification of their own pairs only.
        """
        storage = workshop.store.storage

        def build(fingerprint_: str) -> tuple[list[Part], dict[str, int]]:
            pairs = _candidates(workshop, context, signatures, policy)
            earlier = _measured(workshop.store, policy.shingle)
            known = [read_table(storage, part) for part in earlier]
            verified = pl.concat([verification.VERIFIED.to_frame(), *known])
            missing = verification.unverified(pairs, verified)
            made = _verify(workshop, context, documents, signatures, missing, policy.shingle)
            fresh = [read_table(storage, part) for part in made]
            verified = pl.concat([verified, *fresh])
            edges = verification.edges(pairs, verified, threshold=policy.threshold)
            written = write_output(storage, f"parts/{METHOD}/{fingerprint_}", "edges", edges)
            needed = [
                part
                for part, table in zip(earlier, known, strict=True)
                if table.join(pairs, on=["a", "b"], how="semi").height
            ]
            return [written, *needed, *made], {"candidates": pairs.height}

        upstream = fingerprints(documents=documents, signatures=signatures)
        artifact = workshop.store.make(METHOD, VERSION, parameters, upstream, build)
        return materialized(artifact, "edges")

    return duplicate_edges


def _candidates(
    workshop: ArtifactBuilder,
    context: dg.AssetExecutionContext,
    signatures: Artifact,
    policy: DuplicatePolicy,
) -> pl.DataFrame:
    """All candidate pairs: of equal texts, and of the bands, several to a unit of work if small."""
    parts = signatures.parts("signatures")
    bands = minhash.band_columns(policy.bands)
    at_once = max(1, BUCKETS_AT_ONCE // max(1, signatures.rows("signatures")))
    works = [Work(CANDIDATES, candidates.VERSION, curate.exact_pairs, scans={"signatures": parts})]
    works += [
        Work(
            CANDIDATES,
            candidates.VERSION,
            curate.band_pairs,
            scans={"signatures": parts},
            parameters={
                "bands": bands[first : first + at_once],
                "bucket_limit": policy.bucket_limit,
            },
        )
        for first in range(0, len(bands), at_once)
    ]
    made = [part for each in workshop.parts(context, works) for part in each]
    return candidates.union([read_table(workshop.store.storage, part) for part in made])


def _measured(store: ArtifactStore, shingle: int) -> list[Part]:
    """The tables of pairs that earlier runs verified, each once, sorted by path."""
    found = {
        part.path: part
        for artifact in store.all(METHOD)
        if artifact.manifest.version == VERSION and artifact.manifest.section["shingle"] == shingle
        for part in artifact.manifest.parts
        if part.table == "verified"
    }
    return [found[path] for path in sorted(found)]


def _verify(
    workshop: ArtifactBuilder,
    context: dg.AssetExecutionContext,
    documents: Artifact,
    signatures: Artifact,
    pairs: pl.DataFrame,
    shingle: int,
) -> list[Part]:
    """Read the texts of the pairs, batch by batch, and measure how alike they are."""
    members = pl.concat([pairs["a"], pairs["b"]]).unique().implode()
    sizes = [
        scan_parts(workshop.store.storage, [part])
        .select("id", "bytes", part=pl.lit(number))
        .filter(pl.col("id").is_in(members))
        for number, part in enumerate(signatures.parts("signatures"))
    ]
    parts = documents.parts("documents")
    works = [
        Work(
            "duplicate_verification",
            verification.VERSION,
            curate.verify,
            scans={"documents": [parts[number] for number in batch.parts]},
            parameters={"shingle": shingle},
            causes=digest(batch.pairs.write_csv().encode()),
            arguments={"pairs": batch.pairs},
        )
        for batch in verification.batches(pairs, pl.concat(sizes).collect())
    ]
    return [part for made in workshop.parts(context, works) for part in made]


def duplicate_clusters_asset(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``duplicate_clusters``."""
    policy = use.recipe.duplicates
    parameters = {"keep": policy.keep, "rated_by": policy.rated_by}

    @dg.asset(
        **use.arguments(duplicates.VERSION, parameters),
        ins=inputs(
            use.recipe, edges=use.name("duplicate_edges"), eligibility=use.name("eligibility")
        ),
    )
    def duplicate_clusters(
        context: dg.AssetExecutionContext,
        workshop: ArtifactBuilder,
        edges: Artifact,
        eligibility: Artifact,
    ) -> dg.Output[Artifact]:
        """Groups of duplicates, as connected components, and the member of each that stays.

        An eligible member stays if there is one: no cluster is lost with a member that another rule
        drops.
        """
        work = Work(
            "duplicate_clusters",
            duplicates.VERSION,
            curate.clusters,
            tables={"edges": edges.parts("edges")},
            scans={"eligibility": eligibility.parts("eligibility")},
            parameters=parameters,
        )
        upstream = fingerprints(edges=edges, eligibility=eligibility)
        return whole_corpus_table(context, workshop, work, upstream)

    return duplicate_clusters
