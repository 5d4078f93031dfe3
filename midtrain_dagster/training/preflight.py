"""What of the runs cannot be trained on the token shards that there are, before any of them is.

Every later stage has the shards of the first, so what its mixture lacks is known before the first
step: each run's plan is made as the run will make it, over the documents' lengths alone, and what
one leaves of the documents' order is handed to the next that goes on in it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.core.problems import Location
from midtrain_dagster.dataloader import plan as plans
from midtrain_dagster.dataloader.by_length import largest_documents
from midtrain_dagster.dataloader.plan import MixtureError, Plan
from midtrain_dagster.mixture.length_class import MOST_LONG
from midtrain_dagster.mixture.reference import MixtureReference
from midtrain_dagster.tokens.shards import TokenShards
from midtrain_dagster.training.checkpoints.checkpoint import State
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.problems import place_of
from midtrain_dagster.training.record import plan_of, record_of, with_shares
from midtrain_dagster.training.retention import milestones
from midtrain_dagster.training.rope.found_factors import nothing_to_search
from midtrain_dagster.training.runs import Run, at_milestone
from midtrain_dagster.training.stage import searches_factors

VERSION = 1
USES = (plans,)

MOST_OF_ONE = 0.5
"""The share of a class's tokens from which one document of it is told."""

MOST_PADDING = 0.5
"""The share of padding from which a stage's windows are doubted."""


@dataclass(frozen=True)
class Ground:
    """What the runs have to be trained on."""

    shards: TokenShards
    """Of the training split, their tokens or only their lengths."""
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By mixture that was found in the graph, the share of each domain."""
    max_epochs_of: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By such a mixture, the most passes over single domains that were found with the shares."""
    said: Mapping[str, int] = field(default_factory=dict)
    """By domain that has conversations, the tokens of them that an assistant says."""
    states: Mapping[str, State | None] = field(default_factory=dict)
    """Where checkpoints that are given stand, by name; None of one that does not say it."""
    longest_held_out: int = 0
    """Tokens of the longest document that is held out."""


@dataclass(frozen=True)
class Bounds:
    """What plans are held against beside the shards."""

    synthetic: Collection[str]
    """The domains that synthesis feeds."""
    natural_floor: float
    """The least share of natural text (``checks.natural_floor``)."""


def data_findings(runs: Sequence[Run], ground: Ground, bounds: Bounds) -> Iterator[Finding]:
    """What is wrong, or doubtful, with what each run is to be fed.

    What a control or a further seed shares with its stage is told of the stage alone.
    """
    states = dict(ground.states)
    windows: dict[str, int] = {}
    told: set[tuple[str, str]] = set()
    for run in runs:
        windows[run.name] = run.stage.sequence_length
        plan, findings = _planned(run, ground, states)
        if plan is not None:
            findings += _fed(plan, run, bounds, windows.get(run.start))
        findings += _said(run, plan, ground.said)
        findings += _searched(run, ground.longest_held_out)
        for finding in findings:
            if (run.stage_name, finding.reason) not in told:
                told.add((run.stage_name, finding.reason))
                yield finding


def _planned(
    run: Run, ground: Ground, states: dict[str, State | None]
) -> tuple[Plan | None, list[Finding]]:
    """The plan of a run, and what is wrong with it; where the run ends, into the states."""
    stage, place = run.stage, (*place_of(run), "mixture")
    bound = run
    if isinstance(stage.mixture, MixtureReference):
        if stage.mixture.from_ not in ground.shares:
            return None, []  # it is found later, and whoever looks says so
        try:
            name = stage.mixture.from_
            most = ground.max_epochs_of.get(name)
            resolved = with_shares(stage, ground.shares[name], most)
            bound = Run(run.stage_name, resolved, run.seed, run.role)
        except ValidationError as error:
            return None, [Finding(place, f"{stage.mixture.from_!r}: {error.errors()[0]['msg']}")]
    if stage.inherit.data == "keep" and run.start_point not in states:
        return None, []  # what it goes on from is wrong itself
    try:
        plan = plan_of(record_of(bound, states.get(run.start_point)), ground.shards)
    except (MixtureError, TransitionError) as error:
        return None, [Finding(place, str(error))]
    left = {run.name: stage.steps}
    if stage.checkpoints.moments:
        left |= {at_milestone(run.name, at): step for at, step in enumerate(milestones(stage), 1)}
    for name, step in left.items():
        states[name] = State(
            stage=run.stage_name,
            seed=run.seed,
            step=step,
            tokens=stage.batches.tokens_before(step),
            learning_rate=0.0,
            data=plan.position(step),
        )
    try:
        plan.check()
    except MixtureError as error:
        return plan, [Finding(place, str(error))]
    return plan, []


