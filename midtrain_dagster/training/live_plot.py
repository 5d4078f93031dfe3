"""The picture of a stage while it trains: loss, gradient norm, and how fast it goes.

It is drawn from the records that the run writes as it goes (``training.metrics.log``). The asset
shows it anew every ``INTERVAL`` seconds; a picture takes less than half a second of one core, about
a hundredth of that.
"""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from midtrain_dagster.display.numbers import count
from midtrain_dagster.display.style import BLUE, VERMILION, figure, house_style
from midtrain_dagster.training.report_plots import running_mean, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INTERVAL = 30.0
"""Seconds between two pictures."""


def live_training(
    name: str, records: pl.DataFrame, *, total_tokens: int, colour: str = BLUE
) -> "Figure":
    """The stage ``name`` so far; ``records`` as ``read_records`` gives them, one row at least.

    ``colour`` is that of the run in the other figures. A mark on the loss is a step that was
    skipped. The x axis goes to the stage's ``total_tokens``.
    Raises ``ValueError`` without rows.
    """
    if records.is_empty():
        raise ValueError(f"{name}: no step has been recorded yet")
    last = records.row(-1, named=True)
    with house_style():
        made, (loss, norm, speed) = figure(
            5.6, 3, sharex=True, gridspec_kw={"height_ratios": (2.2, 1, 1), "hspace": 0.08}
        )
        _curve(loss, records, "loss", colour)
        skipped = records.filter(pl.col("skipped").is_not_null())
        title = f"{name}: step {last['step'] + 1:,}, {count(last['tokens'])} tokens with padding"
        if skipped.height:
            title += f", {skipped.height} skipped (red)"
            loss.plot(
                skipped["tokens"].to_numpy(),
                np.zeros(skipped.height),
                "|",
                color=VERMILION,
                transform=loss.get_xaxis_transform(),
                clip_on=False,
            )
        loss.set_title(f"{title}. Training loss, nats per token")
        _curve(norm, records, "gradient_norm", colour)
        norm.set_title("Gradient norm before clipping")
        norm.set_yscale("log")
        norm.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        norm.yaxis.set_minor_formatter(lambda value, _: "")
        _curve(speed, records, "tokens_per_second", colour)
        known = records["mfu"].drop_nulls().to_numpy()
        share = f", {np.median(known):.0%} of the device's peak" if known.size else ""
        speed.set_title(f"Tokens per second{share}")
        speed.yaxis.set_major_formatter(lambda value, _: count(value))
        speed.set_ylim(bottom=0)
        speed.set_xlabel("tokens of the stage, with padding")
        speed.set_xlim(0, total_tokens)
        speed.xaxis.set_major_formatter(lambda value, _: count(value))
        for axes in (loss, norm, speed):
            axes.grid(axis="y")
    return made


def _curve(axes: "Axes", records: pl.DataFrame, field: str, colour: str) -> None:
    """The values, pale, and their running mean; steps without a value are left out."""
    known = records.drop_nulls(field)
    tokens, values = known["tokens"].to_numpy(), known[field].to_numpy()
    axes.plot(*thinned(tokens, values), color=colour, alpha=0.25, lw=0.7)
    marker = "o" if len(tokens) == 1 else ""
    axes.plot(*thinned(tokens, running_mean(values)), color=colour, marker=marker, ms=3)
