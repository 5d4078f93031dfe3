"""Against DCLM's filters restated over strings."""

import re

import polars as pl
from fasttext import FastText
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.dclm_filters import keeps_quality, keeps_repetition
from benchmarks.sequences import mutated
from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.signals.dclm import COUNTS, count
from midtrain_dagster.curation.signals.lexicon import STOP_WORDS
from midtrain_dagster.curation.signals.rules import asked, violation
from midtrain_dagster.curation.signals.signals import signals
from midtrain_dagster.curation.text.characters import classify
from midtrain_dagster.curation.text.lines import find
from midtrain_dagster.curation.text.unicode_words import split as split_as_unicode
from midtrain_dagster.curation.text.words import split

PIECES = [
    *("the", "The", "WITH", "that", "be", "thee", "a", "Z", "é", "1", "²", "漢", "_", "'"),
    *("...", ". . .", ".", " ", ". .", "…", "#", "- ", "• ", "● ", "* ", "‣ ", "\n", "\n\n"),
    *("\t", "\x00", "\x1f", "\u00a0", "\u2003", "\r", "\u200b", "🇩"),
]
TEXT = st.lists(st.sampled_from(PIECES), max_size=20).map("".join) | st.text(max_size=30)


def naive(text: str) -> dict[str, int]:
    of_fasttext = [word for word in re.split("[ \n\r\t\v\f\0]+", text) if word]
    runs = text.split()
    lines = [stripped for line in text.split("\n") if (stripped := line.strip())]
    return {
        "words": sum(word[0].isalnum() for word in of_fasttext),
        "runs": len(runs),
        "run_characters": sum(map(len, runs)),
        "alphabetic_runs": sum(any(map(str.isalpha, run)) for run in runs),
        "stop_runs": sum(run.lower() in STOP_WORDS for run in runs),
        "symbols": sum(text.count(symbol) for symbol in ("#", "...", ". . .", "…")),
        "lines": len(lines),
        "bullet_lines": sum(line.startswith(("●", "•", "*", "-")) for line in lines),
        "ellipsis_lines": sum(line.endswith(("...", ". . .", "…")) for line in lines),
    }


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=3))
@example([". . . . .", ". . .. . .", "....", "... . .", "the\x00the", "\x00The"])
def test_as_dclm_counts(texts: list[str]) -> None:
    text = text_buffer(pl.Series("text", texts, pl.String))
    classes = classify(text.buffer)
    counts = count(text, find(text, classes, split(text, classes)))
    found = [dict(zip(COUNTS, each, strict=True)) for each in counts.tolist()]
    assert found == list(map(naive, texts))


def unicode_words(text: str) -> list[str]:
    """As `unicode_words` finds them, which its own test holds against the rules of Unicode."""
    buffer = text_buffer(pl.Series([text]))
    found = split_as_unicode(buffer, classify(buffer.buffer))
    data = text.encode()
    return [data[a:b].decode() for a, b in zip(found.starts, found.stops, strict=True)]


def test_rules_decide_as_the_restated_filters_on_mutated_texts(passages: pl.DataFrame) -> None:
    joined = ["\n".join(passages["text"][at : at + 3]) for at in range(0, passages.height - 3, 60)]
    plain = pl.DataFrame({"id": [str(at) for at in range(len(joined))], "text": joined})
    texts = mutated(plain.with_columns(source=pl.lit("web")), 150)
    rules = {
        "gopher_quality_dclm": lambda text: keeps_quality(text, FastText.tokenize),
        "gopher_repetition_dclm": lambda text: keeps_repetition(text, unicode_words),
    }
    for rule, keeps in rules.items():
        bounds = asked([rule], {})
        table = signals(texts, names=[each.signal for each in bounds])["signals"]
        ours = table.select(violation(bounds).is_null()).to_series()
        assert ours.to_list() == list(map(keeps, texts["text"])), rule
        assert 5 < ours.sum() < 150
