"""What is read of one document is what the artifacts of the finished run hold of it."""

from typing import Any

import polars as pl
import pytest

from midtrain_dagster.report.explanation.document_search import find
from midtrain_dagster.report.explanation.document_tables import ATTRIBUTES, READ, DocumentTables

SYNTHETIC = "synthesis/question_answer/"


def tables(made: Any, asked: str) -> DocumentTables:
    return DocumentTables(made, find(made, asked))


def test_every_attribute_has_the_rows_of_its_document(made: Any) -> None:
    documents = made["documents"].read("documents")
    edited = made["personal_data"].read("personal_data")["id"][0]
    for identity in (edited, *documents.unique("source")["id"]):
        each = tables(made, identity)
        assert each.document() == documents.row(by_predicate=pl.col("id") == identity, named=True)
        for name, table in ATTRIBUTES.items():
            whole = made[name].read(table).filter(id=identity).to_dicts() if name in made else []
            assert each.rows(name) == whole
    assert ATTRIBUTES.keys() - made.keys() == {"c4_edits"}, "of policies that cut"


def test_what_was_not_made_is_empty(made: Any, pair: Any) -> None:
    each = tables({"documents": made["documents"]}, pair[0]["id"])
    assert each.document()["locator"] == pair[0]["locator"]
    assert all(each.rows(name) == [] for name in ATTRIBUTES)
    assert each.cluster() is None and each.hits() == () and each.made_of_it() == ()
    assert each.percentile("quality", 0.5) is None


def test_a_percentile_is_among_the_documents_of_the_same_source(made: Any, pair: Any) -> None:
    documents = made["documents"].read("documents").select("id", "source")
    ratings = made["ratings"].read("ratings").join(documents, on="id")
    own = ratings.filter(id=pair[0]["id"])["quality"].item()
    below = (ratings.filter(source=pair[0]["source"])["quality"] < own).mean()
    assert tables(made, pair[0]["id"]).percentile("quality", own) == pytest.approx(below)


def test_the_member_that_stays_comes_first_with_its_text(made: Any, pair: Any) -> None:
    goes, stays = pair
    for asked in pair:
        cluster = tables(made, asked["id"]).cluster()
        assert cluster is not None and cluster.size == 2
        assert [each["id"] for each in cluster.members] == [stays["id"], goes["id"]]
        assert [each["text"] for each in cluster.members] == [stays["text"], goes["text"]]
        assert [edge["jaccard"] for edge in cluster.edges] == [0.8125]
    planted = made["contamination"]["hellaswag"].read("hits")["id"][0]
    assert tables(made, planted).cluster() is None


def test_hits_come_with_the_question_of_the_item(made: Any, pair: Any) -> None:
    row = made["contamination"]["hellaswag"].read("hits").row(0, named=True)
    hit, *_ = tables(made, row["id"]).hits()
    items = made["benchmark_items"]["hellaswag"].read("items").filter(item=row["item"])
    assert hit == {**row, "question": items["question"][0]}
    assert tables(made, pair[0]["id"]).hits() == ()


def test_a_synthetic_document_knows_its_origin_and_the_origin_knows_it(made: Any) -> None:
    written = made[f"{SYNTHETIC}documents"]
    row = written.read("documents").row(0, named=True)
    each = tables(made, row["id"])
    origin = each.origin(pl.Series([row["metadata"]]).str.json_decode(METADATA)[0])
    assert origin is not None and origin["passage"] in origin["text"]
    assert origin["id"] == row["locator"].split(":")[0]
    assert row["id"] in tables(made, origin["id"]).made_of_it()
    assert each.made_of_it() == ()


METADATA = pl.Struct(
    {"document": pl.String, "passage": pl.Struct({"start": pl.Int64, "stop": pl.Int64})}
)


def test_a_table_of_other_documents_is_looked_through_whole(made: Any, changed: Any) -> None:
    """As many parts in another order, as after a source was added."""
    language = made["language"]
    upstream = {"documents": "others"}
    moved = changed(language, parts=tuple(reversed(language.manifest.parts)), upstream=upstream)
    identity = made["documents"].read("documents")["id"][-1]
    each = tables({**made, "language": moved}, identity)
    assert [row["id"] for row in each.rows("language")] == [identity]


def test_everything_that_is_read_is_named() -> None:
    assert {"duplicate_edges", "contamination", *ATTRIBUTES} == set(READ)
