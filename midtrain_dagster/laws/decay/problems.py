"""What is wrong with the decay laws of a recipe, before any run of it is made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from midtrain_dagster.core.problems import Problem, undeclared
from midtrain_dagster.laws.decay.config import DecayLawSection
from midtrain_dagster.laws.decay.curve import FEWEST


@dataclass(frozen=True)
class RunSeen:
    """What of a training run decides whether its losses can be compared with another's."""

    start: str
    """The run that it goes on from, or what else stands at its beginning."""
    mixture: Any
    window: int
    batch: Any
    """Tokens of a step: a number, or anything else where it changes."""
    steps: int


def problems(
    laws: Mapping[str, DecayLawSection], runs: Mapping[str, RunSeen], base: str | None
) -> Iterator[Problem]:
    """Everything that is wrong; ``base`` is what a given base is called: nobody knows its rates."""
    for name, section in laws.items():
        for reason_at, reason in _of_section(section, runs, base):
            yield ("laws", name, *reason_at), reason


def _of_section(
    section: DecayLawSection, runs: Mapping[str, RunSeen], base: str | None
) -> Iterator[Problem]:
    for number, run in enumerate(section.runs):
        if run not in runs:
            yield ("runs", number), undeclared("run", run, runs)
        elif section.runs.index(run) != number:
            yield ("runs", number), f"{run} is named twice"
        elif run in section.logs:
            yield ("logs", run), "a run of the recipe has that name"
        elif section.before is None and lineage(run, runs)[-1] == base:
            yield (
                ("runs", number),
                f"{run} goes back to the given base, whose rates are not known: say before: "
                "{steps: ..., learning_rate: ...}",
            )
    if len(section.runs) + len(section.logs) < 2:
        yield (
            ("runs",),
            "a law needs two runs at least, which decay differently: one schedule does not tell "
            "what a decay is worth",
        )
    known = [run for run in section.runs if run in runs]
    if known:
        yield from _comparable(known, runs)


def _comparable(known: list[str], runs: Mapping[str, RunSeen]) -> Iterator[Problem]:
    """What differs among runs that should not."""
    first = known[0]
    for number, run in enumerate(known):
        if runs[run].steps < FEWEST:
            yield (
                ("runs", number),
                f"{run} has {runs[run].steps} steps, and a curve needs {FEWEST} at least",
            )
        if not isinstance(runs[run].batch, int):
            yield ("runs", number), f"the batch of {run} changes: a law counts equal steps"
        for word, one, other in (
            ("mixture", runs[first].mixture, runs[run].mixture),
            ("sequence_length", runs[first].window, runs[run].window),
            ("batch_tokens", runs[first].batch, runs[run].batch),
        ):
            if one != other:
                yield (
                    ("runs", number),
                    f"{run} has another {word} than {first}: their losses cannot be compared; name "
                    "the control that has the same, or train one",
                )


def lineage(run: str, runs: Mapping[str, RunSeen]) -> list[str]:
    """A run and all that it goes back to, the last first."""
    chain = [run]
    while chain[-1] in runs and runs[chain[-1]].start not in chain:
        chain.append(runs[chain[-1]].start)
    return chain
