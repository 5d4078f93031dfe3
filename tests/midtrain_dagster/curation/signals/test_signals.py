"""The signals in our reading against plain Python over strings, written from the docstrings of the
room; `test_measure` holds the readings of datatrove against datatrove itself."""

import re
from collections import Counter
from hashlib import sha256
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.signals import signals as module
from midtrain_dagster.curation.signals.c4 import POLICY_PHRASES
from midtrain_dagster.curation.signals.lexicon import STOP_WORDS
from midtrain_dagster.curation.signals.signals import ALWAYS, SIGNALS, VERSION, revisions, signals
from midtrain_dagster.curation.text import spacy_words
from midtrain_dagster.curation.text.characters import (
    APOSTROPHE,
    CLOSING,
    LETTER,
    MARK,
    NUMBER,
    SPACE,
    SPACELESS,
    STOP,
    WIDE_STOP,
    class_of,
)

PIECES = st.sampled_from(
    [
        *("the cat sat on the mat", "the cat", "Use cookies", "JavaScript", "lorem IPSUM", "of"),
        *("privacy policy", "don't", "J. R.", "Is it? ", 'He said "no."', "...", "…", ". ", "!"),
        *(
            "#",
            "{",
            "- ",
            "• ",
            "\n",
            "\n\n",
            " ",
            "\t",
            "12",
            "é",
            "中文。",
            "\u00a0",
            "(x.) ",
            "”",
        ),
        *("a" * 1001, "\n \n", "\r\n", "\u2019"),
    ]
)
TEXT = st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=60)


def strip(line: str) -> str:
    kinds = [class_of(character) != SPACE for character in line]
    if not any(kinds):
        return ""
    return line[kinds.index(True) : len(line) - kinds[::-1].index(True)]


def spans_of_words(text: str) -> list[tuple[int, int]]:
    """Where words lie, by a regular expression over the classes of the characters."""
    letters = {LETTER: "L", NUMBER: "N", SPACELESS: "S", MARK: "M", APOSTROPHE: "A"}
    classes = "".join(letters.get(class_of(character), "-") for character in text)
    return [
        found.span()
        for found in re.finditer(r"SM*|[LN](?:[LNM]|(?<=L)A(?=L)|(?<=M)A(?=L))*", classes)
    ]


def words_of(text: str) -> list[str]:
    return [text[start:stop] for start, stop in spans_of_words(text)]


def sentences_of(line: str) -> int:
    spans = spans_of_words(line)
    count = 1 if spans else 0
    for (start, stop), (following, _) in pairwise(spans):
        gap = line[stop:following]
        if stop - start == 1 and class_of(line[start]) in (LETTER,) and gap.startswith("."):
            gap = gap[1:]
        names = {STOP: "s", WIDE_STOP: "w", CLOSING: "c", APOSTROPHE: "c", SPACE: " "}
        broken = any(character in "\v\f\r\x1c\x1d\x1e\x85\u2028\u2029" for character in gap)
        classes = "".join(names.get(class_of(character), "-") for character in gap)
        count += broken or bool(re.search(r"w|sc*[sc]* ", classes))
    return count


def lines_of(text: str) -> list[str]:
    return [line for line in map(strip, text.split("\n")) if line]


def paragraphs_of(text: str) -> list[str]:
    joined = "\n".join(strip(line) for line in text.split("\n"))
    return [
        paragraph.strip("\n") for paragraph in re.split(r"\n{2,}", joined) if paragraph.strip("\n")
    ]


def duplicates(elements: list[str]) -> tuple[int, int]:
    repeated = Counter(elements)
    return (
        sum(often - 1 for often in repeated.values()),
        sum((often - 1) * len(element) for element, often in repeated.items()),
    )


def top(words: list[str], n: int) -> int:
    counted = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    often, length = max(
        ((often, len(" ".join(ngram))) for ngram, often in counted.items() if often > 1),
        default=(0, 0),
    )
    return often * length


def duplicated(words: list[str], n: int) -> int:
    seen, repeated, index = set(), 0, 0
    while index < len(words) - n + 1:
        ngram = tuple(words[index : index + n])
        repeated += sum(map(len, ngram)) * (ngram in seen)
        index += n if ngram in seen else 1
        seen.add(ngram)
    return repeated


