"""Everything that the report shows, as plain tables: the seam between the graph and the page.

Whoever fills it needs to know nothing of HTML; whoever renders it needs to know nothing of assets.
Tables may be empty: the page then says in words that there is nothing to show. Extra columns are
ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from midtrain_dagster.curation.distributions import BORDERS, BOUNDS, HISTOGRAMS


@dataclass(frozen=True)
class Check:
    """A promise of the run: a ``gate`` stops the run when it fails, a check is only displayed."""

    name: str
    passed: bool
    detail: str
    """What was measured against which bound, in one line."""
    gate: bool = False


@dataclass(frozen=True)
class ReportData:
    """One run of mid-training, ready to be shown.

    Checkpoints come in the order in which they were trained, the base first; the control of a
    stage ``X`` is named ``X_control``.
    """

    recipe: str
    """The recipe's name."""

    description: str
    """The recipe's own description, a sentence or a paragraph."""

    recipe_text: str
    """The recipe file as it was read."""

    losses: pl.DataFrame
    """Held-out loss: ``checkpoint``, ``domain``, ``tokens``, ``loss`` (nats per token) and
    ``stderr``."""

    scores: pl.DataFrame
    """Benchmarks: ``checkpoint``, ``benchmark``, ``metric``, ``value``, ``stderr``, ``items``,
    ``chance`` (null where one cannot guess), ``at_chance``."""

    logs: tuple[tuple[str, pl.DataFrame], ...]
    """Training logs by run, in order: ``step``, ``tokens`` (in this run so far), ``loss``,
    ``rate``."""

    funnel: pl.DataFrame
    """What is left after each step: ``step``, ``source``, ``kind``, ``documents``, ``characters``;
    the first step is what was collected."""

    decisions: pl.DataFrame
    """Documents by decision: ``source``, ``reason`` (``kept`` or why dropped), ``documents``."""

    examples: pl.DataFrame
    """Documents and what was decided on them: ``id``, ``source``, ``reason``, ``text``."""

    contamination: pl.DataFrame
    """By benchmark: ``benchmark``, ``items``, ``documents`` (with a hit), ``hits`` (passages),
    ``planted`` and ``caught`` (documents into which benchmark text was put, and those found)."""

    hits: pl.DataFrame
    """Examples of matches: ``benchmark``, ``item``, ``id`` (the document's), ``text``."""

    synthesis: pl.DataFrame
    """Generated pairs by what became of them: ``reason`` (``kept`` or why not), ``count``."""

    pairs: pl.DataFrame
    """Examples of kept pairs: ``question``, ``answer``, ``passage`` (that they were made from)."""

    planned: Mapping[str, Mapping[str, float]]
    """Share of a stage's tokens by domain, as the recipe says: stage, domain, share of 1."""

    delivered: Mapping[str, Mapping[str, float]]
    """The same, as counted in what training read."""

    epochs: pl.DataFrame
    """How often a domain was read: ``stage``, ``domain``, ``tokens`` (read), ``available`` (tokens
    there are), ``epochs``."""

    positions: pl.DataFrame
    """Loss by position: ``checkpoint``, ``position``, ``tokens``, ``loss``, ``stderr``."""

    checks: tuple[Check, ...]
    """Every gate and check of the run, passed or failed."""

    lineage: pl.DataFrame
    """The graph: ``asset``, ``group``, ``fingerprint``, ``rows``, ``tokens`` (null where there are
    none), ``upstream`` (list of asset names)."""

    general: tuple[str, ...] = ()
    """Domains that mid-training must not lose."""

    targets: tuple[str, ...] = ()
    """Domains that mid-training is meant to improve."""

    trained_lengths: Mapping[str, int] = field(default_factory=dict)
    """The window in tokens that each checkpoint was trained on."""

    histograms: pl.DataFrame = field(default_factory=HISTOGRAMS.to_frame)
    """How signals and ratings are spread by source, as `curation.distributions` counts them."""

    bounds: pl.DataFrame = field(default_factory=BOUNDS.to_frame)
    """Each bound and source: documents tested, violating, decided by it."""

    borders: pl.DataFrame = field(default_factory=BORDERS.to_frame)
    """The documents nearest to each bound, on both sides."""

    distortions: tuple[str, ...] = ()
    """What ``scale`` shrank, and each proportion that this changed; empty for a full run."""
