"""What a run would do, known before it: for each asset reuse, make, make anew and why.

An artifact's fingerprint is a hash of its causes, so whether the store has it is known before
anything is made. It is not known where a cause is what an upstream *holds* and that is yet to be
made: then the plan says what decides.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any, Literal

import dagster as dg

from assets.build import amount_of
from assets.declaration import EXTERNAL, Causes, Declaration, Given, declarations
from assets.differences import differences
from assets.estimate import Cost, Estimates
from assets.promise import NotMadeError, Promise, promise
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, Manifest
from midtrain_dagster.core.causes import canonical
from resources.artifacts import pointed_at

Outcome = Literal["reuse", "make", "undecided"]

LOST = "the store lacks a part of it, or a file that it refers to changed"


@dataclass(frozen=True)
class Step:
    """What becomes of one asset, or of one partition of it."""

    declaration: Declaration
    partition: str | None
    outcome: Outcome
    artifact: Artifact
    """What is there, or the promise of what will be."""
    anew: bool = False
    """Whether it was made before, of other causes."""
    reasons: tuple[str, ...] = ()
    """Why it is made anew."""
    waits_for: str = ""
    """What decides, of one that is undecided."""
    standing: str = ""
    """Of what is there: what its materialisation says (``Declaration.standing``)."""
    is_latest: bool = False
    """Of what is there: whether it is what the asset made last."""
    cost: Cost | None = None
    """What making it takes."""

    @property
    def name(self) -> str:
        """The asset's name, with the partition in brackets."""
        return _name(self.declaration, self.partition)


@dataclass(frozen=True)
class Plan:
    """The steps of a run, in the order of the graph."""

    steps: tuple[Step, ...]

    def having(self, outcome: Outcome) -> list[Step]:
        """The steps of one outcome."""
        return [step for step in self.steps if step.outcome == outcome]

    @property
    def made(self) -> list[Step]:
        """What is made for the first time."""
        return [step for step in self.having("make") if not step.anew]

    @property
    def made_anew(self) -> list[Step]:
        """What was made before and is made anew."""
        return [step for step in self.having("make") if step.anew]

    def of(self, wanted: Collection[dg.AssetKey] | None) -> "Plan":
        """The steps of some assets; None: all."""
        if wanted is None:
            return self
        return Plan(tuple(step for step in self.steps if step.declaration.key in wanted))


@dataclass(frozen=True)
class _Place:
    """Where in the graph a plan has come to: an asset, a partition of it, and its inputs."""

    declaration: Declaration
    partition: str | None
    given: Mapping[str, Given]
    last: tuple[str, str] | None
    """Method and fingerprint of what it made last."""


