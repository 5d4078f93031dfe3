"""What the sources can give, against what stages ask of it: tokens and epochs by domain.

Tokens are estimated from the sources' first rows. The estimate may be wrong by a factor of a few,
and curation only takes from it: so a stage is refused where it is far beyond what its mixture
allows (``max_epochs``), and doubted where it is beyond.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from midtrain_dagster.collection.input_problems import SourceInputs
from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.display.numbers import count
from midtrain_dagster.evaluation.checks import FLOOR_TOLERANCE
from midtrain_dagster.evaluation.input_problems import FAR, HeldOut
from midtrain_dagster.forecast.lengths import length_problems
from midtrain_dagster.mixture.problems import without_room
from midtrain_dagster.mixture.reference import MixtureReference
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.tokens.estimate import bytes_a_token
from midtrain_dagster.tokens.input_problems import TokenizerInput
from midtrain_dagster.training.problems import place_of
from midtrain_dagster.training.runs import Run


@dataclass(frozen=True)
class Supply:
    """What the sources of one domain have, before curation, by their first rows."""

    documents: float
    text_bytes: float
    tokens: float
    longest: float
    """Tokens of the longest document that was seen."""
    seen: tuple[float, ...] = ()
    """Tokens of each document that was read."""


def supplies(
    recipe: Recipe, sources: Mapping[str, SourceInputs], tokenizer: TokenizerInput
) -> dict[str, Supply]:
    """What each domain has that collected documents feed; none of a domain of which a source could
    not be read."""
    by_domain: dict[str, list[SourceInputs]] = {}
    for name, source in recipe.sources.items():
        by_domain.setdefault(source.domain, []).append(sources[name])
    return {
        domain: _supply(own, tokenizer)
        for domain, own in by_domain.items()
        if all(each.rows.documents for each in own)
    }


def _supply(sources: list[SourceInputs], tokenizer: TokenizerInput) -> Supply:
    texts = (document.text for each in sources for document in each.rows.documents)
    rate = bytes_a_token(texts, tokenizer=tokenizer.file, vocabulary=tokenizer.vocabulary)
    documents = sum(each.rows.about_documents for each in sources)
    size = sum(each.rows.about_text_bytes for each in sources)
    longest = max(each.rows.longest for each in sources)
    seen = (
        len(document.text.encode("utf-8", "replace")) / rate + 1
        for each in sources
        for document in each.rows.documents
    )
    return Supply(documents, size, size / rate + documents, longest / rate, tuple(seen))


def held_out(recipe: Recipe, known: Mapping[str, Supply]) -> dict[str, HeldOut]:
    """What is held out of each domain."""
    return {
        domain: HeldOut(
            tokens=supply.tokens * recipe.held_out,
            documents=supply.documents * recipe.held_out,
            longest=supply.longest,
        )
        for domain, supply in known.items()
    }


def asked(run: Run) -> dict[str, float]:
    """The tokens that a run's shares ask of each domain; none, where shares are found later."""
    mixture = run.stage.mixture
    if not isinstance(mixture, Mixture):
        return {}
    moments = mixture.moments()
    shares = np.trapezoid(mixture.shares(moments), moments, axis=0)
    total = run.stage.batches.tokens
    return {name: total * share for name, share in zip(mixture.domains, shares, strict=True)}


def trained_on(recipe: Recipe, known: Mapping[str, Supply]) -> dict[str, float]:
    """The tokens of each domain that a stage can be trained on, at most."""
    sampled = recipe.sampling.domains if recipe.sampling else {}
    tokens = {}
    for domain, supply in known.items():
        most = supply.tokens * (1 - recipe.held_out)
        if domain in sampled:
            wanted = sampled[domain]
            most = min(float(wanted.tokens), most * wanted.maximum_copies)
        tokens[domain] = most
    return tokens


