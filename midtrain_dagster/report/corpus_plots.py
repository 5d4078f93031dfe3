"""Figures of the corpus: funnel, mixture, contamination, reasons."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from midtrain_dagster.report.numbers import count, share
from midtrain_dagster.report.style import (
    BLUE,
    GREY,
    INK,
    MUTED,
    PAPER,
    RULE,
    category_colours,
    figure,
    house_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Shares = Mapping[str, Mapping[str, float]]
"""Stage, then domain, then share of the stage's tokens (of 1)."""


def funnel(steps: pl.DataFrame) -> "Figure":
    """What is left after each step of curation: in all by kind, and as a share of each source.

    ``steps`` has ``step``, ``source``, ``kind``, ``documents`` and ``characters`` left after the
    step, in the order of the steps; the first step is what was collected.
    """
    names = steps["step"].unique(maintain_order=True).to_list()
    kinds = steps["kind"].unique(maintain_order=True).to_list()
    sources = steps["source"].unique(maintain_order=True).to_list()
    colours = category_colours(kinds)
    by_kind = steps.group_by("step", "kind").agg(pl.col("documents").sum())
    cells = {(row[0], row[1]): row[2] for row in by_kind.iter_rows()}
    totals = {
        row[0]: row[1:]
        for row in steps.group_by("step").agg(pl.col("documents", "characters").sum()).iter_rows()
    }
    first = max(totals[names[0]][0], 1)
    with house_style():
        made, (left, right) = figure(
            1.3 + 0.5 * len(names),
            1,
            2,
            sharey=True,
            gridspec_kw={"width_ratios": (1, 0.12 * (len(sources) + 2)), "wspace": 0.02},
        )
        for row, step in enumerate(names):
            start = 0.0
            for kind in kinds:
                documents = cells.get((step, kind), 0)
                left.barh(row, documents, left=start, height=0.46, color=colours[kind], lw=0)
                start += documents
            documents, characters = totals[step]
            left.annotate(
                f"{count(documents)} documents ({share(documents / first)}), "
                f"{count(characters)} characters",
                (0, row),
                xytext=(0, 14),
                textcoords="offset points",
                va="center",
                color=MUTED,
                fontsize=7.5,
            )
        for kind in kinds:
            left.barh(0, 0, color=colours[kind], label=kind)
        left.set_ylim(len(names) - 0.5, -0.75)
        left.set_yticks(range(len(names)), names)
        left.tick_params(axis="y", labelcolor=INK, labelsize=9)
        left.set_title("Documents left after each step, by kind")
        left.spines["left"].set_visible(False)
        left.xaxis.set_major_formatter(lambda value, _: count(value))
        left.grid(axis="x")
        made.legend(loc="outside lower left", ncols=len(kinds), handlelength=1, handleheight=1)
        _shares_left(right, steps, names, sources)
    return made


def _shares_left(axes: "Axes", steps: pl.DataFrame, names: list[str], sources: list[str]) -> None:
    """A table of the share of each source's documents that is left, darker where more is."""
    sums = steps.group_by("step", "source").agg(pl.col("documents").sum())
    left = {(row[0], row[1]): row[2] for row in sums.iter_rows()}
    for column, source in enumerate(sources):
        for row, step in enumerate(names):
            part = left.get((step, source), 0) / max(left.get((names[0], source), 0), 1)
            axes.barh(
                row,
                0.94,
                left=column - 0.47,
                height=0.46,
                color=BLUE,
                alpha=0.04 + 0.5 * part,
                lw=0,
            )
            axes.annotate(share(part), (column, row), ha="center", va="center", fontsize=7.5)
    axes.set_xlim(-0.5, len(sources) - 0.5)
    axes.set_xticks(range(len(sources)), sources, rotation=28, ha="right", rotation_mode="anchor")
    axes.tick_params(axis="x", length=0, labelcolor=INK)
    axes.tick_params(axis="y", labelleft=False)
    axes.set_title("Share of each source's documents left")
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def mixture(planned: Shares, delivered: Shares) -> "Figure":
    """Each stage's shares of tokens by domain: as planned above, as delivered below."""
    stages = list(planned)
    domains = list(dict.fromkeys(name for shares in planned.values() for name in shares))
    for shares in delivered.values():
        domains.extend(name for name in shares if name not in domains)
    colours = category_colours(domains)
    with house_style():
        made, axes = figure(0.9 + 0.72 * len(stages))
        for row, stage in enumerate(stages):
            for y, shares, word in (
                (row - 0.19, planned[stage], "planned"),
                (row + 0.19, delivered.get(stage, {}), "delivered"),
            ):
                start = 0.0
                for domain in domains:
                    part = shares.get(domain, 0.0)
                    axes.barh(
                        y,
                        part,
                        left=start,
                        height=0.34,
                        color=colours[domain],
                        alpha=0.55 if word == "planned" else 1.0,
                        edgecolor=PAPER,
                        lw=0.8,
                    )
                    if part >= 0.04:
                        ink = PAPER if word == "delivered" else INK
                        axes.annotate(
                            share(part),
                            (start + part / 2, y),
                            ha="center",
                            va="center",
                            fontsize=7.5,
                            color=ink,
                        )
                    start += part
                axes.annotate(
                    word,
                    (1.0, y),
                    xycoords=("axes fraction", "data"),
                    xytext=(6, 0),
                    textcoords="offset points",
                    va="center",
                    color=MUTED,
                    fontsize=7.5,
                    annotation_clip=False,
                )
        for domain in domains:
            axes.barh(0, 0, color=colours[domain], label=domain)
        axes.set_xlim(0, 1)
        axes.set_ylim(len(stages) - 0.5, -0.5)
        axes.set_yticks(range(len(stages)), stages)
        axes.tick_params(axis="y", labelcolor=INK, labelsize=9)
        axes.xaxis.set_major_formatter(lambda value, _: share(value))
        axes.spines["left"].set_visible(False)
        axes.set_title("Share of each stage's tokens by domain")
        made.legend(loc="outside lower left", ncols=min(len(domains), 8), handlelength=1)
    return made


