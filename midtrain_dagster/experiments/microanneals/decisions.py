"""From losses to decisions: paired differences over seeds, an interval, and a verdict.

A candidate's run and the run on general tokens alone that has the same seed read the same general
documents in the same order, so their difference has less luck in it than either. Over seeds, the
differences' mean is the effect, their standard deviation the spread, and Student's t gives the
interval (two-sided, ``n - 1`` degrees of freedom). All targets sink, so an effect below 0 helps.

With several targets of which one is enough, each is held against an interval as much wider
(Bonferroni): of twenty targets one would otherwise be helped by luck alone. Candidates are not
corrected for one another: each is a question of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import sqrt
from typing import Literal

import numpy as np
import polars as pl

from midtrain_dagster.experiments.microanneals.config import Accept

VERSION = 1

Verdict = Literal["accept", "reject", "undecided"]

ALONE = "general alone"
"""What the runs without a candidate are called among the candidates."""

GENERAL = "general"
"""The target that is always there: the loss on general domains, by their shares."""

DECISIONS = pl.Schema(
    {
        "candidate": pl.String,
        "phase": pl.String,
        "target": pl.String,
        "unit": pl.String,
        "pairs": pl.Int64,
        "effect": pl.Float64,
        "spread": pl.Float64,
        "stderr": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "verdict": pl.String,
        "note": pl.String,
    }
)
"""A row a candidate, phase and target. ``pairs`` are the seeds of which both runs were measured,
``effect`` candidate less general alone (negative: it helps; null without a pair), ``low`` and
``high`` the ends of its interval; spread and interval are null below two pairs. ``note`` says what
would decide, where nothing does."""

VERDICTS = pl.Schema(
    {
        "candidate": pl.String,
        "domain": pl.String,
        "verdict": pl.String,
        "reason": pl.String,
        "tokens": pl.Int64,
        "runs": pl.Int64,
        "failed": pl.Int64,
    }
)
"""A row a candidate, with the domain that stages mix for its sake: what it comes to and why;
``tokens`` are those that its own runs were trained on, ``failed`` how many of them failed."""

MOST_SEEDS = 64
"""Up to which it is said how many would decide."""


def decide(
    losses: pl.DataFrame,
    general: dict[str, float],
    targets: Sequence[str],
    candidates: Sequence[str],
    accept: Accept,
    phases: Sequence[str],
) -> pl.DataFrame:
    """The decision on each candidate and target, after each phase (``DECISIONS``).

    ``losses`` has candidate, seed, phase, target, value, unit; ``general`` are the shares by which
    the losses of general domains make the one of :data:`GENERAL`.
    """
    every = pl.concat([losses, general_loss(losses, general)], how="diagonal_relaxed")
    alone = every.filter(candidate=ALONE).select("seed", "phase", "target", other="value")
    paired = every.join(alone, on=["seed", "phase", "target"], how="inner")
    rows = []
    for candidate in candidates:
        for phase in phases:
            for target in (*targets, GENERAL):
                of = paired.filter(candidate=candidate, phase=phase, target=target).sort("seed")
                units = every.filter(target=target)["unit"]
                rows.append(
                    {
                        "candidate": candidate,
                        "phase": phase,
                        "target": target,
                        "unit": units[0] if len(units) else None,
                        **_decided((of["value"] - of["other"]).to_numpy(), target, targets, accept),
                    }
                )
    return pl.DataFrame(rows, DECISIONS)


def general_loss(losses: pl.DataFrame, general: dict[str, float]) -> pl.DataFrame:
    """The loss of each run on the general domains together, by their shares; none of a run of
    which one is missing."""
    shares = {f"loss/{domain}": share for domain, share in general.items()}
    rows = losses.filter(pl.col("target").is_in(list(shares))).with_columns(
        share=pl.col("target").replace_strict(shares, return_dtype=pl.Float64)
    )
    keys = ["candidate", "seed", "phase"]
    summed = rows.group_by(keys, maintain_order=True).agg(
        value=(pl.col("value") * pl.col("share")).sum() / pl.col("share").sum(),
        unit=pl.col("unit").first(),
        count=pl.len(),
    )
    return summed.filter(pl.col("count") == len(shares)).select(
        *keys, pl.lit(GENERAL).alias("target"), "value", "unit"
    )


def _decided(
    differences: np.ndarray, target: str, targets: Sequence[str], accept: Accept
) -> dict[str, object]:
    """The figures and the verdict of one candidate and target, of its paired differences."""
    from scipy.stats import t

    pairs = len(differences)
    found: dict[str, object] = {"pairs": pairs, "verdict": "undecided"}
    if pairs == 0:
        return found | {"note": "no seed of which both runs were measured"}
    effect = float(differences.mean())
    found["effect"] = effect
    if pairs == 1:
        return found | {"note": "one seed has no spread: a second would show it, a third decide"}
    confidence = _confidence(target, targets, accept)
    spread = float(differences.std(ddof=1))
    stderr = spread / sqrt(pairs)
    half = float(t.ppf(0.5 + confidence / 2, pairs - 1)) * stderr
    found |= {"spread": spread, "stderr": stderr, "low": effect - half, "high": effect + half}
    bound = accept.general_bound if target == GENERAL else -accept.least_effect
    if effect + half <= bound:
        return found | {"verdict": "accept"}
    if effect - half > bound:
        return found | {"verdict": "reject"}
    return found | {"note": _what_decides(effect - bound, spread, confidence)}


def _confidence(target: str, targets: Sequence[str], accept: Accept) -> float:
    """That of a target's interval: one of ``k`` is enough, so each has ``1 - (1 - c) / k``."""
    of_several = target != GENERAL and accept.needs == "any"
    return 1 - (1 - accept.confidence) / (len(targets) if of_several else 1)