def naive_signals(text: str) -> dict[str, float]:
    words, lines, paragraphs = words_of(text), lines_of(text), paragraphs_of(text)
    lowered = [re.sub("[A-Z]", lambda found: found[0].lower(), line) for line in lines]
    classes = [class_of(character) for character in text]
    runs = "".join(" " if kind in (SPACE, SPACELESS) else "x" for kind in classes).split()
    javascript = ["javascript" in line for line in lowered]
    policy = [any(phrase in line for phrase in POLICY_PHRASES) for line in lowered]
    ellipsis = [line.endswith(("...", "…")) for line in lines]
    punctuated = [
        line.endswith((".", "!", "?", '"', "'", "…", "\u201d", "\u2019", "。", "\uff01", "\uff1f"))
        for line in lines
    ]
    left = [
        (len(words_of(line)), sentences_of(line), ends and not dots)
        for line, ends, dots, code, rule in zip(
            lines, punctuated, ellipsis, javascript, policy, strict=True
        )
        if not code and not rule
    ]
    stop_words = [
        w for w in (re.sub("[A-Z]", lambda f: f[0].lower(), w) for w in words) if w in STOP_WORDS
    ]
    duplicate_lines, duplicate_line_characters = duplicates(lines)
    duplicate_paragraphs, duplicate_paragraph_characters = duplicates(paragraphs)
    newlines = text.count("\n")

    def share(part: float, whole: float) -> float:
        return part / max(whole, 1)

    return {
        "characters": len(text),
        "utf8_bytes": len(text.encode()),
        "word_count": len(words),
        "mean_word_length": share(sum(map(len, words)), len(words)),
        "alpha_word_ratio": share(
            sum(any(class_of(c) in (LETTER, SPACELESS) for c in word) for word in words), len(words)
        ),
        "alphanumeric_ratio": share(
            sum(kind in (LETTER, NUMBER, SPACELESS) for kind in classes), len(text)
        ),
        "stop_words": len(set(stop_words)),
        "stop_word_count": len(stop_words),
        "hash_word_ratio": share(text.count("#"), len(words)),
        "ellipsis_word_ratio": share(text.count("...") + text.count("…"), len(words)),
        "bullet_line_ratio": share(sum(line[0] in "-*•‣▪●◦" for line in lines), len(lines)),
        "ellipsis_line_ratio": share(sum(ellipsis), len(lines)),
        "duplicate_line_ratio": share(duplicate_lines, len(lines)),
        "duplicate_line_char_ratio": share(duplicate_line_characters, len(text)),
        "duplicate_paragraph_ratio": share(duplicate_paragraphs, len(paragraphs)),
        "duplicate_paragraph_char_ratio": share(duplicate_paragraph_characters, len(text)),
        **{f"top_{n}gram_char_ratio": share(top(words, n), len(text)) for n in (2, 3, 4)},
        **{
            f"duplicate_{n}gram_char_ratio": share(duplicated(words, n), len(text))
            for n in range(5, 11)
        },
        "longest_word": max(map(len, runs), default=0),
        "has_curly_bracket": "{" in text,
        "has_lorem_ipsum": any("lorem ipsum" in line for line in lowered),
        "javascript_lines": sum(javascript),
        "policy_lines": sum(policy),
        "lines_with_terminal_punctuation": sum(
            ends and not dots for ends, dots in zip(punctuated, ellipsis, strict=True)
        ),
        "sentence_count": sum(map(sentences_of, lines)),
        "c4_sentences": sum(sentences for count, sentences, _ in left if count >= 3),
        "c4_sentences_terminal": sum(s for count, s, ends in left if count >= 3 and ends),
        "c4_sentences_terminal_of_5": sum(s for count, s, ends in left if count >= 5 and ends),
        "line_punct_ratio": share(sum(punctuated), len(lines)),
        "short_line_ratio": share(sum(len(line) <= 30 for line in lines), len(lines)),
        "char_dup_ratio": share(duplicate_line_characters, len(text) - newlines),
        "newlines_per_word": share(newlines, len(words)),
        "unique_word_ratio": share(len(set(words)), len(words)),
        "line_count": len(lines),
        "longest_line": max(map(len, lines), default=0),
        "mean_line_length": share(sum(map(len, lines)), len(lines)),
    }


def documents(texts: list[str | None]) -> pl.DataFrame:
    ids = [str(number) for number in range(len(texts))]
    return pl.DataFrame({"id": ids, "text": texts}, schema={"id": pl.String, "text": pl.String})


