"""What sources can give, against what a run of them found, and what stages ask of it."""

import json
from pathlib import Path

import polars as pl
import pytest

from midtrain_dagster.forecast.inputs import look
from midtrain_dagster.forecast.supply import asked, supply_problems, trained_on

from .conftest import SENTENCE, Changed


def test_what_is_asked_is_the_mean_of_the_shares_over_the_stage(changed: Changed) -> None:
    source = {"reader": "json_lines", "domain": "qa", "kind": "qa", "paths": ["p.jsonl"]}
    shares = {"web": {0: 1.0, 0.5: 1.0, 1: 0.0}, "qa": {0: 0.0, 0.5: 0.0, 1: 1.0}}
    recipe = changed({"sources.more": source, "stages.base.mixture.domains": shares})
    base, *_ = recipe.runs()
    assert asked(base) == pytest.approx({"web": 0.75 * 4096, "qa": 0.25 * 4096})


@pytest.mark.parametrize(("copies", "tokens"), [(1, 10_000), (3, 10_000), (3, 10**9)])
def test_what_is_sampled_is_what_is_trained_on(changed: Changed, copies: int, tokens: int) -> None:
    plain = changed()
    every = trained_on(plain, look(plain).supplies)["web"]
    wanted = {"web": {"tokens": tokens, "maximum_copies": copies}}
    recipe = changed({"sampling": {"domains": wanted}})
    had = trained_on(recipe, look(recipe).supplies)["web"]
    assert had == pytest.approx(min(tokens, copies * every))


def test_an_estimate_from_the_beginning_is_near_what_there_is(
    changed: Changed, tmp_path: Path
) -> None:
    texts = [f"{number} {SENTENCE * (1 + number % 90)}" for number in range(4000)]
    other = "z" * 700
    with (tmp_path / "p.jsonl").open("w") as lines:
        lines.writelines(json.dumps({"text": text, "other": other}) + "\n" for text in texts)
    recipe = changed()
    (tmp_path / "p.jsonl").rename(tmp_path / "q.jsonl")
    recipe = changed({"sources.pages.paths": ["q.jsonl"]})
    supply = look(recipe).supplies["web"]
    assert supply.documents == pytest.approx(len(texts), rel=0.1)
    assert supply.text_bytes == pytest.approx(sum(map(len, texts)), rel=0.1)
    assert supply.text_bytes / 3 < supply.tokens < supply.text_bytes


def test_a_run_of_the_same_recipe_finds_about_what_was_estimated(tiny_run) -> None:
    inputs = look(tiny_run.recipe)
    found = (
        tiny_run["documents"]
        .scan("documents")
        .group_by("source")
        .agg(documents=pl.len(), size=pl.col("text").str.len_bytes().sum())
        .collect()
    )
    for source, documents, size in found.iter_rows():
        rows = inputs.sources[source].rows
        assert documents / 2 < rows.about_documents < 2 * documents, source
        assert size / 2 < rows.about_text_bytes < 2 * size, source


@pytest.mark.parametrize(("tokens", "stops"), [("100M", True), ("150k", False), ("1k", None)])
def test_a_proposal_is_held_against_what_the_sources_can_give(
    changed: Changed, tokens: str, stops: bool | None
) -> None:
    """Most tokens are to be of ``qa``, once: far more than there are, more, or no more."""
    source = {"reader": "json_lines", "domain": "qa", "kind": "prose", "paths": ["p.jsonl"]}
    found = {
        **{"method": "proposed", "search": "small", "law": "log_linear", "tokens": tokens},
        **{"targets": {"loss/qa": 1}, "floors": {"qa": 0.9}, "max_epochs": 1, "folds": 2},
    }
    proxy = {"tokens": 1024, "batch_tokens": 128, "sequence_length": 32}
    recipe = changed(
        {
            "sources.more": source,
            "mixture_search": {"small": {"domains": ["web", "qa"], "rounds": [8], "proxy": proxy}},
            "mixtures": {"found": found},
        }
    )
    told = [
        each
        for each in supply_problems(recipe, look(recipe).supplies)
        if each.place == ("mixtures", "found")
    ]
    assert [each.stops for each in told] == ([] if stops is None else [stops] * len(told))
    assert bool(told) is (stops is not None)
    if told:
        assert "by the tokens before curation, floor 0.9 of qa is above" in told[0].reason
