"""The section of a mixture that DoReMi finds: ``mixtures: {NAME: {method: doremi, ...}}``.

A reference is trained on the prior shares; a proxy of the same size is then trained on all domains
alike, with weights that rise where its loss is above the reference's, and the mean of those weights
over all steps is the mixture (Xie et al. 2023, arXiv 2305.10429, Algorithm 1; ``update``).
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from midtrain_dagster.core.causes import CAUSE_IF_SET
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.problems import Problem, View
from midtrain_dagster.experiments.proxies.settings import Proxy
from midtrain_dagster.mixture.method import unfed_domains
from midtrain_dagster.training.stage import RANDOM


class Config(FrozenModel):
    """Shares as DoReMi finds them: high where a proxy lags behind a reference."""

    method: Literal["doremi"]
    domains: Annotated[tuple[str, ...], Field(min_length=2)]
    """The domains that are mixed."""
    prior: Annotated[dict[str, Annotated[float, Field(gt=0)]] | None, CAUSE_IF_SET] = None
    """The share of each domain, up to a factor, on which the reference is trained; null: as the
    curated tokens are."""
    proxy: Proxy
    """How reference and proxy are trained: from random weights, both alike. A step needs a window
    of each domain at least."""
    step_size: Annotated[float, Field(gt=0)] = 1.0
    """By how much the logarithm of a weight rises for a nat of excess loss."""
    smoothing: Annotated[float, Field(ge=0, lt=1)] = 1e-3
    """The part of the weights that is spread evenly after each step, so that none vanishes."""
    seed: Annotated[Seed | None, CAUSE_IF_SET] = None
    """Of weights and the order of documents; null: the recipe's."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(set(self.domains)) < len(self.domains):
            raise ValueError("domains names one twice")
        if self.prior is not None and self.prior.keys() != set(self.domains):
            said = ", ".join(self.domains)
            raise ValueError(f"prior has to have a share for each of {said}, no more")
        if self.proxy.start != RANDOM:
            raise ValueError(
                "proxy.start: DoReMi compares what two models learn from random weights on: drop it"
            )
        windows = self.proxy.batch_tokens // self.proxy.sequence_length
        if windows < len(self.domains):
            raise ValueError(
                f"proxy: a step of {self.proxy.batch_tokens} tokens has {windows} windows, fewer "
                f"than the {len(self.domains)} domains whose losses it compares: raise batch_tokens"
            )
        return self

    def problems(self, view: View, trained: Mapping[str, int]) -> Iterator[Problem]:
        """As ``mixture.method`` says."""
        yield from unfed_domains(self.domains, view)

    def prior_of(self, tokens: Mapping[str, int]) -> dict[str, float]:
        """The shares that the reference is trained on, in the order of the domains, given the
        tokens that there are of each."""
        shares = {name: (self.prior or tokens)[name] for name in self.domains}
        total = sum(shares.values())
        return {name: share / total for name, share in shares.items()}
