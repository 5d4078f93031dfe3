"""What an asset is made of, as it is declared: known before anything is made.

The asset's op and the plan of a run ask the same :class:`Declaration` for the causes of an
artifact, so what is planned is what is found or made.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import dagster as dg

from midtrain_dagster.core.artifacts import Artifact, fingerprint
from midtrain_dagster.core.causes import Versions, cause
from midtrain_dagster.recipe import Recipe

Given = Artifact | Mapping[str, Artifact]
"""What an input hands over: one artifact, or of a partitioned asset one for each benchmark."""

EXTERNAL = "external"
"""The name of what lies outside the graph, among an artifact's upstream causes."""


def fingerprints(given: Given) -> Any:
    """The fingerprint of an input, or of each of its partitions by key: the usual cause."""
    if isinstance(given, Artifact):
        return given.fingerprint
    return {key: artifact.fingerprint for key, artifact in sorted(given.items())}


@dataclass(frozen=True)
class Input:
    """An upstream asset, by its name below the recipe (``rater/quality``).

    ``cause`` says what of it is a cause of the artifact: by default its fingerprint. ``None``: it
    is only looked at (by a gate), so a change of it leaves the artifact as it is. A function that
    returns none says that nothing of it is a cause, as if the recipe had no such asset.
    """

    asset: str
    cause: Callable[[Given], Any] | None = fingerprints


PREFLIGHT = "preflight"
"""The asset that looks at all that comes after it, before the first step is trained."""

AFTER_PREFLIGHT = {PREFLIGHT: Input(PREFLIGHT, cause=None)}
"""The input by which an asset comes after it, and is not made anew where only that is."""


@dataclass(frozen=True)
class PerPartition:
    """The section (or ``external``) of a partitioned asset: each partition has its own entry."""

    sections: Mapping[str, Any]


External = Callable[[Mapping[str, Given]], Any]
"""Looks up digests of files that the recipe names."""


@dataclass(frozen=True)
class Causes:
    """Everything that the fingerprint of one artifact is made of."""

    method: str
    versions: Versions
    section: Any
    upstream: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """The fingerprint that the artifact has, or will have."""
        return fingerprint(self.method, self.versions, self.section, self.upstream)


@dataclass(frozen=True)
class Declaration:
    """One asset of a recipe: its methods, its section of the recipe, its inputs."""

    recipe: Recipe
    name: str
    method: str
    versions: Versions
    section: Any
    inputs: Mapping[str, Input]
    external: External | PerPartition | None
    by_benchmark: bool
    judged: bool
    """Whether a gate or a check looks at it: any of the recipe may be what it is held against."""
    amount: float | None = None
    """How much there is to do, where that is not the bytes of its inputs."""
    expected_bytes: float | None = None
    """How large it gets, where that does not follow from how much there is to do."""

    @property
    def key(self) -> dg.AssetKey:
        """The asset's key: the recipe's name, then its own."""
        return dg.AssetKey([self.recipe.name, *self.name.split("/")])

    @property
    def code_version(self) -> str:
        """A hash of versions and section: what Dagster calls the version of the code."""
        own = self.section
        return cause(self.versions, own.sections if isinstance(own, PerPartition) else own)[:12]

    @property
    def partitions(self) -> tuple[str | None, ...]:
        """Its benchmarks, or None alone for an asset that is not partitioned."""
        return tuple(self.recipe.benchmarks) if self.by_benchmark else (None,)

    def look_up(self, given: Mapping[str, Given], partition: str | None) -> Any:
        """What lies outside the graph, as it is now; None for an asset that asks for nothing."""
        look = self.external
        if isinstance(look, PerPartition):
            look = look.sections[str(partition)]
        return look(given) if look else None

    def own_section(self, partition: str | None) -> Any:
        """What of the recipe is a cause of this partition."""
        if isinstance(self.section, PerPartition):
            return {str(partition): self.section.sections[str(partition)]}
        return self.section

    def causes(self, given: Mapping[str, Given], partition: str | None, found: Any) -> Causes:
        """The causes of an artifact made of these inputs and of what was ``found`` outside."""
        causes = {name: each.cause(given[name]) for name, each in self.inputs.items() if each.cause}
        upstream = {name: each for name, each in causes.items() if each is not None}
        if self.external and found is not None:
            upstream[EXTERNAL] = found
        return Causes(self.method, self.versions, self.own_section(partition), upstream)

    def standing(self, fingerprint: str, given: Mapping[str, Given]) -> str:
        """A hash of all that a materialisation says: while it is the same, there is no news.

        Besides the artifact, that is what Dagster compares (the code's version, every input's data
        version), and where there is a gate or a check the recipe too.
        """
        seen = {name: fingerprints(given[name]) for name in self.inputs}
        return cause(fingerprint, self.code_version, seen, self.recipe.text if self.judged else "")


_declared: WeakKeyDictionary[dg.AssetsDefinition, Declaration] = WeakKeyDictionary()


def remember(asset: dg.AssetsDefinition, declaration: Declaration) -> dg.AssetsDefinition:
    """Keep the declaration beside Dagster's object, which has no place for it."""
    _declared[asset] = declaration
    return asset


def declarations(assets: Iterable[dg.AssetsDefinition]) -> dict[str, Declaration]:
    """The declarations of assets that were made by ``artifact_asset``, by name, in their order."""
    return {found.name: found for each in assets if (found := _declared.get(each))}