def naive(texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        [{name: float(value) for name, value in naive_signals(text).items()} for text in texts]
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=3))
@example(["é. the cat sat on the mat"])
def test_signals_are_those_of_the_definitions(texts: list[str]) -> None:
    expected = naive(texts)
    table = signals(documents(texts), names=expected.columns)["signals"]
    assert_frame_equal(
        table.select(expected.columns).cast(pl.Float64), expected, abs_tol=1e-6, rel_tol=1e-6
    )
    assert table["error"].null_count() == len(texts)


def test_real_texts_agree_with_the_definitions(
    passages: pl.DataFrame, programs: pl.DataFrame, problems: pl.DataFrame
) -> None:
    texts = [
        *passages["text"].gather_every(10),
        *programs["text"].gather_every(4),
        *problems["text"].gather_every(40),
    ]
    expected = naive(texts)
    table = signals(documents(texts), names=expected.columns)["signals"]
    assert_frame_equal(
        table.select(expected.columns).cast(pl.Float64), expected, abs_tol=1e-6, rel_tol=1e-6
    )


def test_a_null_text_has_nulls_and_an_error_in_its_place() -> None:
    table = signals(documents(["one two", None, "", None, "three"]), names=SIGNALS)["signals"]
    assert table["id"].to_list() == ["0", "1", "2", "3", "4"]
    assert table["word_count"].to_list() == [2, None, 0, None, 1]
    assert table["error"].is_not_null().to_list() == [False, True, False, True, False]
    assert table.select(SIGNALS.names()).schema == SIGNALS


def test_no_documents_give_an_empty_table() -> None:
    table = signals(documents([]), names=SIGNALS)["signals"]
    assert table.height == 0
    assert table.columns == ["id", *SIGNALS, "error"]


def test_only_what_is_asked_for_is_computed(passages: pl.DataFrame, monkeypatch) -> None:
    """Above all not spaCy's words, whose code takes long to compile and half of the time."""
    some = passages.head(20)
    whole = signals(some, names=SIGNALS)["signals"]
    ours = [name for name in SIGNALS if not name.endswith(("_datatrove", "_fineweb", "_after_c4"))]

    def split(*_: object) -> None:
        raise AssertionError("spaCy's words are found")

    monkeypatch.setattr(spacy_words, "split", split)
    assert_frame_equal(signals(some, names=ours)["signals"], whole.select("id", *ours, "error"))
    least = signals(some, names=["word_count"])["signals"]
    assert least.columns == ["id", *ALWAYS, "word_count", "error"]
    with pytest.raises(AssertionError, match="spaCy"):
        signals(some, names=["word_count_datatrove"])
    with pytest.raises(KeyError, match="no signal 'words'"):
        signals(some, names=["words"])


def test_chunks_do_not_change_the_signals(passages: pl.DataFrame, monkeypatch) -> None:
    some = passages.head(40)
    whole = signals(some, names=SIGNALS)["signals"]
    monkeypatch.setattr(module, "CHUNK_BYTES", 700)
    assert_frame_equal(signals(some, names=SIGNALS)["signals"], whole)


def test_golden(passages: pl.DataFrame) -> None:
    table = signals(passages, names=SIGNALS)["signals"]
    digest = sha256(table.write_csv(float_precision=5).encode()).hexdigest()
    assert (VERSION, digest[:16]) == (4, "24f7a52909ba6933")


def test_signals_that_changed_while_others_did_not_have_versions_of_their_own() -> None:
    default = CurationPolicy().signals
    assert revisions(default) == {}
    assert revisions([*default, "word_count_dclm", "c4_sentences_fineweb"]) == {
        "curation.signals.word_count_dclm": 2,
        "curation.signals.c4_sentences_fineweb": 2,
    }


def test_shares_of_listed_words_go_by_the_language_of_each_document() -> None:
    table = documents(["a bad word", None, "ein bad", "bad"])
    spoken = pl.DataFrame({"id": ["3", "2", "1", "0"], "language": ["en", "de", None, "en"]})
    lists = {"toxic": {"en": ("bad",)}}
    names = ["toxic_word_ratio", "word_count"]
    made = signals(table, names=names, language=spoken, word_lists=lists)["signals"]
    assert made["toxic_word_ratio"].to_list() == pytest.approx([1 / 3, None, 0, 1])
    assert made.columns == ["id", *ALWAYS, "word_count", "toxic_word_ratio", "error"]
    with pytest.raises(ValueError, match="languages and word lists"):
        signals(table, names=names)
    with pytest.raises(ValueError, match="lacks 1 of 3 documents, the first is '0'"):
        signals(table, names=names, language=spoken.head(3), word_lists=lists)
