"""The numbers of `signals`, computed for one chunk of text at a time.

One pass over the bytes finds each character's class, one the words, and one walks from word to word
to find the lines; all else is counted on those tables, or on the different words of each document.
"""

from typing import NamedTuple

import numpy as np

from midtrain_dagster.core.jit import jit
from midtrain_dagster.curation.signals import c4, letters, lexicon, line_rules
from midtrain_dagster.curation.signals import repetition as ngrams
from midtrain_dagster.curation.text import lines as line_finder
from midtrain_dagster.curation.text import segments, spacy_sentences, spacy_words
from midtrain_dagster.curation.text import sentences as sentence_finder
from midtrain_dagster.curation.text import vocabulary as different_words
from midtrain_dagster.curation.text.characters import Text, classify
from midtrain_dagster.curation.text.lines import Lines
from midtrain_dagster.curation.text.sentences import Sentences
from midtrain_dagster.curation.text.words import Words, split

Columns = dict[str, np.ndarray]


def measure(
    text: Text, *, words: Words | None = None, sentences: Sentences | None = None
) -> Columns:
    """Every signal of `signals.SIGNALS`, each an array with a value per document.

    The signals in datatrove's reading are computed on spaCy's words and sentences, as `spacy_words`
    and `spacy_sentences` find them, or on ``words`` and ``sentences`` from elsewhere
    (`words.from_spans`); the others on our own. A share of nothing is 0.
    """
    classes = classify(text.buffer)
    own = split(text, classes)
    lines = line_finder.find(text, classes, own)
    seen = _look(text, classes, lines)
    every, every_seen = lines, seen
    if line_finder.has_other_breaks(text):
        every = line_finder.find(text, classes, own, every=True)
        every_seen = _look(text, classes, every)
    if words is None:
        words = spacy_words.split(text, classes)
    if sentences is None:
        starts = spacy_sentences.count(text, words, every)
    else:
        starts = sentence_finder.count(sentences, every.begins, every.ends)
    left = c4.count_as_datatrove(text, every, every_seen.phrases, starts)
    symbols = _columns(line_finder.COUNTS, lines.counts)
    return (
        _of_characters(text, symbols)
        | _of_lines(text, classes, own, lines, seen)
        | _of_lines_in_datatrove(seen.looks, every_seen.looks, _columns(c4.DATATROVE_COUNTS, left))
        | _of_segments(text, lines, symbols)
        | _of_words(text, own, symbols)
        | _of_words_in_datatrove(words, symbols)
    )


class _Seen(NamedTuple):
    """What is to be seen of lines."""

    looks: Columns
    endings: np.ndarray
    phrases: np.ndarray


def _look(text: Text, classes: np.ndarray, lines: Lines) -> _Seen:
    looks, endings = line_rules.count(text, classes, lines)
    return _Seen(_columns(line_rules.COUNTS, looks), endings, c4.phrases(text, lines))


def _of_characters(text: Text, symbols: Columns) -> Columns:
    return {
        "characters": symbols["characters"],
        "utf8_bytes": np.diff(text.offsets),
        "alphanumeric_ratio": _share(symbols["alphanumeric_characters"], symbols["characters"]),
        "longest_word": symbols["longest_run"],
        "has_curly_bracket": symbols["curly_brackets"] > 0,
    }


def _of_lines(text: Text, classes: np.ndarray, words: Words, lines: Lines, seen: _Seen) -> Columns:
    """How lines look, and what C4 would leave of them."""
    sentences = sentence_finder.find(text, classes, words)
    starts = sentence_finder.count(sentences, lines.begins, lines.ends)
    left = _columns(c4.COUNTS, c4.count(lines, seen.endings, seen.phrases, starts))
    look = seen.looks
    count = look["lines"]
    return {
        "line_count": count,
        "longest_line": look["longest_line"],
        "mean_line_length": _share(look["line_characters"], count),
        "bullet_line_ratio": _share(look["bullet_lines"], count),
        "ellipsis_line_ratio": _share(look["ellipsis_lines"], count),
        "line_punct_ratio": _share(look["punctuated_lines"], count),
        "short_line_ratio": _share(look["short_lines"], count),
        "lines_with_terminal_punctuation": look["terminal_lines"],
        "has_lorem_ipsum": left["lorem_ipsum_lines"] > 0,
        "javascript_lines": left["javascript_lines"],
        "policy_lines": left["policy_lines"],
        "sentence_count": left["sentences"],
        "c4_sentences": left["sentences_lines_of_3"],
        "c4_sentences_terminal": left["terminal_sentences_lines_of_3"],
        "c4_sentences_dclm": left["terminal_sentences_lines_of_5"],
    }


def _of_lines_in_datatrove(look: Columns, every_look: Columns, left: Columns) -> Columns:
    """Likewise, from the looks of lines by newline and by any break, and what C4 would leave."""
    count, every_count = look["lines"], every_look["all_lines"]
    return {
        "bullet_line_ratio_datatrove": _share(every_look["datatrove_bullet_lines"], every_count),
        "ellipsis_line_ratio_datatrove": _share(every_look["ellipsis_lines"], every_count),
        "line_punct_ratio_datatrove": _share(look["datatrove_terminal_lines"], count),
        "short_line_ratio_datatrove": _share(look["datatrove_short_lines"], count),
        "c4_sentences_datatrove": left["sentences"],
        "c4_forbidden_lines_datatrove": left["forbidden_lines"],
        "c4_sentences_fineweb": left["fineweb_sentences"],
        "c4_forbidden_lines_fineweb": left["fineweb_forbidden_lines"],
    }


