"""What a search costs, known before it: proxies and the tokens that they are trained on."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from midtrain_dagster.display.numbers import count
from midtrain_dagster.display.words import spoken
from midtrain_dagster.experiments.search.settings import MixtureSearch
from midtrain_dagster.training.scale import Scale, scaled_stage


class SizeCost(NamedTuple):
    """Of one size: how many proxies at most, and the tokens of each."""

    proxies: int
    tokens: int


def costs(search: MixtureSearch, scale: Scale) -> dict[str, SizeCost]:
    """By size, at the recipe's scale."""
    return {
        size: SizeCost(
            search.count(size), scaled_stage(proxy.stage({"any": 1.0}), scale).batches.tokens
        )
        for size, proxy in search.proxies.items()
    }


def outlook(searches: Mapping[str, MixtureSearch], scale: Scale) -> Iterator[str]:
    """The lines of ``midtrain check`` on the searches of a recipe."""
    for name, search in searches.items():
        found = costs(search, scale)
        together = sum(each.proxies * each.tokens for each in found.values())
        rounds = f" in {len(search.rounds)} rounds" if len(search.rounds) > 1 else ""
        yield (
            f"  {name:<22} {sum(search.rounds)} mixtures of {len(search.kept)} domains{rounds}, "
            f"drawn by {search.draw.draw}, from {search.proxy.start}; "
            f"{count(together)} tokens in all"
        )
        for size, each in found.items():
            yield f"    {spoken(size):<20} {each.proxies} proxies of {each.tokens:,} tokens"
        if search.repeat is None:
            yield "    proxies read all documents there are: see `repeat`"
