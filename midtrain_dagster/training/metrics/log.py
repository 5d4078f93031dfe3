"""What is written down of every step: part of it in the checkpoint, all of it for who watches.

A checkpoint's log holds what does not depend on the clock, so that equal runs make equal bytes. How
fast a step was, how long it waited for data and how much memory it took go into a file of their own
in the run's folder, one JSON line a step, written as the step ends, with TensorBoard's event files
beside it. They are for watching, and nothing is computed from them.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from midtrain_dagster.core.filesystem import filesystem_of
from midtrain_dagster.training.step.failures import Reason

STEPS = "steps.jsonl"
"""The file of all records in a run's folder."""

TENSORBOARD = "tensorboard"
"""The folder of TensorBoard's event files in a run's folder."""

FLUSH_SECONDS = 10
"""How old what TensorBoard shows may be."""


@dataclass(frozen=True)
class StepRecord:
    """One step. ``step`` counts from 0, as the plan does; ``tokens`` are the stage's so far."""

    step: int
    tokens: int
    loss: float | None
    """Cross-entropy in nats per token, before the update; None where it was not finite, and where
    the step had no token to predict."""
    learning_rate: float
    gradient_norm: float | None
    """Before clipping; None where it was not finite."""
    skipped: Reason | None
    """Why the step changed nothing; None for a step that did."""
    gradient_square: float | None
    """Estimates of ``noise_scale.py``, at steps that measure them: of the squared gradient, ..."""
    gradient_variance: float | None
    """... of the variance of one token's gradient, ..."""
    noise_scale: float | None
    """... and of the batch in tokens at which noise and signal are equal."""
    router_loss: float | None
    """Auxiliary loss of a mixture's router, before its coefficient; ``loss`` is without it. None
    for a model without a router, and where it was not finite."""
    targets: int | None
    """Tokens that the loss counted, of a stage that takes it on what an assistant says."""
    seconds: float
    tokens_per_second: float
    """Of all workers."""
    mfu: float | None
    """Model FLOP/s of all workers as a share of their devices' peak; None: peak not known."""
    data_wait: float
    """Seconds in which the step waited for its batch."""
    memory: int
    """Bytes: the peak so far of the first worker's device, or of its process on a CPU."""

    def logged(self) -> dict[str, Any]:
        """What goes into the checkpoint: everything that does not depend on the clock."""
        fields = {name: getattr(self, name) for name in LOG}
        more = {ROUTER_LOSS: self.router_loss, TARGETS: self.targets}
        return fields | {name: value for name, value in more.items() if value is not None}


TARGETS = "targets"
"""The column that a log has more where the loss is taken on some tokens only."""

ROUTER_LOSS = "router_loss"
"""The column that a log has more of a model with a router."""

MORE = {ROUTER_LOSS: pl.Float64(), TARGETS: pl.Int64()}
"""Columns that not every log has."""

LOG = pl.Schema(
    {
        "step": pl.Int64,
        "tokens": pl.Int64,
        "loss": pl.Float64,
        "learning_rate": pl.Float64,
        "gradient_norm": pl.Float64,
        "skipped": pl.String,
        "gradient_square": pl.Float64,
        "gradient_variance": pl.Float64,
        "noise_scale": pl.Float64,
    }
)
"""A stage's log in its checkpoint: one row a step."""

RECORDS = pl.Schema(
    [
        *LOG.items(),
        *MORE.items(),
        ("seconds", pl.Float64),
        ("tokens_per_second", pl.Float64),
        ("mfu", pl.Float64),
        ("data_wait", pl.Float64),
        ("memory", pl.Int64),
    ]
)
"""The records of a run: one row a step."""


def log_table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """The log of a stage (``LOG``, and those of ``MORE`` that a row of it has)."""
    more = {name: kind for name, kind in MORE.items() if any(name in row for row in rows)}
    return pl.DataFrame(rows, schema={**LOG, **more})


class RunLog:
    """Writes records into a run's folder: JSON lines, and events for TensorBoard."""

    def __init__(self, folder: Path, first_step: int) -> None:
        """``first_step`` is the one that comes next: what the files hold from there on is void."""
        from tensorboardX import SummaryWriter

        folder.mkdir(parents=True, exist_ok=True)
        file = folder / STEPS
        kept = [line for line in _whole_lines(folder) if json.loads(line)["step"] < first_step]
        file.write_text("".join(kept), "utf-8")
        self._lines = file.open("a", encoding="utf-8", buffering=1)
        self._events = SummaryWriter(
            str(folder / TENSORBOARD), purge_step=first_step, flush_secs=FLUSH_SECONDS
        )

    def write(self, record: StepRecord) -> None:
        """Add a step."""
        fields = asdict(record)
        self._lines.write(json.dumps(fields, allow_nan=False) + "\n")
        for name, value in fields.items():
            if name != "step" and isinstance(value, int | float):
                self._events.add_scalar(name, value, record.step)

    def close(self) -> None:
        """Write out what is buffered."""
        self._lines.close()
        self._events.close()


@contextmanager
def run_log(folder: Path, first_step: int) -> Iterator[RunLog]:
    """A ``RunLog`` for the body, closed at its end, also where that is an error."""
    log = RunLog(folder, first_step)
    try:
        yield log
    finally:
        log.close()


def read_records(folder: str | Path) -> pl.DataFrame:
    """The records so far of a run, also while it runs; none: no rows. A path or URI."""
    lines = [json.loads(line) for line in _whole_lines(folder)]
    return pl.DataFrame(lines, schema=RECORDS)


def _whole_lines(folder: str | Path) -> list[str]:
    """The lines of a file that is being written; a last one that was cut is left out."""
    files, root = filesystem_of(folder)
    try:
        with files.open_input_stream(f"{root}/{STEPS}") as stream:
            lines = stream.read().decode().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    return lines if not lines or lines[-1].endswith("\n") else lines[:-1]
