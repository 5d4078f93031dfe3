"""What a stage shows while it trains, on a real Dagster instance."""

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from assets import live_training
from assets.live_training import LiveTraining, in_words
from midtrain_dagster.core import progress
from midtrain_dagster.training.metrics.log import StepRecord, run_log
from midtrain_dagster.training.stage import Stage

STAGE = Stage.model_validate(
    {
        "start": "random",
        "tokens": 400 * 64,
        "batch_tokens": 64,
        "sequence_length": 32,
        "schedule": [{"phase": "constant", "learning_rate": 1e-3}],
        "mixture": {"domains": {"web": 1.0}},
    }
)


def train(folder: Path, steps: int, record: StepRecord) -> dg.DagsterInstance:
    """Materialise an asset that trains as many steps of ``STAGE``, on an instance of its own."""

    @dg.asset
    def annealed(context: dg.AssetExecutionContext) -> None:
        live = LiveTraining(context, STAGE, str(folder))
        with run_log(folder, 0) as log:
            for step in range(steps):
                done = replace(record, step=step, tokens=64 * (step + 1))
                log.write(done)
                live(done)

    instance = dg.DagsterInstance.ephemeral()
    assert dg.materialize([annealed], instance=instance).success
    return instance


def test_live_training_shows_a_picture_while_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: StepRecord
) -> None:
    monkeypatch.setattr(live_training, "INTERVAL", 0.0)
    instance = train(tmp_path, 9, record)
    key = dg.AssetKey("annealed")
    observed = [
        event.asset_observation for event in instance.fetch_observations(key, limit=9).records
    ]
    told = [each.description for each in reversed(observed) if each is not None]
    assert told == ["annealed trains: 5 of 400 steps", "annealed trains: 9 of 400 steps"]
    picture = observed[0] and observed[0].metadata["live"].value
    assert str(picture).startswith("![plot](data:image/png;base64,iVBOR")
    (made,) = instance.fetch_materializations(key, limit=2).records
    assert made.storage_id > instance.fetch_observations(key, limit=1).records[0].storage_id


def test_live_training_of_quick_steps_makes_no_picture(tmp_path: Path, record: StepRecord) -> None:
    instance = train(tmp_path, 9, record)
    assert not instance.fetch_observations(dg.AssetKey("annealed"), limit=1).records


def test_live_training_reports_the_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: StepRecord
) -> None:
    heard: list[tuple[object, ...]] = []
    monkeypatch.setattr(progress, "_listeners", [lambda *message: heard.append(message)])
    train(tmp_path, 1, record)
    assert heard == [
        ("annealed", 0, 25_600, "tokens", ""),
        ("annealed", 64, 25_600, "tokens", "loss 4.500, 1,280 tokens/s, MFU 38%"),
    ]


def test_in_words_says_that_a_step_was_skipped(record: StepRecord) -> None:
    spike = replace(record, skipped="spike", mfu=None)
    assert in_words(spike) == "loss 4.500, skipped (spike), 1,280 tokens/s"
    assert in_words(replace(record, loss=None, skipped="not finite")) == "skipped (not finite)"
