from pathlib import Path

import polars as pl

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.execution import InProcess
from midtrain_dagster.core.parts import make_parts, write_output
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.curation.duplicates.method import Corpus
from midtrain_dagster.curation.duplicates.methods.exact import VERSION, Config, signatures

TEXTS = ["What is 2+2?", "what  is 2+2?", "What is 2-2?", None, "WHAT IS\n2+2?", ""]
DOCUMENTS = pl.DataFrame({"id": list("bacdef"), "text": TEXTS})


def test_signatures_are_the_hash_of_the_normalised_text() -> None:
    made = signatures(DOCUMENTS)["signatures"]
    assert made.columns == ["id", "bytes", "text_hash", "error"]
    assert made["id"].to_list() == list("bacdef")
    assert made["bytes"].to_list() == [12, 13, 12, None, 12, 0]
    hashes = made["text_hash"]
    assert hashes[0] == hashes[1] == hashes[4] != hashes[2]
    assert made["error"].to_list() == [None, None, None, "the text is null", None, None]


def test_edges_join_equal_texts_to_the_first_of_them_over_all_parts(tmp_path: Path) -> None:
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
    made, figures = method.edges(corpus)
    tables = {part.table: pl.read_parquet(tmp_path / part.path) for part in made}
    assert (VERSION, figures) == (2, {"candidates": 2})
    assert tables["edges"].rows() == [("a", "b", "exact", 1.0), ("a", "e", "exact", 1.0)]
    assert tables["verified"].height == 2
