"""Records in the run's folder: whole lines, cut back on a resume, and events for TensorBoard."""

from dataclasses import replace
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event

from midtrain_dagster.training.metrics.log import (
    LOG,
    RECORDS,
    STEPS,
    TARGETS,
    TENSORBOARD,
    StepRecord,
    log_table,
    read_records,
    run_log,
)


def events(folder: Path) -> list[Event]:
    """All events of a folder, in TensorBoard's format: length, its checksum, event, checksum."""
    found = []
    for file in sorted((folder / TENSORBOARD).iterdir()):
        data = file.read_bytes()
        while data:
            size = int.from_bytes(data[:8], "little")
            found.append(Event.FromString(data[12 : 12 + size]))
            data = data[16 + size :]
    return found


def scalars(folder: Path) -> dict[tuple[str, int], float]:
    return {
        (value.tag, event.step): value.simple_value
        for event in events(folder)
        for value in event.summary.value
    }


def test_run_log_is_read_while_it_is_written(tmp_path: Path, record: StepRecord) -> None:
    assert read_records(tmp_path).schema == RECORDS
    with run_log(tmp_path, 0) as log:
        log.write(record)
        other = replace(
            record, step=1, loss=None, gradient_norm=None, skipped="not finite", mfu=None
        )
        log.write(other)
        found = read_records(str(tmp_path))
    assert found.schema == RECORDS
    assert found.rows(named=True) == [vars(record), vars(other)]


def test_step_record_logs_nothing_of_the_clock(record: StepRecord) -> None:
    assert list(record.logged()) == LOG.names()
    later = replace(record, seconds=9.0, tokens_per_second=1.0, mfu=0.1, data_wait=1.0, memory=1)
    assert later.logged() == record.logged()
    assert list(vars(record)) == RECORDS.names()


def test_a_masked_loss_logs_its_targets_and_no_other_does(record: StepRecord) -> None:
    masked = replace(record, targets=100)
    assert masked.logged() == {**record.logged(), TARGETS: 100}
    assert log_table([record.logged()]).schema == LOG
    assert log_table([masked.logged(), {**masked.logged(), TARGETS: 0}])[TARGETS].sum() == 100


def test_run_log_cuts_back_what_a_resume_does_again(tmp_path: Path, record: StepRecord) -> None:
    with run_log(tmp_path, 0) as log:
        for step in range(5):
            log.write(replace(record, step=step))
    with (tmp_path / STEPS).open("a") as file:
        file.write('{"step": 5, "tok')
    assert read_records(tmp_path)["step"].to_list() == [0, 1, 2, 3, 4]
    with run_log(tmp_path, 3) as log:
        log.write(replace(record, step=3, loss=1.5))
    records = read_records(tmp_path)
    assert records["step"].to_list() == [0, 1, 2, 3]
    assert records["loss"].to_list() == [4.5, 4.5, 4.5, 1.5]
    assert any(event.session_log.status == event.session_log.START for event in events(tmp_path))


def test_run_log_gives_tensorboard_every_number(tmp_path: Path, record: StepRecord) -> None:
    with run_log(tmp_path, 0) as log:
        log.write(replace(record, step=7, noise_scale=1e5))
    found = scalars(tmp_path)
    names = {name for name, step in found if step == 7}
    assert names == set(RECORDS.names()) - {
        "step",
        "skipped",
        "router_loss",
        "targets",
        "gradient_square",
        "gradient_variance",
    }
    assert found["loss", 7] == 4.5
    assert found["noise_scale", 7] == 1e5


def test_run_log_refuses_what_is_no_number(tmp_path: Path, record: StepRecord) -> None:
    with run_log(tmp_path, 0) as log, pytest.raises(ValueError, match="not JSON compliant"):
        log.write(replace(record, loss=float("nan")))
