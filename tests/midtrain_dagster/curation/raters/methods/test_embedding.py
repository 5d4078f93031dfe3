from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from midtrain_dagster.curation.raters.methods.embedding import VERSION, rate, train


@pytest.fixture(scope="module")
def labels(passages: pl.DataFrame) -> pl.DataFrame:
    """A label of 4 for Wikipedia and 1 for the web; half of the texts must be looked up."""
    return passages.with_row_index().select(
        "id",
        text=pl.when(pl.col("index") % 2 == 0).then("text"),
        label=pl.when(pl.col("source") == "wikipedia").then(4.0).otherwise(1.0),
    )


@pytest.fixture(scope="module")
def trained(passages: pl.DataFrame, labels: pl.DataFrame, static_vectors: Path) -> dict:
    return train(labels, passages.lazy(), embedding=static_vectors, ridge=1.0)


def test_labels_are_learnt_and_measured_on_held_out_documents(trained: dict) -> None:
    metrics = dict(trained["metrics"].iter_rows())
    assert metrics["trained_on"] + metrics["held_out"] == 2000
    assert metrics["without_text"] == 0
    assert metrics["r2"] > 0.3
    assert metrics["f1"] > 0.65


def test_ratings_are_from_0_to_5(
    trained: dict, passages: pl.DataFrame, static_vectors: Path, tmp_path: Path
) -> None:
    path = tmp_path / "head.safetensors"
    path.write_bytes(trained["model"])
    table = rate(passages, model=path, embedding=static_vectors)["ratings"]
    assert table.schema == {"id": pl.String, "rating": pl.Float32, "error": pl.String}
    assert table["rating"].is_between(0, 5).all()
    means = table.hstack(passages.select("source")).group_by("source").agg(pl.mean("rating"))
    assert dict(means.iter_rows())["wikipedia"] > 3 > 2 > dict(means.iter_rows())["owt"]


def test_labels_without_a_document_are_counted(
    trained: dict, passages: pl.DataFrame, labels: pl.DataFrame, static_vectors: Path
) -> None:
    lost = pl.DataFrame({"id": ["lost"], "text": [None], "label": [2.0]}, schema=labels.schema)
    more = train(
        pl.concat([lost, labels]),
        passages.sample(2000, shuffle=True, seed=2).lazy(),
        embedding=static_vectors,
        ridge=1.0,
    )
    assert more["model"] == trained["model"]
    rest = pl.col("name") != "without_text"
    assert_frame_equal(more["metrics"].filter(rest), trained["metrics"].filter(rest))
    assert more["metrics"].filter(~rest)["value"].item() == 1


def test_a_label_outside_the_scale_is_an_error(
    passages: pl.DataFrame, labels: pl.DataFrame, static_vectors: Path
) -> None:
    with pytest.raises(ValueError, match=r"label 40\.0 of 'owt-0000' is not 0 to 5"):
        train(labels.with_columns(label=40.0), passages.lazy(), embedding=static_vectors, ridge=1)


def test_golden(trained: dict) -> None:
    metrics = {name: round(value, 2) for name, value in trained["metrics"].iter_rows()}
    counts = {"trained_on": 1800, "held_out": 200, "without_text": 0}
    assert (VERSION, metrics) == (1, counts | {"r2": 0.47, "spearman": 0.73, "f1": 0.71})
