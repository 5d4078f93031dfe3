"""What raters learn from: labels of documents and judgements of pairs, from a file or a judge.

The judge is a text generator, handed in as a function from prompts to answers. It is asked as the
two papers ask, in our words: for a label from 0 to 5 by points that add up (FineWeb-Edu; Penedo et
al. 2024, arXiv 2406.17557, appendix F), or which of two texts is better on one of four criteria
(QuRating; Wettig et al. 2024, arXiv 2402.09739, section 3). Each pair is asked in both orders,
because judges favour a position; how far they do is measured. A small judge may know nothing else:
SmolLM2-135M-Instruct said A to each of 24 prompts, and 1 point to each of 12 texts.

An answer counts only if it is exactly of the form that was asked for. Others are returned as
rejects, and a pair of which one answer is rejected is left out whole.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from midtrain_dagster.core import draws

VERSION = 1
USES = (draws,)

Criterion = Literal["writing_style", "required_expertise", "facts_and_trivia", "educational_value"]
"""QuRating's four criteria."""

Generate = Callable[[list[str]], list[str]]

CRITERIA: dict[Criterion, str] = {
    "writing_style": "has the more polished and beautiful writing style",
    "required_expertise": "takes more expertise and previous knowledge to understand",
    "facts_and_trivia": "holds more facts and trivia; specific and rare ones count for more than "
    "what everybody knows",
    "educational_value": "has more educational value: clear explanations, reasoning step by step, "
    "questions with answers",
}

PAIR_PROMPT = """\
Here are excerpts of two texts. Decide which of them {criterion}.

Do not let the language, the length or the order of the texts matter. Both are cut off. Decide even
if they are much alike.

[A]
{first}

[B]
{second}

Which text {criterion}? Answer with one letter, A or B, and nothing else.
Answer:"""

LABEL_PROMPT = """\
Here is an excerpt of a text. Judge how useful it would be for teaching, from primary school to the
first years of college. Start from 0 and add a point for each of these that holds:

- it tells something of a subject that is taught, even beside advertisements or other matter;
- it treats that subject, though loosely, in disorder, or mixed with what teaches nothing;
- it is fit for teaching and coherent, and introduces what a curriculum asks for;
- it is clear and consistent and of real use in class, like a chapter of a textbook or a tutorial;
- it is outstanding: thorough, easy to follow, with nothing that does not teach.

[Text]
{text}

How many points does it get? Answer with one digit from 0 to 5, and nothing else.
Answer:"""

_LETTER = re.compile(r"\s*([AB])\.?\s*")
_DIGIT = re.compile(r"\s*([0-5])\.?\s*")


class JudgementError(ValueError):
    """A file of labels or judgements that cannot be used: the message names file, row and why."""


def read_labels(path: Path) -> pl.DataFrame:
    """A file of labels, Parquet or JSON Lines. Returns columns id, text (null: look it up), label.

    The file has ``label``, a number, and ``id`` or ``text`` or both. A text without an id is named
    by its row. Raises JudgementError.
    """
    table = _read(path, {"label": pl.Float64}, {"id": pl.String, "text": pl.String})
    if {"id", "text"}.isdisjoint(table.columns):
        raise JudgementError(f"{path}: a label is of an `id` or of a `text`: neither is there")
    for name in ("id", "text"):
        if name not in table.columns:
            table = table.with_columns(pl.lit(None, pl.String).alias(name))
    _raise_at(path, table["label"].is_null() | ~table["label"].is_finite(), "it has no label")
    _raise_at(path, table["id"].is_null() & table["text"].is_null(), "it has no id and no text")
    _raise_at(path, table["id"].is_not_null() & table["id"].is_duplicated(), "its id comes twice")
    named = pl.col("id").fill_null(pl.format("row {}", pl.int_range(1, pl.len() + 1)))
    return table.select(named, "text", "label")


def read_judgements(path: Path) -> pl.DataFrame:
    """A file of judged pairs, Parquet or JSON Lines. Returns columns a, b, preference (Float64).

    ``a`` and ``b`` are ids; ``winner`` is "a" or "b", or ``preference`` the share of judgements,
    0 to 1, that found a the better. Raises JudgementError.
    """
    others = {"winner": pl.String, "preference": pl.Float64}
    table = _read(path, {"a": pl.String, "b": pl.String}, others)
    _raise_at(path, table["a"].is_null() | table["b"].is_null(), "it lacks the id a or b")
    _raise_at(path, table["a"] == table["b"], "a and b are one document")
    if ("winner" in table.columns) == ("preference" in table.columns):
        raise JudgementError(f"{path}: give `winner` or `preference`, one of them")
    if "winner" in table.columns:
        known = table["winner"].is_in(["a", "b"]).fill_null(False)
        _raise_at(path, ~known, 'its winner is not "a" or "b"')
        table = table.with_columns(preference=(pl.col("winner") == "a").cast(pl.Float64))
    share = table["preference"].is_between(0, 1).fill_null(False)
    _raise_at(path, ~share, "its preference is no share from 0 to 1")
    return table.select("a", "b", "preference")


def drawn(documents: pl.DataFrame, *, count: int, seed: int) -> dict[str, pl.DataFrame]:
    """``drawn``: up to ``count`` documents for a judge, in the order drawn (`draws.first`)."""
    return {"drawn": draws.first(documents, count=count, seed=seed)}


