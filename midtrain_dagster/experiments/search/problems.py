"""What is wrong with the searches of a recipe, before anything is trained."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from midtrain_dagster.core.problems import Problem, View, undeclared, unfed
from midtrain_dagster.core.token_count import tokens_in_words
from midtrain_dagster.experiments.search.settings import MixtureSearch
from midtrain_dagster.training.runs import BASE
from midtrain_dagster.training.scale import Scale, scaled_stage
from midtrain_dagster.training.stage import RANDOM


@dataclass(frozen=True)
class Around:
    """What searches see of the rest of the recipe."""

    view: View
    checkpoints: Collection[str]
    """All that there will be."""
    stages: Mapping[str, str]
    """The start of each stage, by name."""
    tokens: Mapping[str, int]
    """The tokens of each stage, before the scale."""
    fed: Mapping[str, Collection[str]]
    """By search, the stages that are trained on a mixture that is made from it."""
    answerable: Collection[str]
    """The benchmarks whose items have a right answer."""
    scale: Scale


def problems(searches: Mapping[str, MixtureSearch], around: Around) -> Iterator[Problem]:
    """Each search's domains, targets, start and repetition that the recipe does not have."""
    for name, search in searches.items():
        for place, reason in _problems(name, search, around):
            yield ("mixture_search", name, *place), reason


def _problems(name: str, search: MixtureSearch, around: Around) -> Iterator[Problem]:
    view = around.view
    for number, domain in enumerate(search.domains):
        if domain not in view.trained_on and domain not in search.without:
            yield ("domains", number), unfed(domain, view.trained_on)
    yield from _targets(search, around)
    yield from _start(name, search, around)
    repeat = search.repeat
    if repeat is not None and repeat.stage is not None and repeat.stage not in around.stages:
        yield ("repeat", "stage"), undeclared("stage", repeat.stage, around.stages)
    meant, field = _repeated(search, around)
    for size, proxy in search.proxies.items():
        if meant is not None and meant < proxy.tokens:
            yield (
                ("repeat", field),
                f"a run of {tokens_in_words(meant)} tokens is shorter than a proxy of size "
                f"{size!r}, of {tokens_in_words(proxy.tokens)}, which repeats more than it: give "
                "proxies fewer tokens, or drop `repeat`",
            )
        try:
            scaled_stage(proxy.stage({"any": 1.0}), around.scale)
        except ValidationError as error:
            yield ("proxy",), f"size {size!r}, at the recipe's scale: {error.errors()[0]['msg']}"


def _repeated(search: MixtureSearch, around: Around) -> tuple[int | None, str]:
    """The tokens of the run whose repetition the proxies have, as far as they are known, and the
    field that says it."""
    repeat = search.repeat
    if repeat is None:
        return None, ""
    if repeat.stage is not None:
        return around.tokens.get(repeat.stage), "stage"
    return repeat.tokens, "tokens"


def _targets(search: MixtureSearch, around: Around) -> Iterator[Problem]:
    view, asked = around.view, search.targets
    for number, domain in enumerate(asked.losses or ()):
        if domain not in view.natural:
            yield ("targets", "losses", number), unfed(domain, view.natural)
    for number, benchmark in enumerate(asked.answers):
        place = ("targets", "answers", number)
        if benchmark not in view.benchmarks:
            yield place, undeclared("benchmark", benchmark, view.benchmarks)
        elif benchmark not in around.answerable:
            yield place, f"items of {benchmark!r} have no right answer: give it `answer` or `gold`"
    measured = targets(search, view)
    if not measured:
        yield (
            ("targets", "losses"),
            "nothing is measured: no domain of the search is fed by a source, so name some",
        )
    for target in search.objective:
        if target not in measured:
            yield ("objective", target), undeclared("target", target, measured)


def _start(name: str, search: MixtureSearch, around: Around) -> Iterator[Problem]:
    start, place = search.proxy.start, ("proxy", "start")
    if start == RANDOM:
        return
    if start not in around.checkpoints:
        yield place, undeclared("checkpoint", start, [RANDOM, *around.checkpoints])
        return
    seed = search.seed
    if seed not in (None, around.view.seed) and search.proxy.inherit.rng == "keep":
        yield (
            ("seed",),
            f"proxies keep the seed {around.view.seed} of {start!r}, and the search has {seed}: "
            "drop it, or say proxy: {inherit: {rng: {reset: WHY}}}",
        )
    at = start.partition("/")[0]
    while at in around.stages:
        if at in around.fed.get(name, ()):
            yield (
                place,
                f"{start!r} is trained on a mixture that these proxies find: they have to start "
                f"before {at!r}",
            )
        at = around.stages[at].partition("/")[0]


def targets(search: MixtureSearch, view: View) -> list[str]:
    """What of each proxy is measured, by the names that targets have."""
    return [
        *(f"loss/{domain}" for domain in measured_losses(search, view)),
        *(f"answers/{benchmark}" for benchmark in search.targets.answers),
    ]


def measured_losses(search: MixtureSearch, view: View) -> list[str]:
    """The domains whose held-out losses are measured, sorted. A band is a part of its domain, and
    what models wrote quotes what is trained on, so natural domains alone are meant."""
    if search.targets.losses is not None:
        return sorted(search.targets.losses)
    whole = {view.domain_of_band.get(domain, domain) for domain in search.kept}
    return sorted(whole & view.natural)


def starts_late(search: MixtureSearch, *, base_given: bool) -> bool:
    """Whether proxies start from what is trained here, so that nothing that comes before the first
    step can know what they find."""
    start = search.proxy.start
    return start != RANDOM and not (base_given and start == BASE)
