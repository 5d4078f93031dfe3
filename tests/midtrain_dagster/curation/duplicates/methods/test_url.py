import json
from pathlib import Path

import polars as pl

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.execution import InProcess
from midtrain_dagster.core.parts import make_parts, write_output
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.curation.duplicates.method import Corpus
from midtrain_dagster.curation.duplicates.methods.url import VERSION, Config, signatures
from midtrain_dagster.curation.duplicates.verification import EDGES

URLS = [
    "https://www.example.com/a/?utm_source=feed",
    "http://example.com/a#top",
    "http://example.com/b",
    None,
    "http://",
    "http://example.com:80/a",
]
DOCUMENTS = pl.DataFrame(
    {
        "id": list("bacdef"),
        "text": [f"version {number}" for number in range(6)],
        "metadata": ["{}" if url is None else json.dumps({"url": url}) for url in URLS],
    }
)


def test_signatures_are_the_normal_form_of_the_url() -> None:
    made = signatures(DOCUMENTS.lazy())["signatures"]
    assert made.columns == ["id", "url", "error"]
    page = "example.com/a"
    assert made["url"].to_list() == [page, page, "example.com/b", None, None, page]
    assert made["error"].to_list() == [
        *(None, None, None),
        "no url in its metadata",
        "http:// is no URL",
        None,
    ]
    for metadata in ('{"url": null}', '{"url": ""}', '{"other": 1}'):
        some = DOCUMENTS.with_columns(metadata=pl.lit(metadata))
        found = signatures(some.lazy())["signatures"]
        assert (found["url"].null_count(), found["error"].null_count()) == (6, 0)


def test_edges_join_documents_of_a_url_to_the_first_of_them_over_all_parts(tmp_path: Path) -> None:
    storage = Storage(root=str(tmp_path))
    store = ArtifactStore(storage)
    parts = [
        write_output(storage, f"documents/{number}", "documents", part)
        for number, part in enumerate(DOCUMENTS.iter_slices(2))
    ]
    run = lambda works: make_parts(store, InProcess(), list(works))  # noqa: E731
    method = Config()
    corpus = Corpus(
        documents=parts,
        signatures=[part for made in run(map(method.sign, parts)) for part in made],
        earlier=[],
        storage=storage,
        run=run,
        write=lambda name, table: write_output(storage, "made", name, table),
    )
    (made,), figures = method.edges(corpus)
    table = pl.read_parquet(tmp_path / made.path)
    assert (VERSION, made.table, figures) == (1, "edges", {"without_url": 2})
    assert table.schema == EDGES
    assert table.rows() == [("a", "b", "url", None), ("a", "f", "url", None)]
