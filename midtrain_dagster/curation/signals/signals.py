"""The numbers that heuristic filters ask of a document, computed once and stored.

Gopher quality and repetition (Rae et al. 2021, arXiv 2112.11446, A1.1), C4 (Raffel et al. 2020,
JMLR 21(140)), FineWeb (Penedo et al. 2024, arXiv 2406.17557), the rules for source code of Codex
(Chen et al. 2021, arXiv 2107.03374, section 3.1), and signs of obscenity and gibberish. The
thresholds are applied later, in `rules`, so a new threshold never reads the text again.

Where reproductions read a rule in different ways, a signal has variants. ``_datatrove`` is
datatrove 0.10's, on spaCy's English words and sentences (`spacy_words`, `spacy_sentences`), in
whatever language the text is; decisions by these are datatrove's (``docs/agreement.md``).
``_dclm`` is DCLM's, on the words of its filters (`dclm`, `unicode_words`). The name alone is what
`words`, `lines`, `segments`, `repetition` and `c4` call ours. A share of nothing (no words, no
lines) is 0.

FineWeb is a sequence: its C4 step cuts lines, and the rules after it see the cut text. So a signal
``_after_c4`` is datatrove's, measured on what C4 leaves (`c4_cut`); every other is measured on the
whole. The cut itself is an edit, which `c4_edits` lists for documents whose policy asks for it.

Of prose in a language of markup, the running prose is measured (`prose`), save where the policy
cuts: that sequence reads the text as it stands.

Shares of listed words (`listed_words`) depend on more than the text: on the recipe's lists and on
the document's language.

Only the signals that are asked for are computed, so a rule on other signals does read the text
again. datatrove's are costly because of spaCy's splitter: it takes more than half of the time of
all signals, and of the time in which their code is compiled.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import polars as pl

from midtrain_dagster.curation.signals.word_lists import LISTED, Entries
from midtrain_dagster.curation.text import prose

VERSION = 4
USES = (prose,)

CHUNK_BYTES = 1_000_000
"""Text measured at a time, so little that what one kernel writes the next finds in the cache.
Working memory is about 17 times this; a single longer text needs about as many times its size."""

TOP_NGRAMS = (2, 3, 4)
DUPLICATE_NGRAMS = (5, 6, 7, 8, 9, 10)

SIGNALS = pl.Schema(
    {
        "characters": pl.UInt32,
        "utf8_bytes": pl.UInt32,
        "word_count": pl.UInt32,
        "word_count_datatrove": pl.UInt32,
        "mean_word_length": pl.Float32,
        "mean_word_length_datatrove": pl.Float32,
        "alpha_word_ratio": pl.Float32,
        "alpha_word_ratio_datatrove": pl.Float32,
        "alphanumeric_ratio": pl.Float32,
        "stop_words": pl.UInt32,
        "stop_words_datatrove": pl.UInt32,
        "stop_word_count": pl.UInt32,
        "hash_word_ratio": pl.Float32,
        "hash_word_ratio_datatrove": pl.Float32,
        "ellipsis_word_ratio": pl.Float32,
        "ellipsis_word_ratio_datatrove": pl.Float32,
        "bullet_line_ratio": pl.Float32,
        "bullet_line_ratio_datatrove": pl.Float32,
        "ellipsis_line_ratio": pl.Float32,
        "ellipsis_line_ratio_datatrove": pl.Float32,
        **{
            f"duplicate_{segment}_{share}{reading}": pl.Float32
            for segment in ("line", "paragraph")
            for share in ("ratio", "char_ratio")
            for reading in ("", "_datatrove", "_dclm")
        },
        **{
            f"top_{n}gram_char_ratio{reading}": pl.Float32
            for n in TOP_NGRAMS
            for reading in ("", "_datatrove", "_dclm")
        },
        **{
            f"duplicate_{n}gram_char_ratio{reading}": pl.Float32
            for n in DUPLICATE_NGRAMS
            for reading in ("", "_datatrove", "_dclm")
        },
        "longest_word": pl.UInt32,
        "has_curly_bracket": pl.UInt8,
        "has_lorem_ipsum": pl.UInt8,
        "javascript_lines": pl.UInt32,
        "policy_lines": pl.UInt32,
        "lines_with_terminal_punctuation": pl.UInt32,
        "sentence_count": pl.UInt32,
        "c4_sentences": pl.UInt32,
        "c4_sentences_terminal": pl.UInt32,
        "c4_sentences_terminal_of_5": pl.UInt32,
        "c4_sentences_datatrove": pl.UInt32,
        "c4_forbidden_lines_datatrove": pl.UInt32,
        "c4_sentences_fineweb": pl.UInt32,
        "c4_forbidden_lines_fineweb": pl.UInt32,
        "line_punct_ratio": pl.Float32,
        "line_punct_ratio_datatrove": pl.Float32,
        "short_line_ratio": pl.Float32,
        "short_line_ratio_datatrove": pl.Float32,
        "char_dup_ratio": pl.Float32,
        "char_dup_ratio_datatrove": pl.Float32,
        "newlines_per_word": pl.Float32,
        "newlines_per_word_datatrove": pl.Float32,
        "line_punct_ratio_after_c4": pl.Float32,
        "short_line_ratio_after_c4": pl.Float32,
        "char_dup_ratio_after_c4": pl.Float32,
        "newlines_per_word_after_c4": pl.Float32,
        "word_count_dclm": pl.UInt32,
        "mean_word_length_dclm": pl.Float32,
        "symbol_word_ratio_dclm": pl.Float32,
        "bullet_line_ratio_dclm": pl.Float32,
        "ellipsis_line_ratio_dclm": pl.Float32,
        "alpha_word_ratio_dclm": pl.Float32,
        "stop_word_count_dclm": pl.UInt32,
        "line_count": pl.UInt32,
        "longest_line": pl.UInt32,
        "mean_line_length": pl.Float32,
        "obscene_word_ratio": pl.Float32,
        "letter_surprise": pl.Float32,
        "unique_word_ratio": pl.Float32,
        "word_entropy": pl.Float32,
    }
)
"""Columns of the table beside ``id`` and ``error``. Not plain from their names:

