"""What there was to train on, by source and language, sums to the token shards."""

from typing import Any

import polars as pl

from midtrain_dagster.delivery.data_used import BY_SOURCE, LANGUAGES, by_language, by_source


def test_sources_sum_to_the_shards(tiny_run: Any) -> None:
    documents = [tiny_run["documents"], tiny_run["synthesis/question_answer/documents"]]
    found = by_source(tiny_run["token_shards"], documents)
    assert found.schema == BY_SOURCE
    index = tiny_run["token_shards"].read("train_index")
    assert found["tokens"].sum() == index["length"].sum()
    assert found["documents"].sum() == index.height
    assert found["share"].sum() == 1.0 or abs(found["share"].sum() - 1) < 1e-9
    assert found["source"].null_count() == 0
    by_domain = found.group_by("domain").agg(pl.col("tokens").sum())
    for domain, tokens in by_domain.iter_rows():
        assert tokens == index.filter(domain=domain)["length"].sum()
    without = by_source(tiny_run["token_shards"], documents[:1])
    assert without["source"].null_count() == 1, "what nobody lists is of an unknown source"


def test_languages_are_those_of_prose(tiny_run: Any) -> None:
    documents = [tiny_run["documents"]]
    found = by_language(tiny_run["token_shards"], documents, [tiny_run["language"]])
    assert found.schema == LANGUAGES
    assert found["language"][0] == "en"
    known = tiny_run["documents"].read("documents").select("id", "kind")
    index = tiny_run["token_shards"].read("train_index")
    index = index.with_columns(pl.col("id").str.split("#").list.first()).join(known, on="id")
    assert found["tokens"].sum() == index.filter(kind="prose")["length"].sum()
    unknown = by_language(tiny_run["token_shards"], documents, [])
    assert unknown["language"].to_list() == [None]
