"""What a small generator is trained on: the prompts and answers that led to accepted documents.

JiuZhang3.0 (arXiv 2405.14365) fine-tunes a small model on pairs of a prompt and what a large one
wrote for it. Here they are those of any method, of all its rounds, and only of documents that
passed its checks, curation and decontamination. A pair is left out, and counted, where

- the document is held out, or curation edited it, which did not edit prompt and answer;
- the answer was cut at its most tokens, and would teach to end anywhere;
- another document has led to the same pair already.

What all prompts of a round begin with, up to the end of a line, is no part of a pair: the student
learns to do without (``inference.beginnings``).
"""

import json
from typing import Any, NamedTuple

import polars as pl

from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.inference import beginnings
from midtrain_dagster.inference.beginnings import common_beginnings, messages
from midtrain_dagster.inference.engine import Prompt, without_nulls
from midtrain_dagster.synthesis import judging
from midtrain_dagster.tokens import transcript as transcripts
from midtrain_dagster.tokens.held_out import is_held_out
from midtrain_dagster.tokens.transcript import FORMAT, LAYOUT, transcript

VERSION = 1
USES = (beginnings, transcripts, judging)

DOMAIN = "pairs"
"""The one domain of a small generator's shards."""

PAIRS = pl.Schema({"id": pl.String, "round": pl.UInt16, "prompt": pl.String, "answer": pl.String})
"""A pair: the synthetic document that it led to, the round that asked, and both texts as they were
put and given. The messages of a chat are a JSON array."""


class Learnt(NamedTuple):
    """The pairs of one method, and what its student does without."""

    pairs: pl.DataFrame
    """With the schema ``PAIRS``."""
    beginnings: list[str]
    """What all prompts of a round begin with; of a round with one prompt, or none of text, nothing
    is known."""
    left_out: dict[str, int]
    """Documents (``held_out``, ``edited``) and pairs (``cut``, ``again``) that are not learnt."""


def learn(
    documents: pl.DataFrame,
    decisions: pl.DataFrame,
    requests: pl.DataFrame,
    answers: pl.DataFrame,
    *,
    share: float,
    seed: int,
) -> Learnt:
    """The pairs of a method's ``documents``: those that its ``decisions`` keep.

    ``share`` and ``seed`` are those of what is held out; ``requests`` and ``answers`` are the
    tables of the method (``REQUESTS``, ``ANSWERS``).
    """
    kept = documents.join(decisions.filter("keep"), on="id", maintain_order="left")
    apart = is_held_out(kept["id"], share=share, seed=seed)
    trained = kept.filter(~apart)
    plain = trained.filter(pl.col("edits").list.len() == 0)
    asked = requests.join(answers.unique("key"), on="key", maintain_order="left")
    led = pl.DataFrame(
        [
            (identity, request)
            for identity, metadata in plain.select("id", "metadata").iter_rows()
            for request in json.loads(metadata)["requests"]
            if not judging.is_request(request)
        ],
        schema={"document": pl.String, "id": pl.String},
        orient="row",
    )
    found = led.join(asked, on="id", maintain_order="left_right")
    whole = found.filter(pl.col("finish") != "length")
    single = whole.unique(["prompt", "completion"], keep="first", maintain_order=True)
    pairs = single.select(id="document", round="round", prompt="prompt", answer="completion")
    return Learnt(
        pairs.cast(PAIRS),
        common_beginnings(_texts(asked)),
        {
            "held_out": kept.height - trained.height,
            "edited": trained.height - plain.height,
            "cut": found.height - whole.height,
            "again": whole.height - single.height,
        },
    )


def _texts(asked: pl.DataFrame) -> list[list[str]]:
    """The prompts of each round that are texts."""
    rounds = asked.unique("key", maintain_order=True).partition_by("round")
    every = [[each for each in one["prompt"] if isinstance(_prompt(each), str)] for one in rounds]
    return [texts for texts in every if texts]


def _prompt(said: str) -> Prompt:
    """A prompt as it was put: the messages of a chat lie as a JSON array."""
    if not said.startswith('[{"'):
        return said
    found: list[dict[str, Any]] = without_nulls(json.loads(said))
    return found


def conversations(learnt: Learnt) -> pl.DataFrame:
    """A conversation a pair, as transcripts (``DOCUMENTS``): the prompt's messages, without what
    the student does without, and the answer as the assistant's."""
    rows = []
    for number, (document, _, prompt, answer) in enumerate(learnt.pairs.iter_rows()):
        said = messages(_prompt(prompt), learnt.beginnings)
        text, layout = transcript({"messages": [*said, {"role": "assistant", "content": answer}]})
        rows.append(
            {
                "id": f"{document}:{number}",
                "text": text,
                "source": DOMAIN,
                "domain": DOMAIN,
                "kind": "instruction",
                "format": FORMAT,
                "language": None,
                "locator": document,
                "metadata": json.dumps({LAYOUT: layout}),
            }
        )
    return pl.DataFrame(rows, schema=DOCUMENTS)
