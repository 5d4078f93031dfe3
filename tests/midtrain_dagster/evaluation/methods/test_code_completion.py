import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from midtrain_dagster.evaluation.benchmark import ITEMS
from midtrain_dagster.evaluation.harness import evaluate
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.method import Outcome, Written
from midtrain_dagster.evaluation.methods.code_completion import (
    VERSION,
    CodeCompletion,
    edit_similarity,
)
from midtrain_dagster.tokens.text_encoder import meant

METHOD = CodeCompletion(method="code_completion", most_tokens=4)
SENTINELS = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
MIDDLE = CodeCompletion(
    method="code_completion", most_tokens=4, suffix="after", sentinels=SENTINELS
)


def scored(written: str, answer: str) -> dict[str, float]:
    outcome = Outcome(
        documents=[METHOD.document(Item("x = 1\n", [], None, answer))],
        responses=[[(-1.0, False)]],
        tokens=[[1]],
        written=[[Written(written, False)]],
    )
    return {each.metric: float(each.sums[0]) for each in METHOD.item_values(outcome)}


@pytest.mark.parametrize(
    ("written", "answer", "similarity", "exact"),
    [
        ("\ny = f(x)\nz = 2", "y = f(x)", 1.0, 1.0),
        ("y = g(x)", "y = f(x)", 0.875, 0.0),
        ("", "y = f(x)", 0.0, 0.0),
        ("a\nb\nc", "a\nb", 1.0, 1.0),
    ],
)
def test_as_many_lines_as_the_answer_has_are_compared(
    written: str, answer: str, similarity: float, exact: float
) -> None:
    values = scored(written, answer)
    assert values["edit_similarity"] == pytest.approx(similarity)
    assert values["exact_match"] == exact
    assert VERSION == 1


def test_edit_similarity_has_a_golden_value() -> None:
    """Insertions and deletions by the characters of both: ``kitten`` and ``sitting`` share 4."""
    assert edit_similarity("kitten", "sitting") == pytest.approx(2 * 4 / 13)


def test_a_hole_is_shown_between_the_tokenizer_s_own_tokens(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    row = {"after": "in the spot"}
    document = MIDDLE.document(Item("The boys", [], None, " are", row=row))
    assert document["question"] == (
        f"{meant(SENTINELS[0])}The boys{meant(SENTINELS[1])}in the spot{meant(SENTINELS[2])}"
    )
    items = code_items(row)
    with pytest.raises(ValueError, match=r"no token <\|fim_prefix\|>, .*: say the `sentinels`"):
        evaluate(folder, items, method=MIDDLE)
    theirs = ("<|endoftext|>",) * 3
    made = evaluate(folder, items, method=MIDDLE.model_copy(update={"sentinels": theirs}))
    assert made["scores"]["metric"].to_list() == ["edit_similarity", "exact_match", "bits_per_byte"]


def code_items(row: dict[str, Any]) -> Any:
    return pl.DataFrame(
        [("code", "0", "The boys", [], None, " are", json.dumps(row))], schema=ITEMS, orient="row"
    )


def test_items_and_sections_that_cannot_work_are_named() -> None:
    with pytest.raises(ValidationError, match="'sentinels' need 'suffix'"):
        CodeCompletion(method="code_completion", sentinels=SENTINELS)
    with pytest.raises(ValueError, match="'after' holds no code behind the hole"):
        MIDDLE.document(Item("x", [], None, "y"))
    with pytest.raises(ValueError, match="needs a reference answer"):
        METHOD.document(Item("x", [], None, " \n"))
