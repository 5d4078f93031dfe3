"""A stage while it trains: numbers for the terminal, and the picture on the asset in the UI.

The picture is an observation of the asset, so it is there before the checkpoint is. Each is some
150 kB in Dagster's event log; hence one a hundredth of the stage at most, even if that takes days.
"""

import time

import dagster as dg

from assets.build import image
from midtrain_dagster.core import progress
from midtrain_dagster.display.style import BLUE, figure_png
from midtrain_dagster.training.live_plot import INTERVAL, live_training
from midtrain_dagster.training.metrics.log import StepRecord, read_records
from midtrain_dagster.training.stage import Stage
from resources.artifacts import asset_name

PICTURES = 100
"""Most pictures of a stage."""


class LiveTraining:
    """Reports each step to the terminal, and now and then shows the asset anew."""

    def __init__(
        self, context: dg.AssetExecutionContext, stage: Stage, run_folder: str, colour: str = BLUE
    ) -> None:
        """``run_folder`` is where the run writes its records, a path or URI; ``colour`` is that of
        the run in all figures."""
        self._context, self._stage, self._run_folder = context, stage, run_folder
        self._colour = colour
        self._name = asset_name(context.asset_key)
        self._total = stage.batches.tokens
        self._shown_at, self._shown_step = time.monotonic(), 0
        progress.report(self._name, 0, self._total, "tokens")

    def __call__(self, record: StepRecord) -> None:
        """A step is done."""
        progress.report(self._name, record.tokens, self._total, "tokens", in_words(record))
        waited = time.monotonic() - self._shown_at
        steps = record.step - self._shown_step
        if waited > INTERVAL and steps * PICTURES >= self._stage.steps:
            self._shown_at, self._shown_step = time.monotonic(), record.step
            self.show()

    def show(self) -> None:
        """Put the picture on the asset; none where the records are not there yet, as on an object
        store, to which they are copied with each checkpoint."""
        records = read_records(self._run_folder)
        if records.is_empty():
            return
        made = live_training(self._name, records, total_tokens=self._total, colour=self._colour)
        description = f"{self._name} trains: {records.height:,} of {self._stage.steps:,} steps"
        self._context.log_event(
            dg.AssetObservation(
                asset_key=self._context.asset_key,
                description=description,
                metadata={"live": image(figure_png(made))},
            )
        )


def in_words(record: StepRecord) -> str:
    """A step's numbers in a few words."""
    if record.loss is None:
        return f"skipped ({record.skipped})"
    words = [f"loss {record.loss:.3f}"]
    if record.skipped:
        words.append(f"skipped ({record.skipped})")
    words.append(f"{record.tokens_per_second:,.0f} tokens/s")
    if record.mfu is not None:
        words.append(f"MFU {record.mfu:.0%}")
    return ", ".join(words)
