"""The clock's part of a record."""

import time
from collections.abc import Callable

import pytest

from midtrain_dagster.models.new import new_model
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.metrics.flops import flops_per_token
from midtrain_dagster.training.metrics.log import LOG, MORE, RECORDS
from midtrain_dagster.training.metrics.throughput import Throughput
from midtrain_dagster.training.step.parallel import Place


def test_throughput_times_a_step_from_its_start(job: Callable[..., Job]) -> None:
    told = job()
    assert told.model is not None
    model = new_model(told.model, vocabulary=97, sequence_length=32, seed=0)
    throughput = Throughput(told.stage, model, Place(rank=0, world_size=2, device="cpu"))
    throughput.start(told.stage.batch_tokens)
    time.sleep(0.02)
    throughput.has_data()
    time.sleep(0.02)
    found = throughput.measured()
    assert list(found) == [name for name in RECORDS.names() if name not in (*LOG, *MORE)]
    assert found["seconds"] >= found["data_wait"] + 0.02 >= 0.04
    assert found["tokens_per_second"] == pytest.approx(256 / found["seconds"])
    flops = 256 * flops_per_token(model, 32)
    # Of the peak of both workers, which is measured, hence not known here.
    assert 0 < found["mfu"] < flops / found["seconds"] / 1e8
    assert found["memory"] > 2**20
