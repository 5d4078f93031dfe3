"""Code of repositories in the graph: what curation dropped or holds out does not come back."""

import json
from typing import Any

import pytest

from midtrain_dagster.tokens.held_out import is_held_out

from .conftest import FIELDS

CODE = {
    "reader": "python_installation",
    "harvest": "code",
    "distributions": ["mpmath"],
    "domain": "code",
    "kind": "code",
}


@pytest.fixture
def made(graph: Any) -> Any:
    packages = {"method": "repository", "domains": ["code"], "maximum_bytes": 300_000}
    sources = {**FIELDS["sources"], "code": CODE}
    return graph(
        **{"sources": sources, "synthesis": {"packages": packages}, "benchmarks": {}, "raters": {}}
    )


def test_a_package_is_of_kept_files_that_are_not_held_out(made: Any) -> None:
    made.make("documents", "language", "signals", "signatures", "duplicate_edges", "eligibility")
    made.make("duplicate_clusters", "curated_documents", "synthesis/packages/documents")
    documents = made.artifact("documents").read("documents").filter(domain="code")
    decisions = made.artifact("curated_documents").read("decisions")
    kept = documents.join(decisions.filter("keep"), on="id", how="semi")
    apart = is_held_out(kept["id"], share=0.2, seed=made.recipe.seed)
    assert kept.height < documents.height or apart.any()
    artifact = made.artifact("synthesis/packages/documents")
    written, files = artifact.read("documents"), artifact.read("files")
    assert set(files["id"]) == set(kept.filter(~apart)["id"])
    joined = [each["id"] for row in written["metadata"] for each in json.loads(row)["files"]]
    assert sorted(joined) == sorted(files.filter(outcome="joined")["id"])
    texts = dict(kept.select("id", "text").iter_rows())
    for text, metadata in written.select("text", "metadata").iter_rows():
        for each in json.loads(metadata)["files"]:
            assert f"# {each['path']}\n{texts[each['id']].rstrip()}\n" in text
    assert set(written["domain"]) == {"repositories"}
    assert artifact.manifest.figures["joined"] == len(joined)
    # No model wrote it: it counts as natural text, though it is made below ``synthesis``.
    assert made.recipe.view.synthetic == {"packages": "repositories"}
    assert made.recipe.view.generated == set()
