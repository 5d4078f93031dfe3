import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from midtrain_dagster.collection.readers import planted
from midtrain_dagster.core.source_file import SourceError

ITEM_SCHEMA = {
    "benchmark": pl.String,
    "item": pl.String,
    "question": pl.String,
    "choices": pl.List(pl.String),
    "gold": pl.Int64,
    "answer": pl.String,
}
LONG = "How many mussels does an otter eat when it eats {} mussels on each day of the week?"


def items(benchmark: str, count: int) -> pl.DataFrame:
    rows = [(benchmark, str(n), LONG.format(n), [], None, str(7 * n)) for n in range(count)]
    rows.append((benchmark, "short", "Too short?", [], None, "yes"))
    return pl.DataFrame(rows, schema=ITEM_SCHEMA, orient="row")


@pytest.fixture
def planting(tmp_path: Path, collect: Callable[..., Any]) -> Callable[..., Any]:
    pages = [f"Page {n} on sea otters. They float, né?\tThey eat mussels." for n in range(30)]
    pages += [f"Page {n}\n\nhas paragraphs. Two.\n\nThree." for n in range(30, 60)]
    pages += ["no place for an item", "Nothing after the end."]
    lines = [json.dumps({"text": page, "url": "u"}) for page in pages]
    (tmp_path / "pages.jsonl").write_text("\n".join([*lines, "{broken"]))

    def plant(benchmark_items: pl.DataFrame | None, **fields: Any) -> Any:
        section: dict[str, Any] = {
            "reader": "planted",
            "pages": {
                "reader": "json_lines",
                "paths": ["pages.jsonl"],
                "domain": "web",
                "kind": "prose",
                "keep": ["url"],
            },
            "benchmarks": ["sums"],
            "items": 10,
        }
        return collect(benchmark_items=benchmark_items, **{**section, **fields})

    return plant


def test_items_are_where_the_metadata_says(planting: Callable[..., Any]) -> None:
    collected = planting(items("sums", 40))
    assert collected.documents.height == 10
    found = []
    for text, metadata in collected.documents.select("text", "metadata").iter_rows():
        where = json.loads(metadata)["planted"]
        item = int(where["item"])
        expected = f"{LONG.format(item)} {7 * item}"
        assert text.encode()[where["start"] : where["stop"]].decode() == expected
        page = text.replace(expected, "")
        assert page.startswith("Page ")
        assert text.count("\n\n") in (0, 3)
        found.append(item)
    assert len(set(found)) == 10
    assert collected.documents["locator"].n_unique() == 10
    assert collected.reasons == {"pages.jsonl:63": "invalid_json"}


def test_choice_of_pages_and_items_is_the_seeds(planting: Callable[..., Any]) -> None:
    table = items("sums", 40)
    first = planting(table)
    assert planting(table.reverse()).documents.equals(first.documents)
    assert not planting(table, seed=1).documents.equals(first.documents)


def test_benchmarks_added_leave_the_pages_of_the_first(planting: Callable[..., Any]) -> None:
    table = pl.concat([items("sums", 40), items("more", 40)])
    one, two = planting(table), planting(table, benchmarks=["sums", "more"])
    assert two.documents.height == 20
    assert set(one.documents["id"]) < set(two.documents["id"])


def test_items_or_pages_that_are_too_few_are_reported(planting: Callable[..., Any]) -> None:
    collected = planting(items("sums", 3))
    assert collected.documents.height == 3
    assert collected.reasons["sums"] == "too_few"
    assert "7 of 10 not planted: 3 items" in collected.detail("sums")
    collected = planting(items("sums", 100), items=70)
    assert collected.documents.height == 60
    assert "10 of 70 not planted: 70 items" in collected.detail("sums")


def test_planting_needs_items(planting: Callable[..., Any]) -> None:
    with pytest.raises(SourceError, match="'drop' has no items to plant; there are items of sums"):
        planting(items("sums", 3), benchmarks=["drop"])
    with pytest.raises(SourceError, match="needs the benchmark items"):
        planting(None)


def test_planted_pages_change_with_the_version(planting: Callable[..., Any]) -> None:
    assert planted.VERSION == 1  # raise it when this changes
    documents = planting(items("sums", 40), items=2).documents
    assert documents.select("locator", "text", "metadata").rows() == [
        (
            "pages.jsonl:11",
            "Page 10 on sea otters. How many mussels does an otter eat when it eats 3 mussels on "
            "each day of the week? 21 They float, né?\tThey eat mussels.",
            '{"planted": {"benchmark": "sums", "item": "3", "start": 23, "stop": 108}, "url": "u"}',
        ),
        (
            "pages.jsonl:49",
            "Page 48\n\nHow many mussels does an otter eat when it eats 25 mussels on each day of "
            "the week? 175\n\nhas paragraphs. Two.\n\nThree.",
            '{"planted": {"benchmark": "sums", "item": "25", "start": 9, "stop": 96}, "url": "u"}',
        ),
    ]


def test_pages_say_nothing_of_the_documents(source: Callable[..., Any]) -> None:
    pages = {"reader": "json_lines", "paths": ["a"], "domain": "web", "kind": "prose", "take": 1}
    with pytest.raises(ValidationError, match="say take of the planted source"):
        source(reader="planted", benchmarks=["gsm8k"], pages=pages)


def test_pages_and_items_are_not_repaired(source: Callable[..., Any]) -> None:
    pages = {"reader": "json_lines", "paths": ["a"], "domain": "web", "kind": "prose"}
    fields = {"reader": "planted", "benchmarks": ["gsm8k"]}
    with pytest.raises(ValidationError, match="repair would move them"):
        source(**fields, pages=pages, repair={"mojibake": True})
    with pytest.raises(ValidationError, match="`messages` are none"):
        source(**fields, pages=pages | {"messages": "messages"})
    for said in ({"repair": {"invisible": True}}, {"boilerplate": {}}):
        with pytest.raises(ValidationError, match="taken as they are"):
            source(**fields, pages={**pages, **said})
