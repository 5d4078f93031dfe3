"""How each signal is measured on a chunk of text: one entry a signal, so that only what is asked
for is computed.

The signals in datatrove's reading are computed on spaCy's words and sentences, as `spacy_words` and
`spacy_sentences` find them; those in DCLM's on the words that each of its filters takes (`dclm`,
`unicode_words`); the others on our own. Those ``_after_c4`` are datatrove's, of what C4 leaves. A
share of nothing is 0.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np

from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.signals import letters
from midtrain_dagster.curation.signals import repetition as ngrams
from midtrain_dagster.curation.signals.chunk import Chunk, Columns, WordCounts
from midtrain_dagster.curation.text import vocabulary as different_words
from midtrain_dagster.curation.text.sentences import Sentences
from midtrain_dagster.curation.text.words import Words

Measure = Callable[[Chunk], np.ndarray]
"""A signal of a chunk: an array with a value for each document."""


def measure(
    text: Text,
    names: Iterable[str] | None = None,
    *,
    words: Words | None = None,
    sentences: Sentences | None = None,
) -> Columns:
    """The signals of those names (none: all of `signals.SIGNALS`), by name.

    ``words`` and ``sentences`` stand for spaCy's if they come from elsewhere (`words.from_spans`).
    Raises KeyError for a name that no signal has.
    """
    chunk = Chunk(text, words, sentences)
    return {name: MEASURES[name](chunk) for name in (MEASURES if names is None else names)}


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return part / np.maximum(whole, 1)


_OF_CHARACTERS: dict[str, Measure] = {
    "characters": lambda chunk: chunk.symbols["characters"],
    "utf8_bytes": lambda chunk: np.diff(chunk.text.offsets),
    "alphanumeric_ratio": lambda chunk: _share(
        chunk.symbols["alphanumeric_characters"], chunk.symbols["characters"]
    ),
    "longest_word": lambda chunk: chunk.symbols["longest_run"],
    "has_curly_bracket": lambda chunk: chunk.symbols["curly_brackets"] > 0,
}


def _of_lines(part: str) -> Measure:
    return lambda chunk: _share(chunk.looks.counts[part], chunk.looks.counts["lines"])


def _of_all_lines(part: str) -> Measure:
    def share(chunk: Chunk) -> np.ndarray:
        counts = chunk.datatrove_looks.counts
        return _share(counts[part], counts["all_lines"])

    return share


_OF_LINES: dict[str, Measure] = {
    "line_count": lambda chunk: chunk.looks.counts["lines"],
    "longest_line": lambda chunk: chunk.looks.counts["longest_line"],
    "mean_line_length": _of_lines("line_characters"),
    "bullet_line_ratio": _of_lines("bullet_lines"),
    "ellipsis_line_ratio": _of_lines("ellipsis_lines"),
    "line_punct_ratio": _of_lines("punctuated_lines"),
    "short_line_ratio": _of_lines("short_lines"),
    "lines_with_terminal_punctuation": lambda chunk: chunk.looks.counts["terminal_lines"],
    "bullet_line_ratio_datatrove": _of_all_lines("datatrove_bullet_lines"),
    "ellipsis_line_ratio_datatrove": _of_all_lines("ellipsis_lines"),
    "line_punct_ratio_datatrove": _of_lines("datatrove_terminal_lines"),
    "short_line_ratio_datatrove": _of_lines("datatrove_short_lines"),
}

_OF_C4: dict[str, Measure] = {
    "has_lorem_ipsum": lambda chunk: chunk.left["lorem_ipsum_lines"] > 0,
    "javascript_lines": lambda chunk: chunk.left["javascript_lines"],
    "policy_lines": lambda chunk: chunk.left["policy_lines"],
    "sentence_count": lambda chunk: chunk.left["sentences"],
    "c4_sentences": lambda chunk: chunk.left["sentences_lines_of_3"],
    "c4_sentences_terminal": lambda chunk: chunk.left["terminal_sentences_lines_of_3"],
    "c4_sentences_terminal_of_5": lambda chunk: chunk.left["terminal_sentences_lines_of_5"],
    "c4_sentences_datatrove": lambda chunk: chunk.datatrove_left["sentences"],
    "c4_forbidden_lines_datatrove": lambda chunk: chunk.datatrove_left["forbidden_lines"],
    "c4_sentences_fineweb": lambda chunk: chunk.datatrove_left["fineweb_sentences"],
    "c4_forbidden_lines_fineweb": lambda chunk: chunk.datatrove_left["fineweb_forbidden_lines"],
}


def _visible(part: str) -> Measure:
    def share(chunk: Chunk) -> np.ndarray:
        visible = chunk.symbols["characters"] - chunk.symbols["newlines"]
        return _share(chunk.segments[part], visible)

    return share


def _of_segments() -> Iterator[tuple[str, Measure]]:
    """The repetition of lines and paragraphs."""
    yield "char_dup_ratio", _visible("duplicate_line_characters")
    yield "char_dup_ratio_datatrove", _visible("fineweb_duplicate_line_characters")
    for kind in ("line", "paragraph"):
        for reading, part in (
            ("", "duplicate"),
            ("_datatrove", "datatrove_duplicate"),
            ("_dclm", "repeated"),
        ):
            segment = f"datatrove_{kind}" if reading == "_datatrove" else kind
            if reading == "_dclm" and kind == "paragraph":
                segment = "dclm_paragraph"
            whole = f"{segment}s"
            # DCLM divides by the characters of the segments, the others by all of the text's.
            characters = f"{segment}_characters" if reading == "_dclm" else None
            yield (
                f"duplicate_{kind}_ratio{reading}",
                partial(_segment_share, part=f"{part}_{kind}s", whole=whole),
            )
            yield (
                f"duplicate_{kind}_char_ratio{reading}",
                partial(_segment_share, part=f"{part}_{kind}_characters", whole=characters),
            )


def _segment_share(chunk: Chunk, part: str, whole: str | None) -> np.ndarray:
    count = chunk.segments
    return _share(count[part], chunk.symbols["characters"] if whole is None else count[whole])


def _of_any_words(words: Callable[[Chunk], WordCounts]) -> dict[str, Measure]:
    """What is asked of our words and of spaCy's alike."""
    return {
        "alpha_word_ratio": lambda chunk: _share(words(chunk).alphabetic, words(chunk).count),
        "hash_word_ratio": lambda chunk: _share(chunk.symbols["hashes"], words(chunk).count),
        "ellipsis_word_ratio": lambda chunk: _share(chunk.symbols["ellipses"], words(chunk).count),
        "newlines_per_word": lambda chunk: _share(chunk.symbols["newlines"], words(chunk).count),
        **{
            f"duplicate_{n}gram_char_ratio": partial(_duplicate, words, column=column)
            for column, n in enumerate(ngrams.DUPLICATE)
        },
    }


