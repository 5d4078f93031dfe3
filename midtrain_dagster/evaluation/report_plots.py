"""Figures of evaluation: losses before and after by domain, and loss by position."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from midtrain_dagster.display.numbers import count
from midtrain_dagster.display.style import (
    INK,
    MUTED,
    RULE,
    checkpoint_looks,
    figure,
    house_style,
    label_lines,
)
from midtrain_dagster.display.words import is_main, spoken

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MARKED = 40
"""Buckets of positions that are marked on a curve, at most; more would hide it."""

LABEL = 0.17
"""Inches that a curve's name takes beside it."""

NAMED = 3
"""Checkpoints that a line is marked with by name; more are counted."""


def losses_by_domain(losses: pl.DataFrame) -> "Figure":
    """Held-out loss of every checkpoint on every domain, and how far each moved from the first.

    ``losses`` has ``checkpoint``, ``domain``, ``loss`` and ``stderr``; checkpoints and domains
    keep the order in which they first come. Bars are two standard errors either way. The table
    has all checkpoints of its run, so their looks are those of the other figures.
    """
    checkpoints = losses["checkpoint"].unique(maintain_order=True).to_list()
    domains = losses["domain"].unique(maintain_order=True).to_list()
    looks = checkpoint_looks(checkpoints)
    table = {(row["checkpoint"], row["domain"]): row for row in losses.iter_rows(named=True)}
    offsets = np.linspace(-0.24, 0.24, len(checkpoints)) if len(checkpoints) > 1 else [0.0]
    with house_style():
        made, (left, right) = figure(
            0.9 + 0.62 * max(2, len(domains)), 1, 2, sharey=True, gridspec_kw={"wspace": 0.04}
        )
        for number, checkpoint in enumerate(checkpoints):
            look = looks[checkpoint]
            drawn = {
                "marker": look.marker,
                "ms": 5,
                "color": look.colour,
                "markerfacecolor": look.face,
            }
            for row, domain in enumerate(domains):
                measured = table.get((checkpoint, domain))
                if measured is None or measured["loss"] is None:
                    continue
                y = row + offsets[number]
                left.errorbar(
                    measured["loss"],
                    y,
                    xerr=2 * (measured["stderr"] or 0.0),
                    linestyle="none",
                    elinewidth=1.1,
                    **drawn,
                )
                start = table.get((checkpoints[0], domain))
                if number and start is not None and start["loss"] is not None:
                    change = measured["loss"] - start["loss"]
                    right.plot([0, change], [y, y], color=look.colour, ls=look.line, lw=1.1)
                    right.plot(change, y, linestyle="none", **drawn)
            left.plot([], [], linestyle=look.line, label=spoken(checkpoint), lw=1.1, **drawn)
        for axes in (left, right):
            axes.set_ylim(len(domains) - 0.5, -0.5)
            axes.set_yticks(range(len(domains)), domains)
            axes.tick_params(axis="y", labelcolor=INK, labelsize=9)
            axes.grid(axis="x")
            for edge in range(1, len(domains)):
                axes.axhline(edge - 0.5, color=RULE, lw=0.6)
        right.axvline(0, color=INK, lw=0.9)
        right.margins(x=0.12)
        left.set_title("Held-out loss, nats per token")
        right.set_title(f"Change from {checkpoints[0]}, nats per token (left is better)")
        made.legend(loc="outside lower left", ncols=min(len(checkpoints), 6), handlelength=3)
    return made


def positions(losses: pl.DataFrame, trained_lengths: Mapping[str, int] | None = None) -> "Figure":
    """Loss by position in the window for every checkpoint.

    ``losses`` has ``checkpoint``, ``position``, ``loss`` and ``stderr``, as ``loss_by_position``
    counts them: a row is a bucket, whose first position it names. A bucket is drawn at its middle;
    the band is two standard errors either way. ``trained_lengths`` marks the windows that
    checkpoints were trained on; one beyond the last position is named at the edge.
    """
    checkpoints = losses["checkpoint"].unique(maintain_order=True).to_list()
    looks = checkpoint_looks(checkpoints)
    with house_style():
        made, axes = figure(max(3.6, 0.8 + LABEL * len(checkpoints)))
        ends = []
        for checkpoint in checkpoints:
            curve = losses.filter(pl.col("checkpoint") == checkpoint).sort("position")
            place, loss = _middles(curve["position"].to_numpy()), curve["loss"].to_numpy()
            error = 2 * curve["stderr"].fill_null(0.0).to_numpy()
            look = looks[checkpoint]
            axes.fill_between(place, loss - error, loss + error, color=look.colour, alpha=0.1, lw=0)
            axes.plot(
                place,
                loss,
                color=look.colour,
                linestyle=look.line,
                marker=look.marker if len(place) <= MARKED else "",
                ms=4,
                markerfacecolor=look.face,
            )
            ends.append((spoken(checkpoint), loss[-1], look.colour))
        axes.set_title("Loss by position, nats per token", pad=22)
        axes.set_xlabel("position, tokens from the start of the document")
        starts = losses["position"].unique().to_numpy()
        end = starts.max() + _bucket(starts)
        axes.set_xlim(0, end)
        axes.margins(y=0.1)
        axes.grid(axis="y")
        axes.xaxis.set_major_formatter(lambda value, _: count(value))
        by_length: dict[int, list[str]] = {}
        for checkpoint in checkpoints:
            if trained_lengths and checkpoint in trained_lengths and is_main(checkpoint):
                by_length.setdefault(trained_lengths[checkpoint], []).append(checkpoint)
        for length, names in by_length.items():
            if length <= end:
                axes.axvline(length, color=MUTED, lw=0.9, linestyle=(0, (1, 2)))
            whose = map(spoken, names) if len(names) <= NAMED else [f"{len(names)} checkpoints"]
            axes.annotate(
                f"{', '.join(whose)}: trained to {length:,}",
                (min(length, end), 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="right",
                va="bottom",
                color=MUTED,
            )
        label_lines(axes, ends)
    return made


def _bucket(first: np.ndarray) -> int:
    """The length of buckets, from their first positions; the last may be shorter than that."""
    return int(np.diff(np.sort(first)).min()) if len(first) > 1 else 1


def _middles(first: np.ndarray) -> np.ndarray:
    return first + _bucket(first) / 2
