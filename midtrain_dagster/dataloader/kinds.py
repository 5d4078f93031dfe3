"""The kinds of documents that a stage draws from apart, and the share of its tokens that each has.

A kind is a domain's documents of some lengths: all of them, those on either side of the bound of
``long_documents``, or those of one class of ``length_classes``. Every kind is a pool of the plan.
"""

import numpy as np

from midtrain_dagster.dataloader.pool import ALL, LONG, SHORT
from midtrain_dagster.dataloader.quotas import quotas, short_of
from midtrain_dagster.mixture.length_class import LengthRule, bounds, labels
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.tokens.shards import TokenShards

SHARE_TOLERANCE = 1e-6


class MixtureError(ValueError):
    """A mixture that the token shards cannot serve as it is declared."""


class Kinds:
    """What the documents of a stage's mixture are divided into."""

    def __init__(self, shards: TokenShards, mixture: Mixture, stage: str, window: int) -> None:
        """``window`` is the length of a window in tokens; ``stage`` stands in messages."""
        self.shards, self.mixture, self.stage, self.window = shards, mixture, stage, window

    def documents(self, domain: str) -> dict[str, np.ndarray]:
        """The numbers of a domain's documents, by kind; kinds without documents are left out."""
        numbers = self.shards.documents_of(domain)
        numbers = numbers[self.shards.lengths[numbers] > 0]
        rule, long = self.mixture.length_classes, self.mixture.long_documents
        if rule is not None and domain not in rule.own_class:
            starts = [each.start for each in rule.classes]
            try:
                least = bounds(starts, self.window)
            except ValueError as error:
                raise MixtureError(f"stage {self.stage}: length_classes: {error}") from error
            place = np.searchsorted(least, self.shards.lengths[numbers], side="right") - 1
            kinds = {name: numbers[place == at] for at, name in enumerate(labels(starts))}
        elif rule is not None or long is None:
            return {ALL: numbers}
        else:
            is_long = self.shards.lengths[numbers] >= long.minimum_tokens
            kinds = {LONG: numbers[is_long], SHORT: numbers[~is_long]}
        return {kind: chosen for kind, chosen in kinds.items() if len(chosen)}

    def shares(
        self, wanted: dict[str, np.ndarray], documents: dict[str, dict[str, np.ndarray]]
    ) -> dict[tuple[str, str], np.ndarray]:
        """The share of all tokens that each domain's documents of a kind are to give, by step.

        ``wanted`` are the domains' shares, ``documents`` what they have. Raises MixtureError for
        shares of lengths that do not go with those of the domains.
        """
        rule = self.mixture.length_classes
        if rule is not None:
            return self._by_class(rule, wanted, documents)
        long_part = self._long_part(wanted, documents)
        return {
            (domain, kind): share
            if len(documents[domain]) == 1
            else share * (long_part if kind == LONG else 1 - long_part)
            for domain, share in wanted.items()
            for kind in documents[domain]
        }

    def _by_class(
        self,
        rule: LengthRule,
        wanted: dict[str, np.ndarray],
        documents: dict[str, dict[str, np.ndarray]],
    ) -> dict[tuple[str, str], np.ndarray]:
        """The same, by classes of length: domains of a class of their own keep their share."""
        divided = [domain for domain in wanted if domain not in rule.own_class]
        names = labels([each.start for each in rule.classes])
        columns = np.array([each.share for each in rule.classes])
        supply = np.array(
            [
                [self.shards.lengths[documents[domain].get(name, [])].sum() for name in names]
                for domain in divided
            ],
            np.float64,
        ).reshape(len(divided), len(names)) * (columns > 0)
        for domain, held in zip(divided, supply, strict=True):
            if not held.any():
                raise MixtureError(
                    f"stage {self.stage} gives domain {domain} a share, but length_classes "
                    "takes none of its documents, the longest of which has "
                    f"{self._longest(domain):,} tokens in windows of {self.window:,}: "
                    "add longer documents, give it no share, or name it in own_class"
                )
        parts = {(domain, ALL): wanted[domain] for domain in wanted if domain in rule.own_class}
        if not divided:
            return parts
        rows = np.stack([wanted[domain] for domain in divided], axis=1)
        self._check_within_reach(rows, columns, supply, names, divided)
        found = quotas(rows, columns, supply)
        for number, domain in enumerate(divided):
            for place, name in enumerate(names):
                if supply[number, place]:
                    parts[domain, name] = found[:, number, place]
        return parts

    def _check_within_reach(
        self,
        rows: np.ndarray,
        columns: np.ndarray,
        supply: np.ndarray,
        names: list[str],
        divided: list[str],
    ) -> None:
        """Raise MixtureError for classes that ask for more than the domains that hold them have."""
        lacking = short_of(rows, columns, supply > 0)
        if lacking is None:
            return
        step, classes = lacking[0], list(lacking[1])
        has = np.asarray((supply[:, classes] > 0).any(axis=1))
        holders = ", ".join(domain for at, domain in enumerate(divided) if has[at])
        raise MixtureError(
            f"stage {self.stage} asks for {columns[classes].sum() * rows[step].sum():.3f} of its "
            f"tokens from documents of {' and '.join(names[each] for each in classes)} "
            f"({self.window:,} tokens), but at step {step} the domains that have such documents "
            f"({holders or 'none'}) have {rows[step][has].sum():.3f}, and the longest document has "
            f"{max(map(self._longest, divided)):,} tokens: change length_classes, the domains' "
            "shares or the window, or add documents"
        )

    def _longest(self, domain: str) -> int:
        return int(self.shards.lengths[self.shards.documents_of(domain)].max())

    def _long_part(
        self, wanted: dict[str, np.ndarray], documents: dict[str, dict[str, np.ndarray]]
    ) -> np.ndarray:
        """What part of its share a domain with both kinds draws from long documents, by step."""
        long, zero = self.mixture.long_documents, np.zeros(len(next(iter(wanted.values()))))
        if long is None:
            return zero
        least = sum((wanted[d] for d, kinds in documents.items() if "short" not in kinds), zero)
        both = sum((wanted[d] for d, kinds in documents.items() if len(kinds) == 2), zero)
        missing = long.share - least
        wrong = np.flatnonzero((missing < -SHARE_TOLERANCE) | (missing > both + SHARE_TOLERANCE))
        if wrong.size:
            step = int(wrong[0])
            raise MixtureError(
                f"stage {self.stage} asks for {long.share:.3f} of its tokens from documents of at "
                f"least {long.minimum_tokens} tokens, but at step {step} its domains allow "
                f"{least[step]:.3f} to {least[step] + both[step]:.3f}: change long_documents, the "
                "domains' shares, or add documents"
            )
        part = np.divide(missing, both, out=zero, where=both > 0)
        return np.clip(part, 0, 1)
