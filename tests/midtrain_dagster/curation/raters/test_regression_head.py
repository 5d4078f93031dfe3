from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from midtrain_dagster.curation.raters.regression_head import fit, rate, regression
from midtrain_dagster.curation.raters.sentence_embedding import embed


def test_regression_is_the_ridge_solution() -> None:
    random = np.random.default_rng(2)
    vectors = random.normal(size=(80, 6)).astype(np.float32)
    target = vectors @ np.arange(6) + 3 + random.normal(size=80)
    weights, bias = regression(vectors, target, ridge=4.0)
    # Ridge is least squares with rows sqrt(ridge) x identity below centred data.
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    rows = np.vstack([centred, 2.0 * np.eye(6)])
    expected = np.linalg.lstsq(rows, np.concatenate([target - target.mean(), np.zeros(6)]))[0]
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    assert bias == pytest.approx(target.mean() - vectors.mean(axis=0) @ expected, abs=1e-4)


@pytest.fixture
def examples(passages: pl.DataFrame, static_vectors: Path) -> pl.DataFrame:
    """400 passages and a target that their embeddings tell, with noise."""
    chosen = passages.select("id", "text")[::5]
    vectors = embed(chosen["text"], static_vectors)
    noise = np.random.default_rng(4).normal(size=chosen.height)
    return chosen.with_columns(target=pl.Series(vectors @ np.linspace(-9, 9, 96) + 0.2 * noise))


def test_a_head_is_fitted_stored_and_put_to_documents(
    examples: pl.DataFrame, static_vectors: Path, tmp_path: Path
) -> None:
    model, rated, metrics = fit(examples, embedding=static_vectors, ridge=0.1)
    assert metrics["trained_on"] + metrics["held_out"] == 400
    assert 20 < metrics["held_out"] < 60
    assert metrics["r2"] > 0.8
    assert metrics["spearman"] > 0.9
    path = tmp_path / "head.safetensors"
    path.write_bytes(model)
    extra = pl.DataFrame({"id": ["null", "empty"], "text": [None, " "]})
    documents = pl.concat([examples.select("id", "text"), extra])
    table = rate(documents, model=path, embedding=static_vectors)["ratings"]
    assert table["id"].to_list() == documents["id"].to_list()
    assert table["error"].to_list()[-2:] == ["the text is null", "the text is empty"]
    assert table["rating"].is_null().sum() == 2
    together = table.join(rated, on="id")
    np.testing.assert_allclose(together["rating"], together["rating_right"], atol=1e-5)
    cut = rate(documents, model=path, embedding=static_vectors, scale=(0, 1))["ratings"]["rating"]
    assert cut.drop_nulls().is_between(0, 1).all()


def test_the_order_of_examples_does_not_matter(
    examples: pl.DataFrame, static_vectors: Path
) -> None:
    model, rated, metrics = fit(examples, embedding=static_vectors, ridge=1.0)
    again = fit(examples.sample(400, shuffle=True, seed=1), embedding=static_vectors, ridge=1.0)
    assert again[0] == model
    assert_frame_equal(again[1], rated)
    assert again[2] == metrics


def test_errors(
    examples: pl.DataFrame, static_vectors: Path, encoder: Path, tmp_path: Path
) -> None:
    without_text = examples.with_columns(text=pl.lit(None, pl.String))
    with pytest.raises(ValueError, match=r"0 examples are too few .*400 were given, 0 of them"):
        fit(without_text, embedding=static_vectors, ridge=1.0)
    path = tmp_path / "head.safetensors"
    path.write_bytes(fit(examples, embedding=static_vectors, ridge=1.0)[0])
    with pytest.raises(ValueError, match=r"embeddings of 96 numbers; those of .* have 16"):
        rate(examples, model=path, embedding=encoder)
