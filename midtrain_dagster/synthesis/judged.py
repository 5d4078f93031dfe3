"""A judge after a method: the last rounds of the frame, whatever method came before.

What a method accepted is scored by a rubric. A document stays where its lowest criterion reaches
``at_least``: criteria are what is asked for, so a good one does not make up for a bad one. One that
falls short is ``judged_down``, one of which a score cannot be read ``unjudged``; both are rejects.

Whether the judge is one is measured beside it: pairs of the accepted documents are compared in both
orders (``judging.Agreement``). A judge that agrees with itself no more often than a coin, or that
prefers the place shown first, says nothing of the texts, and the report says so. That stops
nothing: what to do about a bad judge is for people.
"""

import json
import sys

import polars as pl

from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.curation.raters import judgements
from midtrain_dagster.inference import batches
from midtrain_dagster.inference.rubric import Rubric
from midtrain_dagster.synthesis import judging
from midtrain_dagster.synthesis.judge import Judge
from midtrain_dagster.synthesis.judging import (
    SCORES,
    VERDICTS,
    Scoring,
    by_pairs,
    by_rubric,
)
from midtrain_dagster.synthesis.method import Making
from midtrain_dagster.synthesis.tables import REJECTS, Accepted

VERSION = 1
USES = (judging, judgements)

REASONS = JUDGED_DOWN, UNJUDGED = "judged_down", "unjudged"

SCORES_TABLE, VERDICTS_TABLE = "judge_scores", "judge_verdicts"
"""The tables that a judge leaves beside the documents."""


def versions(judge: Judge | None) -> dict[str, int]:
    """Of this module and those that it uses, and of the judge's engine; nothing for no judge."""
    if judge is None:
        return {}
    return {**batches.versions(judge.generator), **versions_of(sys.modules[__name__])}


class Sitting:
    """A judge at work on what one method accepts; the tables are whole when it is done.

    ``scores`` has the schema ``SCORES``, ``verdicts`` the schema ``VERDICTS``; an ``id`` is a
    document's there, or two with ``:`` between them. Requests and tokens are the judge's alone.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.scores, self.verdicts = SCORES.to_frame(), VERDICTS.to_frame()
        self.requests = self.tokens_in = self.tokens_out = 0

    def after(self, making: Making) -> Making:
        """The method's rounds, then the judge's; the documents that stay say what they scored."""
        accepted = yield from making
        if accepted.documents.is_empty():
            return accepted
        cases = accepted.documents.select("id", text=_beginnings(accepted, self.judge.text_bytes))
        rubric = Rubric(self.judge.rubric, self.judge.scale)
        self.scores = yield from self._counted(by_rubric(cases, rubric, self.judge.request))
        pairs = _pairs(cases, count=self.judge.pairs, seed=self.judge.seed)
        if pairs.height:
            question = f"Which text is the better by this: {'; '.join(self.judge.rubric)}?"
            asked = by_pairs(pairs, question, self.judge.request)
            self.verdicts = yield from self._counted(asked)
        return _sorted(accepted, self.scores, self.judge.at_least)

    def figures(self) -> dict[str, int]:
        """What the judge took, for people."""
        return {
            "judge_requests": self.requests,
            "judge_tokens_in": self.tokens_in,
            "judge_tokens_out": self.tokens_out,
        }

    def _counted(self, scoring: Scoring) -> Scoring:
        """The same round, and what it took is counted."""
        due = next(scoring)
        answered = yield due
        self.requests += due.requests.height
        self.tokens_in += int(answered["tokens_in"].sum())
        self.tokens_out += int(answered["tokens_out"].sum())
        try:
            scoring.send(answered)
        except StopIteration as end:
            made: pl.DataFrame = end.value
            return made
        raise RuntimeError("a judge asks one round")


def _beginnings(accepted: Accepted, size: int) -> pl.Series:
    """The first bytes of each document, whole letters of them."""
    texts = accepted.documents["text"]
    cut = [text.encode()[:size].decode(errors="ignore") for text in texts]
    return pl.Series(cut, dtype=pl.String)


def _pairs(cases: pl.DataFrame, *, count: int, seed: int) -> pl.DataFrame:
    """Pairs of cases: ``id``, ``first``, ``second`` (texts). Each takes part alike often."""
    texts = dict(cases.select("id", "text").iter_rows())
    drawn = judgements.pairs(cases["id"], count=count, seed=seed).unique(maintain_order=True)
    rows = [(f"{a}:{b}", texts[a], texts[b]) for a, b in drawn.iter_rows()]
    schema = {"id": pl.String, "first": pl.String, "second": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def lowest(scores: pl.DataFrame) -> pl.DataFrame:
    """Of each document the lowest of its scores (``id``, ``score``), null where one is not to be
    read; in the order of the documents."""
    unread = pl.col("score").is_null().any()
    return scores.group_by("id", maintain_order=True).agg(
        score=pl.when(unread).then(None).otherwise(pl.col("score").min())
    )


def _sorted(accepted: Accepted, scores: pl.DataFrame, at_least: float) -> Accepted:
    """What stays, with its scores; what falls short or has no score is a reject."""
    judged = accepted.documents.join(lowest(scores), on="id", how="left", maintain_order="left")
    stays = (pl.col("score") >= at_least).fill_null(False)
    short = pl.when(pl.col("score").is_null()).then(pl.lit(UNJUDGED)).otherwise(pl.lit(JUDGED_DOWN))
    rejects = judged.filter(~stays).select(id="locator", reason=short, completion="text")
    kept = judged.filter(stays)
    asked: dict[str, list[str]] = {}
    for document, criterion in scores.select("id", "criterion").iter_rows():
        asked.setdefault(document, []).append(judging.request_of(document, criterion))
    told = [
        _told(metadata, asked[identity], score)
        for identity, metadata, score in kept.select("id", "metadata", "score").iter_rows()
    ]
    documents = kept.with_columns(metadata=pl.Series(told, dtype=pl.String)).drop("score")
    return accepted._replace(
        documents=documents,
        rejects=pl.concat([accepted.rejects, rejects.cast(REJECTS)]),
        examples=accepted.examples.join(documents, on="id", how="semi", maintain_order="left"),
    )


def _told(metadata: str, requests: list[str], score: float) -> str:
    """A document's metadata with what the judge was asked and the lowest score that it gave."""
    described = json.loads(metadata)
    described["requests"] += requests
    described["scores"] = {**described.get("scores", {}), "judge": score}
    return json.dumps(described)