def _fed(plan: Plan, run: Run, bounds: Bounds, before: int | None) -> Iterator[Finding]:
    """What is doubtful of a plan that can be served. ``before`` is the window of the start."""
    stage, place = run.stage, place_of(run)
    planned = plan.planned()
    total = sum(planned.values())
    filled = total / (stage.batches.tokens)
    if filled < 1 - MOST_PADDING:
        yield doubt(
            (*place, "sequence_length"),
            f"about {1 - filled:.0%} of its windows of {stage.sequence_length:,} tokens are "
            "padding, for its documents do not fill them: lower it, or add longer documents",
        )
    natural = sum(part for domain, part in planned.items() if domain not in bounds.synthetic)
    if natural < bounds.natural_floor * total:
        yield doubt(
            (*place, "mixture"),
            f"natural text has {natural / total:.1%} of the tokens, below checks.natural_floor "
            f"({bounds.natural_floor:.0%}): the check will not pass",
        )
    yield from _lengths(plan, place)
    longest = max(
        int(plan.shards.lengths[plan.shards.documents_of(each)].max()) for each in planned
    )
    if before is not None and before < stage.sequence_length and longest <= before:
        yield doubt(
            (*place, "sequence_length"),
            f"the longest document of its domains has {longest:,} tokens, no more than the windows "
            f"of {run.start!r}: longer windows ({stage.sequence_length:,}) only hold more of them, "
            "and no position beyond is ever learnt",
        )


def _searched(run: Run, longest: int) -> Iterator[Finding]:
    """A search of LongRoPE's factors without a document to search on."""
    length = run.stage.sequence_length
    if searches_factors(run.stage) and longest < length:
        yield Finding((*place_of(run), "rope", "search"), nothing_to_search(length, longest))


def _lengths(plan: Plan, place: Location) -> Iterator[Finding]:
    """Too much long data, and classes that are hardly more than one document."""
    rule = plan.mixture.length_classes
    if rule is None:
        return
    if rule.long_share > MOST_LONG + 1e-9:
        yield doubt(
            (*place, "mixture", "length_classes"),
            f"{rule.long_share:.0%} of the tokens are of documents of half a window and more: "
            f"beyond {MOST_LONG:.0%} too little short data is left to keep what the model can do "
            "in short windows (docs/long-data.md)",
        )
    for (domain, kind), share in largest_documents(plan).items():
        if share >= MOST_OF_ONE and domain not in rule.own_class:
            yield doubt(
                (*place, "mixture", "length_classes"),
                f"one document has {share:.0%} of the tokens of domain {domain}, {kind}: the class "
                "is that document, read again and again; add documents, or give it less",
            )


def _said(run: Run, plan: Plan | None, said: Mapping[str, int]) -> Iterator[Finding]:
    """A loss on what an assistant says, where it says nothing."""
    if run.stage.loss_on != "assistant" or plan is None:
        return
    domains = sorted(plan.mixture.trained_on)
    if not any(said.get(domain) for domain in domains):
        there = sorted(domain for domain, tokens in said.items() if tokens)
        yield Finding(
            (*place_of(run), "loss_on"),
            f"no conversation that is trained on in {', '.join(domains)} has a token that an "
            f"assistant says (there are some in: {', '.join(there) or 'no domain'}): say loss_on: "
            "all, or give a domain with conversations a share",
        )
