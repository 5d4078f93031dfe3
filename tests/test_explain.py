"""``midtrain explain`` as a person uses it, on the finished run of the tiny recipe."""

import re
from pathlib import Path
from typing import Any

import pytest

from assets.latest_artifacts import made_so_far
from definitions import recipe_assets
from midtrain import main
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.report.explanation.document import tell
from midtrain_dagster.report.explanation.document_search import find
from midtrain_dagster.report.explanation.verdict import verdict
from resources.artifacts import load_materialized


@pytest.fixture
def explain(whole_run: Any, tiny: Path, monkeypatch: Any, capsys: Any) -> Any:
    """Runs the command in this process; exit code and what it printed."""
    monkeypatch.setenv("MIDTRAIN_ROOT", str(whole_run[0].root))
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> tuple[Any, str]:
        with pytest.raises(SystemExit) as ended:
            main(["explain", str(tiny), *arguments])
        return ended.value.code, capsys.readouterr().out

    return run


def artifact(whole_run: Any, name: str, key: str | None = None) -> Artifact:
    store = ArtifactStore(Storage(root=str(whole_run[0].root)))
    return load_materialized(store, ["tiny", name], key)


def test_a_planted_document_is_explained(whole_run: Any, explain: Any) -> None:
    hits = artifact(whole_run, "contamination", "hellaswag").read("hits")
    code, output = explain(hits["id"][0])
    assert code == 0
    assert hits["id"][0] in output.splitlines()[0]
    for words in ("Dropped: ", "planted", "Benchmark text", "hellaswag, item", "word_count"):
        assert words in output, words
    assert "Not made yet" not in output


def test_a_synthetic_document_is_explained(whole_run: Any, explain: Any) -> None:
    row = artifact(whole_run, "synthetic_documents").read("documents").row(0, named=True)
    code, output = explain(row["id"][:10], "--full")
    assert code == 0
    assert "made from" in output and "Question: " in output
    origin = row["locator"].split(":")[0]
    code, output = explain(origin)
    assert code == 0 and f"{row['id'][:12]}" in output


def test_a_step_and_its_documents_tell_of_each_other(whole_run: Any, explain: Any) -> None:
    code, output = explain("annealed:5")
    assert code == 0
    assert output.startswith("annealed:5\nStep 5 of the steps 0 to 7: 16 windows of 64 tokens")
    found = re.search(r"slot (\d+)  ([\d,]+-[\d,]+) of [\d,]+ tokens  ([0-9a-f]{12})", output)
    assert found
    slot, span, identity = found.groups()
    code, output = explain(identity, "--full")
    assert code == 0
    told = output.split("\nTraining\n")[1].split("\nannealed ")[1].split("annealed_control")[0]
    assert re.search(rf"^ +5 +{slot}  {span}", told, re.MULTILINE)


def test_a_held_out_document_was_never_trained_on(whole_run: Any, explain: Any) -> None:
    held_out = artifact(whole_run, "token_shards").read("held_out_index")
    code, output = explain(held_out["id"][0])
    assert code == 0
    assert output.endswith("Training\nHeld out: never trained on.\n")


def test_a_step_that_there_is_not_exits_with_two(explain: Any) -> None:
    code, output = explain("annealed:8")
    assert code == 2 and "annealed has the steps 0 to 7, and none 8" in output


def test_every_reason_is_told_as_a_sentence(whole_run: Any, tiny: Path) -> None:
    recipe = load_recipe(tiny)
    store = ArtifactStore(Storage(root=str(whole_run[0].root)))
    made, missing = made_so_far(store, recipe_assets(recipe), recipe.benchmarks)
    assert missing == []
    decisions = made["curated_documents"].read("decisions")
    for identity, reason in decisions.unique("reason").select("id", "reason").sort("id").rows():
        sentence = verdict(tell(made, find(made, identity), recipe.curation))
        assert sentence.startswith("Kept: " if reason == "kept" else "Dropped: ")
        assert "it breaks the rule" not in sentence, reason


def test_what_is_not_one_document_exits_with_two(explain: Any) -> None:
    code, output = explain("nowhere at all")
    assert code == 2 and "searched: ids, sources and places of" in output
    code, output = explain("jsonl")
    assert code == 2 and "name one of them by the start of its id" in output
