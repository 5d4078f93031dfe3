"""Scores from judged pairs: the Bradley-Terry model (Bradley and Terry 1952).

A document of score s is preferred to one of score t with probability 1 / (1 + exp(t - s)). The
scores maximise the likelihood of the judgements less ``prior / 2`` times the sum of their squares
(a normal prior): without it, a document that won every comparison would have an infinite score. The
problem is concave, and Newton's method with conjugate gradients finds the one optimum.

Scores are comparable within a connected component of the comparisons only. The prior puts the mean
of each component at 0, which no data support: look at the component, and judge more pairs.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

VERSION = 1

ACCURACY = 1e-10
"""The steepest slope of the objective at the scores that are given back."""


class ConvergenceError(RuntimeError):
    """The scores did not settle; the message says how steep the objective still is."""


def scores(judgements: pl.DataFrame, *, prior: float) -> dict[str, pl.DataFrame]:
    """Fit a score to every document that was compared. Input columns: a, b, preference.

    Returns ``{"scores": df}`` with columns id (sorted), score (Float64), comparisons (UInt32),
    component (String, the smallest id of those it is connected to); and ``{"metrics": df}``, name
    and value: documents, pairs, components, how many documents are in the largest, and the share of
    the decided judgements that the scores agree with. The order of judgements does not matter.

    Raises ValueError if there is no judgement or ``prior`` is not positive.
    """
    from midtrain_dagster.curation.duplicates.components import components

    if judgements.is_empty():
        raise ValueError("there is no judgement to fit scores to")
    ids = pl.concat([judgements["a"], judgements["b"]]).unique().sort()
    number = pl.int_range(len(ids), dtype=pl.Int64, eager=True)
    swapped = pl.col("a") > pl.col("b")
    merged = (
        judgements.select(
            a=pl.when(swapped).then("b").otherwise("a"),
            b=pl.when(swapped).then("a").otherwise("b"),
            preference=pl.when(swapped).then(1 - pl.col("preference")).otherwise("preference"),
        )
        .sort("a", "b", "preference")
        .group_by("a", "b", maintain_order=True)
        .agg(wins=pl.col("preference").sum(), judged=pl.len().cast(pl.Float64))
    )
    a, b = (merged[side].replace_strict(ids, number).to_numpy() for side in ("a", "b"))
    wins, judged = merged["wins"].to_numpy(), merged["judged"].to_numpy()
    score = fit(a, b, wins, judged, documents=len(ids), prior=prior)
    component = components(len(ids), a, b)
    sizes = np.bincount(component)
    decided = wins * 2 != judged
    agrees = (score[a] > score[b]) == (wins * 2 > judged)
    values = {
        "documents": len(ids),
        "pairs": len(a),
        "components": np.count_nonzero(sizes),
        "largest_component": sizes.max(),
        "agreement": agrees[decided].mean() if decided.any() else None,
    }
    table = pl.DataFrame(
        {
            "id": ids,
            "score": score,
            "comparisons": (
                np.bincount(a, judged, len(ids)) + np.bincount(b, judged, len(ids))
            ).astype(np.uint32),
            "component": ids[component],
        }
    )
    schema = {"name": pl.String, "value": pl.Float64}
    metrics = pl.DataFrame(
        {"name": list(values), "value": list(values.values())}, schema=schema, strict=False
    )
    return {"scores": table, "metrics": metrics}


def fit(
    a: np.ndarray,
    b: np.ndarray,
    wins: np.ndarray,
    judged: np.ndarray,
    *,
    documents: int,
    prior: float,
) -> np.ndarray:
    """The scores (float64, one a document) of numbered documents.

    ``a[i]`` won ``wins[i]`` of the ``judged[i]`` comparisons with ``b[i]``; halves are draws.
    Raises ValueError if ``prior`` is not positive, ConvergenceError.
    """
    if prior <= 0:
        raise ValueError(f"the prior must be above 0, not {prior}")

    def spread(values: np.ndarray) -> np.ndarray:
        return np.bincount(a, values, documents) - np.bincount(b, values, documents)

    def objective(score: np.ndarray) -> float:
        lead = score[a] - score[b]
        losses = wins * np.logaddexp(0, -lead) + (judged - wins) * np.logaddexp(0, lead)
        return float(losses.sum() + prior / 2 * (score @ score))

    score = np.zeros(documents)
    for _ in range(200):
        expected = 1 / (1 + np.exp(score[b] - score[a]))
        slope = spread(wins - judged * expected) - prior * score
        steepest = np.abs(slope).max()
        if steepest < ACCURACY * max(1.0, judged.sum()):
            return score
        weight = judged * expected * (1 - expected)
        diagonal = np.bincount(a, weight, documents) + np.bincount(b, weight, documents) + prior

        def curve(step: np.ndarray, weight: np.ndarray = weight) -> np.ndarray:
            return spread(weight * (step[a] - step[b])) + prior * step

        step = _conjugate_gradients(curve, slope, diagonal)
        length, here = 1.0, objective(score)
        while objective(score + length * step) > here * (1 + 1e-12) and length > 1e-6:
            length /= 2
        score = score + length * step
    raise ConvergenceError(f"the scores did not settle: the objective still slopes by {steepest}")


def _conjugate_gradients(
    multiply: Callable[[np.ndarray], np.ndarray], right: np.ndarray, diagonal: np.ndarray
) -> np.ndarray:
    """x such that ``multiply(x)`` is ``right``, for a positive definite matrix, by its diagonal."""
    x = np.zeros_like(right)
    residual = right
    scaled = residual / diagonal
    direction, product = scaled, residual @ scaled
    enough = 1e-16 * product
    for _ in range(10 * right.size):
        if product <= enough:
            break
        moved = multiply(direction)
        length = product / (direction @ moved)
        x, residual = x + length * direction, residual - length * moved
        scaled = residual / diagonal
        product, before = residual @ scaled, product
        direction = scaled + product / before * direction
    return x
