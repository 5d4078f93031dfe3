"""Finding one document among those of the finished run of the tiny recipe."""

from typing import Any

import polars as pl
import pytest

from midtrain_dagster.report.explanation.document_search import DocumentError, corpora, find

SYNTHETIC = "synthesis/question_answer/"


def synthetic(made: Any) -> dict[str, Any]:
    return made[f"{SYNTHETIC}documents"].read("documents").row(0, named=True)


def test_corpora_are_the_collected_documents_and_those_of_each_method(made: Any) -> None:
    assert list(corpora(made)) == ["", SYNTHETIC]
    assert corpora({}) == {}


def test_a_document_is_found_by_its_id_or_the_start_of_it(made: Any) -> None:
    storage = made["documents"].storage
    for number, part in enumerate(made["documents"].parts("documents")):
        row = pl.scan_parquet(storage.uri(part.path)).tail(1).collect().row(0, named=True)
        for asked in (row["id"], row["id"][:8].upper()):
            assert find(made, asked) == ("", row["id"], row["source"], row["locator"], number)


def test_a_document_is_found_by_its_place_or_a_part_of_it(made: Any) -> None:
    row = made["documents"].read("documents").filter(source="wikipedia").row(5, named=True)
    assert find(made, f"wikipedia/{row['locator']}").id == row["id"]
    mathematics = made["documents"].read("documents").filter(source="docstrings")
    (only,) = mathematics.filter(pl.col("locator").str.contains("calculus/polynomials"))["id"]
    assert find(made, "calculus/polynomials").id == only


def test_the_whole_of_a_place_comes_before_a_part_of_one(made: Any) -> None:
    """A synthetic document's place begins with the id of the one that it was made from."""
    row = synthetic(made)
    origin = row["locator"].split(":")[0]
    assert find(made, origin).prefix == ""
    found = find(made, row["locator"])
    assert (found.prefix, found.id) == (SYNTHETIC, row["id"])


def test_several_documents_are_listed(made: Any) -> None:
    with pytest.raises(DocumentError, match=r"'wikipedia' is 15\d documents") as raised:
        find(made, "wikipedia")
    lines = str(raised.value).splitlines()
    assert len(lines) == 14 and "wikipedia/" in lines[1]
    assert lines[-1].startswith("  and 1")


def test_an_unknown_document_says_what_was_searched(made: Any) -> None:
    with pytest.raises(DocumentError) as raised:
        find(made, "nowhere")
    counts = [f"{corpus.rows('documents'):,}" for corpus in corpora(made).values()]
    assert str(raised.value) == (
        f"no document answers to 'nowhere'; searched: ids, sources and places of {counts[0]} "
        f"documents and {counts[1]} synthesis question answer documents"
    )
    with pytest.raises(DocumentError, match="needs 6 digits or more"):
        find(made, "abc1")


def test_a_document_that_no_reader_took_is_named(made: Any) -> None:
    source, locator, reason, detail = made["documents"].read("rejections").row(0)
    with pytest.raises(DocumentError) as raised:
        find(made, f"{source}/{locator}")
    assert f"{source}/{locator} was not taken: {reason} ({detail})" in str(raised.value)


def test_without_documents_the_way_to_them_is_named() -> None:
    with pytest.raises(DocumentError, match="midtrain run RECIPE"):
        find({}, "anything")
