"""Requests and their answers: asked once, kept in parts, found again by what was asked.

A request's key is a hash of all that decides its answer: the generator, its parameters, the prompt.
What is answered is written in parts of some hundred requests while the others are still asked, so a
run that is killed loses one part. A later run finds the answers of every key that it asks, whoever
asked first: after a filter was changed nothing is asked again, after a takedown little.

Answers are no cause of anything: where a generator is a pure function of its prompts, they are what
it would give again, up to the neighbours in a batch (``inference.generator``). What failed is asked
again, unless asking is of no use (``engine.LASTING``).
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from midtrain_dagster.core.artifacts import Part, scan_parts
from midtrain_dagster.core.causes import cause, digest
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.inference import batches
from midtrain_dagster.inference.batches import COMPLETED, chunk_size, versions
from midtrain_dagster.inference.engine import (
    LASTING,
    OVER_BUDGET,
    BudgetError,
    GenerationError,
    shows_images,
)
from midtrain_dagster.inference.generator import Request

VERSION = 1
USES = (batches,)

PART_REQUESTS = 256
"""Requests of a part, rounded up to whole chunks of the generator."""

FEWEST = 20
"""Requests before the share of failures says anything."""

FOLDER = "parts/answers"
FILE = "answers"

ANSWERS = pl.Schema({"key": pl.String(), "prompt": pl.String(), **COMPLETED})
"""A request and what came back, one row a key. The messages of a chat are a JSON array, in which a
digest stands for an image."""

Stream = Callable[[pl.DataFrame, Request], Iterator[pl.DataFrame]]
"""Completes a table with a column ``prompt``, chunk by chunk: see ``batches.stream_table``."""


class Answered(NamedTuple):
    """A round of requests with what came back."""

    requests: pl.DataFrame
    """The requests in their order, with ``key`` and the columns ``COMPLETED``."""
    parts: list[Part]
    """Where the answers lie, schema ``ANSWERS``."""
    asked: int
    """Requests that were put to the generator; the others were answered before."""


@dataclass(frozen=True)
class Answers:
    """The answers of one store, and the generator that gives those that it lacks."""

    storage: Storage
    identity: Any
    """What the generator is: ``Engine.identity``."""
    stream: Stream
    failed_share: float = 1.0
    """Share of failures above which a run is stopped."""

    def ask(
        self,
        requests: pl.DataFrame,
        request: Request,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Answered:
        """Answer all requests (``id``, ``prompt``, and what else a method wants back).

        Raises :class:`GenerationError` where more than ``failed_share`` of them fail.
        """
        folder = f"{FOLDER}/{self._asked(request)}"
        prompts = [_said(prompt) for prompt in requests["prompt"].to_list()]
        keys = [cause(folder, prompt) for prompt in prompts]
        keyed = requests.with_columns(key=pl.Series(keys, dtype=pl.String))
        wanted = keyed.select("key", "prompt").unique("key", maintain_order=True)
        known = self._known(folder, wanted["key"])
        missing = wanted.join(known, on="key", how="anti", maintain_order="left")
        size = -(-PART_REQUESTS // chunk_size(request)) * chunk_size(request)
        ordered = wanted.select("key").join(known, on="key", maintain_order="left")
        ordered = ordered.drop_nulls("prompt").select(ANSWERS.names())
        parts = [self._write(folder, each) for each in ordered.iter_slices(size) if each.height]
        fresh: list[pl.DataFrame] = []
        try:
            for each in self._fresh(missing, request, size, lambda n: progress(n, missing.height)):
                fresh.append(each)
                parts.append(self._write(folder, each))
        except BudgetError:
            raise
        except GenerationError:
            # Nobody else is asked who could show that the generator answers at all: they failed
            # before, beside others that were answered, and are no reason to lose those.
            failed = self._stored(folder, missing["key"])
            if fresh or known.is_empty() or failed.height < missing.height:
                raise
            fresh.append(failed)
            parts.append(self._write(folder, failed))
        found = pl.concat([known, *fresh]).drop("prompt")
        joined = keyed.join(found, on="key", maintain_order="left")
        return Answered(joined, parts, missing.height)

    def _fresh(
        self, missing: pl.DataFrame, request: Request, size: int, progress: Callable[[int], None]
    ) -> Iterator[pl.DataFrame]:
        """What the generator answers, in tables of ``size`` rows; also what it has answered before
        it fails or is stopped."""
        told = missing.select(
            "key", prompt=pl.Series(map(_said, missing["prompt"].to_list()), dtype=pl.String)
        )
        waiting, failures, done = [ANSWERS.to_frame()], Failures(self.failed_share), 0
        try:
            for chunk in self.stream(missing, request):
                said = chunk.drop("prompt").join(told, on="key", maintain_order="left")
                waiting.append(said.select(ANSWERS.names()))
                done += chunk.height
                progress(done)
                failures.add(waiting[-1])
                if sum(each.height for each in waiting) >= size:
                    yield pl.concat(waiting)
                    waiting = [ANSWERS.to_frame()]
        except Exception:
            # Whatever ended the asking, and whatever the floors above make of it.
            kept = pl.concat(waiting).filter(pl.col("fault").is_null())
            if kept.height:
                yield kept
            raise
        if len(waiting) > 1:
            yield pl.concat(waiting)

    def _asked(self, request: Request) -> str:
        """The name of all that decides an answer beside the prompt."""
        return cause(self.identity, versions(request.generator), request)

    def _known(self, folder: str, keys: pl.Series) -> pl.DataFrame:
        """The answers that the store has, each key once; without what is to be asked again."""
        lasting = pl.col("fault").is_null() | pl.col("fault").is_in(LASTING)
        return self._stored(folder, keys, lasting)

    def _stored(self, folder: str, keys: pl.Series, *kept: pl.Expr) -> pl.DataFrame:
        """What the store has of keys, each once, also what failed."""
        there = [
            Part(table=FILE, path=path, digest="", bytes=0) for path in self.storage.list(folder)
        ]
        if not there:
            return ANSWERS.to_frame()
        found = scan_parts(self.storage, there).filter(pl.col("key").is_in(keys.implode()), *kept)
        return (
            found.select(ANSWERS.names()).collect().unique("key", keep="first", maintain_order=True)
        )

    def _write(self, folder: str, answers: pl.DataFrame) -> Part:
        """Store answers under what they are, so that no part is ever written over."""
        told = digest(answers.write_ndjson().encode())
        return write_output(self.storage, f"{folder}/{told}", FILE, answers)


class Failures:
    """Counts the requests that failed, and stops a run of which too many do."""

    def __init__(self, share: float) -> None:
        """Allow that share of failures."""
        self.share = share
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._asked = 0

    def add(self, answers: pl.DataFrame) -> None:
        """Count answers (``ANSWERS``).

        Raises:
            BudgetError: the budget is spent.
            GenerationError: too many have failed.
        """
        self._asked += answers.height
        failed = answers.filter(pl.col("fault").is_not_null())
        for fault, detail in failed.select("fault", "detail").iter_rows():
            if fault == OVER_BUDGET:
                raise BudgetError(detail)
            self._counts[fault] += 1
            self._examples.setdefault(fault, detail)
        total = self._counts.total()
        if self._asked >= FEWEST and total > self.share * self._asked:
            fault, count = self._counts.most_common(1)[0]
            raise GenerationError(
                f"{total:,} of the first {self._asked:,} requests failed, more than the share of "
                f"{self.share:g} that `failed_share` allows; {fault} {count:,} times, such as: "
                f"{self._examples[fault]}"
            )


def _said(prompt: Any) -> str:
    """A prompt as a text."""
    if isinstance(prompt, str):
        return prompt
    return json.dumps(_digested(prompt) if shows_images(prompt) else prompt, ensure_ascii=False)


def _digested(value: Any) -> Any:
    """Messages with the digest of each image in place of its bytes."""
    if isinstance(value, str) and value.startswith("data:"):
        head, _, data = value.partition(",")
        return f"{head},{digest(data.encode())}"
    if isinstance(value, dict):
        return {key: _digested(each) for key, each in value.items() if each is not None}
    return [_digested(each) for each in value] if isinstance(value, list) else value
