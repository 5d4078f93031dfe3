"""Figures of training: schedule and loss, losses before and after, loss by position."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from midtrain_dagster.report.numbers import count, rate
from midtrain_dagster.report.style import (
    BAND,
    INK,
    MUTED,
    PAPER,
    RULE,
    checkpoint_colours,
    figure,
    house_style,
    is_control,
    label_lines,
    spoken,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 1200
"""Points drawn of a loss curve; longer logs are averaged, since a page has no more pixels."""


def schedule_and_loss(stages: Sequence[tuple[str, pl.DataFrame]]) -> "Figure":
    """Learning rate and training loss over the tokens of all stages, one after the other.

    ``stages`` are (name, log), in order; a log has ``step``, ``tokens`` (seen in this stage so
    far), ``loss`` (nats per token; steps without one are left out) and ``rate``. A run named
    ``X_control`` starts where ``X`` starts and is dashed.
    """
    stages = [(name, log.drop_nulls("loss")) for name, log in stages]
    starts, total = _starts(stages)
    names = [name for name, _ in stages]
    colours = checkpoint_colours(names)
    with house_style():
        made, (top, bottom) = figure(
            4.6, 2, sharex=True, gridspec_kw={"height_ratios": (1, 2.1), "hspace": 0.06}
        )
        main = [name for name in names if not is_control(name)]
        for number, name in enumerate(main):
            stop = starts[main[number + 1]] if number + 1 < len(main) else total
            for axes in (top, bottom):
                if number % 2:
                    axes.axvspan(starts[name], stop, color=BAND, lw=0)
            top.annotate(
                name,
                ((starts[name] + stop) / 2, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                color=colours[name],
                weight="bold",
            )
        ends = []
        for name, log in stages:
            style = (0, (4, 2)) if is_control(name) else "solid"
            line = {"color": colours[name], "linestyle": style}
            seen = starts[name] + log["tokens"].to_numpy()
            loss = log["loss"].to_numpy()
            top.plot(seen, log["rate"].to_numpy(), **line)
            bottom.plot(*thinned(seen, loss), color=colours[name], alpha=0.25, lw=0.7)
            smooth = running_mean(loss)
            bottom.plot(*thinned(seen, smooth), **line)
            if is_control(name):
                ends.append((name, seen[-1], smooth[-1], colours[name]))
        for name, x, y, colour in ends:
            bottom.annotate(
                spoken(name),
                (x, y),
                xytext=(-2, 7),
                textcoords="offset points",
                ha="right",
                color=colour,
            )
        top.set_title("Learning rate", pad=20)
        top.yaxis.set_major_formatter(lambda value, _: rate(value))
        top.set_ylim(bottom=0)
        bottom.set_title("Training loss, nats per token")
        bottom.set_xlabel("tokens, over all stages")
        bottom.set_xlim(0, total)
        _leave_out_the_plunge(bottom, stages[0][1])
        _count_axis(bottom)
        for axes in (top, bottom):
            axes.grid(axis="y")
    return made


def losses_by_domain(losses: pl.DataFrame) -> "Figure":
    """Held-out loss of every checkpoint on every domain, and how far each moved from the first.

    ``losses`` has ``checkpoint``, ``domain``, ``loss`` and ``stderr``; checkpoints and domains
    keep the order in which they first come. Bars are two standard errors either way.
    """
    checkpoints = losses["checkpoint"].unique(maintain_order=True).to_list()
    domains = losses["domain"].unique(maintain_order=True).to_list()
    colours = checkpoint_colours(checkpoints)
    table = {(row["checkpoint"], row["domain"]): row for row in losses.iter_rows(named=True)}
    offsets = np.linspace(-0.24, 0.24, len(checkpoints)) if len(checkpoints) > 1 else [0.0]
    with house_style():
        made, (left, right) = figure(
            0.9 + 0.62 * len(domains), 1, 2, sharey=True, gridspec_kw={"wspace": 0.04}
        )
        for number, checkpoint in enumerate(checkpoints):
            hollow = {"markerfacecolor": PAPER} if is_control(checkpoint) else {}
            for row, domain in enumerate(domains):
                measured = table.get((checkpoint, domain))
                if measured is None or measured["loss"] is None:
                    continue
                y = row + offsets[number]
                left.errorbar(
                    measured["loss"],
                    y,
                    xerr=2 * (measured["stderr"] or 0.0),
                    fmt="o",
                    ms=5,
                    lw=1.1,
                    color=colours[checkpoint],
                    **hollow,
                )
                start = table.get((checkpoints[0], domain))
                if number and start is not None and start["loss"] is not None:
                    change = measured["loss"] - start["loss"]
                    right.plot([0, change], [y, y], color=colours[checkpoint], lw=1.1)
                    right.plot(change, y, "o", ms=5, color=colours[checkpoint], **hollow)
            left.plot(
                [], [], "o", ms=5, color=colours[checkpoint], label=spoken(checkpoint), **hollow
            )
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
        made.legend(loc="outside lower left", ncols=len(checkpoints), handletextpad=0.2)
    return made


def positions(losses: pl.DataFrame, trained_lengths: Mapping[str, int] | None = None) -> "Figure":
    """Loss by position in the window for every checkpoint.

    ``losses`` has ``checkpoint``, ``position`` (tokens from the document's start), ``loss`` and
    ``stderr``; the band is two standard errors either way. ``trained_lengths`` marks the window
    that a checkpoint was trained on.
    """
    checkpoints = losses["checkpoint"].unique(maintain_order=True).to_list()
    colours = checkpoint_colours(checkpoints)
    with house_style():
        made, axes = figure(3.6)
        ends = []
        for checkpoint in checkpoints:
            curve = losses.filter(pl.col("checkpoint") == checkpoint).sort("position")
            place, loss = curve["position"].to_numpy(), curve["loss"].to_numpy()
            error = 2 * curve["stderr"].fill_null(0.0).to_numpy()
            style = (0, (4, 2)) if is_control(checkpoint) else "solid"
            colour = colours[checkpoint]
            axes.fill_between(place, loss - error, loss + error, color=colour, alpha=0.12, lw=0)
            axes.plot(place, loss, color=colour, linestyle=style)
            ends.append((spoken(checkpoint), loss[-1], colour))
        axes.set_title("Loss by position, nats per token")
        axes.set_xlabel("position, tokens from the start of the document")
        axes.set_xlim(0, _stop(losses["position"]))
        axes.margins(y=0.1)
        axes.grid(axis="y")
        _count_axis(axes)
        by_length: dict[int, list[str]] = {}
        for checkpoint in checkpoints:
            if trained_lengths and checkpoint in trained_lengths and not is_control(checkpoint):
                by_length.setdefault(trained_lengths[checkpoint], []).append(checkpoint)
        for length, names in by_length.items():
            axes.axvline(length, color=MUTED, lw=0.9, linestyle=(0, (1, 2)))
            axes.annotate(
                f"{', '.join(map(spoken, names))}: trained to {length:,}",
                (length, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(-4, -2),
                textcoords="offset points",
                ha="right",
                va="top",
                color=MUTED,
            )
        label_lines(axes, ends)
    return made


def _starts(stages: Sequence[tuple[str, pl.DataFrame]]) -> tuple[dict[str, float], float]:
    """Where each run starts, in tokens over all stages, and where the last one ends."""
    starts: dict[str, float] = {}
    total = 0.0
    for name, log in stages:
        if not is_control(name):
            starts[name] = total
            total += float(log["tokens"][-1])
    for name, log in stages:
        if is_control(name):
            starts[name] = starts.get(name.removesuffix("_control"), 0.0)
            total = max(total, starts[name] + float(log["tokens"][-1]))
    return starts, total


def _leave_out_the_plunge(axes: "Axes", first: pl.DataFrame) -> None:
    """End the loss axis above the first run's first tenth, which would flatten all the rest."""
    loss = running_mean(first["loss"].to_numpy())
    low, high = axes.get_ylim()
    after = loss[len(loss) // 10 :].max()
    axes.set_ylim(low, min(high, after + 0.05 * (after - low)))


def _stop(position: pl.Series) -> int:
    """The end of the last bucket, whose length is that of the one before."""
    places = position.unique().sort().to_list()
    return 2 * places[-1] - places[-2] if len(places) > 1 else places[-1] + 1


def running_mean(values: np.ndarray) -> np.ndarray:
    """A centred running mean over a fortieth of the curve, shorter at the ends."""
    half = max(1, len(values) // 80)
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    place = np.arange(len(values))
    reach = np.minimum(half, np.minimum(place, len(values) - 1 - place))
    return (total[place + reach + 1] - total[place - reach]) / (2 * reach + 1)


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most :data:`POINTS` points: means over runs of neighbours."""
    if len(x) <= POINTS:
        return x, y
    edges = np.linspace(0, len(x), POINTS + 1).astype(int)
    sizes = np.diff(edges)
    return np.add.reduceat(x, edges[:-1]) / sizes, np.add.reduceat(y, edges[:-1]) / sizes


def _count_axis(axes: "Axes") -> None:
    axes.xaxis.set_major_formatter(lambda value, _: count(value))
