"""The lines that ``midtrain law --ratio`` answers with: losses at another share of a domain."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from pydantic import TypeAdapter

from midtrain.made import Made, NotMadeError
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.display.numbers import count
from midtrain_dagster.experiments.search.settings import DEFAULT
from midtrain_dagster.laws.mixing import ratio_study
from midtrain_dagster.laws.mixing.config import RatioLaw
from midtrain_dagster.laws.mixing.ratio import UnidentifiedError
from midtrain_dagster.laws.mixing.ratio_points import Points, points
from midtrain_dagster.laws.mixing.ratio_study import RatioStudy, Told, require_told, study
from midtrain_dagster.laws.mixing.uncertainty import LEVEL
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe

if TYPE_CHECKING:
    from midtrain_dagster.laws.mixing.ratio import RatioLaw as Law

SHARES = 6
"""At how many shares losses are told where none is asked for."""

NAMED = 3
"""Of the proxies that are left out, those that are named."""

READ = ("mixtures", "proxies", "losses", "domains")
"""Tables of a search."""


class RatioQuestionError(ValueError):
    """A question that is not asked as it can be answered; the message says how."""


def lines(options: argparse.Namespace) -> Iterator[str]:
    """The answers. Raises ``NotMadeError``, ``RatioQuestionError``, and what ``ratio_study`` and
    ``ratio_points`` raise."""
    if options.logs or options.decay or options.reach or options.best:
        raise RatioQuestionError(
            "--ratio is asked of a recipe's mixture_search: leave out --logs, --decay, --reach and "
            "--best, which are asked of its laws"
        )
    if options.recipe is None:
        raise NotMadeError("name a recipe that has a mixture_search")
    recipe = load_recipe(options.recipe)
    name = _search(recipe, options.name)
    artifact = Made(recipe).one(f"swarm/{name}")
    yield from answers(
        {table: artifact.read(table) for table in READ},
        options,
        general=recipe.measures.general,
        search=name,
    )


def answers(
    swarm: Mapping[str, pl.DataFrame],
    options: argparse.Namespace,
    *,
    general: Sequence[str],
    search: str,
    resamples: int = ratio_study.RESAMPLES,
) -> Iterator[str]:
    """The answers from a search's tables; ``general`` are the recipe's general domains."""
    domain, share = options.ratio
    own = points(**swarm, domain=domain, targets=[f"loss/{domain}"])
    tokens, parameters = _asked(swarm["proxies"], options)
    require_told(own, tokens, parameters)
    yield f"the share of {domain} in the proxies of search {search}"
    yield f"  a loss after {count(tokens)} tokens, of {count(parameters)} parameters"
    yield from _left_out(own)
    found = study(_law("d_cpt"), own, resamples=resamples)
    shares = np.linspace(found.least, found.most, SHARES) if share is None else np.array([share])
    yield from _beyond(found, shares, tokens, parameters)
    yield from _losses(found, f"loss of {domain}", shares, tokens, parameters)
    measured = set(swarm["losses"]["target"])
    others = [each for each in general if each != domain and f"loss/{each}" in measured]
    if not others:
        raise RatioQuestionError(
            f"search {search} measures no general loss: of the general domains of `evaluation` "
            f"({', '.join(general)}) none beside {domain} is among its `targets: {{losses: ...}}`"
        )
    named = f"general loss ({', '.join(others)})"
    rest = points(**swarm, domain=domain, targets=[f"loss/{each}" for each in others])
    # To D-CPT the ratio of a general loss is that of the general corpus.
    of_general = study(_law("d_cpt"), rest.of_the_rest(), resamples=resamples)
    yield from _losses(of_general, named, shares, tokens, parameters, of_the_rest=True)
    yield from _critical(rest, named, parameters, options.within, resamples)
    yield (
        f"an interval holds {LEVEL:.0%} of refits (bootstrap over proxies); those of losses are "
        "moved by an error on a proxy left out"
    )


def _losses(
    found: RatioStudy,
    named: str,
    shares: np.ndarray,
    tokens: float,
    parameters: float,
    *,
    of_the_rest: bool = False,
) -> Iterator[str]:
    """A loss at shares of the domain; the law of a general one has the share of the rest."""
    yield ""
    yield from _fit(found, named)
    told = found.losses(1 - shares if of_the_rest else shares, tokens, parameters)
    for share, each in zip(shares, told, strict=True):
        yield f"  at {share:.1%}: {each.value:.4f} nats a token [{each.low:.4f}, {each.high:.4f}]"


def _critical(
    rest: Points, named: str, parameters: float, within: float, resamples: int
) -> Iterator[str]:
    yield ""
    of_size = rest.of_size(parameters)
    if not len(of_size.at):
        sizes = ", ".join(f"{size:,.0f}" for size in np.unique(rest.at[:, 2]))
        raise UnidentifiedError(
            f"the critical share is not told: cmr knows one size of model at a time, and no proxy "
            f"of {parameters:,.0f} parameters was trained (there are {sizes})"
        )
    found = study(_law("cmr"), of_size, resamples=resamples)
    yield from _fit(found, named)
    told = found.critical(within)
    rise = f"{within:g} above that at {found.least:.1%}"
    if told.low >= found.most:
        yield (
            f"  it stays within {rise} at every share of {rest.domain} that proxies had, up to "
            f"{found.most:.1%}"
        )
    else:
        yield f"  it stays within {rise} up to {_share(told, found)} of {rest.domain}"
    yield "  (to cmr this share is the same after any number of tokens)"


def _share(told: Told, found: RatioStudy) -> str:
    more = " and more" if told.high >= found.most else ""
    return f"{told.value:.1%} [{told.low:.1%}, {told.high:.1%}{more}]"


def _fit(found: RatioStudy, named: str) -> Iterator[str]:
    """What a law is fitted to, and how wrong it is on what it was not fitted to."""
    errors, runs = found.errors, len(found.points.losses)
    ended = f"; {found.not_converged} fits did not come to an end" if found.not_converged else ""
    yield f"{named}, by {found.law.law} fitted to {runs} proxies{ended}"
    order = "" if errors.spearman is None else f", Spearman {errors.spearman:.3f}"
    spread = "" if errors.relative is None else f", {errors.relative:.0%} of their spread"
    yield (
        f"  error on proxies left out: mean {errors.mean_absolute:.4f}{spread}, worst "
        f"{errors.worst:.4f} nats a token{order}"
    )


def _beyond(
    found: RatioStudy, shares: np.ndarray, tokens: float, parameters: float
) -> Iterator[str]:
    """Where the law is asked beyond what it saw."""
    for what, asked, values, written in (
        (
            f"shares of {found.points.domain}",
            float(shares[0]),
            found.points.at[:, 0],
            "{:.1%}".format,
        ),
        ("tokens", tokens, found.points.at[:, 1], count),
        ("parameters", parameters, found.points.at[:, 2], count),
    ):
        lowest, highest = float(values.min()), float(values.max())
        if not lowest <= asked <= highest:
            yield (
                f"  {what} of the proxies: {written(lowest)} to {written(highest)}; the law is "
                "asked beyond what it saw"
            )


def _left_out(own: Points) -> Iterator[str]:
    if own.left_out:
        named = "; ".join(own.left_out[:NAMED])
        more = len(own.left_out) - NAMED
        yield f"  left out: {named}" + (f"; and {more} more" if more > 0 else "")


def _asked(proxies: pl.DataFrame, options: argparse.Namespace) -> tuple[float, float]:
    """The tokens and the parameters that are asked about: those of the usual size, if not said."""
    usual = proxies.filter(pl.col("size") == DEFAULT, pl.col("failed").is_null())
    if usual.is_empty():
        raise RatioQuestionError("all proxies of the usual size failed: the report says why")
    tokens, parameters = usual.select("tokens", "parameters").row(0)
    return float(options.tokens or tokens), float(options.parameters or parameters)


def _search(recipe: Recipe, named: str | None) -> str:
    known = list(recipe.mixture_search)
    name = named or (known[0] if len(known) == 1 else None)
    if name is not None and name in known:
        return name
    if not known:
        raise NotMadeError(
            "the recipe has no mixture_search, whose proxies a law of a ratio is fitted to: add "
            "one with `sizes` of other tokens (microanneals have two shares each, and a law of a "
            "share needs six)"
        )
    raise NotMadeError(
        f"name one of the recipe's mixture_search ({', '.join(known)})" + did_you_mean(named, known)
    )


def _law(name: str) -> "Law":
    law: Law = TypeAdapter(RatioLaw).validate_python({"law": name})
    return law
