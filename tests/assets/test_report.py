"""The report of the finished run of the tiny recipe says what the artifacts say."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from assets.leaks import leaked_ids
from assets.report import _metadata, measurements, page_address
from assets.run_artifacts import RunArtifacts
from definitions import recipe_assets
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import PageSection, Span, Stack, Table
from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation.checks import Check
from midtrain_dagster.evaluation.clean_part import losses_without, positions_without
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
        *("summary", "checks", "losses", "benchmarks", "held_out_leaks", "samples", "checkpoints"),
        "training",
        *("mixture", "mixtures", "sources", "curation", "distributions", "contamination"),
        *("synthesis", "tokens", "preflight", "lineage", "recipe"),
    ]
    recipe = tiny_run.recipe
    made_again = page.render(recipe.name, recipe.description, gathered[1])
    assert made_again.encode() == tiny_run["report"].content("report.html")


def test_tables_of_the_report_are_those_of_the_evaluation(tiny_run: Any) -> None:
    report, held_out = tiny_run["report"], tiny_run["held_out_losses"]
    leaked = leaked_ids(tiny_run["held_out_leaks"])
    for name, without in (("losses", losses_without), ("positions", positions_without)):
        clean = without(held_out.read(f"{name}_by_document"), leaked)
        assert report.read(name).equals(clean if leaked else held_out.read(name))
    assert report.read("scores").equals(scores(tiny_run.artifacts["evaluation"].values()))
    asked = report.read("asked")
    for row in asked.iter_rows(named=True):
        items = tiny_run.artifacts["benchmark_items"][row["benchmark"]].rows("items")
        assert row["scored"] + row["too_long"] + row["beyond_limit"] == items


def test_every_gate_and_check_is_named_once(tiny_run: Any, gathered: Gathered) -> None:
    checks, _ = gathered
    names = [check.name for check in checks]
    assert len(names) == len(set(names))
    assert [check.name for check in checks if check.gate] == [
        *("finite_loss", "no_source_is_empty", "rejection_ceiling", "removal_ceiling"),
        *("no_benchmark_text_in_the_shards", "preflight"),
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
    for name, of in (
        *(("documents", "documents"), ("curated_documents", "decisions")),
        ("language", "language"),
    ):
        assert rows[name][3] == f"{documents:,}"
        assert rows[name][4].text == of
    assert rows["checkpoint/annealed"][3] == "8"
    assert rows["contamination"][2].text == "2 partitions"
    causes = {each.text for each in rows["checkpoint/annealed"][6] if not isinstance(each, str)}
    assert {
        *("benchmark_items", "checkpoint/base", "preflight", "token_shards", "tokenizer")
    } == causes, "the gate before its first step looks at the items"


def test_page_stands_alone(tiny_run: Any) -> None:
    """One file: nothing is fetched from anywhere when it is opened."""
    html = tiny_run["report"].content("report.html").decode()
    assert not re.search(r'src="http|url\(http|@import|<script|<link', html)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert html.count("<figure>") == 10


def tables(gathered: Gathered, name: str) -> list[Table]:
    return [block for block in section(gathered, name).blocks if isinstance(block, Table)]


def told(cell: Any) -> str:
    """The first line of a cell, as text."""
    first = cell.lines[0] if isinstance(cell, Stack) else cell
    return first.text if isinstance(first, Span) else first


def test_documents_are_as_many_wherever_they_are_counted(tiny_run: Any, gathered: Gathered) -> None:
    key = {each.words: each.value for part in gathered[1] for each in part.numbers}
    collected = tiny_run["documents"].rows("documents")
    (sources,) = tables(gathered, "sources")[:1]
    column = [each.title for each in sources.columns].index("Documents")
    assert sum(int(row[column]) for row in sources.rows) == collected
    assert key["documents collected"] == f"{collected:,}"
    (decisions,) = [
        each for each in tables(gathered, "curation") if each.columns[0].title == "Decision"
    ]
    by_decision = {told(row[0]): int(row[1]) for row in decisions.rows}
    assert sum(by_decision.values()) == collected
    assert key["documents kept"] == f"{by_decision['kept']:,}"
    # What was kept of collected and of synthetic documents is what is trained on or held out.
    (shards,) = tables(gathered, "tokens")
    *_, whole = shards.rows
    index = tiny_run["token_shards"].read("train_index")
    again = index["id"].str.contains("#").sum()
    assert int(whole[1]) + int(whole[4]) - again == by_decision["kept"] + int(
        key["synthetic documents kept"]
    )


def test_steps_and_tokens_are_as_many_wherever_they_are_counted(
    tiny_run: Any, gathered: Gathered
) -> None:
    lineage = {told(row[0]): row for row in tables(gathered, "lineage")[0].rows}
    trained = {row[0]: row for row in tables(gathered, "training")[0].rows}
    *_, read = tables(gathered, "mixture")[0].rows
    for number, run in enumerate(tiny_run.recipe.runs()):
        row = trained[spoken(run.name)]
        assert row[1] == lineage[f"checkpoint/{run.name}"][3] == f"{run.stage.steps:,}"
        assert row[3] == f"{run.stage.steps * run.stage.batch_tokens:,}"
        assert read[2 + number].lines[1] == f"{row[3]} with padding"
        mixture = tiny_run[f"checkpoint/{run.name}"].read("mixture")
        assert mixture["planned"].sum() == pytest.approx(1)
        assert mixture["delivered"].sum() == pytest.approx(1)
        assert read[2 + number].lines[0] == f"{mixture['tokens'].sum():,}"
    shards = tiny_run["token_shards"]
    assert lineage["token_shards"][5] == numbers.count(shards.tokens)
    words = [
        block.content for block in section(gathered, "tokens").blocks if hasattr(block, "note")
    ]
    assert f"hold {numbers.count(shards.tokens)} tokens" in str(words)


def test_the_terminal_the_page_and_the_ui_have_the_same_table(
    tiny_run: Any, gathered: Gathered, whole_run: Any
) -> None:
    report = tiny_run["report"]
    measured = measurements(tiny_run.recipe, report)
    (page_table,) = tables(gathered, "summary")
    shown = _metadata(tiny_run.recipe, report)
    ui = {
        (cells[0], cells[1]): cells[2:]
        for line in shown["before_after"].value.splitlines()
        for cells in [[each.strip() for each in line.strip("|").split("|")]]
    }
    printed = " ".join(whole_run[1].split())
    for row, cells in zip(measured.rows, page_table.rows, strict=True):
        written = [row.written(name) for name in measured.checkpoints]
        assert [told(cell) for cell in cells[1:]] == written
        assert ui[row.label, row.note] == written and row.items in row.note
        short = " ".join(row.short(name) for name in measured.checkpoints)
        name = rf"{re.escape(row.label)}( \({row.role}\))?"
        below = "".join(f" {re.escape(words)}" for words in (row.figure,) if words)
        items = f"( {re.escape(row.items)})?" if row.items else ""
        assert re.search(f"{name}{below}{items} {re.escape(short)}", printed), row.label
    # All benchmarks and checkpoints in one table, though the asset has a page for each partition.
    assert shown["benchmarks"].value.count("\n") == measured.scores.height + 1
    compared = tiny_run["report"].rows("comparisons")
    assert shown["differences"].value.count("\n") == compared + 1 > 1


def test_checks_say_what_the_table_says(tiny_run: Any, gathered: Gathered) -> None:
    rows = {row.label: row for row in measurements(tiny_run.recipe, tiny_run["report"]).rows}
    details = {check.name: check.detail for check in gathered[0]}
    target = rows["mathematics"]
    assert details["annealed_targets"] == (
        f"mean loss on mathematics is {target.short('annealed')}, the control's "
        f"{target.short('annealed/control')}"
    )


def test_the_copy_that_people_open_says_when_where_and_how_long(tiny_run: Any) -> None:
    report = tiny_run["report"]
    html, address = report.content("report.html").decode(), page_address(report)
    assert address.endswith(f"reports/{report.fingerprint}/report.html")
    copy = Path(address).read_text("utf-8")
    # What the artifact leaves open is the colophon, and the seconds of what models wrote.
    colophon, *spent = re.split(r"(<!-- seconds of \S+ -->)", html)
    before, _, after = colophon.partition(page.COLOPHON)
    places = [re.escape(each.removeprefix(numbers.MISSING)) for each in spent[1::2]]
    rest = r"([\d,.]+)".join([re.escape(after), *places])
    found = re.fullmatch(f"{re.escape(before)}(.*?){rest}", copy, re.DOTALL)
    assert found is not None
    words, *seconds = found.groups()
    assert len(seconds) == len(tiny_run.recipe.synthesis) > 0
    assert f"by midtrain-dagster {version('midtrain-dagster')}" in words
    assert version("torch") in words and "token_<wbr>shards" in words


def test_a_store_into_which_only_artifacts_were_copied_has_the_page(tiny_run: Any) -> None:
    report = tiny_run["report"]
    elsewhere = report.manifest.model_copy(update={"section": "another"})
    address = page_address(Artifact(report.storage, elsewhere))
    assert Path(address).read_bytes() == report.content("report.html")
