import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
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
from midtrain_dagster.curation.text.text_units import Units, lines, paragraphs, sentences

TEXT = st.text(alphabet="aBé1 .?)'\n\t\u3000\u00a0。世\u0301😀", max_size=40)
SOME = st.lists(TEXT, max_size=5)


def texts_of(units: Units, texts: list[str]) -> list[tuple[int, str]]:
    """Each unit's document and text."""
    data = "".join(texts).encode()
    return [
        (document, data[start:stop].decode())
        for document, start, stop in zip(*(column.tolist() for column in units[:3]), strict=True)
    ]


def normalised(text: str) -> str:
    spaced = (" " if class_of(character) == SPACE else character.lower() for character in text)
    return " ".join(part for part in "".join(spaced).split(" ") if part)


def word_count(text: str) -> int:
    count, last = 0, SPACE
    for character in text:
        kind = class_of(character)
        if kind == MARK:
            continue
        count += kind == SPACELESS or (kind in (LETTER, NUMBER) and last not in (LETTER, NUMBER))
        last = kind
    return count


def is_blank(line: str) -> bool:
    return not normalised(line)


def raw_lines(text: str) -> list[str]:
    pieces = text.split("\n")
    return [piece + "\n" for piece in pieces[:-1]] + [piece for piece in pieces[-1:] if piece]


def naive_blocks(text: str, whole_paragraphs: bool) -> list[str]:
    found: list[str] = []
    opens = True
    rest = raw_lines(text)
    while rest and is_blank(rest[0]):
        rest.pop(0)
    while rest:
        block = rest.pop(0)
        while whole_paragraphs and rest and not is_blank(rest[0]):
            block += rest.pop(0)
        blank = ""
        while rest and is_blank(rest[0]):
            blank += rest.pop(0)
        found.append(block + blank if opens else block)
        opens = bool(blank)
    return found


def naive_sentences(text: str) -> list[str]:
    """By the rule as the docstring says it, over characters."""
    found = []
    for line in raw_lines(text):
        sentence, worded, stopped, wide = "", False, False, False
        for character in line:
            kind = class_of(character)
            if (wide and kind not in (CLOSING, WIDE_STOP)) or (stopped and kind == SPACE):
                found.append(sentence)
                sentence, worded, stopped, wide = "", False, False, False
            if not sentence and kind == SPACE:
                continue
            sentence += character
            if kind in (LETTER, NUMBER, SPACELESS):
                worded, stopped = True, False
            elif kind == WIDE_STOP:
                wide = worded
            elif kind == STOP:
                stopped = worded and not ends_with_initial(sentence)
            elif kind not in (CLOSING, APOSTROPHE):
                stopped = False
        found.append(sentence)
    return [strip_end(sentence) for sentence in found if not is_blank(sentence)]


def ends_with_initial(sentence: str) -> bool:
    before, letter = (class_of(character) for character in f"  {sentence}"[-3:-1])
    joined = before in (LETTER, NUMBER, MARK, APOSTROPHE)
    return sentence[-1] == "." and letter == LETTER and not joined


def strip_end(text: str) -> str:
    while class_of(text[-1]) == SPACE:
        text = text[:-1]
    return text


@settings(max_examples=75, deadline=None)
@given(SOME)
def test_lines_and_paragraphs_are_those_of_a_plain_reading(texts: list[str]) -> None:
    text = text_buffer(pl.Series("text", texts, pl.String))
    for split, whole in ((lines, False), (paragraphs, True)):
        expected = [
            (number, block)
            for number, document in enumerate(texts)
            for block in naive_blocks(document, whole)
        ]
        assert texts_of(split(text), texts) == expected


@settings(max_examples=75, deadline=None)
@given(SOME)
def test_sentences_are_those_of_a_plain_reading(texts: list[str]) -> None:
    text = text_buffer(pl.Series("text", texts, pl.String))
    expected = [
        (number, sentence)
        for number, document in enumerate(texts)
        for sentence in naive_sentences(document)
    ]
    assert texts_of(sentences(text), texts) == expected


@settings(max_examples=75, deadline=None)
@given(SOME)
def test_hashes_agree_where_the_normalised_texts_do(texts: list[str]) -> None:
    text = text_buffer(pl.Series("text", texts, pl.String))
    for split in (lines, paragraphs, sentences):
        found = split(text)
        normal = [normalised(unit) for _, unit in texts_of(found, texts)]
        pairs = set(zip(normal, found.hashes.tolist(), strict=True))
        assert len(pairs) == len(set(normal)) == len(set(found.hashes.tolist()))
        assert found.words.tolist() == list(map(word_count, normal))


def test_real_sentences() -> None:
    text = (
        'He met J. R. Tolkien. "Really?" he asked (twice!). 3.14 is pi…\n- A list\n今日は。雨。\n'
    )
    found = texts_of(sentences(text_buffer(pl.Series([text]))), [text])
    assert [sentence for _, sentence in found] == [
        "He met J. R. Tolkien.",
        '"Really?"',
        "he asked (twice!).",
        "3.14 is pi…",
        "- A list",
        "今日は。",
        "雨。",
    ]
    assert sentences(text_buffer(pl.Series([text]))).opens_line.tolist() == [
        True, False, False, False, True, True, False,
    ]  # fmt: skip


def test_a_line_between_empty_ones_takes_the_empty_ones_behind_it() -> None:
    text = "\none\n\n two \nthree\n\n\nfour"
    series = text_buffer(pl.Series([text]))
    assert [unit for _, unit in texts_of(lines(series), [text])] == [
        "one\n\n", " two \n", "three\n", "four",
    ]  # fmt: skip
    assert [unit for _, unit in texts_of(paragraphs(series), [text])] == [
        "one\n\n", " two \nthree\n\n\n", "four",
    ]  # fmt: skip
