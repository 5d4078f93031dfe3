"""What the sources have of each class of length, against what a stage's ``length_classes`` ask.

Lengths are those of the sources' first rows, so a class may well have documents further behind:
what is missing or repeated is doubted, and refused only where even the longest document that was
seen is far too short. The exact figures come with the token shards (``training.preflight``).
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np

from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.display.numbers import count
from midtrain_dagster.evaluation.input_problems import FAR
from midtrain_dagster.mixture.length_class import LengthRule, bounds, labels
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.training.problems import place_of
from midtrain_dagster.training.runs import Run


class Seen(Protocol):
    """What was seen of a domain's documents."""

    @property
    def longest(self) -> float:
        """Tokens of the longest."""
        ...

    @property
    def seen(self) -> tuple[float, ...]:
        """Tokens of each that was read."""
        ...


def length_problems(
    run: Run, known: Mapping[str, Seen], had: Mapping[str, float]
) -> Iterator[Finding]:
    """Windows too short for a run's classes, classes that no document reaches, and those that would
    be repeated; ``had`` are the tokens of each domain that a stage can be trained on, at most."""
    mixture, window = run.stage.mixture, run.stage.sequence_length
    rule = mixture.length_classes
    if rule is None or run.role == "seed":
        return
    place = (*place_of(run), "mixture", "length_classes")
    starts = [each.start for each in rule.classes]
    try:
        least = bounds(starts, window)
    except ValueError as error:
        yield Finding(place, str(error))
        return
    if not isinstance(mixture, Mixture):
        return
    divided = mixture.trained_on - set(rule.own_class)
    if not divided <= known.keys():
        return  # bands and synthesis: what those have is not known yet
    total = run.stage.batches.tokens * _share(mixture, rule)
    highest = max(mixture.ceiling(domain) for domain in divided)
    longest = max(known[domain].longest for domain in divided)
    held = np.sum([had[domain] * _parts(known[domain], least) for domain in divided], axis=0)
    for name, each, fewest, tokens in zip(labels(starts), rule.classes, least, held, strict=True):
        asked = total * each.share
        if not each.share:
            continue
        if longest < fewest:
            reason = (
                f"{each.share:.0%} of the tokens are asked of documents of {name}, {fewest:,} "
                f"tokens, and the longest that was seen has about {longest:,.0f}: add longer "
                "documents, or lower sequence_length"
            )
            yield Finding(place, reason, stops=FAR * longest < fewest)
        elif not tokens:
            reason = f"no document that was seen is of {name}, which is to give {each.share:.0%}"
            yield doubt(place, f"{reason} of the tokens: add some, or change its share")
        elif asked > highest * tokens:
            yield doubt(
                place,
                f"{count(asked)} tokens are asked of documents of {name}, of which the first rows "
                f"let expect about {count(tokens)} before curation: about {asked / tokens:,.3g} "
                f"epochs, where max_epochs is {highest:g}: add long documents, lower the share or "
                "the stage's tokens, or raise max_epochs",
            )


def _share(mixture: Mixture, rule: LengthRule) -> float:
    """The share of all tokens of the domains that length divides, over the stage."""
    moments = mixture.moments()
    divided = [domain not in rule.own_class for domain in mixture.domains]
    return float(np.trapezoid(mixture.shares(moments)[:, divided].sum(axis=1), moments))


def _parts(supply: Seen, least: list[int]) -> np.ndarray:
    """The share of a domain's tokens in each class, by the documents that were read."""
    seen = np.array(supply.seen)
    place = np.searchsorted(least, seen, side="right") - 1
    inside = place >= 0
    found = np.bincount(place[inside], seen[inside], minlength=len(least))
    return found / max(seen.sum(), 1.0)
