from typing import Any

import pytest

from midtrain_dagster.report.explanation.document_search import DocumentError, find


def test_a_document_is_found_by_its_id_or_the_start_of_it(made: dict[str, Any]) -> None:
    rows = made["documents"].read("documents")
    for part, source in enumerate(("web", "books")):
        for identity, locator in rows.filter(source=source).select("id", "locator").iter_rows():
            for asked in (identity, identity[:6], identity[:9].upper()):
                found = find(made, asked)
                assert found == ("", identity, source, locator, part)


def test_a_document_is_found_by_its_place(made: dict[str, Any]) -> None:
    assert find(made, "web.jsonl:3").locator == "web.jsonl:3"
    assert find(made, "books/books.jsonl:1").source == "books"
    assert find(made, "ooks.jsonl:2").locator == "books.jsonl:2"


def test_the_whole_of_a_place_comes_before_a_part_of_one(made: dict[str, Any]) -> None:
    """The synthetic document's place begins with the id of the one that it was made from."""
    (one,) = made["documents"].scan("documents").head(1).select("id").collect()["id"]
    assert find(made, one).prefix == ""
    synthetic = find(made, f"{one}:0-74")
    assert (synthetic.prefix, synthetic.id) == ("synthetic/", "5e" * 16)


def test_several_documents_are_listed(made: dict[str, Any]) -> None:
    with pytest.raises(DocumentError, match=r"'web.jsonl' is 4 documents") as raised:
        find(made, "web.jsonl")
    lines = str(raised.value).splitlines()
    assert len(lines) == 5
    assert lines[1].endswith("web/web.jsonl:1")
    with pytest.raises(DocumentError, match=r"'jsonl' is 6 documents"):
        find(made, "jsonl")


def test_an_unknown_document_says_what_was_searched(made: dict[str, Any]) -> None:
    with pytest.raises(DocumentError) as raised:
        find(made, "nowhere")
    assert str(raised.value) == (
        "no document answers to 'nowhere'; searched: ids, sources and places of 6 documents, "
        "ids, sources and places of 1 synthetic documents"
    )
    with pytest.raises(DocumentError, match="needs 6 digits or more"):
        find(made, "abc12")


def test_a_document_that_no_reader_took_is_told(made: dict[str, Any]) -> None:
    with pytest.raises(DocumentError, match=r"web/web.jsonl:9 was not taken: no_text \(a number\)"):
        find(made, "web.jsonl:9")


def test_without_documents_the_way_to_them_is_told() -> None:
    with pytest.raises(DocumentError, match="midtrain run RECIPE"):
        find({}, "anything")
