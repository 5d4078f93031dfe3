"""What the signals of one chunk of text are counted on, each table made when it is first asked for.

One pass over the bytes finds each character's class, one the words, and one walks from word to word
to find the lines; all else is counted on those tables, or on the different words of each document.
Tables called ``datatrove`` are on spaCy's words and sentences, whose code is not even loaded unless
a signal asks for it: to compile it takes longer than to measure a small corpus. What C4 cuts makes
a chunk of its own, `Chunk.after_c4`, on which the rules that come after it are measured.
"""

from functools import cached_property

import numpy as np

from midtrain_dagster.core.jit import jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.signals import c4, c4_cut, dclm, lexicon, line_rules
from midtrain_dagster.curation.signals import repetition as ngrams
from midtrain_dagster.curation.signals.c4_cut import Cut
from midtrain_dagster.curation.signals.repetition import Repetition
from midtrain_dagster.curation.text import citations as citation_finder
from midtrain_dagster.curation.text import lines as line_finder
from midtrain_dagster.curation.text import segments
from midtrain_dagster.curation.text import sentences as sentence_finder
from midtrain_dagster.curation.text import vocabulary as different_words
from midtrain_dagster.curation.text.characters import classify
from midtrain_dagster.curation.text.citations import Citations
from midtrain_dagster.curation.text.lines import Lines
from midtrain_dagster.curation.text.sentences import Sentences
from midtrain_dagster.curation.text.vocabulary import Vocabulary
from midtrain_dagster.curation.text.words import Words, split

Columns = dict[str, np.ndarray]
"""By name, an array with a value for each document."""


class Looks:
    """How lines look: what is counted of a document's, and what stands in each line."""

    def __init__(self, text: Text, classes: np.ndarray, lines: Lines) -> None:
        counts, self.endings = line_rules.count(text, classes, lines)
        self.counts = columns(line_rules.COUNTS, counts)


class WordCounts:
    """Words by document: how many, how long, which different ones, how often repeated."""

    def __init__(self, words: Words) -> None:
        self.words = words

    @cached_property
    def count(self) -> np.ndarray:
        """Words."""
        return np.diff(self.words.offsets)

    @cached_property
    def characters(self) -> np.ndarray:
        """Characters of all words."""
        return total(self.words.characters, self.words.offsets)

    @cached_property
    def alphabetic(self) -> np.ndarray:
        """Words with a letter."""
        return total(self.words.alphabetic, self.words.offsets)

    @cached_property
    def symbolic(self) -> np.ndarray:
        """Words of symbols alone."""
        return total(self.words.symbolic, self.words.offsets)

    @cached_property
    def spoken_characters(self) -> np.ndarray:
        """Characters of words that are not of symbols alone."""
        return total(self.words.characters * ~self.words.symbolic, self.words.offsets)

    @cached_property
    def different(self) -> Vocabulary:
        """The different words of each document."""
        return different_words.find(self.words)

    @cached_property
    def listed(self) -> Columns:
        """Words that stand in one of the lists of `lexicon`."""
        return columns(lexicon.COUNTS, lexicon.count(self.words, self.different))

    @cached_property
    def repeated(self) -> Repetition:
        """The repetition of n-grams."""
        return ngrams.count(self.words.offsets, self.words.characters, self.different)


