from pathlib import Path

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.curation.raters.judgements import pairs
from midtrain_dagster.curation.raters.methods.pairwise import VERSION, rate, train
from midtrain_dagster.curation.raters.sentence_embedding import embed


@pytest.fixture(scope="module")
def documents(passages: pl.DataFrame) -> pl.DataFrame:
    return passages.select("id", "text")[::4]


@pytest.fixture(scope="module")
def truth(documents: pl.DataFrame, static_vectors: Path) -> pl.Series:
    """Scores that embeddings tell: what the judge below goes by."""
    return pl.Series(embed(documents["text"], static_vectors) @ np.linspace(-9, 9, 96))


@pytest.fixture(scope="module")
def trained(documents: pl.DataFrame, truth: pl.Series, static_vectors: Path) -> dict:
    score = dict(zip(documents["id"], truth, strict=True))
    judged = pairs(documents["id"], count=5_000, seed=1)
    leads = np.array([score[a] - score[b] for a, b in judged.iter_rows()])
    wins = np.random.default_rng(0).random(len(leads)) < 1 / (1 + np.exp(-leads))
    judgements = judged.with_columns(preference=pl.Series(wins.astype(float)))
    return train(judgements, documents.lazy(), embedding=static_vectors, prior=0.1, ridge=1.0)


def test_scores_are_fitted_and_generalised(trained: dict) -> None:
    metrics = dict(trained["metrics"].iter_rows())
    assert metrics["documents"] == 500
    assert metrics["components"] == 1
    assert metrics["trained_on"] + metrics["held_out"] == 500
    assert metrics["spearman"] > 0.8
    assert metrics["pair_accuracy"] > 0.7


def test_ratings_follow_the_truth(
    trained: dict,
    documents: pl.DataFrame,
    truth: pl.Series,
    static_vectors: Path,
    tmp_path: Path,
) -> None:
    path = tmp_path / "head.safetensors"
    path.write_bytes(trained["model"])
    table = rate(documents, model=path, embedding=static_vectors)["ratings"]
    assert np.corrcoef(table["rating"], truth)[0, 1] > 0.85
    assert table["rating"].min() < 0 < table["rating"].max()


def test_pairs_without_held_out_documents_have_no_accuracy(
    documents: pl.DataFrame, static_vectors: Path
) -> None:
    judgements = pl.DataFrame({"a": ["owt-0008"], "b": ["owt-0020"], "preference": [0.5]})
    made = train(judgements, documents.lazy(), embedding=static_vectors, prior=1.0, ridge=1.0)
    metrics = dict(made["metrics"].iter_rows())
    assert metrics["pair_accuracy"] is None
    assert made["scores"]["score"].to_list() == [0, 0]


def test_golden(trained: dict) -> None:
    metrics = {name: round(value, 2) for name, value in trained["metrics"].iter_rows()}
    judged = {"documents": 500, "pairs": 4903, "components": 1, "largest_component": 500}
    fitted = {"agreement": 0.84, "trained_on": 442, "held_out": 58, "without_text": 0}
    measured = {"r2": 0.56, "spearman": 0.82, "pair_accuracy": 0.78}
    assert (VERSION, metrics) == (1, judged | fitted | measured)
