"""What searches have to say in the report: what was drawn and trained, what failed, what stays."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Block,
    Figure,
    Folded,
    Heading,
    KeyNumber,
    Notice,
    PageSection,
    Span,
    Table,
    Text,
    columns,
)
from midtrain_dagster.display.words import spoken
from midtrain_dagster.experiments.report_plots import proxies_by_mixture
from midtrain_dagster.experiments.search.settings import DEFAULT, MixtureSearch
from midtrain_dagster.experiments.search.tables import Swarm

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

VERSION = 1

Rows = tuple[tuple[str, ...], Sequence[tuple[str, ...]]]
"""Heads (``#`` in front of those of numbers) and rows."""

REPEATS = (
    "Each proxy reads as small a part of a domain's documents as makes it repeat them as often as "
    "the run that is meant will."
)
REPEATS_LESS = (
    "Proxies read from all documents there are, so what they say holds for runs that repeat as "
    "little as they: say repeat where the run that is meant repeats more."
)


Marked = Mapping[str, Mapping[str, float]]
"""Mixtures that stand out in figures, by what they are called."""


def report_section(
    searches: Mapping[str, tuple[MixtureSearch, Swarm]],
    found: Mapping[str, Marked] | None = None,
) -> PageSection:
    """The section of a recipe with searches, each with its artifact; ``found`` are, by search, the
    mixtures that were found from it."""
    blocks: list[Block] = []
    total = failed = 0
    for name, (search, swarm) in searches.items():
        blocks += _search(name, search, swarm, (found or {}).get(name, {}))
        proxies = swarm.artifact.read("proxies")
        total += proxies.height
        failed += int(proxies["failed"].is_not_null().sum())
    lead = (
        "Small models, each trained on a mixture of its own from the same documents in the same "
        "order, and measured: laws of mixtures are fitted to these tables."
    )
    trained = numbers.count(total - failed)
    key = KeyNumber(trained, "proxies trained on mixtures of their own")
    return PageSection("searches", "Mixture searches", lead, tuple(blocks), numbers=(key,))


def _search(name: str, search: MixtureSearch, found: Swarm, marked: Marked) -> Iterator[Block]:
    proxies, stability = found.artifact.read("proxies"), found.artifact.read("stability")
    yield Heading(spoken(name))
    yield Text(" ".join(_told(search, proxies)))
    yield _table(domain_rows(found))
    yield _table(loss_rows(found))
    drawing = figure(found, marked)
    if drawing is not None:
        yield Figure(
            f"proxies_{name}",
            drawing,
            "Each proxy of the usual size at the shares that it was trained on, in the colour of "
            "its loss: dark is better.",
        )
    yield Text(
        "The best mixture of a target is that of the proxy with its lowest loss: a draw among "
        "noise, and no proposal.",
        note=True,
    )
    if stability.height:
        yield Heading(f"Whether the order of mixtures stays: {spoken(name)}")
        yield _table(stability_rows(stability))
        yield Text(
            "Rank correlations of the losses of the same mixtures in two sizes. A search by small "
            "proxies rests on their being near 1.",
            note=True,
        )
    else:
        yield Notice(
            "Whether the order of mixtures stays in other sizes was not looked at: say sizes."
        )
    failed = proxies.filter(pl.col("failed").is_not_null())
    if failed.height:
        rows = tuple(
            (str(row["proxy"]), spoken(row["size"]), row["failed"])
            for row in failed.iter_rows(named=True)
        )
        table = Table(columns("#Proxy", "Size", "Why it failed"), rows)
        yield Folded(f"Proxies that failed, which no law sees: {failed.height}", (table,))


def _told(search: MixtureSearch, proxies: pl.DataFrame) -> Iterator[str]:
    """What was drawn, how, and what it cost."""
    drawn = sum(search.rounds)
    there = proxies.filter(pl.col("size") == DEFAULT).height
    failed = int(proxies["failed"].is_not_null().sum())
    rounds = (
        ""
        if search.law is None
        else f" in {len(search.rounds)} rounds, the later ones near what the law {search.law.law} "
        "finds best"
    )
    yield (
        f"{numbers.count(drawn)} mixtures of {len(search.domains)} domains are drawn by the rule "
        f"{search.draw.draw}{rounds};"
    )
    if there < drawn:
        yield (
            f"{numbers.count(drawn - there)} of them came twice, or have a domain that is not "
            "wanted any more, and are left out;"
        )
    yield (
        f"{numbers.count(proxies.height)} proxies were trained on "
        f"{numbers.count(int(proxies['tokens'].sum()))} tokens, and {numbers.count(failed)} failed."
    )
    yield REPEATS if search.repeat is not None else REPEATS_LESS


def figure(found: Swarm, marked: Marked) -> "Drawing | None":
    """The proxies of the usual size by their mixtures, beside the prior and the ``marked`` ones;
    None where none was measured."""
    usual = found.proxies().select("proxy")
    losses = found.artifact.read("losses").join(usual, on="proxy", how="semi")
    if losses.drop_nulls("value").is_empty():
        return None
    mixtures = found.artifact.read("mixtures").join(usual, on="proxy", how="semi")
    prior = dict(found.artifact.read("domains").select("domain", "prior").iter_rows())
    return proxies_by_mixture(mixtures, losses, {"prior": prior, **marked})


def domain_rows(found: Swarm) -> Rows:
    """Each domain's prior share, and the tokens that there are and that proxies read from."""
    rows = [
        (domain, numbers.share(prior), numbers.count(tokens), numbers.count(read))
        for domain, prior, tokens, read in found.artifact.read("domains").iter_rows()
    ]
    return ("domain", "#prior", "#tokens there are", "#tokens proxies read from"), rows


def loss_rows(found: Swarm) -> Rows:
    """Each target's losses over the proxies of the usual size, and the mixture of the best."""
    proxies = found.proxies().select("proxy")
    losses = found.artifact.read("losses").join(proxies, on="proxy", how="semi")
    mixtures = found.artifact.read("mixtures")
    rows = []
    for target in losses["target"].unique(maintain_order=True):
        each = losses.filter(pl.col("target") == target)
        values = each.drop_nulls("value")
        if values.is_empty():
            rows.append((target, "0", *[numbers.MISSING] * 5))
            continue
        of = values["value"]
        best = values.sort("value", "proxy")["proxy"][0]
        rows.append(
            (
                target,
                numbers.count(values.height),
                *(numbers.loss(float(each)) for each in (of.min(), of.median(), of.max())),  # type: ignore[arg-type]
                each["unit"][0],
                _mixture(mixtures.filter(pl.col("proxy") == best)),
            )
        )
    return ("target", "#proxies", "#best", "#median", "#worst", "unit", "mixture of the best"), rows


def stability_rows(stability: pl.DataFrame) -> Rows:
    """Rank correlations by pair of sizes and target."""
    rows = [
        (
            f"{spoken(row['size'])} and {spoken(row['other'])}",
            row["target"],
            numbers.count(row["mixtures"]),
            numbers.decimal(row["spearman"]),
            numbers.decimal(row["kendall"]),
        )
        for row in stability.iter_rows(named=True)
    ]
    return ("sizes", "target", "#mixtures", "#Spearman", "#Kendall"), rows


def _mixture(shares: pl.DataFrame) -> str:
    some = shares.filter(pl.col("share") > 0).sort("share", descending=True)
    return ", ".join(
        f"{row['domain']} {numbers.share(row['share'])}" for row in some.iter_rows(named=True)
    )


def _table(of: Rows) -> Table:
    heads, rows = of
    # As heads are in the report; in the UI they are small.
    capital = (
        head[:2].upper() + head[2:] if head[0] == "#" else head.capitalize() for head in heads
    )
    return Table(
        columns(*capital), tuple((Span(first, "strong"), *others) for first, *others in rows)
    )
