from pathlib import Path

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.evaluation.checkpoint_losses import measure
from midtrain_dagster.evaluation.held_out_loss import held_out_loss
from midtrain_dagster.evaluation.loss_by_position import loss_by_position

DOCUMENTS = [("web", 90), ("code", 40), ("web", 70), ("code", 65)]


@pytest.fixture
def folder(make_shards, tmp_path: Path) -> Path:
    """The shards in two parts, as the store hands them over."""
    shards = make_shards(DOCUMENTS)
    for part, numbers in enumerate(([0, 1], [2, 3])):
        tokens = [shards.tokens(number, 0, int(shards.lengths[number])) for number in numbers]
        np.concatenate(tokens).astype("<u2").tofile(tmp_path / f"{part:06d}-held_out_tokens.bin")
        lengths = np.array([len(each) for each in tokens])
        index = pl.DataFrame(
            {
                "id": [shards.ids[number] for number in numbers],
                "domain": [DOCUMENTS[number][0] for number in numbers],
                "offset": np.cumsum(lengths) - lengths,
                "length": lengths,
            }
        )
        index.write_parquet(tmp_path / f"{part:06d}-held_out_index.parquet")
    return tmp_path


def test_measure_is_both_losses_under_the_checkpoint_s_name(
    model: Path, loaded, folder, make_shards
) -> None:
    made = measure(
        model=model,
        shards=folder,
        dtype="<u2",
        checkpoint="annealed",
        domains=["code", "mathematics", "web"],
        sequence_length=32,
        tokens_by_domain=100,
        length=64,
        bucket=16,
        documents=8,
    )
    # No held-out document is of mathematics, so there is no row of it.
    shards = make_shards(DOCUMENTS)
    losses = held_out_loss(loaded, shards, sequence_length=32, max_tokens_per_domain=100)
    positions = loss_by_position(loaded, shards, length=64, bucket=16, documents=8)
    assert made["losses"].drop("checkpoint").equals(losses["losses"])
    assert made["positions"].drop("checkpoint").equals(positions["positions"])
    for table in made.values():
        assert table.columns[0] == "checkpoint"
        assert set(table["checkpoint"]) == {"annealed"}
