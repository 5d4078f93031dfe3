"""The data plan of a stage: which spans of which documents each window of each step holds.

The plan is a pure function of (seed, stage, step, slot) and of the shards: any window is found
without replaying those before it, and nothing depends on how many workers there are. So a resumed
run needs only its step, and "what did step 1,234 see?" and "which steps saw this document?" have
exact answers (``documents_of_step``, ``steps_of_document``).

A window is of one domain. Shares are shares of tokens, as in the literature: a domain that fills
its windows less gets more of them. Padding is the price of never cutting a document that fits.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from midtrain_dagster.dataloader.fill_in_the_middle import FillInTheMiddle, Middle
from midtrain_dagster.dataloader.interleave import assign
from midtrain_dagster.dataloader.kinds import Kinds, MixtureError
from midtrain_dagster.dataloader.packings import Packing
from midtrain_dagster.dataloader.pool import Pool, Span
from midtrain_dagster.dataloader.untie_knots import Knot
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.tokens.shards import TokenShards

__all__ = ["MixtureError", "Plan", "Span", "Window"]

VERSION = 1


COURSE = pl.Schema(
    {
        "domain": pl.String,
        "begin": pl.Int64,
        "end": pl.Int64,
        "planned": pl.Float64,
        "delivered": pl.Float64,
    }
)
"""Parts of a stage, from tokens with padding to tokens, and each domain's share of what the mixture
asks for there and of what the windows hold."""


TURNED = pl.Schema(
    {"domain": pl.String, "pieces": pl.Int64, "turned": pl.Int64, "suffix_first": pl.Int64}
)
"""Of each domain whose documents are turned (``fill_in_the_middle``), the documents that a stage
reads, a piece each of those longer than a window; how many are turned; and how many of these have
the suffix first."""


class Window(NamedTuple):
    """One training sequence: spans of documents of one domain, longest first.

    A tied one (``untie_knots``) has chunks in their shuffled order, and how each hangs together
    with the others. Where documents are turned (``fill_in_the_middle``), it says how each span is.
    """

    domain: str
    spans: tuple[Span, ...]
    knots: tuple[Knot, ...] = ()
    middles: tuple[Middle | None, ...] = ()


class Plan:
    """The plan of one stage.

    ``sequence_length`` is the window in tokens, ``windows_per_step`` the global batch in windows
    (over all workers and all gradient accumulation); where it changes, ``(steps, windows)`` of each
    run of equal steps. A step's shares are the mixture's at the middle of the step, so that the
    whole stage has their exact mean. Raises MixtureError for a
    domain with a share and without documents, and for a share of long documents, or of a class of
    lengths, out of reach.
    """

    def __init__(
        self,
        shards: TokenShards,
        mixture: Mixture,
        *,
        seed: int,
        stage: str,
        sequence_length: int,
        packing: Packing = "best_fit",
        fill_in_the_middle: FillInTheMiddle | None = None,
        windows_per_step: int | Sequence[tuple[int, int]],
        steps: int,
        begin: dict[str, Any] | None = None,
    ) -> None:
        """Packs every domain once: about a tenth of a second for a million documents.

        ``begin`` is the ``position`` of another stage's plan: this one then goes on in its order.
        """
        if isinstance(windows_per_step, int):
            windows_per_step = ((steps, windows_per_step),)
        counts, sizes = (np.array(each, np.int64) for each in zip(*windows_per_step, strict=True))
        if sequence_length < 2 or sizes.min() < 1 or counts.min() < 1:
            raise ValueError("a plan needs sequence_length >= 2, windows_per_step and steps >= 1")
        if counts.sum() != steps:
            raise ValueError(f"the plan has {steps} steps, but its runs of them {counts.sum()}")
        self.shards, self.mixture = shards, mixture
        self.seed, self.stage = seed, stage
        self.sequence_length, self.packing = sequence_length, packing
        self.fill_in_the_middle = fill_in_the_middle
        self.windows_per_step, self.steps = int(sizes.max()), steps
        self._first = np.append(0, np.cumsum(np.repeat(sizes, counts)))
        self._begin = begin or {"order": stage, "pools": {}}
        self._pools: list[Pool] = []
        shares = self._make_pools()
        rates = shares / np.array([pool.mean_tokens for pool in self._pools])
        rates /= rates.sum(axis=1, keepdims=True)
        self._rates, self._runs = rates, tuple(zip(counts.tolist(), sizes.tolist(), strict=True))
        self._pool_of, self._before = assign(rates, np.diff(self._first))
        self._before += np.array([self._begun(pool) for pool in self._pools], np.int64)

    def window(self, step: int, slot: int) -> Window:
        """The window of a slot (0 to ``windows_per_step`` - 1) of a step."""
        if not 0 <= slot < self.windows_of(step):
            raise IndexError(
                f"step {step}, slot {slot} is outside the plan of stage {self.stage} "
                f"({self.steps} steps, this one of {self.windows_of(step)} windows)"
            )
        begin = int(self._first[step])
        number = int(self._pool_of[begin + slot])
        ahead = np.count_nonzero(self._pool_of[begin : begin + slot] == number)
        pool, ordinal = self._pools[number], int(self._before[step, number]) + int(ahead)
        return Window(pool.domain, *pool.window(ordinal), pool.middles(ordinal))

    def windows_of(self, step: int) -> int:
        """The windows of a step. Raises IndexError for one outside the plan."""
        if not 0 <= step < self.steps:
            raise IndexError(
                f"step {step} is outside the plan of stage {self.stage} ({self.steps} steps)"
            )
        return int(self._first[step + 1] - self._first[step])

    def slots(self, rank: int, world_size: int, step: int | None = None) -> range:
        """The slots of a step that worker ``rank`` of ``world_size`` takes; which step, has to be
        said where they differ."""
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} of {world_size} workers does not exist")
        if step is None and len(self._runs) > 1:
            raise ValueError(f"the steps of stage {self.stage} have different windows: say which")
        return range(rank, self.windows_of(step or 0), world_size)

    def position(self, step: int) -> dict[str, Any]:
        """Where the order of the documents stands before ``step``: what ``begin`` takes, as JSON.

        ``order``, ``seed`` and ``sequence_length`` make the order; ``pools`` has, for each domain
        and kind, the windows and tokens of an epoch and the windows taken so far.
        """
        taken = {
            f"{pool.domain} {pool.kind}": [pool.windows, pool.tokens, count]
            for pool, count in zip(self._pools, self._before[step].tolist(), strict=True)
        }
        return {
            "order": self._begin["order"],
            "seed": self.seed,
            "sequence_length": self.sequence_length,
            "pools": self._begin["pools"] | taken,
        }

    def _begun(self, pool: Pool) -> int:
        """The windows of a pool that were taken before this stage."""
        windows, tokens, taken = self._begin["pools"].get(
            f"{pool.domain} {pool.kind}", (pool.windows, pool.tokens, 0)
        )
        length = self._begin.get("sequence_length", self.sequence_length)
        seed = self._begin.get("seed", self.seed)
        if (windows, tokens, length, seed) != (
            *(pool.windows, pool.tokens),
            *(self.sequence_length, self.seed),
        ):
            raise MixtureError(
                f"stage {self.stage} cannot go on in the order of stage {self._begin['order']}: "
                f"domain {pool.domain} ({pool.kind} documents) had {tokens:,} tokens in "
                f"{windows:,} windows of {length} with seed {seed}, and has {pool.tokens:,} in "
                f"{pool.windows:,} of {self.sequence_length} with seed {self.seed}: say inherit: "
                "{data: {reset: WHY}}"
            )
        return int(taken)

    def check(self) -> None:
        """Raise MixtureError where documents are repeated more often than the mixture declares,
        naming all of them.

        Up to one window more is allowed, for no quota is exact to less than a window.
        """
        found = list(self._overused())
        if found:
            raise MixtureError("; ".join(found))

    def _overused(self) -> Iterator[str]:
        for pool, taken in zip(self._pools, self._before[-1].tolist(), strict=True):
            ceiling = self.mixture.ceiling(pool.domain)
            if taken > ceiling * pool.windows + 1:
                yield (
                    f"stage {self.stage} repeats the {pool.tokens:,} tokens of domain "
                    f"{pool.domain} ({pool.kind} documents) {taken / pool.windows:.2f} times, but "
                    f"max_epochs is {ceiling:g}: add documents, lower its share or the stage's "
                    "tokens, or raise max_epochs"
                )

    @property
    def pools(self) -> Sequence[Pool]:
        """Its pools: domains, or a domain's documents of one length class."""
        return self._pools

    def taken(self, step: int) -> list[int]:
        """The windows of each pool that are taken before a step, since its order began."""
        found: list[int] = self._before[step].tolist()
        return found

    def epochs(self) -> dict[str, float]:
        """Passes over each domain's documents; over those repeated most, where long ones are.

        Counted from where the order began, be it in a stage before.
        """
        passes: dict[str, float] = {}
        for pool, taken in zip(self._pools, self._before[-1].tolist(), strict=True):
            passes[pool.domain] = max(passes.get(pool.domain, 0.0), taken / pool.windows)
        return passes

    def planned(self) -> dict[str, float]:
        """Tokens that the mixture's shares ask of each domain, over the stage."""
        claims = self.claims(0, self.steps).tolist()
        return self._by_domain(
            claim * pool.mean_tokens for claim, pool in zip(claims, self._pools, strict=True)
        )

    def delivered(self) -> dict[str, int]:
        """Tokens that the plan's windows really hold of each domain, padding left out."""
        return self._by_domain(self._held(0, self.steps))

    def edges(self, parts: int) -> list[int]:
        """The steps at which up to ``parts`` parts of the stage, about as long, begin and end."""
        marks = np.rint(np.linspace(0, self.steps, parts + 1)).astype(np.int64)
        found: list[int] = np.unique(marks).tolist()
        return found

    def tokens_before(self, step: int) -> int:
        """The tokens, with padding, of all steps before a step."""
        return int(self._first[step]) * self.sequence_length

    def course(self, parts: int) -> pl.DataFrame:
        """What is planned and what is delivered in each of up to ``parts`` parts of the stage, with
        the schema ``COURSE``; a row a part and domain, in order."""
        rows = []
        for first, last in pairwise(self.edges(parts)):
            claims = self.claims(first, last).tolist()
            wanted = self._by_domain(
                claim * pool.mean_tokens for claim, pool in zip(claims, self._pools, strict=True)
            )
            given = self._by_domain(self._held(first, last))
            begin, end = self.tokens_before(first), self.tokens_before(last)
            whole, total = sum(wanted.values()), sum(given.values())
            rows += [
                (domain, begin, end, wanted[domain] / whole, given[domain] / total)
                for domain in wanted
            ]
        return pl.DataFrame(rows, COURSE, orient="row")

    def _held(self, first: int, last: int) -> Iterator[int]:
        """The tokens that the windows of steps ``[first, last)`` hold of each pool."""
        ends = zip(*self._before[[first, last]].tolist(), self._pools, strict=True)
        return (pool.tokens_before(stop) - pool.tokens_before(start) for start, stop, pool in ends)

    def turned(self) -> pl.DataFrame:
        """What is turned of each domain in which something is, with the schema ``TURNED``."""
        fill = self.fill_in_the_middle
        ends = zip(*self._before[[0, -1]].tolist(), self._pools, strict=True)
        rows = [
            (pool.domain, *np.subtract(pool.turned_before(stop), pool.turned_before(start)))
            for start, stop, pool in ends
            if fill is not None and pool.domain in fill.domains
        ]
        table = pl.DataFrame(rows, TURNED, orient="row")
        return table.group_by("domain", maintain_order=True).sum()

    def efficiency(self) -> float:
        """The part of all positions that holds tokens; the rest is padding."""
        positions = int(self._first[-1]) * self.sequence_length
        return sum(self.delivered().values()) / positions

    def documents_of_step(self, step: int) -> pl.DataFrame:
        """What a step sees: id, domain, slot, and start and stop in tokens; a row for each span."""
        windows = [self.window(step, slot) for slot in range(self.windows_of(step))]
        counts = [len(window.spans) for window in windows]
        spans = np.array([span for window in windows for span in window.spans], np.int64)
        domains = pl.Series([window.domain for window in windows], dtype=pl.String)
        slot = np.repeat(np.arange(len(windows)), counts)
        return pl.DataFrame(
            {
                "id": self.shards.ids.gather(spans[:, 0]),
                "domain": domains.gather(slot),
                "slot": slot,
                "start": spans[:, 1],
                "stop": spans[:, 2],
            }
        )

    def steps_of_document(self, identity: str) -> pl.DataFrame:
        """Where a document is seen: step, slot, start and stop in tokens, in order of the steps.

        Raises KeyError for an id that the shards do not hold.
        """
        document = self.shards.number_of(identity)
        rows = [
            (*self._place(number, ordinal), start, stop)
            for number, pool in enumerate(self._pools)
            for ordinal, start, stop in pool.occurrences(document, int(self._before[-1, number]))
            if ordinal >= self._before[0, number]
        ]
        schema = {"step": pl.Int64, "slot": pl.Int64, "start": pl.Int64, "stop": pl.Int64}
        return pl.DataFrame(sorted(rows), schema, orient="row")

    def _place(self, number: int, ordinal: int) -> tuple[int, int]:
        """The step and slot of a pool's ``ordinal``-th window."""
        step = int(np.searchsorted(self._before[:, number], ordinal, side="right")) - 1
        begin, end = self._first[step : step + 2]
        slots = np.flatnonzero(self._pool_of[begin:end] == number)
        return step, int(slots[ordinal - self._before[step, number]])

    def claims(self, first: int, last: int) -> np.ndarray:
        """The windows that the shares ask of each pool in steps ``[first, last)``."""
        claims, begin = np.zeros(len(self._pools)), 0
        for count, size in self._runs:
            part = slice(max(first, begin), min(last, begin + count))
            if part.start < part.stop:
                claims = claims + self._rates[part].sum(axis=0) * size
            begin += count
        return claims

    def _by_domain(self, values: Iterable[Any]) -> dict[str, Any]:
        totals: dict[str, Any] = {}
        for pool, value in zip(self._pools, values, strict=True):
            totals[pool.domain] = totals.get(pool.domain, 0) + value
        return totals

    def _make_pools(self) -> np.ndarray:
        """Make the pools; return each one's share of the tokens, ``[steps, pools]``."""
        windows = np.diff(self._first)
        moments = (self._first[:-1] + 0.5 * windows) / self._first[-1]
        table = self.mixture.shares(moments)
        share_of = dict(zip(self.mixture.domains, table.T, strict=True))
        # In the order of names: how the recipe orders its domains is no cause of the plan.
        wanted = {domain: share_of[domain] for domain in sorted(share_of) if share_of[domain].any()}
        self._check_there(wanted)
        kinds = Kinds(self.shards, self.mixture, self.stage, self.sequence_length)
        documents = {domain: kinds.documents(domain) for domain in wanted}
        shares, fill = [], self.fill_in_the_middle
        for (domain, kind), share in kinds.shares(wanted, documents).items():
            numbers = documents[domain][kind]
            self._pools.append(
                Pool(
                    domain,
                    kind,
                    numbers,
                    self.shards.lengths[numbers],
                    window=self.sequence_length,
                    packing=self.packing,
                    fill=fill if fill is not None and domain in fill.domains else None,
                    seed=self.seed,
                    stage=self._begin["order"],
                )
            )
            shares.append(share)
        return np.stack(shares, axis=1)

    def _check_there(self, domains: Iterable[str]) -> None:
        """Raise MixtureError for domains without documents, naming all of them."""
        lacking = [domain for domain in domains if not self.shards.tokens_of.get(domain)]
        if lacking:
            raise MixtureError(
                f"stage {self.stage} gives domain {', '.join(lacking)} a share, but the token "
                f"shards have no document of it; their domains are: "
                f"{', '.join(self.shards.domains) or 'none'}: add documents, have curation keep "
                "more of them, or give it no share"
            )
