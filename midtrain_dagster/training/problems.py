"""What is wrong with the stages, soups and the scale of a recipe, all of it at once."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from midtrain_dagster.core.problems import Location, Problem, View, undeclared, unfed
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.mixture.reference import MixtureReference
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.models.new import ModelConfig
from midtrain_dagster.training.checkpoints.average import Soup
from midtrain_dagster.training.fine_tuning import FineTuning
from midtrain_dagster.training.inherit import Scaled, TransitionError
from midtrain_dagster.training.retention import milestones
from midtrain_dagster.training.runs import (
    BASE,
    FINE_TUNING,
    Run,
    StageKind,
    checkpoints,
    ingredients,
    runs,
)
from midtrain_dagster.training.scale import Scale
from midtrain_dagster.training.stage import RANDOM
from midtrain_dagster.training.transition.check import check_soup, check_transition, rope_errors


def problems(
    stages: Mapping[str, StageKind],
    soups: Mapping[str, Soup],
    scale: Scale,
    *,
    base_given: bool,
    view: View,
    model: ModelConfig | None = None,
) -> Iterator[Problem]:
    """Starts that are not there, transitions that break in silence, positions that do not fit onto
    those before, windows that heads cannot share, soups of what does not exist, domains that
    nothing feeds, losses on what nobody says, and stages of which the scale leaves nothing.

    ``base_given``: the base is a checkpoint from outside, not the stage of that name; ``model`` is
    what is trained otherwise.
    """
    every = runs(stages, Scale(), seed=view.seed)
    yield from _starts(every, soups, base_given=base_given)
    yield from _transitions(every, stages, soups)
    if model is not None:
        yield from _positions(every, model, stages, soups)
        yield from _shared_windows(every, model)
    yield from _soups(every, stages, soups, base_given=base_given)
    yield from _batch_rules(every, stages)
    yield from _mixtures(every, view)
    yield from _losses(every, view)
    yield from _fills(every, view)
    scaled: dict[str, Run] = {}
    for name, stage in stages.items():
        try:
            scaled |= {run.name: run for run in runs({name: stage}, scale, seed=view.seed)}
        except ValidationError as error:
            yield ("scale",), f"stage {name!r}: {error.errors()[0]['msg']}"
    by_name = {run.name: run for run in every}
    for name, soup in soups.items():
        if not _lacks_milestones(soup, by_name) and (kept := _lacks_milestones(soup, scaled)):
            yield (
                ("scale",),
                f"the soup {name!r} averages {soup.last} checkpoints of {soup.of!r}, which keeps "
                f"{kept} at this scale: raise minimum_steps",
            )


def fine_tuning_problems(
    tuning: FineTuning | None,
    checkpoints: Sequence[str],
    every: Sequence[Run],
    view: View,
) -> Iterator[Problem]:
    """Checkpoints to fine-tune that there are not, domains that nothing feeds, a loss on what
    nobody says, and windows that are known of nobody.

    ``checkpoints`` are all that are measured, ``every`` the runs that train them."""
    if tuning is None:
        return
    for number, name in enumerate(tuning.checkpoints or ()):
        if name not in checkpoints:
            yield (FINE_TUNING, "checkpoints", number), undeclared("checkpoint", name, checkpoints)
    if tuning.sequence_length is None and not every:
        yield (FINE_TUNING, "sequence_length"), "no stage says one"
    try:
        stage = tuning.stage("any", every[0].stage if every else None)
    except ValidationError as error:
        reason = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        yield (FINE_TUNING,), reason
        return
    any_run = [Run("any", stage, view.seed, "fine_tuned")]
    for place, reason in (*_mixtures(any_run, view), *_losses(any_run, view)):
        # Its domains stand in the section itself.
        yield tuple(each for each in place if each != "mixture"), reason


def _batch_rules(every: list[Run], stages: Mapping[str, StageKind]) -> Iterator[Problem]:
    """Rates that follow a batch that the recipe does not say."""
    for run in every:
        kept = run.stage.inherit.learning_rate
        if isinstance(kept, Scaled) and kept.factor is None and run.start not in stages:
            place = (*place_of(run), "inherit", "learning_rate", "batch")
            yield (
                place,
                f"the batch with which {run.start!r} ended is not known, so none can be "
                "followed: say inherit: {learning_rate: {map: WHY, factor: NUMBER}}",
            )


def _shared_windows(every: list[Run], model: ModelConfig) -> Iterator[Problem]:
    """Workers among which the heads of keys of the model that is trained cannot be divided."""
    for run in every:
        shared = run.stage.context_parallel
        if run.role == "stage" and model.kv_heads % shared:
            yield (
                (*place_of(run), "context_parallel"),
                f"{shared} workers cannot share the {model.kv_heads} kv_heads of the model",
            )


def _losses(every: list[Run], view: View) -> Iterator[Problem]:
    """Losses on what an assistant says, where nobody says anything."""
    for run in every:
        if run.stage.loss_on != "assistant" or run.role == "seed":
            continue
        mixture, place = run.stage.mixture, (*place_of(run), "loss_on")
        if not view.conversations:
            reason = "no source of the recipe has `messages`, so there is nothing to take it on"
            yield place, reason
        elif isinstance(mixture, Mixture) and not view.conversations & mixture.trained_on:
            said = ", ".join(sorted(view.conversations))
            reason = f"no domain of its mixture has conversations: give one a share ({said})"
            yield place, reason


def _fills(every: list[Run], view: View) -> Iterator[Problem]:
    """Documents to be turned that the stage does not read, or that are conversations."""
    for run in every:
        fill, mixture = run.stage.fill_in_the_middle, run.stage.mixture
        if fill is None or run.role == "seed":
            continue
        for number, domain in enumerate(fill.domains):
            place = (*place_of(run), "fill_in_the_middle", "domains", number)
            if domain in view.conversations:
                yield place, f"{domain!r} has conversations, whose turns have their order"
            elif isinstance(mixture, Mixture) and domain not in mixture.trained_on:
                read = sorted(mixture.trained_on)
                reason = f"{domain!r} has no share in its mixture ({', '.join(read)})"
                yield place, reason + did_you_mean(domain, read)


def place_of(run: Run) -> Location:
    """Where a run stands in the recipe."""
    if run.role == "fine_tuned":
        return (FINE_TUNING,)
    place: Location = ("stages", run.stage_name)
    return (*place, "control") if run.role == "control" else place


def _starts(every: list[Run], soups: Mapping[str, Soup], *, base_given: bool) -> Iterator[Problem]:
    """Names that mean something already, and starts that no earlier stage or soup has made."""
    given = BASE if base_given else RANDOM
    if not base_given and not any(run.name == BASE and run.start == RANDOM for run in every):
        reason = "a base trained in the graph needs a stage 'base' with start: random"
        yield ("stages", BASE), reason
    known = [given]
    starts: dict[str, str] = {}
    names: set[str] = set()
    for run in every:
        if run.name in names:
            yield place_of(run), f"two runs would be called {run.name!r}"
        names.add(run.name)
        if run.role == "stage" and run.name in (RANDOM, given):
            yield place_of(run), "this name is taken: it is what stages start from"
        before = [name for name in known if name != run.stage_name]
        says = run.role == "stage" or (
            run.role == "control" and run.start != starts[run.stage_name]
        )
        starts.setdefault(run.stage_name, run.start)
        if says and run.start not in before and run.start not in soups:
            reason = f"{run.start!r} is no stage before it ({', '.join(before)})"
            yield (*place_of(run), "start"), reason + did_you_mean(run.start, before)
        elif says and run.stage.milestone is not None and run.start == BASE and base_given:
            yield (*place_of(run), "milestone"), "the base is given, and has none"
        if run.role == "stage":
            known.append(run.name)


def _transitions(
    every: list[Run], stages: Mapping[str, StageKind], soups: Mapping[str, Soup]
) -> Iterator[Problem]:
    """The transitions that the runs may not make.

    A control is compared only where its stage is right. A start that is no stage before it, such
    as a given base, is nothing that the recipe could compare. Of a soup of seeds, each ingredient
    counts as the first of them, as if that were continued itself.
    """
    before: dict[str, Run] = {}
    wrong: set[str] = set()
    for run in every:
        try:
            if run.role == "seed" or run.stage_name in wrong:
                pass
            elif run.start in soups:
                averaged = ingredients(soups[run.start], stages)
                check_soup(run, {name: before[name] for name in averaged if name in before})
            elif run.start in before:
                check_transition(before[run.start], run)
        except TransitionError as error:
            wrong.add(run.stage_name)
            yield place_of(run), str(error)
        before[run.name] = before[run.stage_name] if run.role == "seed" else run


def _positions(
    every: list[Run],
    model: ModelConfig,
    stages: Mapping[str, StageKind],
    soups: Mapping[str, Soup],
) -> Iterator[Problem]:
    """What a ``rope`` says that does not fit onto the base and the stages before. A control is
    compared only where its stage is right."""
    made_of = {name: list(ingredients(soup, stages)) for name, soup in soups.items()}
    wrong: set[str] = set()
    for run, error in rope_errors(every, model, made_of):
        if run.stage_name not in wrong:
            wrong.add(run.stage_name)
            yield (*place_of(run), "rope"), str(error)


def _soups(
    every: list[Run],
    stages: Mapping[str, StageKind],
    soups: Mapping[str, Soup],
    *,
    base_given: bool,
) -> Iterator[Problem]:
    """Soups of what is no checkpoint or only one, of a name that is taken, or made too late."""
    by_name = {run.name: run for run in every}
    known = [*([BASE] if base_given else []), *by_name]
    is_right = True
    for name, soup in soups.items():
        if name in known or name == RANDOM:
            yield ("soups", name), "this name is taken by another checkpoint"
        for place, reason in _of_one_soup(soup, stages, by_name, known):
            is_right = False
            yield ("soups", name, *place), reason
    if not is_right:
        return
    order = checkpoints(stages, soups, base_given=base_given)
    for run in every:
        late = run.start in soups and run.name in order[: order.index(run.start)]
        if late and run.role != "seed":
            yield (*place_of(run), "start"), f"the soup {run.start!r} comes after this stage"


def _of_one_soup(
    soup: Soup, stages: Mapping[str, StageKind], by_name: Mapping[str, Run], known: list[str]
) -> Iterator[Problem]:
    named = (soup.of,) if isinstance(soup.of, str) else tuple(soup.of)
    for each in named:
        if each not in known:
            listed = ", ".join(known)
            yield ("of",), f"{each!r} is no checkpoint ({listed}){did_you_mean(each, known)}"
    if not isinstance(soup.of, str) or soup.of not in known:
        return
    if soup.last is None and len(ingredients(soup, stages)) < 2:
        yield (
            ("of",),
            f"{soup.of!r} is one checkpoint: list several, or give the stage 'seeds'",
        )
    elif soup.last is not None and soup.of not in by_name:
        yield ("last",), f"{soup.of!r} is given and keeps no other checkpoint than itself"
    elif kept := _lacks_milestones(soup, by_name):
        reason = f"{soup.of!r} keeps {kept} checkpoints: give it more milestones"
        yield ("last",), f"{reason} (checkpoints: {{milestones: TOKENS}})"


def _lacks_milestones(soup: Soup, by_name: Mapping[str, Run]) -> int | None:
    """How many checkpoints a stage keeps, if they are fewer than the last that a soup averages."""
    if soup.last is None or not isinstance(soup.of, str) or soup.of not in by_name:
        return None
    kept = len(milestones(by_name[soup.of].stage)) + 1
    return kept if kept < soup.last else None


def _other_ceilings(mixture: MixtureReference, most: float | None) -> Iterator[Problem]:
    """Epochs that a stage says other than its mixture, which is found within ``most`` (None: within
    any): fewer could not serve it, and more would be a second ceiling on the same shares."""
    if most is None:
        return
    found = f"mixture {mixture.from_!r} is found within max_epochs {most:g}"
    if "max_epochs" in mixture.model_fields_set and mixture.max_epochs != most:
        yield (
            ("max_epochs",),
            f"{found}, to which the stage keeps, and it says {mixture.max_epochs:g}: say it there "
            "alone, or for single domains in max_epochs_of",
        )
    for domain, own in mixture.max_epochs_of.items():
        if own < most:
            yield (
                ("max_epochs_of", domain),
                f"{found}, so it may read {domain} more than {own:g} times: give {domain} a "
                "ceiling there, or lower its max_epochs",
            )


def _mixtures(every: list[Run], view: View) -> Iterator[Problem]:
    """Domains that nothing feeds, and mixtures that are not declared."""
    own: dict[str, Run] = {}
    for run in every:
        first = own.setdefault(run.stage_name, run)
        mixture = run.stage.mixture
        if run is not first and mixture == first.stage.mixture:
            continue
        place = (*place_of(run), "mixture")
        if isinstance(mixture, MixtureReference):
            if mixture.from_ not in view.mixtures:
                yield (*place, "from"), undeclared("mixture", mixture.from_, view.mixtures)
            for domain in mixture.max_epochs_of:
                if domain not in view.trained_on:
                    yield (*place, "max_epochs_of", domain), unfed(domain, view.trained_on)
            for field, reason in _other_ceilings(mixture, view.capped.get(mixture.from_)):
                yield (*place, *field), reason
            continue
        for domain in mixture.domains:
            if domain not in view.trained_on:
                yield (*place, "domains", domain), unfed(domain, view.trained_on)
