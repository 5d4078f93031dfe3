"""What is wrong with benchmarks and measures, given the rest of a recipe."""

import re
from collections.abc import Iterator, Mapping

from midtrain_dagster.core.problems import Problem, View, unfed
from midtrain_dagster.evaluation.benchmark import Benchmark
from midtrain_dagster.evaluation.settings import EvaluationSettings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LONGEST_NAME = 100
"""Characters of a benchmark's name, which becomes one of a file."""


def problems(
    benchmarks: Mapping[str, Benchmark],
    settings: EvaluationSettings,
    view: View,
    *,
    shorter_controls: Mapping[str, int],
    keep_milestones: bool,
) -> Iterator[Problem]:
    """Names that cannot be partitions, domains without a loss, a window too short to compare in.

    ``shorter_controls`` are the windows, in tokens, of the controls that have shorter ones than
    their stage, by the stage's name; ``keep_milestones`` is whether any stage does.
    """
    if settings.milestones and not benchmarks:
        yield ("evaluation", "milestones"), "there are no benchmarks to ask them: name some"
    elif settings.milestones and not keep_milestones:
        missing = "no stage keeps any before its end: give one checkpoints: {milestones: TOKENS}"
        yield ("evaluation", "milestones"), missing
    for name in benchmarks:
        if reason := name_problem(name):
            yield ("benchmarks", name), reason
    # A synthetic document quotes the one it was made from, so loss is measured on natural domains.
    for side, domains in (("general", settings.general), ("targets", settings.targets)):
        for number, domain in enumerate(domains):
            if domain in view.domains - view.natural:
                reason = (
                    f"{domain!r} is synthetic, and its documents quote those that are trained on: "
                    f"loss is measured on {', '.join(sorted(view.natural))}"
                )
                yield ("evaluation", side, number), reason
            elif domain not in view.natural:
                yield ("evaluation", side, number), unfed(domain, view.natural)
    for stage, length in shorter_controls.items():
        if settings.length <= length:
            reason = (
                f"{settings.length} does not reach beyond the {length} of the control of "
                f"{stage!r}, where the two are compared"
            )
            yield ("evaluation", "length"), reason
        elif not settings.reaches(length):
            reason = (
                f"no bucket of {settings.bucket} positions begins from {length} on, the window of "
                f"the control of {stage!r}, and before {settings.length}: lower it, or raise length"
            )
            yield ("evaluation", "bucket"), reason


def name_problem(name: str) -> str | None:
    """Why a benchmark's name cannot be a partition key of Dagster; none: it can."""
    if "," in name:
        return f"benchmark {name!r}: a comma breaks backfills in Dagster's UI"
    if not _NAME.fullmatch(name):
        return (
            f"benchmark {name!r}: a name is letters, digits, '.', '_' and '-', and starts with "
            "a letter or digit"
        )
    if len(name) > LONGEST_NAME:
        return f"a benchmark's name has at most {LONGEST_NAME} characters, this one {len(name)}"
    return None