def _duplicate(words: Callable[[Chunk], WordCounts], chunk: Chunk, column: int) -> np.ndarray:
    return _share(words(chunk).repeated.duplicate[:, column], chunk.symbols["characters"])


_OF_WORDS: dict[str, Measure] = {
    "word_count": lambda chunk: chunk.own.count,
    "mean_word_length": lambda chunk: _share(chunk.own.characters, chunk.own.count),
    "stop_words": lambda chunk: chunk.own.listed["stop_words"],
    "stop_word_count": lambda chunk: chunk.own.listed["stop_word_count"],
    "obscene_word_ratio": lambda chunk: _share(chunk.own.listed["obscene_words"], chunk.own.count),
    "unique_word_ratio": lambda chunk: _share(
        np.diff(chunk.own.different.offsets), chunk.own.count
    ),
    "word_entropy": lambda chunk: different_words.entropy(chunk.own.different),
    "letter_surprise": lambda chunk: letters.surprise(
        chunk.text, chunk.own.words, chunk.own.different
    ),
}


def _spoken(chunk: Chunk) -> np.ndarray:
    """Words that are not of symbols alone."""
    return chunk.datatrove.count - chunk.datatrove.symbolic


_OF_WORDS_IN_DATATROVE: dict[str, Measure] = {
    "word_count": _spoken,
    "mean_word_length": lambda chunk: _share(chunk.datatrove.spoken_characters, _spoken(chunk)),
    "stop_words": lambda chunk: chunk.datatrove.listed["lower_stop_words"],
    **_of_any_words(lambda chunk: chunk.datatrove),
}


