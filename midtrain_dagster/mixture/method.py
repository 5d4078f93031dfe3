"""What every way of finding a mixture offers.

A method is one file in ``methods/``: its ``Config`` (a section of the recipe, which has the members
of :class:`Method`), its ``VERSION``, and its functions. ``config.py`` lists the members.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import polars as pl
from pydantic import BaseModel

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.core.problems import Problem, View, unfed

WEIGHTS = pl.Schema({"domain": pl.String, "share": pl.Float64, "tokens": pl.Int64})
"""What every method writes: each domain's share (they sum to one), and the tokens of it that there
are to train on."""


class NoTokensError(ValueError):
    """Domains without a token to train on."""


class Method(Protocol):
    """A section of the recipe that finds the shares of a mixture."""

    @property
    def method(self) -> str:
        """The method's name."""
        ...

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Its fields by name, as sections have them."""
        ...

    def problems(self, view: View, trained: Mapping[str, int]) -> Iterator[Problem]:
        """What of its section the recipe does not bear out, with the place in the section.

        ``trained`` are the stages (and controls) that name it, with their tokens.
        """
        ...

    @property
    def reads(self) -> Mapping[str, str]:
        """What it reads beside the token shards: a name of its own, to the asset."""
        ...

    def work(self, index: Sequence[Part], given: Mapping[str, Artifact]) -> Work:
        """The unit of work that writes the table ``weights`` (``WEIGHTS``).

        ``index`` are the parts of the training shards' index (``tokens.shards.INDEX``), ``given``
        the artifacts that it ``reads``, by its names.
        """
        ...


@runtime_checkable
class Trains(Protocol):
    """A method that trains models."""

    @property
    def trained_by(self) -> Mapping[str, int]:
        """The versions of what its training names: an optimizer, the shapes of a schedule."""
        ...


@runtime_checkable
class Capped(Protocol):
    """A method that finds shares within so many passes over the documents of any domain."""

    @property
    def max_epochs(self) -> float:
        """Most passes over a domain's documents."""
        ...


def versions(method: Method) -> dict[str, int]:
    """The version of the method's module, of those that it uses, of a member of another family that
    its section names (a law), which has a module of its own, and of what its training names."""
    named = (each for _, each in method if isinstance(each, BaseModel))
    modules = dict.fromkeys(sys.modules[type(each).__module__] for each in (method, *named))
    trained_by = method.trained_by if isinstance(method, Trains) else {}
    return versions_of(*(each for each in modules if hasattr(each, "VERSION"))) | dict(trained_by)


def unfed_domains(domains: Sequence[str], view: View) -> Iterator[Problem]:
    """Each domain of a section's ``domains`` that no source and no synthesis feeds."""
    for number, domain in enumerate(domains):
        if domain not in view.trained_on:
            yield ("domains", number), unfed(domain, view.trained_on)


def available(index: pl.LazyFrame, domains: Sequence[str]) -> pl.DataFrame:
    """The tokens that there are of each domain (all, if none is named): domain, tokens, by name.

    ``index`` has ``domain`` and ``length``, a row a document. Raises :class:`NoTokensError` for a
    domain that is named and has no token.
    """
    counted = index.group_by("domain").agg(tokens=pl.col("length").cast(pl.Int64).sum())
    tokens = counted.filter(pl.col("tokens") > 0).sort("domain").collect()
    lacking = sorted(set(domains) - set(tokens["domain"]))
    if lacking or tokens.is_empty():
        raise NoTokensError(
            f"no curated token of {', '.join(lacking) or 'any domain'} to be mixed; there are "
            f"tokens of {', '.join(tokens['domain']) or 'none'}"
        )
    return tokens.filter(pl.col("domain").is_in(domains)) if domains else tokens
