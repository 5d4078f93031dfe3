"""The report of the finished run of the tiny recipe says what the artifacts say."""

import re
from typing import Any

import pytest

from assets.report import RunArtifacts
from definitions import recipe_assets
from midtrain_dagster.display.blocks import PageSection, Table
from midtrain_dagster.evaluation.checks import Check
from midtrain_dagster.evaluation.report_section import scores
from midtrain_dagster.report import page
from resources.artifacts import asset_name

Gathered = tuple[list[Check], list[PageSection]]


@pytest.fixture(scope="module")
def specs(tiny_run: Any) -> list[Any]:
    found = [spec for asset in recipe_assets(tiny_run.recipe) for spec in asset.specs]
    return [spec for spec in found if asset_name(spec.key) != "report"]


@pytest.fixture(scope="module")
def gathered(tiny_run: Any, specs: Any) -> Gathered:
    return RunArtifacts(tiny_run.recipe, tiny_run.artifacts).report(specs)


def section(gathered: Gathered, name: str) -> PageSection:
    return next(each for each in gathered[1] if each.name == name)


def test_page_has_every_section_and_the_same_bytes_when_it_is_made_again(
    tiny_run: Any, gathered: Gathered
) -> None:
    assert [each.name for each in gathered[1]] == [
        *("summary", "checks", "losses", "benchmarks", "training", "mixture", "mixtures"),
        *("sources", "curation", "distributions", "contamination", "synthesis", "tokens"),
        *("lineage", "recipe"),
    ]
    recipe = tiny_run.recipe
    made_again = page.render(recipe.name, recipe.description, gathered[1])
    assert made_again.encode() == tiny_run["report"].content("report.html")


def test_tables_of_the_report_are_those_of_the_evaluation(tiny_run: Any) -> None:
    report = tiny_run["report"]
    assert report.read("losses").equals(tiny_run["held_out_losses"].read("losses"))
    measured = scores(tiny_run.artifacts["evaluation"].values())
    assert report.read("scores").equals(measured)


def test_every_gate_and_check_is_named_once(tiny_run: Any, gathered: Gathered) -> None:
    checks, _ = gathered
    names = [check.name for check in checks]
    assert len(names) == len(set(names))
    assert [check.name for check in checks if check.gate] == [
        *("finite_loss", "no_source_is_empty", "removal_ceiling"),
        "no_benchmark_text_in_the_shards",
    ]
    runs = [run.name.replace("/", "_") for run in tiny_run.recipe.runs()]
    assert {f"{run}_loss_falls" for run in runs} < set(names)
    assert {"annealed_general_loss", "annealed_targets", "extended_general_loss"} < set(names)
    passed = sum(check.passed for check in checks)
    figures = tiny_run["report"].manifest.figures
    assert figures["checks"] == f"{passed} of {len(checks)} passed"


def test_lineage_is_the_graph_with_the_rows_of_main_tables(
    tiny_run: Any, gathered: Gathered, specs: Any
) -> None:
    table = section(gathered, "lineage").blocks[1]
    assert isinstance(table, Table)
    rows = {row[0].text: row for row in table.rows}
    assert set(rows) == {asset_name(spec.key) for spec in specs}
    assert rows["token_shards"][2].title == tiny_run["token_shards"].fingerprint
    documents = tiny_run["documents"].rows("documents")
    for name in ("documents", "curated_documents", "language"):
        assert rows[name][3] == f"{documents:,}"
    assert rows["checkpoint/annealed"][3] == "8"
    assert rows["contamination"][2].text == "2 partitions"
    causes = {each.text for each in rows["checkpoint/annealed"][5] if not isinstance(each, str)}
    assert {"checkpoint/base", "token_shards", "tokenizer"} == causes


def test_page_stands_alone(tiny_run: Any) -> None:
    """One file: nothing is fetched from anywhere when it is opened."""
    html = tiny_run["report"].content("report.html").decode()
    assert not re.search(r'src="http|url\(http|@import|<script|<link', html)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert html.count("<figure>") == 7