def _of_ngrams() -> Iterator[tuple[str, Measure]]:
    """The most frequent n-grams, and DCLM's reading of repeated ones."""
    for column, n in enumerate(ngrams.TOP):
        name = f"top_{n}gram_char_ratio"
        yield name, partial(_top, column=column)
        yield f"{name}_datatrove", partial(_top_datatrove, column=column)
        yield f"{name}_dclm", partial(_top_dclm, column=column)
    for column, n in enumerate(ngrams.DUPLICATE):
        yield f"duplicate_{n}gram_char_ratio_dclm", partial(_repeated_dclm, column=column)


def _top(chunk: Chunk, column: int) -> np.ndarray:
    return _share(chunk.own.repeated.top[:, column], chunk.symbols["characters"])


def _top_datatrove(chunk: Chunk, column: int) -> np.ndarray:
    top = chunk.datatrove.repeated.top_datatrove
    return _share(top[:, column], chunk.symbols["characters"])


def _top_dclm(chunk: Chunk, column: int) -> np.ndarray:
    return _share(chunk.unicode.repeated.top_words[:, column], chunk.unicode.characters)


def _repeated_dclm(chunk: Chunk, column: int) -> np.ndarray:
    return _share(chunk.unicode.repeated.repeated[:, column], chunk.unicode.characters)


def _of_dclm(part: str, whole: str) -> Measure:
    return lambda chunk: _share(chunk.dclm[part], chunk.dclm[whole])


_IN_DCLM: dict[str, Measure] = {
    "word_count_dclm": lambda chunk: chunk.dclm["words"],
    "mean_word_length_dclm": _of_dclm("run_characters", "runs"),
    "symbol_word_ratio_dclm": _of_dclm("symbols", "runs"),
    "bullet_line_ratio_dclm": _of_dclm("bullet_lines", "lines"),
    "ellipsis_line_ratio_dclm": _of_dclm("ellipsis_lines", "lines"),
    "alpha_word_ratio_dclm": _of_dclm("alphabetic_runs", "runs"),
    "stop_word_count_dclm": lambda chunk: chunk.dclm["stop_runs"],
}

_AFTER_C4 = ("line_punct_ratio", "short_line_ratio", "char_dup_ratio")


def _after_c4(chunk: Chunk, measure: Measure) -> np.ndarray:
    return measure(chunk.after_c4)


_ON_WHOLE_TEXTS: dict[str, Measure] = {
    **_OF_CHARACTERS,
    **_OF_LINES,
    **_OF_C4,
    **dict(_of_segments()),
    **_OF_WORDS,
    **_of_any_words(lambda chunk: chunk.own),
    **{f"{name}_datatrove": each for name, each in _OF_WORDS_IN_DATATROVE.items()},
    **dict(_of_ngrams()),
    **_IN_DCLM,
}

MEASURES: dict[str, Measure] = {
    **_ON_WHOLE_TEXTS,
    **{
        f"{name}_after_c4": partial(_after_c4, measure=_ON_WHOLE_TEXTS[f"{name}_datatrove"])
        for name in _AFTER_C4
    },
    "newlines_per_word_after_c4": lambda chunk: _share(
        chunk.after_c4.symbols["newlines"], chunk.datatrove_words_after_c4
    ),
}
"""By the name of the signal."""
