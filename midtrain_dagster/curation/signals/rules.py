"""The heuristic rules: which signals each one bounds, and where the bounds come from.

A rule keeps a document if every one of its signals lies within its bounds, both ends included; the
first that does not is the reason. The order of the bounds is the order of the reasons.

Where reproductions disagree, each has a rule of its own. Sources: Gopher (Rae et al. 2021, arXiv
2112.11446, A1.1 and table A1); C4 (Raffel et al. 2020, JMLR 21(140), section 2.2); FineWeb (Penedo
et al. 2024, arXiv 2406.17557); DCLM (Li et al. 2024, arXiv 2406.11794) as in its published
pipeline; Codex (Chen et al. 2021, arXiv 2107.03374, section 3.1). The rules named after datatrove
(0.10, defaults) and DCLM, and ``c4_fineweb``, datatrove's C4 filter in FineWeb's use, decide as
those do on the whole text, and ``fineweb_after_c4`` as datatrove's FineWeb filter does on what that
one leaves: `benchmarks.agreement` measures it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

import polars as pl

VERSION = 1

Rule = Literal[
    "gopher_repetition",
    "gopher_repetition_datatrove",
    "gopher_repetition_dclm",
    "gopher_quality",
    "gopher_quality_datatrove",
    "gopher_quality_dclm",
    "c4",
    "c4_datatrove",
    "c4_fineweb",
    "c4_terminal",
    "fineweb",
    "fineweb_datatrove",
    "fineweb_after_c4",
    "source_code",
    "degenerate",
    "sensitive",
    "sexual",
    "toxic",
    "unwanted",
    "gibberish",
]


class Bounds(NamedTuple):
    """The least and greatest value of a signal with which a document is kept; None if unbounded."""

    minimum: float | None
    maximum: float | None


_GOPHER_QUALITY = {
    "word_count": Bounds(50, 100_000),
    "mean_word_length": Bounds(3, 10),
    "hash_word_ratio": Bounds(None, 0.1),
    "ellipsis_word_ratio": Bounds(None, 0.1),
    "bullet_line_ratio": Bounds(None, 0.9),
    "ellipsis_line_ratio": Bounds(None, 0.3),
    "alpha_word_ratio": Bounds(0.8, None),
}

_C4_PAGE = {
    "has_curly_bracket": Bounds(None, 0),
    "has_lorem_ipsum": Bounds(None, 0),
    "longest_word": Bounds(None, 1_000),
}


def _gopher_repetition(reading: str) -> dict[str, Bounds]:
    """Table A1 over one reading's signals."""
    top = zip((2, 3, 4), (0.20, 0.18, 0.16), strict=True)
    duplicate = zip(range(5, 11), (0.15, 0.14, 0.13, 0.12, 0.11, 0.10), strict=True)
    limits = {
        **{f"duplicate_{part}_ratio{reading}": 0.30 for part in ("line", "paragraph")},
        **{f"duplicate_{part}_char_ratio{reading}": 0.20 for part in ("line", "paragraph")},
        **{f"top_{n}gram_char_ratio{reading}": limit for n, limit in top},
        **{f"duplicate_{n}gram_char_ratio{reading}": limit for n, limit in duplicate},
    }
    return {signal: Bounds(None, limit) for signal, limit in limits.items()}


