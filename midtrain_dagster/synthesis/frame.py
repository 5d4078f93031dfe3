"""The frame of every method: it asks what the method yields, and counts what becomes of it.

A request of the first round that fails (too long, refused, no completion) is a reject with its
fault as the reason, and the method never sees it; so is an answer in which a model declines to do
as it was asked. What a later round gets no answer to is not among its answers, and the method says
what that means. One bad request costs itself; where too many fail, the run stops
(``answers.Failures``).
"""

from collections.abc import Callable
from typing import NamedTuple

import polars as pl

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.inference.batches import COMPLETED
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis import answers, collector
from midtrain_dagster.synthesis.answers import Answered
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.method import Making
from midtrain_dagster.synthesis.tables import REJECTS, REQUESTS, Accepted

VERSION = 2
USES = (answers, collector)

DECLINED = "declined"
"""The reason of an answer in which a model says that it will not, or cannot."""

ONLY_THOUGHT = "only_thought"
"""The reason of an answer that ended before its model had done with thinking."""

_THOUGHT = r"(?s)\A(?:\s*<think>)?.*?</think>\s*"
"""What a reasoning model thinks before it answers. A template may have begun it in the prompt."""
_ENDLESS = r"\A\s*<think>"

_DECLINES = (
    r"(?i)^\s*(?:I['\x{2019}]m sorry,? (?:but )?I (?:can['\x{2019}]t|cannot|am unable)"
    r"|I (?:can['\x{2019}]t|cannot|am (?:unable|not able) to) (?:assist|help|fulfil|comply|provide)"
    r"|As an AI\b)"
)

Ask = Callable[[pl.DataFrame, Request, int], Answered]
"""Answers a round's requests: the table, how they are asked, and the round's number from 1."""


class Made(NamedTuple):
    """What a method made, and what it took."""

    accepted: Accepted
    requests: pl.DataFrame
    """With the schema ``REQUESTS``, all rounds together."""
    answers: list[Part]
    """Where the answers lie."""
    asked: int
    """Requests of all rounds."""
    first: int
    """Requests of the first round: what the yield is counted by; without one, what was sorted."""
    found: int
    """Requests whose answers were there from before."""
    truncated: int
    """Answers that ended at the most tokens."""
    tokens_in: int
    tokens_out: int


def drive(making: Making, ask: Ask) -> Made:
    """Run a method from its first round to its end."""
    rounds: list[Answered] = []
    failed = REJECTS.to_frame()
    try:
        due = next(making)
        while True:
            answered = ask(due.requests, due.request, len(rounds) + 1)
            rounds.append(answered)
            sound, rejects = _sorted(answered.requests)
            failed = rejects if len(rounds) == 1 else failed
            due = making.send(sound)
    except StopIteration as end:
        accepted: Accepted = end.value
    if not rounds:
        return _unasked(accepted)
    tables = [each.requests for each in rounds]
    unique = pl.concat([table.select("key", *COMPLETED) for table in tables]).unique("key")
    counts = unique.select(
        pl.col("tokens_in", "tokens_out").sum(), truncated=(pl.col("finish") == "length").sum()
    ).row(0, named=True)
    return Made(
        accepted._replace(rejects=pl.concat([accepted.rejects, failed])),
        pl.concat(
            table.select("id", pl.lit(number, pl.UInt16).alias("round"), "key").cast(REQUESTS)
            for number, table in enumerate(tables, 1)
        ),
        list({part.path: part for each in rounds for part in each.parts}.values()),
        asked=sum(table.height for table in tables),
        first=tables[0].height,
        found=unique.height - sum(each.asked for each in rounds),
        **counts,
    )


def unasked(collector: Collector) -> Making:
    """A method that found nothing to ask about: no round, and nothing accepted."""
    yield from ()
    return collector.tables()


def _unasked(accepted: Accepted) -> Made:
    """What a method made that asked nobody: its yield is counted by what it sorted."""
    sorted_out = accepted.documents.height + accepted.rejects.height
    return Made(accepted, REQUESTS.to_frame(), [], 0, sorted_out, 0, 0, 0, 0)


def _sorted(answered: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The requests that have an answer to look at, without thoughts, and the others as
    ``REJECTS``."""
    answered = answered.with_columns(pl.col("completion").str.replace(_THOUGHT, ""))
    declined = pl.col("completion").str.contains(_DECLINES)
    endless = pl.col("completion").str.contains(_ENDLESS)
    reason = pl.when(declined).then(pl.lit(DECLINED)).when(endless).then(pl.lit(ONLY_THOUGHT))
    told = answered.with_columns(reason=pl.col("fault").fill_null(reason))
    rejects = told.drop_nulls("reason").select(
        "id", "reason", completion=pl.col("completion") + pl.col("detail")
    )
    return told.filter(pl.col("reason").is_null()).drop("reason"), rejects.cast(REJECTS)
