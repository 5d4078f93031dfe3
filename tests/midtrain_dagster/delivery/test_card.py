"""A card says what the lineage knows, in a form that the hub reads."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results

from assets.report import COMPARED, FOUND_ITEMS, measurements
from midtrain_dagster.delivery.card import Lineage, model_card, way_to
from midtrain_dagster.display import numbers
from midtrain_dagster.training.artifact import Checkpoint


def lineage(run: Any, name: str, *, measured: bool) -> Lineage:
    report = run["report"]
    return Lineage(
        {each: Checkpoint(run[f"checkpoint/{each}"]) for each in way_to(run.recipe, name)},
        run["token_shards"],
        documents=[run["documents"], run["synthesis/question_answer/documents"]],
        languages=[run["language"], run["synthesis/question_answer/language"]],
        measured=measurements(run.recipe, report) if measured else None,
        found=report.read(FOUND_ITEMS) if measured else None,
        compared=report.read(COMPARED) if measured else None,
    )


@pytest.fixture(scope="module")
def card(tiny_run: Any) -> str:
    return model_card(tiny_run.recipe, "annealed", lineage(tiny_run, "annealed", measured=True))


def test_the_card_tells_how_it_was_trained(tiny_run: Any, card: str) -> None:
    way = lineage(tiny_run, "annealed", measured=False).made
    assert list(way) == ["base", "annealed"]
    for name, checkpoint in way.items():
        assert checkpoint.fingerprint[:12] in card
        stage = checkpoint.record.stage
        assert f"batch_tokens: {stage['batch_tokens']}\n" in card, name
    assert "schedule: {segments" in card or "schedule: [{" in card
    assert "optimizer: {method: adamw" in card
    assert "- architecture: llama\n- layers: 2\n" in card
    assert tiny_run.recipe.text.rstrip() in card


def test_the_card_tells_of_what_data_and_under_which_licence(tiny_run: Any, card: str) -> None:
    recipe = tiny_run.recipe
    for source, each in recipe.sources.items():
        begin = f"| {source} | {each.domain} | "
        (row,) = [line for line in card.splitlines() if line.startswith(begin)]
        assert row.endswith(f"| not known | {numbers.MISSING} |")
    assert "| synthetic_question_answer | qa | " in card
    unsaid = ", ".join(recipe.sources)
    assert f"- The licences of {unsaid}: the recipe does not say them." in card
    assert "smollm2-135m-instruct`" in card
    assert "Languages of the prose, as identified by fastText, by tokens: en " in card
    said = {
        **recipe.sources,
        "wikipedia": recipe.sources["wikipedia"].model_copy(
            update={"licence": "CC-BY-SA-4.0 |\n GFDL"}
        ),
    }
    other = recipe.model_copy(update={"sources": said})
    told = model_card(other, "annealed", lineage(tiny_run, "annealed", measured=False))
    (row,) = [line for line in told.splitlines() if line.startswith("| wikipedia | wikipedia | ")][
        -1:
    ]
    assert "| CC-BY-SA-4.0 \\| GFDL |" in row, "on one line, in one cell"
    assert "- The licences of openwebtext, docstrings, planted: " in told


def test_the_card_tells_what_of_benchmarks_stood_in_the_corpus(tiny_run: Any, card: str) -> None:
    assert "method: qwen_math" in card
    found = tiny_run["report"].read(FOUND_ITEMS)
    for row in found.iter_rows(named=True):
        counts = [row[name] for name in ("items", "untestable", "found")]
        share = numbers.share(row["found"] / row["items"])
        assert f"| {row['benchmark']} | {' | '.join(map(str, counts))} | {share} | " in card
    assert f"| {found['planted'][0]} | {found['caught'][0]} |\n" in card


def test_the_card_has_results_with_their_errors(tiny_run: Any, card: str) -> None:
    shown = measurements(tiny_run.recipe, tiny_run["report"])
    names = ["base", "annealed/control", "annealed"]
    assert "| measure | | base | annealed control | annealed |" in card
    for row in shown.rows:
        assert f"| {' | '.join([row.label, row.note, *map(row.written, names)])} |" in card
    assert "- hellaswag: put bare, the question alone." in card
    assert "| annealed | annealed control | hellaswag | bits_per_byte | " in card
    assert "| annealed | base | hellaswag | acc_norm | " in card


def test_the_hub_s_library_reads_the_card(tiny_run: Any, card: str, tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(card, "utf-8")
    data = ModelCard.load(file).data
    read = data.to_dict()
    assert (read["license"], read["library_name"]) == ("unknown", "transformers")
    assert read["language"] == ["en"] or "en" in read["language"]
    assert "base_model" not in read and "datasets" not in read, "none is of the hub"
    name, results = model_index_to_eval_results(read["model-index"])
    assert name == "tiny: annealed"
    scores = measurements(tiny_run.recipe, tiny_run["report"]).scores.filter(checkpoint="annealed")
    told = {each.metric_type: each.metric_value for each in results}
    for row in scores.iter_rows(named=True):
        assert told[row["metric"]] == pytest.approx(row["value"], abs=1e-6)
        assert told[f"{row['metric']}_stderr"] == pytest.approx(row["stderr"], abs=1e-6)
    assert {each.dataset_name for each in results} == {"hellaswag"}


def test_what_was_not_made_yet_is_not_known(tiny_run: Any, tmp_path: Path) -> None:
    told = model_card(tiny_run.recipe, "annealed", lineage(tiny_run, "annealed", measured=False))
    assert "Nothing has been measured." in told
    assert "What was found is not known: no report was made yet." in told
    assert "- What making it cost, in money, energy or carbon: it was not measured." in told
    file = tmp_path / "README.md"
    file.write_text(told, "utf-8")
    assert "model-index" not in ModelCard.load(file).data.to_dict()