def judge_labels(
    documents: pl.DataFrame, generate: Generate, *, characters: int
) -> dict[str, pl.DataFrame]:
    """Ask for a label of each document's beginning. Input columns: id, text.

    Returns ``{"labels": id, text, label (Float64)}`` and ``{"rejects": id, answer}``.
    """
    documents = documents.filter(pl.col("text").is_not_null()).select("id", "text")
    texts = documents["text"].str.head(characters)
    answers = _ask(generate, [LABEL_PROMPT.format(text=text) for text in texts])
    found = [_DIGIT.fullmatch(answer) for answer in answers]
    asked = documents.with_columns(
        label=pl.Series([float(match[1]) if match else None for match in found], dtype=pl.Float64),
        answer=pl.Series(answers, dtype=pl.String),
    )
    return {
        "labels": asked.filter(pl.col("label").is_not_null()).drop("answer"),
        "rejects": asked.filter(pl.col("label").is_null()).select("id", "answer"),
    }


def pairs(ids: pl.Series, *, count: int, seed: int) -> pl.DataFrame:
    """Pairs of documents to be judged: columns a, b.

    The documents are put in a ring in random order and neighbours paired, then in another ring, and
    so on. So all take part alike often, and once around all of them are connected. A function of
    the set of ids, not of their order.
    """
    ids = ids.sort()
    rings = []
    for ring in range(-(-count // max(len(ids), 1)) if len(ids) > 1 else 0):
        order = np.argsort(draws.uniform(ids, (seed * 1_000_003 + ring) % 2**64), kind="stable")
        rings.append(pl.DataFrame({"a": ids[order], "b": ids[np.roll(order, -1)]}))
    schema = {"a": pl.String, "b": pl.String}
    return pl.concat([pl.DataFrame(schema=schema), *rings]).head(count)


def judge_pairs(
    documents: pl.DataFrame,
    asked: pl.DataFrame,
    generate: Generate,
    *,
    criterion: Criterion,
    characters: int,
) -> dict[str, pl.DataFrame]:
    """Ask of each pair, in both orders, which is better. Input columns: id, text; and a, b.

    Returns ``{"judgements": a, b, preference}``: 1 if a is better in both orders, 0 if b is, 0.5 if
    the answer hung on the order; ``{"rejects": a, b, answer, answer_reversed}``; and
    ``{"metrics": name, value}`` with counts, and the shares of answers that were A and of pairs
    that hung on the order. Raises KeyError if a pair names a document that is not there.
    """
    texts = dict(documents.select("id", pl.col("text").str.head(characters)).iter_rows())
    missing = sorted({*asked["a"], *asked["b"]} - set(texts))
    if missing:
        raise KeyError(f"no document {missing[0]!r} to judge ({len(missing)} are missing)")
    prompts = []
    for one, other in asked.select("a", "b").iter_rows():
        for first, second in ((one, other), (other, one)):
            prompts.append(
                PAIR_PROMPT.format(
                    criterion=CRITERIA[criterion], first=texts[first], second=texts[second]
                )
            )
    answers = _ask(generate, prompts)
    letters = [match[1] if (match := _LETTER.fullmatch(answer)) else None for answer in answers]
    table = asked.select("a", "b").with_columns(
        answer=pl.Series(answers[::2], dtype=pl.String),
        answer_reversed=pl.Series(answers[1::2], dtype=pl.String),
        straight=pl.Series(letters[::2], dtype=pl.String) == "A",
        reverse=pl.Series(letters[1::2], dtype=pl.String) == "B",
    )
    accepted = pl.col("straight").is_not_null() & pl.col("reverse").is_not_null()
    preference = (pl.col("straight").cast(pl.Float64) + pl.col("reverse").cast(pl.Float64)) / 2
    judgements = table.filter(accepted).select("a", "b", preference=preference)
    rejects = table.filter(~accepted).select("a", "b", "answer", "answer_reversed")
    undecided = judgements.filter(pl.col("preference") == 0.5)
    parsed = [letter for letter in letters if letter]
    metrics = {
        "pairs_asked": table.height,
        "pairs_rejected": rejects.height,
        "answers_unparseable": letters.count(None),
        "share_of_answers_a": letters.count("A") / len(parsed) if parsed else None,
        "share_by_order": len(undecided) / len(judgements) if len(judgements) else None,
    }
    return {"judgements": judgements, "rejects": rejects, "metrics": _metrics(metrics)}


def _ask(generate: Generate, prompts: list[str]) -> list[str]:
    answers = generate(prompts)
    if len(answers) != len(prompts):
        raise ValueError(f"the judge gave {len(answers)} answers to {len(prompts)} prompts")
    return answers


def _metrics(values: dict[str, float | None]) -> pl.DataFrame:
    schema = {"name": pl.String, "value": pl.Float64}
    return pl.DataFrame({"name": list(values), "value": list(values.values())}, schema=schema)


def _read(
    path: Path, wanted: dict[str, type[pl.DataType]], optional: dict[str, type[pl.DataType]]
) -> pl.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        parquet = path.suffix == ".parquet"
        table = (
            pl.read_parquet(path, glob=False)
            if parquet
            else pl.read_ndjson(path, infer_schema_length=None)
        )
    except pl.exceptions.PolarsError as error:
        raise JudgementError(f"{path}: this is neither Parquet nor JSON Lines: {error}") from error
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        raise JudgementError(f"{path}: it has no {missing[0]}, only {', '.join(table.columns)}")
    types = {name: kind for name, kind in (wanted | optional).items() if name in table.columns}
    try:
        return table.select(pl.col(name).cast(kind) for name, kind in types.items())
    except pl.exceptions.PolarsError as error:
        raise JudgementError(f"{path}: {error}") from error


def _raise_at(path: Path, wrong: pl.Series, reason: str) -> None:
    rows = wrong.fill_null(True).arg_true()
    if len(rows):
        raise JudgementError(f"{path}, row {rows[0] + 1}: {reason} ({len(rows)} such rows)")
