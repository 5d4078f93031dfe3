from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.dataloader.fill_in_the_middle import FillInTheMiddle
from midtrain_dagster.dataloader.occurrences import (
    SIGHTINGS,
    copies,
    middles_of,
    middles_of_step,
    sightings,
    spans_of_step,
)
from midtrain_dagster.dataloader.plan import Plan
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.tokens.shards import TokenShards


def shards_of(documents: list[tuple[str, str, int]]) -> TokenShards:
    """Shards with this index (id, domain, length); no token of them is ever read."""
    index = pl.DataFrame(documents, ["id", "domain", "length"], orient="row")
    return TokenShards([], index.with_columns(offset=0, part=0), dtype=np.dtype("<u4"))


def plan_of(documents: list[tuple[str, str, int]], **other: Any) -> Plan:
    domains = sorted({domain for _, domain, _ in documents})
    shares = {"domains": dict.fromkeys(domains, 1 / len(domains)), "max_epochs": 1000}
    fields = {"seed": 3, "stage": "anneal", "sequence_length": 8, "windows_per_step": 4, "steps": 9}
    return Plan(shards_of(documents), Mixture.model_validate(shares), **{**fields, **other})


@st.composite
def corpora(draw: st.DrawFn) -> list[tuple[str, str, int]]:
    """Documents of up to three domains, some of them there several times."""
    documents = []
    for number in range(draw(st.integers(1, 12))):
        domain, length = draw(st.sampled_from("abc")), draw(st.integers(1, 30))
        for copy in range(1, draw(st.integers(1, 3)) + 1):
            name = f"{number}" if copy == 1 else f"{number}#{copy}"
            documents.append((name, domain, length))
    return documents


@settings(max_examples=40, deadline=None)
@given(corpora(), st.integers(1, 6), st.integers(1, 12))
def test_what_all_steps_see_is_what_all_documents_were_seen_in(
    documents: list[tuple[str, str, int]], windows: int, steps: int
) -> None:
    plan = plan_of(documents, windows_per_step=windows, steps=steps)
    columns = ["document", *SIGHTINGS]
    by_step = pl.concat(
        spans_of_step(plan, step).with_columns(step=pl.lit(step, pl.Int64))
        for step in range(plan.steps)
    )
    originals = {identity.split("#")[0] for identity, _, _ in documents}
    by_document = pl.concat(
        sightings(plan, each).with_columns(document=pl.lit(each)) for each in sorted(originals)
    )
    assert by_step.select(columns).sort(columns).equals(by_document.select(columns).sort(columns))
    assert by_step.height > 0
    lengths = {identity: length for identity, _, length in documents}
    assert by_step["length"].to_list() == [lengths[each] for each in by_step["id"]]


def test_how_a_span_is_turned_is_what_its_window_says() -> None:
    documents = [("a", "a", 30), ("b", "a", 9), ("b#2", "a", 9), ("c", "b", 40)]
    turning = FillInTheMiddle(domains=["a"], rate=0.6)
    plan = plan_of(documents, sequence_length=20, fill_in_the_middle=turning)
    found: dict[tuple[Any, ...], Any] = {}
    for step in range(plan.steps):
        spans, middles = spans_of_step(plan, step), middles_of_step(plan, step)
        assert spans.height == len(middles)
        columns = spans.select("document", "copy", "slot", "start").iter_rows()
        found |= {(step, *key): each for key, each in zip(columns, middles, strict=True)}
    assert {each.order for each in found.values() if each} == {
        "prefix, suffix, middle",
        "suffix, prefix, middle",
    }
    assert not any(each for (_, document, *_), each in found.items() if document == "c")
    for document in ("a", "b", "c"):
        seen = sightings(plan, document)
        middles = middles_of(plan, document, seen)
        for (copy, step, slot, start, _), each in zip(seen.iter_rows(), middles, strict=True):
            assert found[step, document, copy, slot, start] == each
    plain = plan_of(documents)
    assert set(middles_of_step(plain, 0)) == {None}
    assert set(middles_of(plain, "a", sightings(plain, "a"))) == {None}


def test_copies_are_one_document() -> None:
    ids = pl.Series(["a", "b", "a#2", "ab", "a#10", "a#2x", "xa", "a#"])
    assert copies(ids, "a") == {1: "a", 2: "a#2", 10: "a#10"}
    assert copies(ids, "b") == {1: "b"}
    assert copies(ids, "c") == {}
    assert copies(pl.Series(["a.c", "abc"]), "a.c") == {1: "a.c"}


def test_an_id_that_looks_like_a_copys_is_a_document_if_no_other_is_there() -> None:
    plan = plan_of([("page#2", "a", 8), ("other", "a", 8), ("other#2", "a", 8)], steps=3)
    spans = pl.concat(spans_of_step(plan, step) for step in range(3))
    found = set(spans.select("id", "document", "copy").iter_rows())
    assert found == {("page#2", "page#2", 1), ("other", "other", 1), ("other#2", "other", 2)}


def test_a_document_that_is_not_there_was_never_seen() -> None:
    plan = plan_of([("one", "a", 8)])
    assert sightings(plan, "two").equals(SIGHTINGS.to_frame())


def test_a_step_outside_the_plan() -> None:
    with pytest.raises(IndexError, match="outside the plan"):
        spans_of_step(plan_of([("one", "a", 8)]), 9)


def test_golden() -> None:
    plan = plan_of([("one", "a", 11), ("two", "a", 3), ("two#2", "a", 3)], steps=2)
    assert sightings(plan, "two").rows() == [
        *((1, 0, 0, 0, 3), (2, 0, 1, 0, 3), (2, 0, 3, 0, 3)),
        *((1, 1, 1, 0, 3), (1, 1, 2, 0, 3), (2, 1, 2, 0, 3)),
    ]
    columns = ("slot", "document", "copy", "start", "stop")
    assert spans_of_step(plan, 1).select(columns).rows() == [
        (0, "one", 1, 0, 8),
        (1, "two", 1, 0, 3),
        (2, "two", 1, 0, 3),
        (2, "two", 2, 0, 3),
        (3, "one", 1, 0, 8),
    ]
