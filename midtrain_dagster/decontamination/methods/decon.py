"""decon of AI2, by which OLMo 3's training data were cleaned: sampled n-grams that grow over gaps.

Source: the tool's description "SIMPLE" (allenai/decon, doc/simple.md and doc/simple-details.md) and
its published defaults. Every ``sample_every``-th 5-gram of a document is looked up; a hit grows to
both sides until 11 words in a row start no n-gram of the question (`ngram_sets.grown`). The overlap
is the share of the question's **set** of n-grams that the passage holds, weighed by inverse
document frequency. The answer and the passage are then looked for nearby, and the three overlaps
are added by weights (`weights`). A score of 1 is needed of items of up to ``exact_until`` words,
``threshold`` from ``relaxed_from`` on, and what lies between them in between (`required`).

At its defaults a question that stands without its answer weighs .75, under the threshold of .8, so
it is never found: decon wants the answer. ``answers: false`` scores questions alone.

What differs from the tool: it counts tokens of cl100k where we count words (about 1.3 tokens of
English), and an n-gram that many items share starts no passage here (`templates`), where decon
looks at each word after such a "hot" one; both weigh next to nothing by their frequency.
"""

from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import Field, model_validator

from midtrain_dagster.decontamination.method import Found, Method, guilty_of

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from midtrain_dagster.decontamination.ngram import Seeds
    from midtrain_dagster.decontamination.ngram_sets import NgramSets, Passages
    from midtrain_dagster.decontamination.searched import Searched
    from midtrain_dagster.decontamination.words import Words

VERSION = 1

LENGTH_AT_FULL_CONFIDENCE = 20
"""Distinct n-grams from which a question has all of its weight; half of it at none."""

WEIGHTS = {
    (True, True): (0.7, 0.2, 0.1),
    (True, False): (0.75, 0.25, 0.0),
    (False, True): (0.85, 0.0, 0.15),
    (False, False): (1.0, 0.0, 0.0),
}
"""Question, answer and passage, by whether an item has (an answer, a passage)."""

ANSWER_WINDOW = 100
"""Words on each side of the question in which a long answer is looked for, or twice its length."""

_EXACT = 1e-9


class Config(Method):
    """Sampled n-grams grown over gaps, weighed by rarity, as in AI2's decon."""

    method: Literal["decon"] = "decon"
    ngram: int = Field(5, ge=2, description="words of an n-gram of questions")
    sample_every: int = Field(10, ge=1, description="words from one n-gram looked up to the next")
    misses: int = Field(11, ge=1, description="words in a row without an n-gram that end a passage")
    threshold: float = Field(0.8, gt=0, le=1, description="score that convicts a long item")
    exact_until: int = Field(20, ge=1, description="words up to which an item must be there whole")
    relaxed_from: int = Field(50, ge=1, description="words from which the threshold holds")
    shortest: int = Field(20, ge=2, description="words of the shortest item that is searched")
    unique_words: int = Field(4, ge=1, description="different words that an item must have")
    answers: bool = Field(True, description="whether the answer must be near the question")
    short_answer: int = Field(3, ge=1, description="words up to which an answer must stand exactly")
    short_answer_window: int = Field(50, ge=1, description="words from the question to such a one")
    answer_ngram: int = Field(3, ge=1, description="words of an n-gram of longer answers")
    passage_ngram: int = Field(4, ge=1, description="words of an n-gram of passages")
    passage_distance: int = Field(100, ge=1, description="words from the question to its passage")

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "Config":
        if self.relaxed_from < self.exact_until:
            raise ValueError(
                f"relaxed_from ({self.relaxed_from}) must not be under exact_until "
                f"({self.exact_until})"
            )
        if self.shortest < self.ngram:
            raise ValueError(f"shortest ({self.shortest}) must not be under ngram ({self.ngram})")
        return self

    def searched(self, items: "pl.DataFrame") -> "Searched":
        """As `Method` says: questions, by the length of all that is scored of the item."""
        from midtrain_dagster.decontamination.searched import searched_questions

        return searched_questions(
            items,
            ngram=self.ngram,
            shortest=self.shortest,
            unique_words=self.unique_words,
            answers=self.answers,
        )

    def index(self, searched: "Searched") -> "Index":
        """As `Method` says."""
        return index_of(searched, self)

    def find(self, documents: "Words", searched: "Searched", index: "Index") -> Found:
        """Passages whose score reaches what the item's length asks for."""
        return found(documents, searched, index, self)


class Index(NamedTuple):
    """What of the items is looked up. Answers and passages are by question, one entry each."""

    seeds: "Seeds"
    questions: "NgramSets"
    answers: "NgramSets"
    passages: "NgramSets"
    words: "NDArray[np.int64]"
    """By question, its own words, its answer's and its passage's (3 rows)."""
    short_answers: "NDArray[np.uint64]"
    """The hash of all words of an answer of at most ``short_answer`` words, else 0."""


def index_of(searched: "Searched", config: Config) -> Index:
    """The n-grams of questions, and of what belongs to them."""
    import numpy as np

    from midtrain_dagster.decontamination.ngram_sets import ngram_sets
    from midtrain_dagster.decontamination.templates import window_hashes
    from midtrain_dagster.decontamination.words import read_words

    answers = read_words(searched.texts["answer"])
    passages = read_words(searched.texts["passage"])
    lengths = np.stack([np.diff(each.first) for each in (searched.words, answers, passages)])
    short = np.zeros(searched.texts.height, np.uint64)
    for size in range(1, config.short_answer + 1):
        mine = np.flatnonzero(lengths[1] == size)
        short[mine] = window_hashes(answers.hashes, answers.first[mine], size)
    return Index(
        searched.seeds(config.ngram),
        ngram_sets(searched.words, config.ngram, searched.item),
        ngram_sets(answers, config.answer_ngram, searched.item),
        ngram_sets(passages, config.passage_ngram, searched.item),
        lengths,
        short,
    )