``stop_words`` counts which of Gopher's eight occur, ``stop_word_count`` how often they do.
``word_count_datatrove`` leaves out words of punctuation alone. ``longest_word`` is the longest run
of characters without white space (scripts without spaces do not count), because C4 means URLs and
encoded data by it. ``c4_sentences`` are the sentences left when the lines that C4 drops are gone
but terminal punctuation is not asked for; with it, at 3 words a line, they are
``c4_sentences_terminal``, and at 5 ``c4_sentences_terminal_of_5``. The variants ``_datatrove``
(with terminal punctuation) and ``_fineweb`` (without) follow datatrove in all, and count the lines
for which it drops a page. ``duplicate_line_char_ratio`` divides by all characters,
``char_dup_ratio`` by those but newlines. ``obscene_word_ratio`` goes by the list in `profanity`,
``letter_surprise`` by the table in `letters` (bits a letter); ``word_entropy`` is that of a
document's distribution of words, in bits."""


REVISIONS: dict[str, int] = {
    name: 2
    for name in SIGNALS
    if name.endswith("_dclm")
    or (name.startswith("c4_") and name.endswith(("_datatrove", "_fineweb")))
}
"""The version of signals that changed while the others did not; the others' tables stay."""

ALWAYS = ("characters", "utf8_bytes")
"""Signals that later steps need of every document: those of its whole text."""


class Cutting(Protocol):
    """A policy that says of which documents C4's cut is made."""

    @property
    def cuts(self) -> pl.Expr:
        """Whether it is made of a document (columns kind, format, source)."""


