"""Decay laws on measured loss curves: how wrong each is on schedules that it was not fitted to.

    python -m benchmarks.laws_decay FOLDER [--write]

``FOLDER`` has a folder a model, called after its size (``25M``), with a CSV file a run (``step``,
``lr``, ``loss``), as github.com/thu-yao-01-luo/MultiPowerLaw publishes them (MIT). Laws are fitted
to ``FIT``, as there, and predict every row of every other file. No row of those is in any start,
prior or stopping. With ``--write`` the tables go into docs/decay-laws.md.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from midtrain_dagster.laws.decay.csv_logs import read_folder
from midtrain_dagster.laws.decay.curve import Curve
from midtrain_dagster.laws.decay.fit import predict
from midtrain_dagster.laws.decay.method import DecayLaw
from midtrain_dagster.laws.decay.methods import annealing, forward_momentum, multi_power
from midtrain_dagster.laws.decay.study import Study, study
from midtrain_dagster.laws.decay.uncertainty import interval, with_error

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "decay-laws.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

FIT = ("cosine_24000", "constant_24000", "wsdcon_9")
LAST = 10
"""Points at a run's end at which intervals are judged."""

WARMUP = 2160
"""Steps of the published runs' warm-up, which their files leave out."""

LAWS: dict[str, DecayLaw] = {
    "annealing": annealing.Config(law="annealing"),
    "multi_power": multi_power.Config(law="multi_power"),
    "forward_momentum": forward_momentum.Config(law="forward_momentum"),
    "forward_momentum, momentum: annealing": forward_momentum.Config(
        law="forward_momentum", momentum="annealing"
    ),
}

PUBLISHED: dict[int | None, tuple[str, tuple[float, ...] | None]] = {
    25_000_000: ("0.110 / 0.409", (3.0405, 0.5247, 363.79, 0.5079, 2.0656, 0.5828, 0.6414)),
    100_000_000: ("0.142 / 0.583", (2.6514, 0.6012, 437.95, 0.4530, 2.1325, 0.5979, 0.6552)),
    400_000_000: ("0.168 / 0.995", None),
}
"""Of the multi-power law: its errors on the six other files, and its parameters in our order, where
they are known here."""


@dataclass(frozen=True)
class Error:
    """Relative errors of a law on one run."""

    run: str
    mean: float
    worst: float
    inside: bool
    """Whether the mean of the last points lies in the interval that an answer would have had."""


def run(folder: Path) -> str:
    """The tables, as Markdown. Raises ``LogError`` for a folder without logs."""
    return "\n".join(_lines(read_folder(folder, warmup=WARMUP)))


def _lines(curves: Sequence[Curve]) -> Iterator[str]:
    sizes = list(dict.fromkeys(curve.parameters for curve in curves))
    for size in sizes:
        of_size = [curve for curve in curves if curve.parameters == size]
        yield from _of_size(size, of_size)
    if len(sizes) > 1 and None not in sizes:
        yield from _across(curves, len(sizes))


def _of_size(size: int | None, curves: Sequence[Curve]) -> Iterator[str]:
    fitted = [curve for curve in curves if _run(curve) in FIT]
    others = [curve for curve in curves if _run(curve) not in FIT]
    if len(fitted) < len(FIT) or not others:
        yield f"**{_called(size)}**: no {', '.join(FIT)} and others here; left out."
        return
    studies = {name: study(law, fitted) for name, law in LAWS.items()}
    errors = {name: [_error(each, curve) for curve in others] for name, each in studies.items()}
    published, parameters = PUBLISHED.get(size, (None, None))
    if parameters is not None:
        theta = np.log(parameters)
        model = multi_power.MultiPower()
        errors["multi_power, published parameters"] = [
            _error_of(curve, predict(model, theta, curve.rates, curve.points), False)
            for curve in others
        ]
    runs = ", ".join(FIT)
    yield f"**{_called(size)}**, fitted to {runs}; relative error in percent, mean / worst:"
    yield ""
    yield "| law | " + " | ".join(_run(curve) for curve in others) + " | all: mean / worst |"
    yield "|---|" + "---:|" * (len(others) + 1)
    for name, found in errors.items():
        cells = [f"{100 * one.mean:.3f} / {100 * one.worst:.3f}" for one in found]
        mean = np.mean([one.mean for one in found])
        worst = max(one.worst for one in found)
        yield f"| {name} | {' | '.join(cells)} | **{100 * mean:.3f} / {100 * worst:.3f}** |"
    if published is not None:
        yield f"| multi_power, as published |{' |' * len(others)} {published} |"
    yield ""
    yield "| law | left-out runs of the fit: mean / worst | ends of the others in the interval |"
    yield "|---|---:|---:|"
    for name, each in studies.items():
        left = each.errors
        told = (
            f"{100 * left.mean:.3f} / {100 * left.worst:.3f} ({len(left.known)} of {len(FIT)})"
            if left.mean is not None and left.worst is not None
            else "not known"
        )
        inside = sum(one.inside for one in errors[name])
        yield f"| {name} | {told} | {inside} of {len(others)} |"
    yield ""


def _across(curves: Sequence[Curve], sizes: int) -> Iterator[str]:
    """One law of all sizes: fitted to the same schedules of each, asked of the others."""
    yield f"**{sizes} sizes in one fit** of {', '.join(FIT)} of each:"
    yield ""
    yield "| law | other schedules: mean / worst |"
    yield "|---|---:|"
    for name in list(LAWS)[2:]:
        found = study(LAWS[name], [curve for curve in curves if _run(curve) in FIT])
        errors = [_error(found, curve) for curve in curves if _run(curve) not in FIT]
        mean, worst = np.mean([one.mean for one in errors]), max(one.worst for one in errors)
        yield f"| {name} | {100 * mean:.3f} / {100 * worst:.3f} |"
    yield ""


def _error(found: Study, curve: Curve) -> Error:
    model, theta = found.fitted.model, found.fitted.theta
    predicted = predict(model, theta, curve.rates, curve.points, curve.parameters)
    last = curve.points[-LAST:]
    every = predict(model, found.drawn.theta, curve.rates, last, curve.parameters).mean(axis=1)
    value = float(predicted[-LAST:].mean())
    told = interval(value, with_error(every, found.errors.ends))
    inside = told.low <= float(curve.losses[-LAST:].mean()) <= told.high
    return _error_of(curve, predicted, inside)


def _error_of(curve: Curve, predicted: np.ndarray, inside: bool) -> Error:
    errors = predicted / curve.losses - 1
    return Error(
        curve.name,
        float(np.abs(errors).mean()),
        float(np.abs(errors).max()),
        inside,
    )


def _called(size: int | None) -> str:
    return "Size not said" if size is None else f"{size // 10**6}M"


def _run(curve: Curve) -> str:
    return curve.name.rpartition("/")[2]


def main() -> None:
    """Print the tables, or write them into the page."""
    folder, *rest = sys.argv[1:]
    tables = run(Path(folder))
    print(tables)
    if rest == ["--write"]:
        text = PAGE.read_text("utf-8")
        before, after = text.split(BEGIN)[0], text.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n{tables}\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
