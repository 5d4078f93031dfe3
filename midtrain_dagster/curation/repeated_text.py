"""Text that the corpus repeats: lines, paragraphs, sentences or runs of words; all but one are cut.

Three pure steps, so that memory is bounded by a part or by a range of hashes:

1. `units`, a part at a time: a hash of each unit, its document and span, by ranges of hashes. They
   are written once; new documents add their own.
2. `keepers`, a range of hashes at a time: which hashes occur more than once, and the occurrence
   that stays, the one of the smallest (id, start). So the order of the parts cannot matter, but a
   new document may take over from an old one. Memory: about 50 bytes for each unit of the range.
3. `repeated_text`, a part at a time: the spans to cut. Of the keepers of all ranges, which lie on
   the disk, it takes those of the part's own hashes.

Units (what they are is said in `text_units`, and of a substring in `text.runs`):

- line: with ``minimum_words: 13`` this is Dolma's paragraph deduplication (Soldaini et al. 2024,
  arXiv 2402.00159, section 5.4), which parts paragraphs at newlines, but exact: Dolma asks a Bloom
  filter, so it cuts once in 1e5 times by mistake.
- paragraph: lines up to an empty one.
- three_sentences: C4 (Raffel et al. 2020, JMLR 21(140), section 2.2) drops all but one of each span
  of three sentences. As in datatrove's ``SentenceDedup``, spans overlap, may cross lines, and all
  three sentences of a repeated span are cut but where it stays. Unlike there, a sentence is never
  cut while a span that stays contains it: otherwise overlapping spans, each kept elsewhere,
  wear each other away until none is left whole. So each repeated span survives once, whole; the
  price is that two sentences at the seam of two such spans may remain twice.
- substring: whatever span of ``minimum_words`` words or more the corpus says twice, wherever it
  begins: the exact substrings of Lee et al. 2022 (arXiv 2107.06499, section 4.1; 50 tokens there).
  Every run of so many words is compared, and a word is cut if it lies in a run that stands earlier,
  be it in an earlier document or before it without overlapping it. So of the runs that stood in the
  corpus none is left twice, at seams too, where three_sentences' rule leaves some; the price is
  that of two such spans that overlap, each kept elsewhere, only the parts are left. Memory: about
  70 bytes for each word that the corpus may repeat; how it is known which may, and why the units
  of all parts are found anew with new documents, is told in `repeated_runs`.

Code repeats lines for good reason: cut there only if you know why.
"""

from typing import Any, Literal

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.curation import standing
from midtrain_dagster.tokens.edits import EDIT

VERSION = 2
USES = (standing,)

CHUNK_BYTES = 8_000_000
"""Text hashed at a time, to bound memory (about 5 times it)."""

Unit = Literal["line", "paragraph", "three_sentences", "substring"]

WORDS_OF_A_SUBSTRING = 50
"""By default: the tokens of Lee et al. 2022."""

UNITS = pl.Schema(
    {
        "hash": pl.UInt64(),
        "id": pl.String(),
        "start": pl.UInt32(),
        "stop": pl.UInt32(),
        "opens_line": pl.Boolean(),
    }
)
"""For three_sentences a row is a sentence, and its hash that of the span which it begins (null near
a document's end, or if the span has too few words)."""

KEEPERS = pl.Schema(
    {"hash": pl.UInt64(), "id": pl.String(), "start": pl.UInt32(), "stop": pl.UInt32()}
)
REPEATED_TEXT = pl.Schema(
    {"id": pl.String(), "start": pl.UInt64(), "stop": pl.UInt64(), "unit": pl.String()}
)


