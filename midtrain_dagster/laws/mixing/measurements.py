"""A swarm's tables as arrays that laws are fitted to, and what of it cannot be used, by name.

The tables are in long form, a row a fact: ``mixtures`` (proxy, domain, share), ``proxies`` (proxy,
size, failed, ...), ``losses`` (proxy, target, value, unit, ...) and ``domains`` (domain, prior,
...). One bad proxy costs itself: it is left out and stands in ``left_out`` with the reason.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from midtrain_dagster.laws.mixing.method import Array

VERSION = 1

LEFT_OUT = pl.Schema({"proxy": pl.Int64, "target": pl.String, "reason": pl.String})
"""A row a proxy that is left out, of all targets (null) or of one."""

_SUM_TOLERANCE = 1e-3


class UnmeasuredError(ValueError):
    """Targets that no proxy has a loss of."""


@dataclass(frozen=True)
class Measurements:
    """Proxies that can be used for a target at least."""

    domains: tuple[str, ...]
    prior: Array
    """(domains,), summing to one."""
    proxies: NDArray[np.int64]
    mixtures: Array
    """(proxies, domains), a row summing to one."""
    losses: dict[str, Array]
    """By target, (proxies,); NaN where there is none."""
    units: dict[str, str]
    left_out: pl.DataFrame


def own_domain(target: str, domains: Sequence[str]) -> int | None:
    """The place of the domain whose held-out loss a target is (``loss/DOMAIN``), if it is one."""
    kind, _, domain = target.partition("/")
    return domains.index(domain) if kind == "loss" and domain in domains else None


def measurements(
    mixtures: pl.DataFrame,
    proxies: pl.DataFrame,
    losses: pl.DataFrame,
    domains: pl.DataFrame,
    *,
    targets: Iterable[str],
    size: str,
) -> Measurements:
    """What the proxies of one size measured of some targets.

    Raises :class:`UnmeasuredError` for a target that none has a loss of.
    """
    wanted, names = list(targets), domains["domain"].to_list()
    of_size = proxies.filter(size=size).sort("proxy")
    shares = (
        of_size.select("proxy")
        .join(mixtures.filter(pl.col("domain").is_in(names)), on="proxy", how="left")
        .pivot("domain", index="proxy", values="share")
        .sort("proxy")
    )
    missing = [pl.lit(0.0).alias(each) for each in names if each not in shares.columns]
    table = shares.with_columns(missing).select(names).fill_null(0.0).to_numpy()
    sums = table.sum(axis=1)
    failed = of_size["failed"].to_list()
    reasons = [
        f"failed: {why}" if why is not None else _of_sum(total)
        for why, total in zip(failed, sums.tolist(), strict=True)
    ]
    usable = np.array([each is None for each in reasons], bool)
    numbers = of_size["proxy"].to_numpy()
    left_out: list[tuple[int, str | None, str]] = [
        (int(number), None, why) for number, why in zip(numbers, reasons, strict=True) if why
    ]
    values = {}
    for target in wanted:
        own = losses.filter(target=target).select("proxy", "value").unique("proxy")
        if own.is_empty():
            raise UnmeasuredError(_unmeasured(target, losses))
        column = of_size.select("proxy").join(own, on="proxy", how="left", maintain_order="left")
        values[target] = column["value"].cast(pl.Float64).fill_null(np.nan).to_numpy()[usable]
        without = numbers[usable][~np.isfinite(values[target])].tolist()
        left_out += [(number, target, "no finite loss was measured") for number in without]
        values[target] = np.where(np.isfinite(values[target]), values[target], np.nan)
    prior = domains["prior"].to_numpy()
    return Measurements(
        tuple(names),
        prior / prior.sum(),
        numbers[usable],
        table[usable] / sums[usable, None],
        values,
        dict(losses.select("target", "unit").unique("target").iter_rows()),
        pl.DataFrame(left_out, LEFT_OUT, orient="row"),
    )


def _of_sum(total: float) -> str | None:
    if abs(total - 1) <= _SUM_TOLERANCE:
        return None
    return f"its shares of the search's domains sum to {total:.4g}"


def _unmeasured(target: str, losses: pl.DataFrame) -> str:
    measured = sorted(losses["target"].unique())
    return f"no proxy has a loss of {target!r} (measured: {', '.join(measured) or 'nothing'})"
