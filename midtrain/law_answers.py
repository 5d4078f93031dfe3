"""The lines that ``midtrain law`` answers with."""

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.display.numbers import count, rate
from midtrain_dagster.laws.decay import answers as law
from midtrain_dagster.laws.decay.answers import QuestionError, Shape, Start
from midtrain_dagster.laws.decay.curve import Curve
from midtrain_dagster.laws.decay.fit import FLOOR
from midtrain_dagster.laws.decay.free_schedule import FEWEST, free_schedule
from midtrain_dagster.laws.decay.rates import Rates
from midtrain_dagster.laws.decay.study import Study
from midtrain_dagster.laws.decay.uncertainty import LEVEL, Interval
from midtrain_dagster.training.schedule.method import ShapeMethod
from midtrain_dagster.training.schedule.notation import NAMES as NOTATION
from midtrain_dagster.training.schedule.shape import NAMES as SHAPES
from midtrain_dagster.training.schedule.shape import Shape as ShapeSection

ROWS = 8
"""Of a schedule of free form that are shown."""

FAMILY = [name for name in SHAPES if name != "power"]
"""The shapes that the best schedule is looked for among: those without settings."""


def summary(study: Study) -> Iterator[str]:
    """What the law is fitted to, how wrong it is on what it was not, and its parameters."""
    yield f"{study.law.law}, fitted to {', '.join(curve.name for curve in study.curves)}"
    if left := [f"{each.name} {each.left_out:,}" for each in study.curves if each.left_out]:
        yield f"  points left out, in the warm-up or without a finite loss: {', '.join(left)}"
    values = ", ".join(f"{name} {value:.4g}" for name, value in study.fitted.values.items())
    yield f"  {values}" + ("" if study.fitted.converged else " (the fit did not come to an end)")
    errors = study.errors
    told = f"{len(errors.known)} of {len(errors.runs)} runs could be left out"
    if errors.mean is None or errors.worst is None:
        yield f"  error on runs left out: not known, {told}"
    else:
        yield f"  error on runs left out: mean {errors.mean:.2%}, worst {errors.worst:.2%} ({told})"


def answers(study: Study, curves: Sequence[Curve], options: argparse.Namespace) -> Iterator[str]:
    """The answers to what was asked; of nothing, whether the law would answer.

    Raises ``QuestionError`` and ``NotIdentifiedError``.
    """
    if not (options.decay or options.reach or options.best):
        if options.parameters:
            raise QuestionError("--parameters is asked together with --decay")
        if study.refused is not None:
            yield f"  it says nothing of other schedules: {study.refused}"
        return
    study.require_answers()
    curve = _start_of(study, curves, options)
    start = Start(curve.rates, curve.parameters)
    tokens = curve.tokens_a_step
    unit = "steps" if tokens is None else "tokens"
    end = options.to if options.to is not None else max(study.lowest, 0.1 * start.rates.last)
    yield ""
    where = f"after {curve.rates.steps:,} steps, at a rate of {rate(curve.rates.last)}"
    yield f"from {curve.name}, {where}"
    if end < study.lowest and rate(end) != rate(study.lowest):
        yield f"  no run went below {rate(study.lowest)}: the law is asked beyond what it saw"
    if options.decay:
        shape, steps = _shape(options.shape, end), _steps(options.decay, tokens)
        loss = law.loss_of(study, start, law.decay(start, shape, steps, end), options.parameters)
        of = "" if options.parameters is None else f", of {count(options.parameters)} parameters"
        what = f"after {count(options.decay)} {unit} of decay ({options.shape}, to {rate(end)}){of}"
        yield f"  {what}: {_loss(loss)}"
    if options.reach:
        found = law.steps_to(study, start, _shape(options.shape, end), end, options.reach)
        yield f"  to a loss of {options.reach:g} ({options.shape}, to {rate(end)}): " + _lengths(
            found, tokens, unit
        )
    if options.best:
        yield from _best(study, start, _steps(options.best, tokens), tokens, unit)
    yield (
        f"  an interval holds {LEVEL:.0%} of refits (bootstrap over {study.drawn.over}), each "
        "moved by an error of the law on a run left out"
        + ("" if study.errors.ends else f" (none is known: {FLOOR:.1%} is taken for it)")
    )


def _best(study: Study, start: Start, steps: int, tokens: int | None, unit: str) -> Iterator[str]:
    shapes = {name: _shape(name, start.rates.last / 2) for name in FAMILY}
    found = law.best(study, start, steps, shapes)
    size = tokens or 1
    yield f"  best of {count(steps * size)} {unit}: {_notation(start, found.plan, size, unit)}"
    yield f"    {_loss(found.loss)}; with no decay {_loss(found.constant)}"
    for name, (plan, loss) in sorted(found.by_shape.items(), key=lambda each: each[1][1]):
        share = plan.decay / plan.steps
        yield f"    {name}: {loss:.4f}, over the last {share:.0%} to {rate(plan.end)}"
    if not study.fitted.model.deep or steps < FEWEST:
        return
    free = free_schedule(study, start, law.rates_of(start, found.plan, shapes))
    shown = free.rates[np.linspace(0, steps - 1, ROWS).astype(int)]
    yield f"  best of any that falls: {_loss(free.loss)}"
    yield f"    {' '.join(map(rate, shown.tolist()))}"


def _notation(start: Start, plan: law.Plan, size: int, unit: str) -> str:
    """A plan in the notation of stages."""
    plateau = plan.steps - plan.decay
    of = f"{plan.decay * size} {unit}"
    last = f"{NOTATION[plan.shape]}({plan.end:.3g}, {of})"
    if not plateau:
        return last
    return f"Constant({start.rates.last:.3g}, {plateau * size} {unit}) -> {last}"


def _start_of(study: Study, curves: Sequence[Curve], options: argparse.Namespace) -> Curve:
    known = {curve.name: curve for curve in curves}
    name = options.start or study.curves[-1].name
    if name not in known:
        raise QuestionError(f"no log of {name} (there are {', '.join(known)})")
    curve = known[name]
    if options.step is None:
        return curve
    if not curve.rates.warmup < options.step <= curve.rates.steps:
        raise QuestionError(
            f"--step {options.step}: {name} has steps from {curve.rates.warmup + 1:,} (after its "
            f"warm-up) to {curve.rates.steps:,}"
        )
    rates = Rates(curve.rates.each[: options.step], curve.rates.warmup)
    return replace(curve, rates=rates)


def _shape(name: str, end: float) -> Shape:
    try:
        shape: ShapeMethod = TypeAdapter(ShapeSection).validate_python(name)
        shape.check_end(end)
    except ValidationError as error:
        raise QuestionError(f"--shape {name}: there are {', '.join(SHAPES)}") from error
    except ValueError as error:
        raise QuestionError(f"--shape {name}: {error}") from error
    curve: Callable[..., np.ndarray] = shape.curve
    return curve


def _steps(asked: int, tokens: int | None) -> int:
    steps = round(asked / (tokens or 1))
    if steps < 1:
        raise QuestionError(f"{asked:,} tokens are less than a step, which has {tokens:,}")
    return steps


def _loss(found: Interval) -> str:
    return f"{found.value:.4f} nats a token [{found.low:.4f}, {found.high:.4f}]"


def _lengths(found: Interval, tokens: int | None, unit: str) -> str:
    size = tokens or 1

    def written(steps: float) -> str:
        if not math.isfinite(steps):
            return f"more than {law.TIMES} times what was trained"
        return f"{count(math.ceil(steps) * size)} {unit}" if steps > 1 else "a step at most"

    return f"{written(found.value)} [{written(found.low)}, {written(found.high)}]"