@dataclass
class Planner:
    """Makes plans of a recipe's assets. What lies outside the graph is looked up once."""

    store: ArtifactStore
    assets: Sequence[dg.AssetsDefinition]
    _outside: dict[tuple[str, str | None], Any] = field(default_factory=dict)
    _manifests: dict[str, list[Manifest]] = field(default_factory=dict)

    def plan(self) -> Plan:
        """The plan as things stand now. Raises what looking at files outside raises."""
        self._manifests.clear()
        estimates = Estimates(self.store.storage)
        known: dict[str, Given] = {}
        steps: list[Step] = []
        for declaration in in_order(declarations(self.assets)):
            made: dict[str | None, Artifact] = {}
            for partition in declaration.partitions:
                given = {
                    name: _handed_over(known[each.asset], partition)
                    for name, each in declaration.inputs.items()
                }
                last = pointed_at(self.store.storage, declaration.key.path, partition)
                step = self._step(_Place(declaration, partition, given, last), estimates)
                steps.append(step)
                made[partition] = step.artifact
            partitions = {key: each for key, each in made.items() if key is not None}
            known[declaration.name] = partitions if declaration.by_benchmark else made[None]
        return Plan(tuple(steps))

    def _step(self, place: _Place, estimates: Estimates) -> Step:
        declaration = place.declaration
        try:
            causes = declaration.causes(place.given, place.partition, self._look_up(place))
            fingerprint = causes.fingerprint
        except NotMadeError as unknown:
            return self._unknown(place, estimates, unknown.asset)
        artifact = self.store.find(declaration.method, fingerprint)
        if artifact is None:
            return self._made(place, estimates, causes, fingerprint)
        return Step(
            declaration,
            place.partition,
            "reuse",
            artifact,
            standing=_standing(declaration, fingerprint, place.given),
            is_latest=place.last == (declaration.method, fingerprint),
        )

    def _unknown(self, place: _Place, estimates: Estimates, waits_for: str) -> Step:
        """A step whose fingerprint hangs on what is yet to be made.

        It is made for certain if no artifact of the store has those causes that are known.
        """
        causes = self._known_causes(place)
        section, upstream = canonical(causes.section), canonical(causes.upstream)
        if not any(
            manifest.versions == dict(causes.versions)
            and manifest.section == section
            and all(manifest.upstream.get(name) == value for name, value in upstream.items())
            for manifest in self._of_method(causes.method)
        ):
            return self._made(place, estimates, causes, None, waits_for)
        cost, stands_in = self._expected(place, estimates, causes, None, waits_for)
        return Step(
            place.declaration,
            place.partition,
            "undecided",
            stands_in,
            waits_for=waits_for,
            cost=cost,
        )

    def _made(
        self,
        place: _Place,
        estimates: Estimates,
        causes: Causes,
        fingerprint: str | None,
        waits_for: str = "",
    ) -> Step:
        declaration = place.declaration
        waits_for = waits_for or _name(declaration, place.partition)
        cost, stands_in = self._expected(place, estimates, causes, fingerprint, waits_for)
        return Step(
            declaration,
            place.partition,
            "make",
            stands_in,
            anew=place.last is not None,
            reasons=self._reasons(place, causes, fingerprint, waits_for),
            cost=cost,
        )

    def _reasons(
        self, place: _Place, causes: Causes, fingerprint: str | None, waits_for: str
    ) -> tuple[str, ...]:
        if place.last is None:
            return ()
        before = self.store.manifest(*place.last)
        if before is None or place.last == (causes.method, fingerprint):
            return (LOST,)
        found = differences(place.declaration, before, causes.section, causes.upstream)
        return tuple(found) or (f"{waits_for} changed",)

    def _expected(
        self,
        place: _Place,
        estimates: Estimates,
        causes: Causes,
        fingerprint: str | None,
        waits_for: str,
    ) -> tuple[Cost, Promise]:
        outside = causes.upstream.get(EXTERNAL)
        amount = amount_of(place.declaration, place.given, outside)
        cost = estimates.cost(place.declaration, amount)
        storage = self.store.storage
        return cost, promise(storage, causes.method, fingerprint, waits_for, cost.bytes)

    def _look_up(self, place: _Place) -> Any:
        key = (place.declaration.name, place.partition)
        if key not in self._outside:
            self._outside[key] = place.declaration.look_up(place.given, place.partition)
        return self._outside[key]

    def _known_causes(self, place: _Place) -> Causes:
        """The causes that hang on nothing that is yet to be made."""
        declaration = place.declaration
        known: dict[str, Any] = {}
        for name, each in declaration.inputs.items():
            if each.cause:
                try:
                    known[name] = each.cause(place.given[name])
                except NotMadeError:
                    continue
        if declaration.external:
            known[EXTERNAL] = self._look_up(place)
        section = declaration.own_section(place.partition)
        return Causes(declaration.method, declaration.versions, section, known)

    def _of_method(self, method: str) -> list[Manifest]:
        if method not in self._manifests:
            self._manifests[method] = self.store.manifests(method)
        return self._manifests[method]


def in_order(declared: Mapping[str, Declaration]) -> Iterable[Declaration]:
    """Each asset after those that it is made of."""
    upstream = {
        name: [each.asset for each in declaration.inputs.values()]
        for name, declaration in declared.items()
    }
    return [declared[name] for name in TopologicalSorter(upstream).static_order()]


def _name(declaration: Declaration, partition: str | None) -> str:
    return declaration.name if partition is None else f"{declaration.name} [{partition}]"


def _handed_over(given: Given, partition: str | None) -> Given:
    """What an input hands to a partition: its own partition of one that is partitioned alike."""
    if isinstance(given, Artifact) or partition is None:
        return given
    return given[partition]


def _standing(declaration: Declaration, fingerprint: str, given: Mapping[str, Given]) -> str:
    """Empty where an input that is only looked at is yet to be made: there will be news."""
    try:
        return declaration.standing(fingerprint, given)
    except NotMadeError:
        return ""
