from pathlib import Path

from midtrain_dagster.evaluation.checkpoint_losses import measure
from midtrain_dagster.evaluation.held_out_loss import held_out_loss
from midtrain_dagster.evaluation.loss_by_position import loss_by_position

HELD_OUT = [("web", 90), ("code", 40), ("web", 70), ("code", 65)]


def test_measure_is_both_losses_under_the_checkpoint_s_name(
    model: Path, loaded, held_out_folder, make_shards
) -> None:
    made = measure(
        model=model,
        shards=held_out_folder,
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
    shards = make_shards(HELD_OUT)
    losses = held_out_loss(loaded, shards, sequence_length=32, max_tokens_per_domain=100)
    positions = loss_by_position(loaded, shards, length=64, bucket=16, documents=8)
    assert made["losses"].drop("checkpoint").equals(losses["losses"])
    assert made["positions"].drop("checkpoint").equals(positions["positions"])
    for table in made.values():
        assert table.columns[0] == "checkpoint"
        assert set(table["checkpoint"]) == {"annealed"}
