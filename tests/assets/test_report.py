"""What the report says of a whole run is what the artifacts say."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.report import report_data
from definitions import recipe_assets
from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.report.data import ReportData
from resources.artifacts import asset_name, load_materialized


@pytest.fixture(scope="module")
def gathered(whole_run: Any, tiny: Path) -> tuple[ReportData, dict[str, Any], list[Any]]:
    recipe = load_recipe(tiny)
    store = ArtifactStore(Storage(root=str(whole_run[0].root)))
    specs = [spec for asset in recipe_assets(recipe) for spec in asset.specs]
    specs = [spec for spec in specs if spec.key.path[-1] != "report"]
    artifacts: dict[str, Any] = {
        asset_name(spec.key): {
            key: load_materialized(store, spec.key.path, key) for key in recipe.benchmarks
        }
        if spec.partitions_def
        else load_materialized(store, spec.key.path)
        for spec in specs
    }
    return report_data(recipe, artifacts, specs), artifacts, specs


def test_every_document_is_counted_once(gathered) -> None:
    data, artifacts, _ = gathered
    assert data.decisions["documents"].sum() == artifacts["documents"].rows("documents")
    kept = data.decisions.filter(reason="kept")["documents"].sum()
    assert kept == artifacts["curated_documents"].read("decisions")["keep"].sum()


def test_the_recall_of_decontamination_is_measured_on_what_was_planted(gathered) -> None:
    data, _, _ = gathered
    rows = {row["benchmark"]: row for row in data.contamination.iter_rows(named=True)}
    assert (rows["hellaswag"]["planted"], rows["hellaswag"]["caught"]) == (5, 5)
    assert (rows["human_eval"]["planted"], rows["human_eval"]["hits"]) == (0, 0)
    assert rows["human_eval"]["items"] == 164


def test_the_mixture_is_told_as_planned_and_as_delivered(gathered) -> None:
    data, _, _ = gathered
    assert data.planned.keys() == data.delivered.keys() == set(data.trained_lengths)
    for stage in data.planned:
        assert sum(data.delivered[stage].values()) == pytest.approx(1)
    assert data.epochs.select(pl.col("available").is_not_null().all()).item()


def test_pairs_are_shown_with_the_passage_that_holds_their_answer(gathered) -> None:
    data, artifacts, _ = gathered
    assert data.pairs.height == min(12, artifacts["synthetic_documents"].rows("documents")) > 0
    for pair in data.pairs.iter_rows(named=True):
        assert pair["question"]
        assert pair["answer"].lower() in pair["passage"].lower()
    counted = dict(data.synthesis.iter_rows())
    assert counted["kept"] == artifacts["synthetic_documents"].rows("documents")
    assert sum(counted.values()) == artifacts["synthetic_documents"].manifest.figures["prompts"]


def test_the_lineage_is_the_graph(gathered) -> None:
    data, artifacts, specs = gathered
    assert set(data.lineage["asset"]) == {asset_name(spec.key) for spec in specs}
    (row,) = data.lineage.filter(asset="token_shards").to_dicts()
    assert row["fingerprint"] == artifacts["token_shards"].fingerprint
    assert set(row["upstream"]) >= {"tokenizer", "curated_documents", "benchmark_items"}


def test_gates_and_promises_are_all_told(gathered) -> None:
    data, _, _ = gathered
    names = [check.name for check in data.checks]
    assert len(names) == len(set(names))
    assert {check.gate for check in data.checks} == {True, False}
    assert all(check.passed for check in data.checks if check.gate)


def test_the_page_stands_alone(whole_run: Any) -> None:
    """One file: nothing is fetched from anywhere when it is opened."""
    page = Path(whole_run[1].strip().splitlines()[-1]).read_text()
    assert 'src="http' not in page and "url(http" not in page and "@import" not in page
    assert "<script src" not in page and '<link rel="stylesheet"' not in page