def _what_decides(distance: float, spread: float, confidence: float) -> str:
    """How many seeds would decide, were effect and spread as they are now; ``distance`` is that of
    the effect from the bound."""
    from scipy.stats import t

    numbers = np.arange(2, MOST_SEEDS + 1)
    halves = t.ppf(0.5 + confidence / 2, numbers - 1) * spread / np.sqrt(numbers)
    enough = numbers[halves < abs(distance)]
    if not enough.size:
        return f"too near to the bound: more than {MOST_SEEDS} seeds, or more tokens, would decide"
    return f"about {enough[0]} seeds would decide, or more tokens"


def judge(
    decisions: pl.DataFrame,
    runs: pl.DataFrame,
    phase: str,
    accept: Accept,
    domains: Mapping[str, str],
) -> pl.DataFrame:
    """What each candidate comes to (``VERDICTS``), by the decisions after ``phase``.

    ``runs`` has candidate, seed, phase, tokens and failed.
    """
    rows = []
    for (candidate,), of in decisions.filter(phase=phase).group_by(
        "candidate", maintain_order=True
    ):
        verdicts = dict(of.select("target", "verdict").iter_rows())
        general = verdicts.pop(GENERAL)
        verdict, reason = _judged(general, verdicts, accept)
        own = runs.filter(candidate=candidate)
        rows.append(
            {
                "candidate": candidate,
                "domain": domains[str(candidate)],
                "verdict": verdict,
                "reason": reason,
                "tokens": int(own["tokens"].sum()),
                "runs": own["seed"].n_unique(),
                "failed": own.filter(pl.col("failed").is_not_null())["seed"].n_unique(),
            }
        )
    return pl.DataFrame(rows, VERDICTS)


def _judged(general: str, verdicts: dict[str, str], accept: Accept) -> tuple[Verdict, str]:
    """A candidate's verdict, of that on general loss and those on the targets."""
    helped = _named(verdicts, "accept")
    if general == "reject":
        what = f"it helps {', '.join(helped)}, but " if helped else ""
        return "reject", f"{what}it harms general loss beyond {accept.general_bound:g}"
    enough = bool(helped) if accept.needs == "any" else len(helped) == len(verdicts)
    if enough and general == "accept":
        return "accept", f"it helps {', '.join(helped)}, and keeps general loss"
    if enough:
        return "undecided", f"it helps {', '.join(helped)}; whether it keeps general loss is open"
    missed, open_ = _named(verdicts, "reject"), _named(verdicts, "undecided")
    if (not open_) if accept.needs == "any" else missed:
        return "reject", f"it does not help {', '.join(missed)} by {accept.least_effect:g}"
    return "undecided", f"whether it helps {', '.join(open_)} is open"


def _named(verdicts: dict[str, str], verdict: str) -> list[str]:
    return [target for target, each in verdicts.items() if each == verdict]


def table_of(parts: Iterable[tuple[str, int, pl.DataFrame]]) -> pl.DataFrame:
    """The tables of runs, each with its candidate and seed in front."""
    return pl.concat(list(_labelled(parts)))


def _labelled(parts: Iterable[tuple[str, int, pl.DataFrame]]) -> Iterator[pl.DataFrame]:
    for candidate, seed, table in parts:
        labels = (pl.lit(candidate).alias("candidate"), pl.lit(seed, pl.Int64).alias("seed"))
        yield table.select(*labels, pl.all())
