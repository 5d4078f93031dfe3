"""Figures of training: schedule and loss of the runs, and what they were fed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from midtrain_dagster.display.numbers import count, rate, share
from midtrain_dagster.display.style import (
    BAND,
    INK,
    MUTED,
    PAPER,
    category_colours,
    checkpoint_looks,
    figure,
    house_style,
)
from midtrain_dagster.display.words import is_main, spoken, stage_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 1200
"""Points drawn of a loss curve; longer logs are averaged, since a page has no more pixels."""

TOLERANCE = 1e-6

LETTERS_IN_A_ROW = 60
"""Of names in a legend of eight columns; with more, it would be wider than the page."""


def schedule_and_loss(
    logs: Mapping[str, pl.DataFrame], checkpoints: Sequence[str] = ()
) -> "Figure":
    """Learning rate and training loss over the tokens of all stages, one after the other.

    ``logs`` are those of runs by name, in order: ``tokens`` (of the run so far), ``loss`` (nats per
    token, null where a step had none) and ``learning_rate``. Controls and further seeds start where
    their stage starts, and are dashed and dotted. ``checkpoints`` are all those of the recipe, by
    which runs have their looks; without them, the runs here are all.
    """
    starts, total = _starts(logs)
    looks = checkpoint_looks(list(checkpoints) or list(logs))
    main = [name for name in logs if is_main(name)]
    with house_style():
        made, (top, bottom) = figure(
            4.6, 2, sharex=True, gridspec_kw={"height_ratios": (1, 2.1), "hspace": 0.06}
        )
        for number, name in enumerate(main):
            stop = starts[main[number + 1]] if number + 1 < len(main) else total
            for axes in (top, bottom):
                if number % 2:
                    axes.axvspan(starts[name], stop, color=BAND, lw=0)
            top.annotate(
                spoken(name),
                ((starts[name] + stop) / 2, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                color=looks[name].colour,
                weight="bold",
            )
        for name, log in logs.items():
            line = {"color": looks[name].colour, "linestyle": looks[name].line}
            tokens, learning_rate = log["tokens"].to_numpy(), log["learning_rate"].to_numpy()
            top.plot(starts[name] + tokens, learning_rate, **line)
            known = log.drop_nulls("loss")
            seen, loss = starts[name] + known["tokens"].to_numpy(), known["loss"].to_numpy()
            bottom.plot(*thinned(seen, loss), color=looks[name].colour, alpha=0.25, lw=0.7)
            bottom.plot(*thinned(seen, running_mean(loss)), **line, label=spoken(name))
        top.set_title("Learning rate", pad=20)
        top.yaxis.set_major_formatter(lambda value, _: rate(value))
        top.set_ylim(bottom=0)
        bottom.set_title("Training loss, nats per token")
        bottom.set_xlabel("tokens, over all stages")
        bottom.set_xlim(0, total)
        _leave_out_the_plunge(bottom, next(iter(logs.values()))["loss"].drop_nulls())
        bottom.xaxis.set_major_formatter(lambda value, _: count(value))
        for axes in (top, bottom):
            axes.grid(axis="y")
        if len(main) < len(logs):
            made.legend(loc="outside lower left", ncols=6, handlelength=3)
    return made


def _starts(logs: Mapping[str, pl.DataFrame]) -> tuple[dict[str, float], float]:
    """Where each run starts, in tokens over all stages, and where the last one ends."""
    starts: dict[str, float] = {}
    total = 0.0
    for name, log in logs.items():
        if is_main(name):
            starts[name] = total
            total += float(log["tokens"][-1])
    for name, log in logs.items():
        if not is_main(name):
            starts[name] = starts.get(stage_of(name), 0.0)
            total = max(total, starts[name] + float(log["tokens"][-1]))
    return starts, total


def _leave_out_the_plunge(axes: "Axes", first: pl.Series) -> None:
    """End the loss axis above the first run's first tenth, which would flatten all the rest."""
    if first.is_empty():
        return
    loss = running_mean(first.to_numpy())
    low, high = axes.get_ylim()
    after = loss[len(loss) // 10 :].max()
    axes.set_ylim(low, min(high, after + 0.05 * (after - low)))


def mixture(mixtures: Mapping[str, pl.DataFrame]) -> "Figure":
    """Each run's shares of tokens by domain: as planned above, as delivered below.

    ``mixtures`` are the tables ``mixture`` of checkpoints, by run: ``domain``, and its shares (of
    1) ``planned`` and ``delivered``. Raises ValueError for a column that does not add up to one.
    """
    domains = list(dict.fromkeys(name for table in mixtures.values() for name in table["domain"]))
    colours = category_colours(domains)
    with house_style():
        made, axes = figure(0.9 + 0.72 * len(mixtures))
        for row, (run, table) in enumerate(mixtures.items()):
            for y, word in ((row - 0.19, "planned"), (row + 0.19, "delivered")):
                _shares_bar(axes, y, run, table, word, colours)
        for domain in domains:
            axes.barh(0, 0, color=colours[domain], label=domain)
        axes.set_xlim(0, 1)
        axes.set_ylim(len(mixtures) - 0.5, -0.5)
        axes.set_yticks(range(len(mixtures)), [spoken(run) for run in mixtures])
        axes.tick_params(axis="y", labelcolor=INK, labelsize=9)
        axes.xaxis.set_major_formatter(lambda value, _: share(value))
        axes.spines["left"].set_visible(False)
        axes.set_title("Share of each run's tokens by domain")
        made.legend(loc="outside lower left", ncols=min(len(domains), 8), handlelength=1)
    return made


def mixture_course(courses: Mapping[str, pl.DataFrame], by: str = "domain") -> "Figure":
    """Each run's shares of tokens over its course, by domain: planned dashed, delivered in full.

    ``courses`` are the tables ``dataloader.plan.COURSE`` of runs, by run: ``domain``, ``begin`` and
    ``end`` in tokens, and the shares (of 1) ``planned`` and ``delivered`` there; or those of
    ``dataloader.by_length.COURSE``, by ``class``.
    """
    domains = list(dict.fromkeys(name for each in courses.values() for name in each[by]))
    colours = category_colours(domains)
    with house_style():
        made, every = figure(0.9 + 1.5 * len(courses), len(courses), squeeze=False)
        for axes, (run, table) in zip(every.flat, courses.items(), strict=True):
            for (domain,), rows in table.group_by(by, maintain_order=True):
                middle = (rows["begin"] + rows["end"]).to_numpy() / 2
                colour = colours[str(domain)]
                axes.plot(middle, rows["delivered"].to_numpy(), color=colour, lw=1.2)
                axes.plot(
                    middle, rows["planned"].to_numpy(), color=colour, lw=1.6, alpha=0.6, ls=":"
                )
            axes.set_title(spoken(run))
            axes.set_xlim(0, table["end"].max())
            axes.set_ylim(bottom=0)
            axes.xaxis.set_major_formatter(lambda value, _: count(value))
            axes.yaxis.set_major_formatter(lambda value, _: share(value))
            axes.grid(axis="y")
        axes.set_xlabel("tokens of the run, with padding")
        for domain in domains:
            axes.plot([], [], color=colours[domain], label=domain)
        for word, style in (("planned", ":"), ("delivered", "-")):
            axes.plot([], [], color=INK, ls=style, label=word)
        columns = 8 if sum(map(len, domains)) <= LETTERS_IN_A_ROW else 4
        made.legend(
            loc="outside lower left", ncols=min(len(domains) + 2, columns), handlelength=1.6
        )
    return made


def _shares_bar(
    axes: "Axes",
    y: float,
    run: str,
    table: pl.DataFrame,
    column: str,
    colours: Mapping[str, str],
) -> None:
    """One bar of shares, from left to right in the order of the colours."""
    shares = dict(table.select("domain", column).iter_rows())
    whole = sum(shares.values())
    if abs(whole - 1) > TOLERANCE:
        raise ValueError(f"the {column} shares of {run} add up to {whole:g}, not to 1")
    start, planned = 0.0, column == "planned"
    for domain in (name for name in colours if name in shares):
        part = shares[domain]
        axes.barh(
            y,
            part,
            left=start,
            height=0.34,
            color=colours[domain],
            alpha=0.55 if planned else 1.0,
            edgecolor=PAPER,
            lw=0.8,
        )
        if part >= 0.04:
            axes.annotate(
                share(part),
                (start + part / 2, y),
                ha="center",
                va="center",
                fontsize=7.5,
                color=INK if planned else PAPER,
            )
        start += part
    axes.annotate(
        column,
        (1.0, y),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=MUTED,
        fontsize=7.5,
        annotation_clip=False,
    )


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
