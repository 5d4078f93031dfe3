"""``midtrain explain`` as a person uses it, on the finished run of the tiny recipe."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from midtrain.command import main

Explain = Callable[..., tuple[Any, str]]


@pytest.fixture
def explain(tiny_run: Any, tiny: Path, monkeypatch: Any, capsys: Any) -> Explain:
    """Runs the command in this process; exit code and what it printed."""
    monkeypatch.setenv("MIDTRAIN_ROOT", tiny_run.store.storage.root)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> tuple[Any, str]:
        with pytest.raises(SystemExit) as ended:
            main(["explain", str(tiny), *arguments])
        return ended.value.code, capsys.readouterr().out

    return run


def test_a_planted_document_is_explained(tiny_run: Any, explain: Explain) -> None:
    hits = tiny_run.artifacts["contamination"]["hellaswag"].read("hits")
    code, output = explain(hits["id"][0])
    assert code == 0
    assert hits["id"][0] in output.splitlines()[0]
    for words in ("Dropped: ", "planted", "Benchmark text", "hellaswag, item", "word_count"):
        assert words in output, words
    assert "Not made yet" not in output


def test_a_synthetic_document_is_explained(tiny_run: Any, explain: Explain) -> None:
    documents = tiny_run["synthesis/question_answer/documents"].read("documents")
    row = documents.row(0, named=True)
    code, output = explain(row["id"][:10], "--full")
    assert code == 0
    assert "made from" in output and "Question: " in output
    told = output.partition("How it was made")[2].partition("\nText\n")[0]
    # The end of the prompt stands there, and what came back.
    assert "Question:" in told and "completion" in told and "Answer:" in told
    assert "passed: it is not no question, no answer, prompt echo" in " ".join(told.split())
    code, output = explain(row["locator"].split(":")[0])
    assert code == 0 and row["id"][:12] in output


@pytest.mark.parametrize("run", ["annealed", "annealed/control"])
def test_a_step_and_its_documents_lead_to_each_other(run: str, explain: Explain) -> None:
    code, output = explain(f"{run}:5")
    assert code == 0
    assert output.startswith(f"{run}:5\nStep 5 of the steps 0 to 7: 16 windows of 64 tokens")
    found = re.search(r"slot (\d+)  ([\d,]+-[\d,]+) of [\d,]+ tokens  ([0-9a-f]{12})", output)
    assert found
    slot, span, identity = found.groups()
    code, output = explain(identity, "--full")
    assert code == 0
    of_run = re.search(rf"^{run} .*?(?=^\S|\Z)", output, re.MULTILINE | re.DOTALL)
    assert of_run
    assert re.search(rf"^ +5 +{slot}  {span}", of_run[0], re.MULTILINE)


def test_a_held_out_document_was_never_trained_on(tiny_run: Any, explain: Explain) -> None:
    held_out = tiny_run["token_shards"].read("held_out_index")
    code, output = explain(held_out["id"][0])
    assert code == 0
    assert output.endswith("Training\nHeld out: never trained on.\n")


def test_a_step_that_there_is_not_exits_with_two(explain: Explain) -> None:
    code, output = explain("annealed:8")
    assert code == 2 and "annealed has the steps 0 to 7, and none 8" in output
    assert "did you mean" not in output


def test_what_is_not_one_document_exits_with_two(explain: Explain) -> None:
    code, output = explain("nowhere at all")
    assert code == 2 and "searched: ids, sources and places of" in output
    code, output = explain("anealed/control:5")
    assert code == 2 and "; did you mean 'annealed/control'?" in output
    code, output = explain("jsonl")
    assert code == 2 and "name one of them by the start of its id" in output
