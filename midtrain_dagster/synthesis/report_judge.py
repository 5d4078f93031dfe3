"""What a judge gave, and whether it is one: in sentences, for the report and the asset's page."""

from collections.abc import Iterator

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.display import numbers
from midtrain_dagster.synthesis.judge import Judge
from midtrain_dagster.synthesis.judged import (
    JUDGED_DOWN,
    SCORES_TABLE,
    UNJUDGED,
    VERDICTS_TABLE,
    lowest,
)
from midtrain_dagster.synthesis.judging import Agreement, agreement, sign_test

UNLIKELY = 0.05
"""The p below which a lean, or an agreement, is called more than chance."""


def lines(documents: Artifact, judge: Judge) -> Iterator[str]:
    """The sentences of a method whose documents were judged."""
    scores = documents.read(SCORES_TABLE)
    counts = documents.read("rejects")["reason"].value_counts()
    reasons = dict(counts.iter_rows())
    yield _scored(scores, judge, reasons.get(JUDGED_DOWN, 0), reasons.get(UNJUDGED, 0))
    if scores["score"].drop_nulls().n_unique() == 1 and scores.height > 1:
        yield "It gave the same score to all that it was asked, so the rubric decides nothing."
    verdicts = documents.read(VERDICTS_TABLE)
    if verdicts.height:
        yield " ".join(compared(agreement(verdicts)))


def _scored(scores: pl.DataFrame, judge: Judge, down: int, unjudged: int) -> str:
    """What the rubric gave."""
    found = lowest(scores)
    unread = scores["score"].null_count() / max(scores.height, 1)
    mean = scores["score"].mean()
    return (
        f"{judge.generator.name} scored {numbers.counted(found.height, 'document')} by "
        f"{_of(len(judge.rubric), 'criterion', 'criteria')}, from 1 to {judge.scale}: "
        f"{numbers.decimal(mean if isinstance(mean, float) else None)} on average. "
        f"{numbers.count(down)} fell short of {judge.at_least:g} by a criterion, and "
        f"{numbers.share(unread)} of the answers could not be read, so that "
        f"{_of(unjudged, 'document was', 'documents were')} left out unjudged."
    )


def compared(found: Agreement) -> Iterator[str]:
    """What the pairs in both orders show of the judge."""
    read = found.pairs - found.unreadable
    yield (
        f"Of {numbers.counted(found.pairs, 'pair')} that it compared in both orders, "
        f"{numbers.count(found.unreadable)} could not be read."
    )
    if not read:
        return
    yield (
        f"It agreed with itself in {numbers.count(found.agreed)} of the other "
        f"{numbers.count(read)} ({numbers.share(found.share)}; a coin does in a half), and "
        f"{numbers.share(found.ties / read)} are ties."
    )
    if found.p_of_place < UNLIKELY:
        first = found.to_first > found.to_second
        often = max(found.to_first, found.to_second)
        yield (
            f"It prefers the text that it is shown {'first' if first else 'second'} "
            f"({numbers.count(often)} of the {numbers.count(found.to_first + found.to_second)} "
            f"pairs that lean, p {_p(found.p_of_place)}): a judge that prefers a place is none."
        )
    elif found.agreed <= read - found.agreed or _by_chance(found) >= UNLIKELY:
        yield f"That is no more than chance (p {_p(_by_chance(found))}): it is no judge yet."


def _by_chance(found: Agreement) -> float:
    """How likely a coin agrees with itself as unevenly."""
    return sign_test(found.agreed, found.pairs - found.unreadable - found.agreed)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"


def _of(number: int, one: str, several: str) -> str:
    return f"{numbers.count(number)} {one if number == 1 else several}"
