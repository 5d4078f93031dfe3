"""A study as tables, and back: what the artifact of a law holds."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from midtrain_dagster.laws.decay.curve import Curve, binned
from midtrain_dagster.laws.decay.fit import Data, Fit
from midtrain_dagster.laws.decay.held_out import HeldOutError, LeftOut
from midtrain_dagster.laws.decay.identifiability import Profile
from midtrain_dagster.laws.decay.method import DecayLaw
from midtrain_dagster.laws.decay.study import Study
from midtrain_dagster.laws.decay.uncertainty import Draws, band, interval

PARAMETERS = pl.Schema(
    {"parameter": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}
)
"""A row a parameter: its value and its interval."""

CURVES = pl.Schema(
    {
        "run": pl.String,
        "step": pl.Float64,
        "rate": pl.Float64,
        "measured": pl.Float64,
        "law": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
    }
)
"""A row a point that the law was fitted to."""

HELD_OUT = pl.Schema({"run": pl.String, "mean": pl.Float64, "worst": pl.Float64, "end": pl.Float64})
"""A row a run: the law's relative errors on it, fitted to the others; null: it cannot be left
out."""

PROFILE = pl.Schema({"at": pl.Float64, "deviance": pl.Float64})

VERDICT = pl.Schema(
    {
        "parameter": pl.String,
        "over": pl.String,
        "cost": pl.Float64,
        "converged": pl.Boolean,
        "left_out": pl.Int64,
        "refused": pl.String,
    }
)
"""One row: the decisive parameter, what the bootstrap was over, how the fit ended, points of the
logs that no law is fitted to, and why the law says nothing of another schedule (null: it does)."""

TABLES = ("parameters", "draws", "curves", "held_out", "profile", "verdict")
"""What they are called in the artifact."""


def tables_of(study: Study) -> dict[str, pl.DataFrame]:
    """The tables of a study, with the draws of all parameters as ``draws``."""
    names, values = study.fitted.names, np.exp(study.fitted.theta)
    drawn = np.exp(study.drawn.theta)
    intervals = [interval(float(values[i]), drawn[:, i]) for i in range(len(names))]
    return {
        "parameters": pl.DataFrame(
            [
                (name, each.value, each.low, each.high)
                for name, each in zip(names, intervals, strict=True)
            ],
            schema=PARAMETERS,
            orient="row",
        ),
        "draws": pl.DataFrame(study.drawn.theta, schema=list(names), orient="row"),
        "curves": pl.concat([_curve(study, curve) for curve in study.curves]),
        "held_out": pl.DataFrame(
            [(each.run, each.mean, each.worst, each.end) for each in study.errors.runs],
            schema=HELD_OUT,
            orient="row",
        ),
        "profile": pl.DataFrame(
            {"at": study.profile.at, "deviance": study.profile.deviance}, schema=PROFILE
        ),
        "verdict": pl.DataFrame(
            [
                (
                    study.profile.parameter,
                    study.drawn.over,
                    study.fitted.cost,
                    study.fitted.converged,
                    sum(curve.left_out for curve in study.curves),
                    study.refused,
                )
            ],
            schema=VERDICT,
            orient="row",
        ),
    }


def _curve(study: Study, curve: Curve) -> pl.DataFrame:
    middle, low, high = band(study.fitted, study.drawn, curve.rates, curve.points, curve.parameters)
    place = np.minimum(curve.points.astype(np.int64), curve.rates.steps - 1)
    return pl.DataFrame(
        {
            "run": [curve.name] * len(curve.points),
            "step": curve.points,
            "rate": curve.rates.each[place],
            "measured": curve.losses,
            "law": middle,
            "low": low,
            "high": high,
        },
        schema=CURVES,
    )


def study_of(law: DecayLaw, curves: Sequence[Curve], tables: dict[str, pl.DataFrame]) -> Study:
    """The study that ``tables`` are of, beside the curves that it was made from."""
    averaged = [binned(curve) for curve in curves]
    model = law.model(averaged)
    verdict = tables["verdict"].row(0, named=True)
    theta = np.log(tables["parameters"]["value"].to_numpy())
    value = tables["parameters"].filter(parameter=verdict["parameter"])["value"].item()
    return Study(
        law=law,
        data=Data.of(model, averaged),
        fitted=Fit(model, theta, verdict["cost"], verdict["converged"]),
        drawn=Draws(tables["draws"].to_numpy(), verdict["over"]),
        profile=Profile(
            verdict["parameter"],
            value,
            tuple(tables["profile"]["at"]),
            tuple(tables["profile"]["deviance"]),
        ),
        errors=HeldOutError(tuple(LeftOut(*row) for row in tables["held_out"].iter_rows())),
        refused=verdict["refused"],
    )
