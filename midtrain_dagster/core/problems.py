"""What is wrong between the sections of a recipe, as each room finds it and the loader shows it.

A room checks its own sections (``ROOM/problems.py``) and knows of the rest of the recipe what a
:class:`View` says: names and domains, never another room's models.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from midtrain_dagster.core.schema import synthetic_source
from midtrain_dagster.core.suggestion import did_you_mean

Location = tuple[str | int, ...]
"""The way to a field: keys, and numbers of list items."""

Problem = tuple[Location, str]
"""Where in the recipe, and what is wrong there."""


class DisagreementError(ValueError):
    """Sections that do not fit together; ``problems`` are all that were found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = (f"{'.'.join(map(str, place))}: {reason}" for place, reason in self.problems)
        super().__init__("; ".join(lines))


@dataclass(frozen=True)
class Search:
    """A search of mixtures, as the rooms see it that read what it measures."""

    domains: Sequence[str]
    proxies: int
    """Of the usual size."""
    targets: Collection[str]
    """What of each proxy is measured."""


@dataclass(frozen=True)
class View:
    """The rest of a recipe, as a room's checks see it."""

    seed: int = 0
    sources: Mapping[str, str] = field(default_factory=dict)
    """Name of each source to the domain that it feeds."""
    synthetic: Mapping[str, str] = field(default_factory=dict)
    """Name of each synthesis method to the domain that it feeds."""
    assembled: Set[str] = frozenset()
    """Those of them that put documents together, of which no model writes a word."""
    constructed: Set[str] = frozenset()
    """The domains whose sources all put documents together, such as tasks to learn recall from."""
    benchmarks: Collection[str] = ()
    raters: Collection[str] = ()
    mixtures: Collection[str] = ()
    """Names of the mixtures that are made in the graph."""
    capped: Mapping[str, float] = field(default_factory=dict)
    """Those of them that are found within so many passes over any domain's documents."""
    microanneals: Collection[str] = ()
    """Names of those that judge candidate sources."""
    searches: Mapping[str, Search] = field(default_factory=dict)
    """The searches that train proxies, by name."""
    bands: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Domains that are trained on in bands, and what those are called."""
    conversations: Set[str] = frozenset()
    """The domains that sources of conversations feed."""

    @property
    def written(self) -> dict[str, str]:
        """The ``source`` of what each method of synthesis writes, to the domain that it feeds."""
        return {synthetic_source(name): domain for name, domain in self.synthetic.items()}

    @property
    def natural(self) -> set[str]:
        """The domains that sources feed."""
        return set(self.sources.values())

    @property
    def written_by_people(self) -> set[str]:
        """The natural domains, but for those that are constructed: what a loss says something of,
        and what a context is filled with, unless a recipe says otherwise."""
        return (self.natural - self.constructed) or self.natural

    @property
    def generated(self) -> set[str]:
        """The domains that models write; what is put together of natural text is natural."""
        return {each for name, each in self.synthetic.items() if name not in self.assembled}

    @property
    def domains(self) -> set[str]:
        """The domains that sources and synthesis feed."""
        return self.natural | set(self.synthetic.values())

    @property
    def domain_of_band(self) -> dict[str, str]:
        """The domain of each band."""
        return {band: domain for domain, bands in self.bands.items() for band in bands}

    @property
    def trained_on(self) -> set[str]:
        """The domains that mixtures can weigh: bands stand in place of theirs."""
        return (self.domains - set(self.bands)) | set(self.domain_of_band)


def unfed(domain: str, fed: Collection[str]) -> str:
    """The reason for a domain that nothing feeds."""
    return f"no source feeds {domain!r} (fed: {', '.join(sorted(fed))}){did_you_mean(domain, fed)}"


def undeclared(what: str, name: str, declared: Iterable[str]) -> str:
    """The reason for a name that leads nowhere."""
    known = list(declared)
    listed = ", ".join(known) or "none is"
    return f"no {what} {name!r} is declared ({listed}){did_you_mean(name, known)}"
