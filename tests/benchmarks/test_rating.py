import json
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.rating import CASES, MODEL, figures, prepare
from midtrain_dagster.curation.classifier import label_probability
from midtrain_dagster.curation.raters.methods.fasttext import rate

PASSAGES = Path(__file__).parents[2] / "data/evals/evals/registry/data/schelling_point"


def test_all_cases_rate_the_same_documents_with_one_model(tmp_path: Path) -> None:
    rows = [
        {"id": f"{source}-{number}", "text": json.loads(line)["0"], "source": source}
        for source in ("owt", "wikipedia")
        for number, line in enumerate((PASSAGES / f"{source}_5.jsonl").open(encoding="utf-8"))
        if number < 200
    ]
    table = pl.DataFrame(rows)
    prepare(tmp_path, table)
    assert {case: work(str(tmp_path)) for case, work in CASES.items()} == dict.fromkeys(CASES, 400)
    plain = rate(table, model=tmp_path / MODEL, text="plain")["ratings"]["rating"]
    lines = table["text"].str.replace_all("\n", " ")
    expected = label_probability(lines, tmp_path / MODEL, "positive")
    np.testing.assert_allclose(plain, expected, atol=3e-6)


def test_ratios_are_ours_over_theirs() -> None:
    made = figures({"ours": 120.0, "ours, plain text": 240.0, "fasttext": 60.0})
    assert made["ratio"] == {"fasttext": 2.0}
    assert made["ratio_plain_text"] == {"fasttext": 4.0}
