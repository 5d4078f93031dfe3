"""What is wrong with the microanneals of a recipe, without reading a file."""

from collections.abc import Collection, Iterator, Mapping

from pydantic import ValidationError

from midtrain_dagster.core.problems import Location, Problem, View, undeclared, unfed
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.experiments.microanneals.config import Microanneals
from midtrain_dagster.experiments.microanneals.decisions import ALONE, GENERAL
from midtrain_dagster.experiments.microanneals.runs import (
    TUNED,
    MicroannealError,
    anneal,
    domain_of,
    general_shares,
    measured_shares,
    planned,
    targets_of,
)
from midtrain_dagster.experiments.short_run import ANSWERS, LOSS, one_step
from midtrain_dagster.mixture.reference import MixtureReference
from midtrain_dagster.training.fine_tuning import FineTuning
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.retention import step_of_milestone
from midtrain_dagster.training.runs import BASE, Run
from midtrain_dagster.training.scale import Scale
from midtrain_dagster.training.stage import RANDOM


def problems(
    sections: Mapping[str, Microanneals],
    every: Collection[Run],
    scale: Scale,
    fine_tuning: FineTuning | None,
    view: View,
    *,
    base_given: bool,
    waiting: Mapping[str, Collection[str]] | None = None,
) -> Iterator[Problem]:
    """Starts that are not there or have no rate to fall from, candidates and general domains that
    nothing feeds, targets that cannot be measured, and a fine-tuning that nobody describes.

    ``every`` are the recipe's runs, at full scale; ``waiting`` has of each mixture that is found
    the assets that it reads.
    """
    runs = {run.name: run for run in every}
    for name, asked in sections.items():
        place: Location = ("microanneals", name)
        if asked.start not in runs and not (base_given and asked.start == BASE):
            starts = [*([BASE] if base_given else []), *runs]
            yield (*place, "start"), undeclared("checkpoint of a stage", asked.start, starts)
            continue
        yield from _domains(asked, place, view)
        if asked.judged_after == TUNED and fine_tuning is None:
            yield (
                (*place, "judged_after"),
                "the recipe does not say how: add a section `fine_tuning` with its domains, "
                "steps, rate and batch_tokens",
            )
        before = runs.get(asked.start)
        if _waits(f"microanneals/{name}", before, runs, waiting or {}):
            yield (
                (*place, "start"),
                f"{asked.start!r} waits for these microanneals: its mixture, or that of a stage "
                "before it, is made of what they accept; start from an earlier stage",
            )
        yield from _begun(asked, before, place)
        try:
            general = general_shares(asked, before)
            planned(asked, before, scale, fine_tuning)
        except MicroannealError as error:
            yield place, str(error)
            continue
        except ValidationError as error:
            first = error.errors()[0]
            yield (*place, *first["loc"][:1]), str(first["msg"]).removeprefix("Value error, ")
            continue
        except ValueError as error:  # of a milestone
            yield (*place, "milestone"), f"{asked.start!r}: {error}"
            continue
        batch = anneal(asked, ALONE, before).batches.sizes[0]
        if asked.tokens <= batch:
            yield (*place, "tokens"), one_step(asked.tokens, batch)
        if not measured_shares(general, view):
            yield (
                (*place, GENERAL),
                "none of the general domains is natural, so there is no general loss to hold "
                "candidates against: give a natural domain a share",
            )
        yield from _targets(asked, place, view)


def _waits(
    asset: str,
    run: Run | None,
    runs: Mapping[str, Run],
    waiting: Mapping[str, Collection[str]],
) -> bool:
    """Whether a run, or one that it goes back to, is trained on a mixture that reads an asset."""
    seen: set[str] = set()
    while run is not None and run.name not in seen:
        mixture = run.stage.mixture
        if isinstance(mixture, MixtureReference) and asset in waiting.get(mixture.from_, ()):
            return True
        seen.add(run.name)
        run = runs.get(run.start)
    return False


def _domains(asked: Microanneals, place: Location, view: View) -> Iterator[Problem]:
    """Candidates and general domains that nothing feeds."""
    known = {*view.trained_on, *view.sources, *view.synthetic}
    for number, candidate in enumerate(asked.candidates):
        at = (*place, "candidates", number)
        if candidate in view.bands:
            bands = ", ".join(view.bands[candidate])
            yield at, f"{candidate!r} is trained on in bands: name one of {bands}"
        elif domain_of(candidate, view) is None:
            listed = ", ".join(sorted(known))
            yield (
                at,
                f"{candidate!r} is neither a domain nor a source ({listed})"
                f"{did_you_mean(candidate, known)}",
            )
    for domain in asked.general or ():
        if domain not in view.trained_on:
            yield (*place, GENERAL, domain), unfed(domain, view.trained_on)


def _targets(asked: Microanneals, place: Location, view: View) -> Iterator[Problem]:
    """Targets that are none, or are of what cannot be measured."""
    if not targets_of(asked, view):
        yield (
            (*place, "targets"),
            "no candidate is of a natural domain, whose held-out loss would be the target: say "
            "targets: [loss/DOMAIN, answers/BENCHMARK]",
        )
    for number, target in enumerate(asked.targets):
        at, kind = (*place, "targets", number), target.partition("/")[0] + "/"
        name = target.removeprefix(kind)
        if kind == LOSS and name not in view.natural:
            why = "is synthetic, and its text quotes what is trained on: name a natural one"
            yield at, f"{name!r} {why}" if name in view.domains else unfed(name, view.natural)
        elif kind == ANSWERS and name not in view.benchmarks:
            yield at, undeclared("benchmark", name, view.benchmarks)
        elif kind not in (LOSS, ANSWERS):
            yield at, f"{target!r} is no target: they are `loss/DOMAIN` and `answers/BENCHMARK`"


def _begun(asked: Microanneals, before: Run | None, place: Location) -> Iterator[Problem]:
    """A rate to fall from that is 0 already, or a start that is no trained one."""
    if asked.rate != "inherited" or before is None:
        return
    rate = _last_rate(before, asked.milestone)
    if rate == 0:
        yield (
            (*place, "start"),
            f"{asked.start!r} ends at rate 0, so there is nothing to decay: name a milestone of it "
            "(`milestone: 1`, where it has checkpoints: {milestones: TOKENS, moments: true}), a "
            "stage whose rate is above 0, or say a `rate`",
        )


def _last_rate(before: Run, milestone: int | None) -> float | None:
    """The rate that a run ends with, as far as the recipe says it."""
    stage = before.stage
    last = stage.schedule.last_learning_rate
    if milestone is None:
        return last
    if stage.start != RANDOM and stage.inherits_learning_rate:
        return None
    try:
        return float(stage.learning_rates(None)[step_of_milestone(stage, milestone)])
    except (ValueError, TransitionError):
        return None
