"""Duplicates: signatures, edges between documents that are duplicates, clusters of them.

How signatures and edges are made is the method's affair (`duplicates.method`); this module knows
none by name. Of several methods, each has signatures and edges of its own, and all edges make one
table of clusters.
"""

import dagster as dg

from assets.attributes import AttributeGroup
from assets.build import Build, Built
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.curation import c4_edits
from midtrain_dagster.curation.duplicates import clusters
from midtrain_dagster.curation.duplicates.method import (
    DUPLICATE_EDGES,
    EDGES,
    SIGNATURES,
    Corpus,
    Method,
    artifacts_of,
)
from resources.artifacts import POINTERS, pointed_to, pointer_path


def duplicate_assets(use: AttributeGroup) -> list[dg.AssetsDefinition]:
    """Signatures and edges of each method of the recipe, and the clusters of all."""
    methods = use.recipe.duplicates
    signatures, edges = artifacts_of(SIGNATURES, methods), artifacts_of(DUPLICATE_EDGES, methods)
    signed = [_signatures(use, name, method) for name, method in signatures.items()]
    found = [
        _duplicate_edges(use, name, of, method)
        for of, (name, method) in zip(signatures, edges.items(), strict=True)
    ]
    return [*signed, *found, _duplicate_clusters(use)]


def _signatures(use: AttributeGroup, name: str, method: Method) -> dg.AssetsDefinition:
    """The asset ``signatures`` of a method."""

    @use.asset(
        name,
        versions=method.versions(),
        section={"method": method.method, **method.signature_parameters},
        inputs={"documents": use.documents, **_cut(use)},
        rows=SIGNATURES,
    )
    def signatures(build: Build) -> Built:
        """What duplicates are known by, of each document: band buckets, the hash of its text."""
        return build.parts(method.sign(part) for part in _compared(build))

    return signatures


def _cut(use: AttributeGroup) -> dict[str, str]:
    """The edits that are made before texts are compared, if a policy cuts."""
    return {"c4_edits": use.key("c4_edits")} if use.recipe.curation.cutting else {}


def _compared(build: Build) -> list[Part]:
    """The documents whose texts are compared, part by part: as C4 leaves them, where it cuts."""
    documents = build["documents"].parts("documents")
    if "c4_edits" not in build.inputs:
        return list(documents)
    edits = build["c4_edits"].parts("c4_edits")
    paired = [*zip(documents, edits, strict=True)]
    cut = [(document, edit) for document, edit in paired if edit.rows]
    tables = [{"documents": [document], "c4_edits": [edit]} for document, edit in cut]
    left = iter(build.parts(Work(c4_edits.left, tables=each) for each in tables))
    return [next(left) if edit.rows else document for document, edit in paired]


def _duplicate_edges(
    use: AttributeGroup, name: str, signatures: str, method: Method
) -> dg.AssetsDefinition:
    """The asset ``duplicate_edges`` of a method, from its ``signatures``."""

    @use.asset(
        name,
        versions=method.edge_versions(),
        section={"method": method.method, **method.edge_parameters},
        inputs={
            "documents": use.documents,
            "signatures": use.key(signatures),
            **_cut(use),
        },
        rows=EDGES,
    )
    def duplicate_edges(build: Build) -> Built:
        """Pairs of documents that are duplicates indeed: candidates verified on their text.

        Candidates are joined anew over all signatures, which reads no text. What was measured of a
        pair is kept, so new documents cost the verification of their own pairs only.
        """
        corpus = Corpus(
            documents=_compared(build),
            signatures=build["signatures"].parts(SIGNATURES),
            earlier=_earlier(build, name),
            storage=build.store.storage,
            run=build.by_work,
            write=build.write,
        )
        return method.edges(corpus)

    return duplicate_edges


def _earlier(build: Build, name: str) -> list[Artifact]:
    """What this asset, and those of its name in other groups and recipes, made last: an artifact
    keeps what was measured before it, so the history of the store need not be looked through."""
    store = build.store
    ending = f"/{pointer_path(name.split('/'), None).removeprefix(f'{POINTERS}/')}"
    pointers = [path for path in store.storage.list(POINTERS) if path.endswith(ending)]
    found = {pointed_to(store.storage, path) for path in pointers}
    return [artifact for entry in sorted(found) if (artifact := store.find(*entry))]


def _duplicate_clusters(use: AttributeGroup) -> dg.AssetsDefinition:
    """The asset ``duplicate_clusters``."""
    first = use.recipe.duplicates[0]
    parameters = {"keep": first.keep, "rated_by": first.rated_by}
    first_edges, *others = artifacts_of(DUPLICATE_EDGES, use.recipe.duplicates)
    edges = {"edges": first_edges} | {name.replace("/", "_"): name for name in others}

    @use.asset(
        "duplicate_clusters",
        versions=versions_of(clusters),
        section=parameters,
        inputs={
            **{given: use.key(name) for given, name in edges.items()},
            "eligibility": use.key("eligibility"),
        },
        rows="clusters",
    )
    def duplicate_clusters(build: Build) -> Built:
        """Groups of duplicates, as connected components, and the member of each that stays.

        An eligible member stays if there is one: no cluster is lost with a member that another rule
        drops.
        """
        work = Work(
            clusters.clusters,
            tables={"edges": [part for given in edges for part in build[given].parts(EDGES)]},
            scans={"eligibility": build["eligibility"].parts("eligibility")},
            parameters=parameters,
        )
        return build.parts([work])

    return duplicate_clusters