def _of_segments(text: Text, lines: Lines, symbols: Columns) -> Columns:
    """The repetition of lines and paragraphs."""
    count = _columns(segments.COUNTS, segments.count(text, lines))
    characters = symbols["characters"]
    visible = characters - symbols["newlines"]
    measured = {
        "char_dup_ratio": _share(count["duplicate_line_characters"], visible),
        "char_dup_ratio_datatrove": _share(count["fineweb_duplicate_line_characters"], visible),
    }
    for kind in ("line", "paragraph"):
        whole, length = count[f"{kind}s"], count[f"{kind}_characters"]
        for reading, part, total in (
            ("", "duplicate", characters),
            ("_datatrove", "datatrove_duplicate", characters),
            ("_dclm", "repeated", length),
        ):
            number = count[f"datatrove_{kind}s"] if reading == "_datatrove" else whole
            name = f"duplicate_{kind}"
            measured[f"{name}_ratio{reading}"] = _share(count[f"{part}_{kind}s"], number)
            measured[f"{name}_char_ratio{reading}"] = _share(
                count[f"{part}_{kind}_characters"], total
            )
    return measured


def _of_words(text: Text, words: Words, symbols: Columns) -> Columns:
    """The words themselves, and the repetition of n-grams."""
    vocabulary = different_words.find(words)
    listed = _columns(lexicon.COUNTS, lexicon.count(words, vocabulary))
    repeated = ngrams.count(words.offsets, words.characters, vocabulary)
    characters, count = symbols["characters"], np.diff(words.offsets)
    length = _total(words.characters, words.offsets)
    measured = {
        "word_count": count,
        "mean_word_length": _share(length, count),
        "alpha_word_ratio": _share(_total(words.alphabetic, words.offsets), count),
        "stop_words": listed["stop_words"],
        "stop_word_count": listed["stop_word_count"],
        "hash_word_ratio": _share(symbols["hashes"], count),
        "ellipsis_word_ratio": _share(symbols["ellipses"], count),
        "newlines_per_word": _share(symbols["newlines"], count),
        "obscene_word_ratio": _share(listed["obscene_words"], count),
        "unique_word_ratio": _share(np.diff(vocabulary.offsets), count),
        "word_entropy": different_words.entropy(vocabulary),
        "letter_surprise": letters.surprise(text, words, vocabulary),
    }
    for column, n in enumerate(ngrams.TOP):
        name = f"top_{n}gram_char_ratio"
        measured[name] = _share(repeated.top[:, column], characters)
        measured[f"{name}_dclm"] = _share(repeated.top_words[:, column], length)
    for column, n in enumerate(ngrams.DUPLICATE):
        name = f"duplicate_{n}gram_char_ratio"
        measured[name] = _share(repeated.duplicate[:, column], characters)
        measured[f"{name}_dclm"] = _share(repeated.repeated[:, column], length)
    return measured


def _of_words_in_datatrove(words: Words, symbols: Columns) -> Columns:
    vocabulary = different_words.find(words)
    listed = _columns(lexicon.COUNTS, lexicon.count(words, vocabulary))
    repeated = ngrams.count(words.offsets, words.characters, vocabulary)
    characters, count = symbols["characters"], np.diff(words.offsets)
    spoken = count - _total(words.symbolic, words.offsets)
    length = _total(words.characters * ~words.symbolic, words.offsets)
    measured = {
        "word_count": spoken,
        "mean_word_length": _share(length, spoken),
        "alpha_word_ratio": _share(_total(words.alphabetic, words.offsets), count),
        "stop_words": listed["lower_stop_words"],
        "hash_word_ratio": _share(symbols["hashes"], count),
        "ellipsis_word_ratio": _share(symbols["ellipses"], count),
        "newlines_per_word": _share(symbols["newlines"], count),
    }
    for column, n in enumerate(ngrams.TOP):
        top = repeated.top_datatrove[:, column]
        measured[f"top_{n}gram_char_ratio"] = _share(top, characters)
    for column, n in enumerate(ngrams.DUPLICATE):
        duplicate = repeated.duplicate[:, column]
        measured[f"duplicate_{n}gram_char_ratio"] = _share(duplicate, characters)
    return {f"{name}_datatrove": values for name, values in measured.items()}


def _columns(names: tuple[str, ...], counts: np.ndarray) -> Columns:
    return dict(zip(names, counts.T, strict=True))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return part / np.maximum(whole, 1)


@jit
def _total(values, offsets):  # type: ignore[no-untyped-def]
    """The sum of each document's values."""
    totals = np.zeros(offsets.size - 1, np.int64)
    for document in range(totals.size):
        for value in values[offsets[document] : offsets[document + 1]]:
            totals[document] += value
    return totals