def revisions(names: Sequence[str]) -> dict[str, int]:
    """The versions of those signals that have one of their own, as causes beside VERSION."""
    return {f"curation.signals.{name}": REVISIONS[name] for name in names if name in REVISIONS}


def signals(
    documents: pl.DataFrame,
    *,
    names: Sequence[str],
    cutting: Cutting | None = None,
    language: pl.DataFrame | None = None,
    word_lists: Entries | None = None,
) -> dict[str, pl.DataFrame]:
    """Measure each document. Input columns: id, text; kind and format say what of it is `judged`.

    Of documents of which ``cutting`` cuts (kind, format, source), that is their text as it stands.
    ``language`` (id, language) has a row for every document and is needed, with ``word_lists``,
    where ``names`` holds one of LISTED.

    Returns ``{"signals": id, the columns of SIGNALS and LISTED that are in ``names`` or ALWAYS,
    error}``, in the order of the documents. A document whose text is null has null signals and says
    so in ``error``. Raises KeyError for a name that no signal has, ValueError where languages or
    lists that are needed are not given or lack a document.
    """
    schema = _schema(names)
    is_null = documents["text"].is_null()
    present = documents.filter(~is_null)
    judged = prose.judged(present)
    if cutting is not None:
        cut = present.select(cutting.cuts).to_series()
        judged = present["text"].zip_with(cut, judged)
    columns = pl.DataFrame(_measured(judged, schema), schema=schema)
    listed = [name for name in LISTED if name in names]
    if listed:
        columns = columns.hstack(_listed(present["id"], judged, language, word_lists, listed))
    columns = columns.with_columns(
        present["text"].str.len_chars().cast(SIGNALS["characters"]).alias("characters"),
        present["text"].str.len_bytes().cast(SIGNALS["utf8_bytes"]).alias("utf8_bytes"),
    )
    if is_null.any():
        rows = pl.select(pl.when(~is_null).then((~is_null).cum_sum() - 1)).to_series()
        columns = columns.select(pl.all().gather(rows))
    error = pl.select(pl.when(is_null).then(pl.lit("the text is null"))).to_series()
    return {"signals": documents.select("id").hstack(columns).with_columns(error=error)}


def _schema(names: Sequence[str]) -> pl.Schema:
    unknown = sorted(set(names) - set(SIGNALS) - set(LISTED))
    if unknown:
        raise KeyError(f"there is no signal {unknown[0]!r}")
    return pl.Schema(
        {name: kind for name, kind in SIGNALS.items() if name in names or name in ALWAYS}
    )


def _measured(texts: pl.Series, schema: pl.Schema) -> dict[str, np.ndarray]:
    from midtrain_dagster.core.text_buffer import chunks, text_buffer
    from midtrain_dagster.curation.signals.measure import measure

    columns = {name: np.empty(texts.len(), str(kind).lower()) for name, kind in schema.items()}
    for start, chunk in chunks(texts, CHUNK_BYTES):
        measured = measure(text_buffer(chunk), columns)
        for name, column in columns.items():
            column[start : start + chunk.len()] = measured[name]
    return columns


def _listed(
    ids: pl.Series,
    texts: pl.Series,
    language: pl.DataFrame | None,
    word_lists: Entries | None,
    names: Sequence[str],
) -> pl.DataFrame:
    """The shares of listed words, by the lists of each document's language."""
    from midtrain_dagster.curation.signals.listed_words import shares

    if language is None or word_lists is None:
        raise ValueError(f"{names[0]} needs the documents' languages and word lists")
    lost = ids.filter(~ids.is_in(language["id"].implode()))
    if lost.len():
        raise ValueError(
            f"the language table lacks {lost.len()} of {ids.len()} documents, the first is "
            f"{lost[0]!r}: it was made from another part"
        )
    spoken = ids.to_frame().join(language, on="id", how="left", maintain_order="left")["language"]
    return pl.DataFrame(shares(texts, spoken, word_lists, names)).cast(pl.Float32)
