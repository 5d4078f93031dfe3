"""The section of a mixture that DoReMi finds: ``mixtures: {NAME: {method: doremi, ...}}``.

A reference is trained on the prior shares; a proxy of the same size is then trained on all domains
alike, with weights that rise where its loss is above the reference's, and the mean of those weights
over all steps is the mixture (Xie et al. 2023, arXiv 2305.10429, Algorithm 1; ``update``). One
unit of work does both on one thread: a run that is cut begins anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import CAUSE_IF_SET
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.parts import Work
from midtrain_dagster.core.problems import Problem, View
from midtrain_dagster.experiments.doremi import train
from midtrain_dagster.experiments.proxies.settings import Proxy
from midtrain_dagster.experiments.shard_parts import parts_with
from midtrain_dagster.experiments.short_run import Vocabulary
from midtrain_dagster.mixture import proposal_tables
from midtrain_dagster.mixture.method import available, unfed_domains, versions
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.stage import RANDOM, Stage
from midtrain_dagster.training.versions import versions_of_stage

VERSION = 1
USES = (train, proposal_tables)


TRAIN = ("train_tokens", "train_index")
"""The tables of the token shards that are read: conversations are learnt throughout."""


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
    of each domain at least. A recipe's `scale` leaves them as they are."""
    step_size: Annotated[float, Field(gt=0)] = 1.0
    """By how much the logarithm of a weight rises for a nat of excess loss."""
    smoothing: Annotated[float, Field(ge=0, lt=1)] = 1e-3
    """The part of the weights that is spread evenly after each step, so that none vanishes."""
    seed: Seed = 42
    """Of weights and the order of documents."""

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

    @property
    def reads(self) -> dict[str, str]:
        """As ``mixture.method`` says."""
        return {"token_shards": "token_shards", "tokenizer": "tokenizer"}

    def work(self, index: Sequence[Part], given: Mapping[str, Artifact]) -> Work:
        """As ``mixture.method`` says."""
        tokenizer = Tokenizer(given["tokenizer"])
        vocabulary = tokenizer.vocabulary
        return Work(
            found,
            scans={"index": index},
            files={"shards": parts_with(given["token_shards"], self.domains, TRAIN)},
            parameters={
                "section": self,
                "vocabulary": Vocabulary(
                    tokens=vocabulary.tokens, dtype=tokenizer.dtype, padding=vocabulary.padding
                ),
            },
            versions=versions(self),
            by_bytes=False,
        )

    @property
    def alike(self) -> dict[str, float]:
        """The shares of the proxy's batches: the same for all domains."""
        return dict.fromkeys(self.domains, 1 / len(self.domains))

    @property
    def trained_by(self) -> dict[str, int]:
        """As ``mixture.method`` says."""
        return dict(versions_of_stage(self.stage(self.alike)))

    def stage(self, shares: Mapping[str, float]) -> Stage:
        """The training of the reference or the proxy, of which only the end is written."""
        stage = self.proxy.stage(shares)
        return stage.model_copy(update={"checkpoint_every": stage.steps})

    def prior_of(self, tokens: Mapping[str, int]) -> dict[str, float]:
        """The shares that the reference is trained on, in the order of the domains, given the
        tokens that there are of each."""
        shares = {name: (self.prior or tokens)[name] for name in self.domains}
        total = sum(shares.values())
        return {name: share / total for name, share in shares.items()}


def found(
    *, index: pl.LazyFrame, shards: Path, section: Config, vocabulary: Vocabulary
) -> dict[str, pl.DataFrame]:
    """``weights`` (``mixture.method.WEIGHTS``), ``proposal`` (``proposal_tables.PROPOSAL``: the
    prior beside the shares) and ``steps`` (``train.STEPS``).

    Raises ``NoTokensError`` for a domain without a token, and ``FailedStepError`` for a loss that
    is no number.
    """
    there = available(index, section.domains)
    tokens = dict(there.iter_rows())
    prior = section.prior_of(tokens)
    model = section.proxy.new_model
    assert model is not None, "random weights have a model"
    ground = train.Ground(shards, vocabulary, model, section.seed)
    with TemporaryDirectory(prefix="doremi-") as folder:
        reference = train.reference(ground, section.stage(prior), Path(folder))
        steps = train.reweigh(
            ground,
            section.stage(section.alike),
            reference,
            domains=section.domains,
            step_size=section.step_size,
            smoothing=section.smoothing,
        )
    shares = dict(zip(section.domains, train.mean_weights(steps).tolist(), strict=True))
    weights = pl.DataFrame({"domain": list(shares), "share": list(shares.values())})
    beside = [
        {"domain": name, "prior": prior[name], "share": share, "frozen": False}
        for name, share in shares.items()
    ]
    return {
        "weights": weights.join(there, on="domain").sort("domain"),
        "proposal": pl.DataFrame(beside, proposal_tables.PROPOSAL),
        "steps": steps,
    }
