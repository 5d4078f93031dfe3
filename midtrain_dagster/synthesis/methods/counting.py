"""How often words stand in a real long document: right by construction, and no model writes.

The common-word task of OLMo 3's synthetic long data (allenai/dolma3, ``longmino``: count frequent
nouns of a real document), where RULER's ``cwe`` (arXiv 2404.06654, section 3.3) counts words of a
list. An answer is nowhere in the text: each mention has to be found, so the whole of it is read.

Which words are asked for is decided by their weight, count times the logarithm of the inverse share
of the pieces that have the word: so no list of stop words is needed, in any language. Half of the
documents ask for the counts, half for the order from the most frequent word to the least; where two
words stand equally often there is no such order, and the counts are asked for.

A word is what stands between white space and punctuation, hyphens and apostrophes being part of it,
in any case of its letters: ``captain's`` is not ``captain``, and the question says so. Of 7 MB of
Debian's documents 251 pieces of 8 to 32 kB were made in 1.2 seconds, on a machine at work.
"""

import json
from typing import ClassVar, Literal, NamedTuple, Self

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core import draws
from midtrain_dagster.core.draws import Seed
from midtrain_dagster.core.schema import DOCUMENTS, Kind, document_id
from midtrain_dagster.synthesis import long_pieces
from midtrain_dagster.synthesis.assembly import FILES, JOINED, Assembled
from midtrain_dagster.synthesis.long_pieces import LongPieces, Piece
from midtrain_dagster.synthesis.tables import EXAMPLES, Family, Thought

VERSION = 1
USES = (draws, long_pieces)

WORD = r"[\p{L}\p{M}\p{N}_][\p{L}\p{M}\p{N}_'\u2019\-\u2010\u2011]*"
LETTERS_ALONE = r"^[\p{L}\p{M}]+$"

RULE = (
    "whole words, in capitals or not; a form with an ending, a hyphen or an apostrophe is another "
    "word"
)

COUNTS = pl.Schema({"piece": pl.UInt32, "word": pl.String, "count": pl.Int64})


class Asked(NamedTuple):
    """A piece of a document that is to be asked about."""

    document: str
    locator: str
    language: str | None
    piece: Piece


