from pathlib import Path

import polars as pl
import pytest

from midtrain_dagster.curation.classifier import predict


def test_scores_are_probabilities_and_empty_lines_have_none(language_model: Path) -> None:
    labels, scores = predict(pl.Series(["", "This is a plain English sentence."]), language_model)
    assert labels.to_list() == [None, "en"]
    assert scores[0] is None
    assert 0.8 < scores[1] <= 1


def test_no_lines_give_no_labels(language_model: Path) -> None:
    labels, scores = predict(pl.Series([], dtype=pl.String), language_model)
    assert labels.len() == scores.len() == 0


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        predict(pl.Series(["text"]), tmp_path / "absent.bin")
