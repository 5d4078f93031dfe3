from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.collection import boilerplate
from midtrain_dagster.collection.boilerplate import (
    Boilerplate,
    without_boilerplate,
    without_recurring_lines,
)
from midtrain_dagster.collection.record import Document, Rejection

RULE = Boilerplate(share=0.5, minimum_pages=4, lines=2)


def test_lines_at_the_edges_of_most_pages_go() -> None:
    # Change VERSION when this changes.
    assert boilerplate.VERSION == 1
    pages = [f"Home | Next\nTitle {word}\n\nHome | Next\n{word}.\n\nPage {n} of 4"
             for n, word in enumerate(("otter", "kelp", "mussel", "stone"), start=1)]  # fmt: skip
    # The second "Home | Next" stands in the middle of its page.
    assert without_recurring_lines(pages, RULE)[0] == ("Title otter\n\nHome | Next\notter.", 2)
    assert without_recurring_lines(pages[:3], RULE) == [(page, 0) for page in pages[:3]]


def test_lines_at_the_top_do_not_count_for_the_bottom() -> None:
    pages = ["Contents\na\nb\nc\nd"] * 3 + ["x\ny\nz\nw\nContents"]
    assert without_recurring_lines(pages, RULE)[3] == (pages[3], 0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("ab1 \n", max_size=12), max_size=9), st.integers(1, 3), st.randoms())
def test_lines_that_go_do_not_depend_on_the_order_of_pages(
    pages: list[str], lines: int, random: Any
) -> None:
    rule = Boilerplate(share=0.4, minimum_pages=3, lines=lines)
    results = without_recurring_lines(pages, rule)
    for page, (text, removed) in zip(pages, results, strict=True):
        assert page.count("\n") + 1 >= removed
        if not removed:
            assert text == page
    order = list(range(len(pages)))
    random.shuffle(order)
    assert without_recurring_lines([pages[i] for i in order], rule) == [results[i] for i in order]


def test_hosts_are_apart_and_records_keep_their_places() -> None:
    def page(host: str, number: int) -> Document:
        text = f"{host} menu\ntext number {'x' * number} here"
        return Document(f"{host}{number}", text, "plain", {"url": f"https://{host}/{number}"})

    broken = Rejection("b", "empty", "")
    records = [page("A.org", 1), page("b.org", 1), broken, *(page("a.org", n) for n in (2, 3, 4))]
    cleaned = list(without_boilerplate(RULE, records))
    assert [record.locator for record in cleaned] == [record.locator for record in records]
    assert cleaned[1:3] == records[1:3]
    assert cleaned[3] == Document(
        "a.org2",
        "text number xx here",
        "plain",
        {"url": "https://a.org/2", "boilerplate_lines": 1},
    )


def test_windows_bound_which_pages_are_compared(monkeypatch: Any) -> None:
    pages = [Document(f"{n}", f"menu\npage {'x' * n}.", "plain", {}) for n in range(8)]
    monkeypatch.setattr(boilerplate, "WINDOW_CHARACTERS", 20)
    cleaned = list(without_boilerplate(RULE, pages))
    assert len(cleaned) == 8
    assert cleaned == pages  # no window held four pages


def test_sources_of_pages_lose_their_boilerplate(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    words = ["otter", "kelp", "mussel", "stone", "tide"]
    for word in words:
        (tmp_path / f"{word}.txt").write_text(f"Contents\nAll of the {word}\nNext | Previous\n")
    (tmp_path / "zzz.txt").write_text("Contents\n")
    rule = {"minimum_pages": 5}
    collected = collect(reader="text", paths=["."], boilerplate=rule)
    assert collected.texts == {f"{word}.txt": f"All of the {word}" for word in sorted(words)}
    assert collected.reasons == {"zzz.txt": "empty"}
    counted = collected.documents["metadata"].str.json_path_match("$.boilerplate_lines")
    assert counted.to_list() == ["2"] * 5
    taken = collect(reader="text", paths=["."], boilerplate=rule, take=2).documents
    smallest = collected.documents["id"].sort().head(2)
    assert taken.equals(collected.documents.filter(pl.col("id").is_in(smallest.to_list())))
