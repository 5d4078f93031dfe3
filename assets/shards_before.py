"""The token shards that were made last, so that documents that stay as they are keep their tokens.

They are a hint and no cause: the shards are the same without (``tokens.tokens_before``).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from assets.build import Build
from midtrain_dagster.core.artifacts import Artifact, MissingArtifactError, Part
from midtrain_dagster.core.parts import Work
from midtrain_dagster.tokens import splits, tokens_before
from resources.artifacts import load_materialized


def with_shards_before(
    build: Build, works: Iterable[Work], shard: Callable[[Part, Part], Work]
) -> list[Work]:
    """The works on the corpus's parts, each with what its documents had before, where they had.

    ``shard`` makes the work of a part of documents and its decisions. Another tokenizer, method or
    share gives other works, whose outputs are not looked for.
    """
    before = _before(build, shard)
    return [
        replace(work, hints={"before": before[document.digest]}, effort=tokens_before.EFFORT)
        if work.function is splits.shard and document.digest in before
        else work
        for work in works
        for document in work.tables["documents"]
    ]


def _before(build: Build, shard: Callable[[Part, Part], Work]) -> dict[str, list[Part]]:
    """Decisions and shard of then, by the digest of the part of documents."""
    try:
        shards = load_materialized(build.store, build.context.asset_key.path)
    except MissingArtifactError:
        return {}
    made: dict[str, list[Part]] = {}
    for part in shards.manifest.parts:
        made.setdefault(part.path.rpartition("/")[0], []).append(part)
    documents, decisions = (
        _then(build, shards, name) for name in ("documents", "curated_documents")
    )
    if documents is None or decisions is None:
        return {}
    found = {}
    for document, decision in zip(
        documents.parts("documents"), decisions.parts("decisions"), strict=True
    ):
        parts = made.get(shard(document, decision).folder)
        if parts:
            found[document.digest] = [decision, *parts]
    return found


def _then(build: Build, shards: Artifact, name: str) -> Artifact | None:
    """An input of the shards of then, if the store has it yet."""
    fingerprint = shards.manifest.upstream.get(name)
    return build.store.find(build[name].manifest.method, fingerprint) if fingerprint else None