RULES: dict[Rule, dict[str, Bounds]] = {
    "gopher_repetition": _gopher_repetition(""),
    "gopher_repetition_datatrove": {
        "characters": Bounds(1, None),
        **_gopher_repetition("_datatrove"),
    },
    "gopher_repetition_dclm": {"line_count": Bounds(1, None), **_gopher_repetition("_dclm")},
    # The paper asks for two of the stop words, as datatrove did: two different ones.
    "gopher_quality": {**_GOPHER_QUALITY, "stop_words": Bounds(2, None)},
    "gopher_quality_datatrove": {
        "word_count_datatrove": Bounds(50, 100_000),
        "mean_word_length_datatrove": Bounds(3, 10),
        "hash_word_ratio_datatrove": Bounds(None, 0.1),
        "ellipsis_word_ratio_datatrove": Bounds(None, 0.1),
        "bullet_line_ratio_datatrove": Bounds(None, 0.9),
        "ellipsis_line_ratio_datatrove": Bounds(None, 0.3),
        "alpha_word_ratio_datatrove": Bounds(0.8, None),
        "stop_words_datatrove": Bounds(2, None),
    },
    # DCLM takes hashes and ellipses together, and twice the same stop word is enough for it.
    "gopher_quality_dclm": {
        "word_count_dclm": Bounds(50, 100_000),
        "mean_word_length_dclm": Bounds(3, 10),
        "symbol_word_ratio_dclm": Bounds(None, 0.1),
        "bullet_line_ratio_dclm": Bounds(None, 0.9),
        "ellipsis_line_ratio_dclm": Bounds(None, 0.3),
        "alpha_word_ratio_dclm": Bounds(0.8, None),
        "stop_word_count_dclm": Bounds(2, None),
    },
    # As FineWeb uses C4: no terminal punctuation asked of a line, because that alone removes 30% of
    # the tokens.
    "c4": {**_C4_PAGE, "c4_sentences": Bounds(5, None)},
    # datatrove's filter as it comes, with terminal punctuation; then in FineWeb's use.
    "c4_datatrove": {
        "c4_forbidden_lines_datatrove": Bounds(None, 0),
        "c4_sentences_datatrove": Bounds(5, None),
    },
    "c4_fineweb": {
        "c4_forbidden_lines_fineweb": Bounds(None, 0),
        "c4_sentences_fineweb": Bounds(5, None),
    },
    # With terminal punctuation, lines of five words and three sentences: the numbers of C4's code,
    # on our words and sentences.
    "c4_terminal": {**_C4_PAGE, "c4_sentences_terminal_of_5": Bounds(3, None)},
    "fineweb": {
        "line_punct_ratio": Bounds(0.12, None),
        "short_line_ratio": Bounds(None, 0.67),
        "char_dup_ratio": Bounds(None, 0.01),
        "newlines_per_word": Bounds(None, 0.3),
    },
    "fineweb_datatrove": {
        "line_punct_ratio_datatrove": Bounds(0.12, None),
        "short_line_ratio_datatrove": Bounds(None, 0.67),
        "char_dup_ratio_datatrove": Bounds(None, 0.01),
        "newlines_per_word_datatrove": Bounds(None, 0.3),
    },
    "fineweb_after_c4": {
        "line_punct_ratio_after_c4": Bounds(0.12, None),
        "short_line_ratio_after_c4": Bounds(None, 0.67),
        "char_dup_ratio_after_c4": Bounds(None, 0.01),
        "newlines_per_word_after_c4": Bounds(None, 0.3),
    },
    # Codex's limits; the share of letters and digits is RedPajama's and The Stack's.
    "source_code": {
        "longest_line": Bounds(None, 1_000),
        "mean_line_length": Bounds(None, 100),
        "alphanumeric_ratio": Bounds(0.25, None),
    },
    # Ours, for kinds that Gopher's rules were never meant for: only what is broken beyond doubt,
    # such as a generator that repeats itself, encoded data or placeholder text.
    "degenerate": {
        "duplicate_10gram_char_ratio": Bounds(None, 0.5),
        "top_4gram_char_ratio": Bounds(None, 0.5),
        "alphanumeric_ratio": Bounds(0.25, None),
        "longest_word": Bounds(None, 1_000),
        "has_lorem_ipsum": Bounds(None, 0),
    },
    # Ours, with the limits that `profanity` and `letters` name. One word in fifty is obscene in 5
    # of 2,000 passages of web text and Wikipedia, all of them short, and in 1 of 11,715 documents
    # of Debian's documentation; C4 dropped a page for a single such word.
    "sensitive": {"obscene_word_ratio": Bounds(None, 0.02)},
    # The same by the word lists of the document's language (`word_lists`), sexual and toxic words
    # apart; `benchmarks.sensitive` counts what they flag of ordinary, medical and legal text.
    "sexual": {"sexual_word_ratio": Bounds(None, 0.02)},
    "toxic": {"toxic_word_ratio": Bounds(None, 0.02)},
    "unwanted": {"unwanted_word_ratio": Bounds(None, 0.02)},
    # Of 600 characters, it drops all random letters, keyboard mash and base64, and 9 in 10 prose
    # texts with their letters shuffled; none of those 2,000 passages, 0.2% of that documentation
    # (short ones on hardware; the metamath databases), none of 450 German, French and Spanish
    # manual pages.
    "gibberish": {"letter_surprise": Bounds(None, 4.4)},
}

assert tuple(RULES) == get_args(Rule)


def thresholds_of(rules: list[Rule]) -> dict[str, float]:
    """The names under which a policy may override the bounds of ``rules``, with their values.

    A name is ``minimum_SIGNAL`` or ``maximum_SIGNAL``. Two rules that bound the same signal share
    it; the value given is that of the first.
    """
    values: dict[str, float] = {}
    for rule in rules:
        for signal, bounds in RULES[rule].items():
            for name, value in zip(("minimum", "maximum"), bounds, strict=True):
                if value is not None:
                    values.setdefault(f"{name}_{signal}", value)
    return values


class Asked(NamedTuple):
    """A signal that a rule bounds, and the bounds that apply."""

    rule: Rule
    signal: str
    minimum: float | None
    maximum: float | None

    @property
    def reason(self) -> str:
        """What a document is dropped for that violates it."""
        return f"{self.rule}:{self.signal}"


def asked(
    rules: Sequence[Rule], thresholds: Mapping[str, float], without: Collection[str] = ()
) -> list[Asked]:
    """What rules ask, in their order.

    ``thresholds`` override bounds by the names of `thresholds_of`; rules and reasons that are in
    ``without`` are left out.
    """
    return [
        Asked(
            rule,
            signal,
            None if low is None else thresholds.get(f"minimum_{signal}", low),
            None if high is None else thresholds.get(f"maximum_{signal}", high),
        )
        for rule in rules
        for signal, (low, high) in RULES[rule].items()
        if not {rule, f"{rule}:{signal}"} & {*without}
    ]


def violation(asked: Sequence[Asked]) -> pl.Expr:
    """The first bound that a row of signals violates, as ``RULE:SIGNAL``; null if it keeps all.

    A null signal violates. Both sides are compared as Float32, as signals are stored: a ratio of
    3/10 is not above 0.3.
    """
    reasons = []
    for each in asked:
        value, kept = pl.col(each.signal).cast(pl.Float32), pl.lit(True)
        if each.minimum is not None:
            kept &= value >= pl.lit(each.minimum, pl.Float32)
        if each.maximum is not None:
            kept &= value <= pl.lit(each.maximum, pl.Float32)
        reasons.append(pl.when(~kept.fill_null(False)).then(pl.lit(each.reason)))
    return pl.coalesce(*reasons) if reasons else pl.lit(None, pl.String)
