import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from midtrain_dagster.collection.read import versions

PAGE = "Otters float on their backs. They eat mussels! What else do they eat? " * 12


@pytest.fixture
def recall(tmp_path: Path, collect: Callable[..., Any]) -> Callable[..., Any]:
    lines = [json.dumps({"text": f"Page {number}. {PAGE}"}) for number in range(5)]
    (tmp_path / "pages.jsonl").write_text("\n".join([*lines, "{broken"]))

    def read(**fields: Any) -> Any:
        return collect(**section(**fields))

    return read


def section(**fields: Any) -> dict[str, Any]:
    pages = {"reader": "json_lines", "paths": ["pages.jsonl"], "domain": "web", "kind": "prose"}
    return {
        "reader": "recall",
        "domain": "recall",
        "kind": "qa",
        "pages": pages,
        "tasks": {"one": {"task": "needle", "digits": 3}, "walk": "graph_walk"},
        "documents": 20,
        "least_bytes": 200,
        "most_bytes": 300,
        **fields,
    }


def test_documents_are_as_many_and_as_long_as_asked_for(recall: Callable[..., Any]) -> None:
    collected = recall()
    documents = collected.documents
    assert documents.height == 20
    assert documents["text"].str.len_bytes().max() <= 300
    assert documents["text"].str.len_bytes().min() >= 150
    named = documents["metadata"].str.json_decode(pl.Struct({"recall": pl.String}))
    assert set(named.struct.field("recall")) == {"one", "walk"}
    assert collected.rejections["reason"].to_list() == ["invalid_json"]


def test_the_same_documents_come_again_and_others_of_another_seed(
    recall: Callable[..., Any],
) -> None:
    first = recall().documents["text"].to_list()
    assert recall().documents["text"].to_list() == first
    assert not set(recall(seed=1).documents["text"]) & set(first)
    # More documents leave the others as they are.
    assert recall(documents=25).documents["text"].to_list()[:20] == first


def test_documents_that_no_page_is_long_enough_for_are_counted(
    recall: Callable[..., Any],
) -> None:
    collected = recall(least_bytes=2000, most_bytes=2000)
    reasons = collected.rejections.group_by("reason").len().sort("reason").rows()
    assert reasons == [("invalid_json", 1), ("too_few", 10)]
    assert "no document has the" in collected.rejections.filter(reason="too_few")["detail"][0]
    # A task that fills its context by itself needs no page.
    assert collected.documents.height == 10


def test_what_cannot_be_made_is_told_before(tmp_path: Path, source: Callable[..., Any]) -> None:
    (tmp_path / "pages.jsonl").write_text("{}")
    made = source(**section(least_bytes=40))
    reasons = {finding.place: finding.reason for finding in made.look("recall", tmp_path).findings}
    assert "40 leave no room for the task's own text" in reasons["least_bytes",]
    made = source(**section(tasks={"one": {"task": "needle", "keys": 9, "digits": 1}}))
    places = [finding.place for finding in made.look("recall", tmp_path).findings]
    assert places == [("tasks", "one")]
    missing = source(**section(pages=section()["pages"] | {"paths": ["none.jsonl"]}))
    (finding,) = missing.look("recall", tmp_path).findings
    assert finding.place[0] == "pages"


def test_what_makes_no_sense_is_refused(source: Callable[..., Any]) -> None:
    with pytest.raises(ValidationError, match="more than most_bytes 100"):
        source(**section(most_bytes=100))
    with pytest.raises(ValidationError, match="conversations are none"):
        source(**section(pages=section()["pages"] | {"messages": "turns"}))


def test_tasks_and_pages_are_causes(source: Callable[..., Any]) -> None:
    names = versions(source(**section()))
    assert {
        "long_context.tasks.needle",
        "long_context.tasks.graph_walk",
        "collection.readers.json_lines",
        "collection.readers.recall",
        "long_context.documents",
    } <= names.keys()