class Config(LongPieces):
    """How often some words stand in a long document, or which of them stands most often."""

    KIND: ClassVar[Kind] = "qa"
    FAMILY: ClassVar[Family] = "evolution"
    FORM: ClassVar[str] = "counting"
    THOUGHT: ClassVar[Thought] = "none"

    method: Literal["counting"]
    domains: list[str] = Field(min_length=1, description="domains whose documents are asked about")
    domain: str = Field(default="counting", description="the domain that they feed")
    documents: int = Field(gt=0, description="pieces asked about, drawn by a hash, at most")
    words: int = Field(default=5, ge=2, le=50, description="words asked for in each")
    letters: int = Field(default=5, ge=1, description="letters of a word, at least")
    least: int = Field(default=3, ge=1, description="how often a word stands, at least")
    most: int = Field(default=60, ge=1, description="how often a word stands, at most")
    seed: Seed = 0
    """Of the draws of pieces, of the order of words and of what is asked."""

    @model_validator(mode="after")
    def _some_counts(self) -> Self:
        if self.least > self.most:
            raise ValueError("least is more than most: no word stands so often")
        return self

    def assemble(self, documents: pl.DataFrame, *, source: str) -> Assembled:
        """Ask about the documents of its domains; ``source`` is part of the new ids."""
        columns = documents.filter(pl.col("domain").is_in(self.domains)).sort("id")
        drawn, outcome = self._drawn(columns)
        counts = self._weighed(word_counts([each.piece.text for each in drawn]))
        words = counts.partition_by("piece", as_dict=True)
        rows, fields = [], []
        for number, asked in enumerate(drawn):
            found = words.get((number,))
            if found is None or found.height < self.words:
                outcome.setdefault(asked.document, "few_words")
                continue
            outcome[asked.document] = JOINED
            place = f"{asked.document}:{asked.piece.start}-{asked.piece.stop}"
            told = dict(found.select("word", "count").iter_rows())
            form, question, answer = self._question(place, told)
            text = f"{asked.piece.text.rstrip()}\n\n{question}\n{answer}"
            rows.append(self._row(asked, place, text, form, told, source))
            fields.append(
                [
                    {"label": "Question", "text": question, "generated": False},
                    {"label": "Answer", "text": answer, "generated": False},
                ]
            )
        files = columns.select("id", repository="source", path="locator").with_columns(
            outcome=pl.col("id").replace_strict(outcome, return_dtype=pl.String)
        )
        return Assembled(
            pl.DataFrame(rows, DOCUMENTS),
            files.cast(FILES),
            pl.DataFrame({"id": [row["id"] for row in rows], "fields": fields}, EXAMPLES),
        )

    def _drawn(self, documents: pl.DataFrame) -> tuple[list[Asked], dict[str, str]]:
        """The pieces that are asked about, and why the other documents are not."""
        found: list[Asked] = []
        outcome: dict[str, str] = {}
        rows = documents.select("id", "locator", "language", "text").iter_rows()
        for identity, locator, language, text in rows:
            pieces = self.pieces(text)
            short = len(text.encode()) < self.minimum_bytes
            found += [Asked(identity, locator, language, piece) for piece in pieces]
            outcome[identity] = (
                "not_drawn" if pieces else "too_short" if short else "no_end_of_paragraph"
            )
        drawn = sorted(
            found, key=lambda each: draws.place(f"{each.document}:{each.piece.start}", self.seed)
        )[: self.documents]
        for each in drawn:
            outcome.pop(each.document, None)
        return drawn, outcome

    def _weighed(self, counts: pl.DataFrame) -> pl.DataFrame:
        """The words that are asked for, by piece, the weightiest first."""
        pieces = counts["piece"].n_unique()
        share = pl.len().over("word") / (pieces + 1)
        return (
            counts.with_columns(weight=-pl.col("count") * share.log())
            .filter(
                pl.col("count").is_between(self.least, self.most),
                pl.col("word").str.len_chars() >= self.letters,
                pl.col("word").str.contains(LETTERS_ALONE),
            )
            .sort("piece", "weight", "word", descending=[False, True, False])
            .group_by("piece", maintain_order=True)
            .head(self.words)
        )

    def _question(self, place: str, counts: dict[str, int]) -> tuple[str, str, str]:
        """The form, the question and the answer of a piece."""
        order = sorted(counts, key=lambda word: draws.place(f"{place}/{word}", self.seed))
        listed = ", ".join(order)
        tied = len(set(counts.values())) < len(counts)
        if tied or draws.place(f"{place}/form", self.seed) % 2:
            question = f"How often does each of these words stand in the text above ({RULE})?"
            answer = "\n".join(f"{word}: {counts[word]}" for word in order)
            return "counts", f"{question} {listed}", answer
        question = f"Order these words by how often they stand in the text above ({RULE}), the most"
        falling = sorted(counts, key=lambda word: -counts[word])
        return "order", f"{question} frequent first: {listed}", ", ".join(falling)

    def _row(
        self,
        asked: Asked,
        place: str,
        text: str,
        form: str,
        counts: dict[str, int],
        source: str,
    ) -> dict[str, str | None]:
        seed = {"document": asked.document, "start": asked.piece.start, "stop": asked.piece.stop}
        described = {
            "family": self.FAMILY,
            "form": f"{self.FORM}_{form}",
            "thought": self.THOUGHT,
            "seeds": [seed],
            "counts": counts,
        }
        return {
            "id": document_id(source, place, text),
            "text": text,
            "source": source,
            "domain": self.domain,
            "kind": self.KIND,
            "format": "plain",
            "language": asked.language,
            "locator": place,
            "metadata": json.dumps(described),
        }


def word_counts(texts: list[str]) -> pl.DataFrame:
    """How often each word stands in each text (``COUNTS``), in lower case; ``piece`` is the text's
    number."""
    words = pl.Series(texts, dtype=pl.String).str.to_lowercase().str.extract_all(WORD)
    return (
        pl.DataFrame(
            {"piece": pl.int_range(len(texts), eager=True, dtype=pl.UInt32), "word": words}
        )
        .explode("word")
        .drop_nulls("word")
        .group_by("piece", "word")
        .agg(count=pl.len())
        .cast(COUNTS)
        .sort("piece", "word")
    )