def supply_problems(recipe: Recipe, known: Mapping[str, Supply]) -> Iterator[Finding]:
    """Tokens that are asked of domains that have far fewer, and too little text for a tokenizer."""
    yield from _tokenizer(recipe, known)
    yield from _general(recipe)
    had = trained_on(recipe, known)
    yield from _proposals(recipe, had)
    reported: dict[tuple[str, str], float] = {}
    for run in recipe.runs():
        mixture, place = run.stage.mixture, place_of(run)
        if isinstance(mixture, MixtureReference):
            if known.keys() == recipe.view.domains:
                most = recipe.view.capped.get(mixture.from_, mixture.max_epochs)
                yield from _whole(run, mixture, most, sum(had.values()))
            continue
        for domain, tokens in asked(run).items():
            key = (run.stage_name, domain)
            if domain in had and reported.get(key) != tokens:
                reported[key] = tokens
                ceiling = mixture.ceiling(domain)
                found = _epochs(tokens, had[domain], ceiling)
                if found is not None:
                    field = (*place, "mixture", "domains", domain)
                    yield found._replace(place=field)
        yield from length_problems(run, known, had)


def _proposals(recipe: Recipe, had: Mapping[str, float]) -> Iterator[Finding]:
    """Proposals that cannot keep to their constraints with the tokens that there are."""
    far = {domain: int(FAR * tokens) for domain, tokens in had.items()}
    stopping = {name for name, _ in without_room(recipe.mixtures, recipe.view, far)}
    about = {domain: int(tokens) for domain, tokens in had.items()}
    for name, reason in without_room(recipe.mixtures, recipe.view, about):
        why = f"by the tokens before curation, {reason}"
        yield Finding(("mixtures", name), why, stops=name in stopping)


def _general(recipe: Recipe) -> Iterator[Finding]:
    """Stages whose mixture leaves the general domains less than the floor, at some moment."""
    floor, general = recipe.checks.general_floor, recipe.general_domains
    for run in recipe.runs() if floor is not None else []:
        mixture = run.stage.mixture
        if run.role == "seed" or not isinstance(mixture, Mixture):
            continue
        assert floor is not None
        least = mixture.least(general)
        if least < floor - FLOOR_TOLERANCE:
            yield doubt(
                (*place_of(run), "mixture"),
                f"the general domains ({', '.join(general)}) have {least:.1%} where they have "
                f"least, below checks.general_floor ({floor:.0%}): the check will not pass",
            )


def _epochs(tokens: float, had: float, ceiling: float) -> Finding | None:
    epochs = tokens / max(had, 1.0)
    if epochs <= ceiling:
        return None
    reason = (
        f"{count(tokens)} tokens are asked of what has about {count(had)} before curation: about "
        f"{epochs:,.3g} epochs, where max_epochs is {ceiling:g}: add documents, lower the share or "
        "the stage's tokens, or raise max_epochs"
    )
    return Finding((), reason, stops=epochs > FAR * ceiling)


def _whole(run: Run, mixture: MixtureReference, most: float, had: float) -> Iterator[Finding]:
    """Of shares that are found later, the sum is known: some domain has as many epochs as all.
    ``most`` are the passes over a domain that is not named."""
    total = run.stage.batches.tokens
    highest = max([most, *mixture.max_epochs_of.values()])
    found = _epochs(float(total), had, highest)
    if found is not None:
        yield found._replace(place=(*place_of(run), "tokens"))


def _tokenizer(recipe: Recipe, known: Mapping[str, Supply]) -> Iterator[Finding]:
    """A tokenizer learns each token from a pair that it has seen: it needs more text than that."""
    train = recipe.tokenizer.train
    if train is None or known.keys() != recipe.view.natural:
        return
    size, place = sum(each.text_bytes for each in known.values()), ("tokenizer", "train")
    if size < FAR * train.vocabulary:
        reason = (
            f"about {count(size)} bytes of text give no {train.vocabulary:,} tokens: lower "
            "`vocabulary`, or add documents"
        )
        field = (*place, "vocabulary")
        yield Finding(field, reason) if FAR * size < train.vocabulary else doubt(field, reason)