def found(documents: "Words", searched: "Searched", index: Index, config: Config) -> Found:
    """As `Config.find` says."""
    import numpy as np

    from midtrain_dagster.decontamination.ngram import match_ngrams
    from midtrain_dagster.decontamination.ngram_sets import grown, rolled

    matches = match_ngrams(documents, searched.words, index.seeds)
    in_document = matches[2] - documents.first[matches[0]]
    sampled = matches[:3, in_document % config.sample_every == 0]
    seeds = sampled[:, np.lexsort((sampled[2], sampled[1], sampled[0]))]
    hashes = rolled(documents, config.ngram)
    passages = grown(documents, hashes, index.questions, seeds, config.misses)
    score = scores(documents, passages, index, config)
    needed = required(index.words.sum(axis=0)[passages.variant], config)
    guilty = np.flatnonzero(score >= needed - _EXACT)
    return guilty_of(passages, guilty, score=score, common=passages.ngrams)


def required(words: "NDArray[np.int64]", config: Config) -> "NDArray[np.float64]":
    """The score that an item of so many words must reach: 1, relaxing to the threshold."""
    import numpy as np

    span = max(1, config.relaxed_from - config.exact_until)
    relaxed = np.clip((words - config.exact_until) / span, 0, 1)
    return 1 - (1 - config.threshold) * relaxed


def weights(ngrams: int, *, has_answer: bool, has_passage: bool) -> tuple[float, float, float]:
    """Of question, answer and passage; a question of few n-grams gives weight to the others."""
    question, answer, passage = WEIGHTS[has_answer, has_passage]
    if not has_answer and not has_passage:
        return question, answer, passage
    confidence = 0.5 + 0.5 * min(1.0, ngrams / LENGTH_AT_FULL_CONFIDENCE)
    given = question * (1 - confidence)
    rest = answer + passage
    return (
        question * confidence,
        answer + given * answer / rest,
        passage + given * passage / rest,
    )


def scores(
    documents: "Words", passages: "Passages", index: Index, config: Config
) -> "NDArray[np.float64]":
    """The overlaps of question, answer and passage, added by their weights."""
    import numpy as np

    variant = passages.variant
    if not len(variant):
        return np.zeros(0)
    length = index.words[:, variant]
    distinct = np.diff(index.questions.first)[variant]
    shares = np.array(
        [
            weights(int(count), has_answer=bool(answer), has_passage=bool(passage))
            for count, answer, passage in zip(distinct, length[1], length[2], strict=True)
        ]
    ).T
    answer = _nearby(documents, passages, index.answers, _answer_windows(length[1], config))
    exact = _short_answers(documents, passages, index, config)
    answer = np.where(length[1] <= config.short_answer, exact, answer)
    reach = np.full(len(variant), config.passage_distance) + length[2]
    passage = _nearby(documents, passages, index.passages, reach)
    parts: np.ndarray = shares[0] * passages.overlap + shares[1] * answer + shares[2] * passage
    return parts


def _answer_windows(length: "NDArray[np.int64]", config: Config) -> "NDArray[np.int64]":
    import numpy as np

    return np.maximum(ANSWER_WINDOW, 2 * length)


def _sides(
    documents: "Words", passages: "Passages", reach: "NDArray[np.int64]", size: int
) -> "tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]":
    """Words in which an n-gram before the question may begin, and those of one after it."""
    import numpy as np

    begin = documents.first[passages.document]
    end = documents.first[passages.document + 1]
    before = np.maximum(begin, passages.first_word - reach), passages.first_word - size + 1
    after = passages.last_word + 1, np.minimum(end, passages.last_word + 1 + reach) - size + 1
    return before, after


def _nearby(
    documents: "Words", passages: "Passages", sets: "NgramSets", reach: "NDArray[np.int64]"
) -> "NDArray[np.float64]":
    """The better of what stands before the question and behind it."""
    import numpy as np

    from midtrain_dagster.decontamination.ngram_sets import overlaps, rolled

    if not len(sets.hashes):
        return np.zeros(len(passages.variant))
    hashes = rolled(documents, sets.size)
    sides = _sides(documents, passages, reach, sets.size)
    both = [overlaps(hashes, sets, passages.variant, starts, stops) for starts, stops in sides]
    return np.maximum(*both)


def _short_answers(
    documents: "Words", passages: "Passages", index: Index, config: Config
) -> "NDArray[np.float64]":
    """1 where a short answer stands exactly near its question, else 0."""
    import numpy as np

    from midtrain_dagster.decontamination.ngram_sets import rolled

    result = np.zeros(len(passages.variant))
    length = index.words[1][passages.variant]
    reach = np.full(len(length), config.short_answer_window)
    for size in range(1, config.short_answer + 1):
        mine = np.flatnonzero(length == size)
        if not mine.size:
            continue
        hashes = rolled(documents, size)
        wanted = index.short_answers[passages.variant]
        sides = _sides(documents, passages, reach, size)
        for starts, stops in sides:
            for row in mine:
                if (hashes[starts[row] : max(starts[row], stops[row])] == wanted[row]).any():
                    result[row] = 1.0
    return result
