"""What would fail in every run of microanneals, before any of them is trained."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import polars as pl

from midtrain_dagster.dataloader.plan import MixtureError
from midtrain_dagster.experiments.groups import grouped
from midtrain_dagster.experiments.microanneals.config import Microanneals
from midtrain_dagster.experiments.microanneals.decisions import ALONE
from midtrain_dagster.experiments.microanneals.runs import MicroannealError, Planned
from midtrain_dagster.experiments.short_run import Measures, Vocabulary, job_of
from midtrain_dagster.models.load import CheckpointError
from midtrain_dagster.tokens.shards import TokenShards
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.record import plan_of, record_of
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.transition.begin import check_start, last_learning_rate


def check_data(
    runs: Sequence[Planned],
    index: pl.DataFrame,
    groups: dict[str, pl.DataFrame],
    held_out: Collection[str],
    measures: Measures,
) -> None:
    """Raise :class:`MicroannealError` with every candidate that the shards cannot serve, and every
    domain that cannot be measured.

    ``index`` is that of the training shards, ``groups`` the documents that are apart in the runs of
    each candidate, ``held_out`` the domains that have held-out documents.
    """
    wrong = list(_unserved(runs, index, groups))
    wrong += [
        f"there is no held-out document of {domain!r}, so its loss cannot be measured: raise "
        "`held_out`, add documents, or name other targets"
        for domain in measures.domains
        if domain not in held_out
    ]
    if wrong:
        raise MicroannealError("; ".join(wrong))


def _unserved(
    runs: Sequence[Planned], index: pl.DataFrame, groups: dict[str, pl.DataFrame]
) -> Iterator[str]:
    told: set[str] = set()
    for each in runs:
        if each.candidate in told:
            continue
        told.add(each.candidate)
        apart = groups.get(each.candidate)
        shards = TokenShards.without_tokens(index if apart is None else grouped(index, apart))
        for phase in each.phases:
            try:
                plan_of(record_of(Run(phase.name, phase.stage, each.seed)), shards).check()
            except MixtureError as error:
                who = each.candidate if each.candidate == ALONE else f"candidate {each.candidate}"
                yield f"{who}: {error}"


def check_first(
    asked: Microanneals, run: Planned, vocabulary: Vocabulary, start: Path, tokenizer: Path
) -> None:
    """Raise :class:`MicroannealError` where the start does not fit: no rate to fall from, no
    moments to keep, another vocabulary. It reads headers alone."""
    job = job_of(run.phases[0], run.seed, vocabulary, (), tokenizer, start)
    try:
        if asked.rate == "inherited" and last_learning_rate(job) is None:
            raise MicroannealError(
                f"the learning rate of {asked.start!r} is not known, so none can fall to 0 from "
                "there: say the one with which it was trained, `rate: 3.0e-4`, and, where its "
                "moments are not there either, moments: {reset: WHY}"
            )
        check_start(job)
    except (TransitionError, CheckpointError) as error:
        raise MicroannealError(
            f"from {asked.start!r}: {error} (microanneals say `moments` and `rate` themselves, "
            "without `inherit`)"
        ) from error