class Chunk:
    """A chunk of text with its tables.

    ``words`` and ``sentences`` stand for spaCy's if they are given (`words.from_spans`).
    """

    def __init__(
        self, text: Text, words: Words | None = None, sentences: Sentences | None = None
    ) -> None:
        self.text = text
        self._given_words = words
        self._given_sentences = sentences

    @cached_property
    def classes(self) -> np.ndarray:
        """The class of each byte."""
        return classify(self.text.buffer)

    @cached_property
    def own(self) -> WordCounts:
        """Our own words."""
        return WordCounts(split(self.text, self.classes))

    @cached_property
    def lines(self) -> Lines:
        """What stands between newlines."""
        return line_finder.find(self.text, self.classes, self.own.words)

    @cached_property
    def symbols(self) -> Columns:
        """Characters of several sorts."""
        return columns(line_finder.COUNTS, self.lines.counts)

    @cached_property
    def looks(self) -> Looks:
        """How those lines look."""
        return Looks(self.text, self.classes, self.lines)

    @cached_property
    def phrases(self) -> np.ndarray:
        """Which of C4's phrases each of those lines holds."""
        return c4.phrases(self.text, self.lines)

    @cached_property
    def left(self) -> Columns:
        """What C4 would leave of those lines."""
        found = sentence_finder.find(self.text, self.classes, self.own.words)
        starts = sentence_finder.count(found, self.lines.begins, self.lines.ends)
        return columns(c4.COUNTS, c4.count(self.lines, self.looks.endings, self.phrases, starts))

    @cached_property
    def dclm(self) -> Columns:
        """What DCLM's rules of Gopher quality count."""
        return columns(dclm.COUNTS, dclm.count(self.text, self.lines))

    @cached_property
    def unicode(self) -> WordCounts:
        """The words of DCLM's rules on repetition."""
        from midtrain_dagster.curation.text import unicode_words

        return WordCounts(unicode_words.split(self.text, self.classes))

    @cached_property
    def segments(self) -> Columns:
        """The repetition of lines and paragraphs."""
        return columns(segments.COUNTS, segments.count(self.text, self.lines))

    @cached_property
    def _has_other_breaks(self) -> bool:
        return line_finder.has_other_breaks(self.text)

    @cached_property
    def datatrove_lines(self) -> Lines:
        """What stands between any of Python's line breaks."""
        if not self._has_other_breaks:
            return self.lines
        return line_finder.find(self.text, self.classes, self.own.words, every=True)

    @cached_property
    def datatrove_looks(self) -> Looks:
        """How those lines look."""
        if not self._has_other_breaks:
            return self.looks
        return Looks(self.text, self.classes, self.datatrove_lines)

    @cached_property
    def datatrove(self) -> WordCounts:
        """spaCy's words."""
        if self._given_words is not None:
            return WordCounts(self._given_words)
        from midtrain_dagster.curation.text import spacy_words

        return WordCounts(spacy_words.split(self.text, self.classes))

    @cached_property
    def citations(self) -> Citations:
        """The citations of datatrove's lines."""
        return citation_finder.find(self.text, self.datatrove_lines)

    @cached_property
    def uncited(self) -> tuple[np.ndarray, Text]:
        """Those of datatrove's lines that hold citations, and each without them."""
        return citation_finder.without(self.text, self.datatrove_lines, self.citations)

    @cached_property
    def _datatrove_ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Which of C4's phrases each of datatrove's lines holds, and whether it ends in terminal
        punctuation, without its citations."""
        lines = self.datatrove_lines
        phrases = c4.phrases(self.text, lines) if self._has_other_breaks else self.phrases.copy()
        terminal = c4.terminal(self.text, lines)
        numbers, uncited = self.uncited
        phrases[numbers], terminal[numbers] = c4.without_citations(uncited)
        return phrases, terminal

    @cached_property
    def datatrove_left(self) -> Columns:
        """What datatrove's C4 filter would leave."""
        lines = self.datatrove_lines
        if self._given_sentences is not None:
            starts = sentence_finder.count(self._given_sentences, lines.begins, lines.ends)
        else:
            from midtrain_dagster.curation.text import spacy_sentences

            starts = spacy_sentences.count(self.text, self.datatrove.words, lines, self.uncited)
        counts = c4.count_as_datatrove(lines, *self._datatrove_ends, starts)
        return columns(c4.DATATROVE_COUNTS, counts)

    @cached_property
    def _kept_by_c4(self) -> np.ndarray:
        """Which of datatrove's lines stay."""
        return c4_cut.stays(self.datatrove_lines, self._datatrove_ends[0])

    @cached_property
    def c4_cut(self) -> Cut:
        """What C4 cuts in FineWeb's use."""
        lines, kept = self.datatrove_lines, self._kept_by_c4
        return c4_cut.find(self.text, self.classes, lines, kept, self.citations)

    @cached_property
    def after_c4(self) -> "Chunk":
        """The same documents as that leaves them."""
        return Chunk(c4_cut.left(self.text, self.c4_cut))

    @cached_property
    def datatrove_words_after_c4(self) -> np.ndarray:
        """spaCy's words in what it leaves. They end at white space, so those of a line that stays
        are the ones that it had; only lines with citations are split once more."""
        from midtrain_dagster.curation.text import spacy_words

        lines, words = self.datatrove_lines, self.datatrove.words
        starts = Sentences(words.offsets, words.starts)
        counts = sentence_finder.count(starts, lines.starts, lines.stops)
        numbers, uncited = self.uncited
        if numbers.size:
            counts[numbers] = np.diff(spacy_words.split(uncited).offsets)
        return total(counts * self._kept_by_c4, lines.offsets)


def columns(names: tuple[str, ...], counts: np.ndarray) -> Columns:
    """The columns of a table of counts by name."""
    return dict(zip(names, counts.T, strict=True))


def total(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The sum of each document's values."""
    return _total(values, offsets)


@jit
def _total(values, offsets):  # type: ignore[no-untyped-def]
    totals = np.zeros(offsets.size - 1, np.int64)
    for document in range(totals.size):
        for value in values[offsets[document] : offsets[document + 1]]:
            totals[document] += value
    return totals