def contamination(found: pl.DataFrame) -> "Figure":
    """Documents that hold benchmark text, by benchmark, and how many planted ones were caught.

    ``found`` has ``benchmark``, ``documents`` (with a hit) and ``hits`` (matching passages); with
    ``planted`` and ``caught`` (documents into which we put benchmark text, and those found) the
    second panel shows the recall that this measures.
    """
    names = found["benchmark"].to_list()
    planted = "planted" in found.columns and (found["planted"].fill_null(0) > 0).any()
    with house_style():
        made, grid = figure(0.9 + 0.4 * len(names), 1, 2 if planted else 1, sharey=True)
        left = grid[0] if planted else grid
        left.barh(range(len(names)), found["documents"], height=0.56, color=BLUE, lw=0)
        for row, (documents, hits) in enumerate(found.select("documents", "hits").iter_rows()):
            _bar_label(left, documents, row, f"{count(documents)} ({count(hits)} passages)")
        left.set_title("Documents that hold benchmark text")
        left.margins(x=0.35)
        if planted:
            right = grid[1]
            rows = found.select(pl.col("planted", "caught").fill_null(0)).iter_rows()
            for row, (put, caught) in enumerate(rows):
                right.barh(row, put, height=0.56, color=PAPER, edgecolor=GREY, lw=0.9)
                right.barh(row, caught, height=0.56, color=BLUE, lw=0)
                _bar_label(right, put, row, f"{caught} of {put}" if put else "none planted")
            right.set_title("Planted documents that were caught")
            right.margins(x=0.25)
        for axes in (left, right) if planted else (left,):
            _reason_axis(axes, names)
    return made


def synthesis_yield(reasons: pl.DataFrame) -> "Figure":
    """How many generated pairs were kept, and why the others were not.

    ``reasons`` has ``reason`` and ``count``; the reason ``kept`` is drawn first and in colour.
    """
    ordered = reasons.sort(pl.col("reason") != "kept", -pl.col("count").cast(pl.Int64), "reason")
    names, counts = ordered["reason"].to_list(), ordered["count"].to_list()
    total = max(sum(counts), 1)
    with house_style():
        made, axes = figure(0.8 + 0.36 * len(names))
        colours = [BLUE if name == "kept" else GREY for name in names]
        axes.barh(range(len(names)), counts, height=0.56, color=colours, lw=0)
        for row, number in enumerate(counts):
            _bar_label(axes, number, row, f"{count(number)} ({share(number / total)})")
        axes.set_title(f"{count(sum(counts))} generated pairs, by what became of them")
        axes.margins(x=0.15)
        _reason_axis(axes, names)
    return made


def _bar_label(axes: "Axes", x: float, row: int, text: str) -> None:
    axes.annotate(
        text, (x, row), xytext=(5, 0), textcoords="offset points", va="center", color=MUTED
    )


def _reason_axis(axes: "Axes", names: list[str]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", labelcolor=INK, labelsize=9)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: count(value))
    axes.axvline(0, color=RULE, lw=1.2)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