class RepeatedText(FrozenModel):
    """Which repetitions are cut. The defaults are Dolma's, on paragraphs."""

    unit: Unit = "paragraph"
    """What is compared, and cut where another document keeps it."""
    minimum_words: int = Field(
        13, ge=1, description="words from which a unit counts; of a substring by default 50"
    )
    maximum_share: float = Field(
        0.5, ge=0, le=1, description="a document that would lose more of its bytes is dropped"
    )
    hash_ranges: int = Field(
        1,
        ge=1,
        le=1024,
        description="units of work that look for repetitions; more need less memory",
    )

    @model_validator(mode="before")
    @classmethod
    def _words_of_the_unit(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("unit") != "substring":
            return values
        return {"minimum_words": WORDS_OF_A_SUBSTRING} | values


def units(
    documents: pl.DataFrame, *, unit: Unit, minimum_words: int, hash_ranges: int = 1
) -> dict[str, pl.DataFrame]:
    """Step 1: hash the units of one part's documents (those of ``substring`` are `repeated_runs`').

    Input columns: id, text.
    Returns a table with the columns of UNITS for each range of hashes, ``units_0000`` and on, in
    the order of the documents. Units of fewer than ``minimum_words`` are left out, and so are null
    texts.
    """
    from midtrain_dagster.core.text_buffer import chunks

    present = documents.select("id", "text").filter(pl.col("text").is_not_null())
    tables = [UNITS.to_frame()]
    for first, texts in chunks(present["text"], CHUNK_BYTES):
        ids = present["id"].slice(first, len(texts))
        tables.append(_measure(ids, texts, unit, minimum_words))
    table = pl.concat(tables).with_columns(part=pl.col("hash").fill_null(0) % hash_ranges)
    return {
        f"units_{number:04d}": table.filter(pl.col("part") == number).drop("part")
        for number in range(hash_ranges)
    }


def keepers(
    units: pl.DataFrame, eligibility: pl.LazyFrame, clusters: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """Step 2: the occurrence that stays of each hash that occurs more than once.

    ``units`` are those of all parts in one range of hashes. Only documents count that stay by every
    other rule (``eligibility`` and ``clusters``, see `standing`): what only a dropped document
    repeats is no repetition, and none of them is where the text is kept. Returns ``{"keepers":
    df}``, sorted by hash.
    """
    judged = standing.standing(eligibility.select("id", "reason").collect(), clusters)
    stays = judged.filter(pl.col("reason").is_null()).select("id")
    return {"keepers": first_occurrences(units.join(stays, on="id", how="semi"))}


def first_occurrences(units: pl.DataFrame) -> pl.DataFrame:
    """The first occurrence, by id and start, of each hash that occurs more than once.

    Columns: those of KEEPERS, and the second hash of units that have one (`repeated_runs.RUNS`).
    """
    hashes = _hashes(units)
    known = units.select(*hashes, "id", "start", "stop").filter(pl.col("hash").is_not_null())
    repeated = known.filter(pl.col("hash").is_duplicated()).sort(*hashes, "id", "start")
    return repeated.unique(hashes, keep="first", maintain_order=True)


def _hashes(units: pl.DataFrame) -> list[str]:
    return [name for name in ("hash", "check") if name in units.columns]


def repeated_text(
    units: pl.DataFrame, keepers: pl.LazyFrame, *, unit: Unit
) -> dict[str, pl.DataFrame]:
    """Step 3: what to cut of one part's documents.

    ``units`` and ``keepers`` are those of all ranges of hashes. Returns ``{"repeated_text": id,
    start, stop, unit}``, sorted by id and start; spans that touch are one. What remains is clean: a
    cut takes the newline or the space behind it along, and leaves a line's end where a line stays.
    """
    hashes = _hashes(units)
    own = keepers.join(units.lazy().select(hashes).unique(), on=hashes, how="semi")
    stays = own.collect(engine="streaming").select(
        *hashes, keeper="id", keeper_start="start", keeper_stop="stop"
    )
    table = units.join(stays, on=hashes, how="left").sort("id", "start")
    kept = (pl.col("id") == pl.col("keeper")) & (pl.col("start") == pl.col("keeper_start"))
    table = table.with_columns(kept=kept.fill_null(False), dropped=(~kept).fill_null(False))
    spans = {
        "line": _block_spans,
        "paragraph": _block_spans,
        "three_sentences": _sentence_spans,
        "substring": _run_spans,
    }[unit](table)
    return {"repeated_text": spans.with_columns(unit=pl.lit(unit)).cast(REPEATED_TEXT)}


def edits(spans: pl.DataFrame) -> pl.DataFrame:
    """The edits that cut ``spans``: id, edits (lists of `tokens.edits.EDIT`), a row a document."""
    edit = pl.struct(
        pl.col("start").cast(pl.UInt32), pl.col("stop").cast(pl.UInt32), replacement=pl.lit("")
    ).cast(EDIT)
    return spans.group_by("id", maintain_order=True).agg(edits=edit)


def _measure(ids: pl.Series, texts: pl.Series, unit: Unit, minimum_words: int) -> pl.DataFrame:
    from midtrain_dagster.core.text_buffer import text_buffer
    from midtrain_dagster.curation.text import text_units

    split = {
        "line": text_units.lines,
        "paragraph": text_units.paragraphs,
        "three_sentences": text_units.sentences,
    }
    text = text_buffer(texts)
    found = split[unit](text)
    base = text.offsets[found.documents]
    table = pl.DataFrame(
        {
            "document": found.documents,
            "hash": found.hashes,
            "start": found.starts - base,
            "stop": found.stops - base,
            "words": found.words,
            "opens_line": found.opens_line,
        }
    )
    if unit == "three_sentences":
        table = _spans_of_three(table, minimum_words)
    else:
        table = table.filter(pl.col("words") >= minimum_words)
    return table.with_columns(id=ids.gather(table["document"])).select(UNITS.names()).cast(UNITS)


def _spans_of_three(sentences: pl.DataFrame, minimum_words: int) -> pl.DataFrame:
    """Sentences with the hash of the span that each begins, in documents that have any such."""
    import numpy as np

    documents, hashes, words = (
        sentences[name].to_numpy() for name in ("document", "hash", "words")
    )
    count = max(len(documents) - 2, 0)
    multiplier = np.uint64(0x9E3779B97F4A7C15)
    first, second, third = (hashes[step : step + count] for step in range(3))
    spans = (first * multiplier + second) * multiplier + third
    counts = (documents[:count] == documents[2:]) & (
        words[:count] + words[1 : count + 1] + words[2:] >= minimum_words
    )
    column = pl.Series("hash", spans, pl.UInt64).set(pl.Series(~counts), None)
    padded = column.extend_constant(None, len(documents) - count)
    table = sentences.with_columns(hash=padded)
    return table.filter(pl.col("hash").is_not_null().any().over("document"))


def _block_spans(table: pl.DataFrame) -> pl.DataFrame:
    """Dropped lines or paragraphs, those that touch as one."""
    cut = table.filter("dropped")
    touches = (pl.col("id") == pl.col("id").shift(1)) & (pl.col("start") == pl.col("stop").shift(1))
    return (
        cut.with_columns(run=(~touches).fill_null(True).cum_sum())
        .group_by("run", maintain_order=True)
        .agg(pl.col("id").first(), pl.col("start").first(), pl.col("stop").last())
        .drop("run")
    )


def _sentence_spans(table: pl.DataFrame) -> pl.DataFrame:
    """Runs of sentences in a dropped span and in none that stays."""

    def in_span(flag: str) -> pl.Expr:
        # The last two sentences of a document begin no span, so none reaches into the next one.
        return pl.any_horizontal(pl.col(flag).shift(step, fill_value=False) for step in range(3))

    neighbours = table.with_columns(
        cut=in_span("dropped") & ~in_span("kept"),
        before=pl.col("stop").shift(1).over("id"),
        ahead=pl.col("start").shift(-1).over("id"),
        line_ends=pl.col("opens_line").shift(-1).over("id").fill_null(True),
    )
    continues = pl.col("cut").shift(1) & (pl.col("id") == pl.col("id").shift(1))
    runs = (
        neighbours.with_columns(run=(~continues).fill_null(True).cum_sum())
        .filter("cut")
        .group_by("run", maintain_order=True)
        .agg(
            pl.col("id", "start", "before", "opens_line").first(),
            pl.col("stop", "ahead", "line_ends").last(),
        )
    )
    return _clean(runs)


def _run_spans(table: pl.DataFrame) -> pl.DataFrame:
    """Dropped runs that do not overlap the one that stays; those that touch as one."""
    overlaps = (pl.col("id") == pl.col("keeper")) & (pl.col("start") < pl.col("keeper_stop"))
    cut = table.filter("dropped", ~overlaps)
    same = pl.col("id") == pl.col("id").shift(1)
    goes_on = same & (pl.col("start") <= pl.coalesce("ahead", "stop").shift(1))
    runs = (
        cut.with_columns(run=(~goes_on).fill_null(True).cum_sum())
        .group_by("run", maintain_order=True)
        .agg(
            pl.col("id", "start", "before", "opens_line").first(),
            pl.col("stop", "ahead", "line_ends").last(),
        )
    )
    return _clean(runs)


def _clean(runs: pl.DataFrame) -> pl.DataFrame:
    """Spans with the white space on one side of them, so that a line's end stays where a line does.

    ``before`` is where what stays before a span stops, and ``ahead`` where what stays behind it
    starts: null at the ends of a document.
    """
    # At the end of a line that begins with what is kept, the newline stays and the space before the
    # cut goes; so it is at the end of the document.
    backward = (~pl.col("opens_line") & pl.col("line_ends")) | pl.col("ahead").is_null()
    return runs.select(
        "id",
        start=pl.when(backward).then(pl.coalesce("before", "start")).otherwise("start"),
        stop=pl.when(backward).then("stop").otherwise("ahead"),
    )
