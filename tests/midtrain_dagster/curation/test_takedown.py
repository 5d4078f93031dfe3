"""Entries of a removal list: ids and URLs, in a recipe or in a file; others are refused by line."""

from pathlib import Path

import polars as pl
import pytest

from midtrain_dagster.core.schema import document_id
from midtrain_dagster.curation.takedown import (
    RemovalListError,
    places,
    read_entries,
    taken_down,
    told,
    without,
)

ROWS = [("a.txt", "one", None), ("b.txt", "two", "http://www.example.org/b/?utm_source=feed")]
IDS = [document_id("web", locator, text) for locator, text, _ in ROWS]
DOCUMENTS = pl.DataFrame(
    {
        "id": IDS,
        "text": [text for _, text, _ in ROWS],
        "source": ["web", "web"],
        "locator": [locator for locator, _, _ in ROWS],
        "metadata": ["{}" if url is None else f'{{"url": "{url}"}}' for _, _, url in ROWS],
    }
)


def named(*listed: str) -> pl.DataFrame:
    entries = read_entries(listed)
    found = places(DOCUMENTS.lazy())["places"]
    return taken_down(found.lazy(), ids=entries.ids, urls=entries.urls)["taken_down"]


def test_documents_are_named_by_the_id_that_is_shown_and_by_their_page() -> None:
    assert named(IDS[0][:12].upper())["id"].to_list() == [IDS[0]]
    assert named(IDS[0])["locator"].to_list() == ["a.txt"]
    assert named("https://example.org/b")["id"].to_list() == [IDS[1]]
    assert named(f"{IDS[0][:12]}{'0' * 20}").height == 0
    assert named("example.org/c").height == 0
    left = without(DOCUMENTS, ids=[IDS[0]])["documents"]
    assert left["id"].to_list() == [IDS[1]]


def test_unknown_entries_are_doubtful_and_no_error() -> None:
    listed = (IDS[0][:12], "example.org/c", "0" * 32)
    lines = told(named(*listed), read_entries(listed))
    assert lines == [
        "1 documents taken out by the removal list",
        f"2 entries of the removal list name no document (they may come later): {'0' * 32}, "
        "example.org/c",
    ]


def test_order_and_spelling_of_a_list_are_no_cause(tmp_path: Path) -> None:
    listed = [IDS[0][:12], "https://example.org/b"]
    file = tmp_path / "removed.txt"
    file.write_text(f"# asked for\n\nhttp://www.example.org/b/ \n{IDS[0][:12].upper()}\n")
    assert read_entries(listed) == read_entries(str(file))


@pytest.mark.parametrize(
    ("line", "said"),
    [("nothing", "neither a document's id nor a URL"), ("abc123", "has 6 digits"), ("a.b:x/", "")],
)
def test_what_is_no_entry_is_refused_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "removed.txt"
    file.write_text(f"{IDS[0]}\n{line}\n")
    with pytest.raises(RemovalListError, match="line 2: ") as refused:
        read_entries(str(file))
    assert said in str(refused.value)
    with pytest.raises(RemovalListError, match="cannot be read"):
        read_entries(str(tmp_path / "missing.txt"))
