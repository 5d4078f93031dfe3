"""The short decays that a section of microanneals stands for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from midtrain_dagster.core.problems import View
from midtrain_dagster.experiments.microanneals.config import Microanneals
from midtrain_dagster.experiments.microanneals.decisions import ALONE
from midtrain_dagster.experiments.short_run import ANSWERS, LOSS, Measures, Phase
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.training.fine_tuning import FineTuning, kept_of
from midtrain_dagster.training.retention import step_of_milestone
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.scale import Scale, scaled_stage
from midtrain_dagster.training.stage import Stage

ANNEAL, TUNED = "anneal", "fine_tuning"
"""The phases of a run. Their names seed the order of the documents, so all runs of a seed have the
same general documents in the same order."""

SEEDS = {"reset": "the seeds of microanneals order the documents"}
OWN_RATE = {"reset": "these microanneals say their own rate"}


class MicroannealError(ValueError):
    """Microanneals that cannot be run; the message says what to write."""


@dataclass(frozen=True)
class Planned:
    """One run: a candidate, or general tokens alone, with one seed."""

    candidate: str
    seed: int
    phases: tuple[Phase, ...]
    domains: frozenset[str]
    """What its phases read of the training split, sources as they are called."""


def planned(
    asked: Microanneals,
    before: Run | None,
    scale: Scale,
    fine_tuning: FineTuning | None,
) -> list[Planned]:
    """Every run of the section, general tokens alone first; at the recipe's scale.

    ``before`` is the run that made the start, at full scale; None: a given base. Raises
    :class:`MicroannealError` where window, batch or general shares are known of neither.
    """
    found = []
    for candidate in (ALONE, *asked.candidates):
        stage = scaled_stage(anneal(asked, candidate, before), scale)
        phases = [Phase(name=ANNEAL, stage=stage)]
        if asked.judged_after == TUNED and fine_tuning is not None:
            tuning = fine_tuning.stage(ANNEAL, anneal(asked, candidate, before))
            phases.append(Phase(name=TUNED, stage=scaled_stage(tuning, scale)))
        read = frozenset(each for phase in phases for each in _read(phase.stage))
        found += [Planned(candidate, seed, tuple(phases), read) for seed in asked.seeds]
    return found


def anneal(asked: Microanneals, candidate: str, before: Run | None) -> Stage:
    """The decay of a candidate, or of general tokens alone, at full scale."""
    shares = general_shares(asked, before)
    if candidate != ALONE:
        shares = {name: (1 - asked.share) * share for name, share in shares.items()}
        shares[candidate] = shares.get(candidate, 0.0) + asked.share
    rate = {} if asked.rate == "inherited" else {"start": asked.rate}
    kept = {} if asked.rate == "inherited" else {"learning_rate": OWN_RATE}
    fields: dict[str, Any] = {
        **kept_of(None if before is None else before.stage),
        "start": asked.start,
        "milestone": asked.milestone,
        "tokens": asked.tokens,
        "batch_tokens": _batch(asked, before),
        "sequence_length": _window(asked, before),
        "schedule": [{"phase": "decay", "shape": "linear", "to": 0.0, **rate}],
        "mixture": {"domains": shares, "max_epochs": asked.max_epochs},
        "inherit": {"moments": asked.moments, "rng": SEEDS, **kept},
    }
    return Stage.model_validate(fields)


def general_shares(asked: Microanneals, before: Run | None) -> dict[str, float]:
    """The shares of general tokens by domain: said, or those with which the start ended."""
    if asked.general is not None:
        total = sum(asked.general.values())
        return {name: share / total for name, share in asked.general.items()}
    if before is None or not isinstance(before.stage.mixture, Mixture):
        raise MicroannealError(
            f"what {asked.start!r} was trained on is not known: say `general: {{DOMAIN: SHARE}}`"
        )
    stage, progress = before.stage, 1.0
    if asked.milestone is not None:
        progress = step_of_milestone(stage, asked.milestone) / stage.steps
    weights = before.stage.mixture.weights(progress)
    return {name: share for name, share in weights.items() if share}


def targets_of(asked: Microanneals, view: View) -> tuple[str, ...]:
    """The targets: those that are said, or the losses of the candidates' domains that are
    natural."""
    if asked.targets:
        return asked.targets
    domains = (domain_of(each, view) for each in asked.candidates)
    return tuple(dict.fromkeys(f"{LOSS}{each}" for each in domains if each in view.natural))


def domain_of(name: str, view: View) -> str | None:
    """The domain of a candidate: itself, that of a band, or that which a source feeds."""
    if name in view.domains:
        return name
    fed = {**view.synthetic, **view.sources, **view.domain_of_band}
    return fed.get(name)


def mixed_as(name: str, view: View) -> str:
    """The domain (or band) that stages mix for a candidate's sake."""
    return name if name in view.trained_on else domain_of(name, view) or name


def sources_apart(
    asked: Microanneals, candidate: str, general: Mapping[str, float], view: View
) -> set[str]:
    """The sources (methods of synthesis too) whose documents are in a domain of their own in the
    runs of a candidate: the candidate, and candidates that general domains would hold otherwise,
    so that general tokens are the same in all runs."""
    inside = {view.domain_of_band.get(name, name) for name in general}
    return {
        each
        for each in asked.candidates
        if is_source(each, view) and (each == candidate or domain_of(each, view) in inside)
    }


def is_source(name: str, view: View) -> bool:
    """Whether a candidate's name is that of a source or method of synthesis, not of a domain."""
    named = name in view.sources or name in view.synthetic
    return named and name not in view.domains and name not in view.domain_of_band


def measures_of(
    asked: Microanneals, general: Mapping[str, float], view: View, *, window: int, tokens: int
) -> Measures:
    """What is measured of every run: the targets, and the general domains that are natural, in
    windows of ``window`` tokens, ``tokens`` of each domain at most."""
    targets = targets_of(asked, view)
    losses = [each.removeprefix(LOSS) for each in targets if each.startswith(LOSS)]
    measured = {view.domain_of_band.get(name, name) for name in general} & view.natural
    return Measures(
        domains=tuple(sorted({*losses, *measured})),
        sequence_length=window,
        tokens_by_domain=tokens,
        benchmarks=tuple(
            each.removeprefix(ANSWERS) for each in targets if each.startswith(ANSWERS)
        ),
        items=asked.items,
    )


def measured_shares(general: Mapping[str, float], view: View) -> dict[str, float]:
    """The shares by which natural general domains make general loss; a band's goes to its
    domain."""
    found: dict[str, float] = {}
    for name, share in general.items():
        domain = view.domain_of_band.get(name, name)
        if domain in view.natural:
            found[domain] = found.get(domain, 0.0) + share
    return found


def _window(asked: Microanneals, before: Run | None) -> int:
    if asked.sequence_length is not None:
        return asked.sequence_length
    if before is None:
        raise MicroannealError(f"the window of {asked.start!r} is not known: say `sequence_length`")
    return before.stage.sequence_length


def _batch(asked: Microanneals, before: Run | None) -> int:
    if asked.batch_tokens is not None:
        return asked.batch_tokens
    if before is None:
        raise MicroannealError(f"the batch of {asked.start!r} is not known: say `batch_tokens`")
    stage, step = before.stage, before.stage.steps
    if asked.milestone is not None:
        step = step_of_milestone(stage, asked.milestone)
    return stage.batches.size(step - 1)


def _read(stage: Stage) -> set[str]:
    assert isinstance(stage.mixture, Mixture)
    return stage.mixture.trained_on
