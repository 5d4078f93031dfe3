"""spaCy's rules for English tokens, written down for `midtrain_dagster.curation.spacy_words`.

    PEERS_PYTHON -m benchmarks.spacy_english

Asks spaCy's compiled patterns of every character and its tokeniser of every exception, and writes
``midtrain_dagster/curation/text/spacy_english.json``; then what it makes of some hard strings, into
``tests/midtrain_dagster/curation/fixtures/spacy_tokens.json``. Made with spaCy 3.8.
"""

import json
import random
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import spacy
from spacy.lang.char_classes import (
    ALPHA,
    ALPHA_LOWER,
    ALPHA_UPPER,
    CONCAT_QUOTES,
    LIST_CURRENCY,
    LIST_ICONS,
    LIST_UNITS,
)
from spacy.pipeline.sentencizer import Sentencizer
from spacy.symbols import ORTH
from spacy.tokenizer import Tokenizer

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "midtrain_dagster/curation/text/spacy_english.json"
FIXTURE = ROOT / "tests/midtrain_dagster/curation/fixtures/spacy_tokens.json"
NEUTRAL = "\x01"  # no rule looks at it


def ranges(holds: Callable[[str], object]) -> str:
    """The characters of which something holds, as ranges of code points in hexadecimal."""
    found: list[list[int]] = []
    for point in range(0x110000):
        if 0xD800 <= point < 0xE000 or not holds(chr(point)):
            continue
        if found and found[-1][1] == point - 1:
            found[-1][1] = point
        else:
            found.append([point, point])
    return " ".join(f"{a:X}" if a == b else f"{a:X}-{b:X}" for a, b in found)


def one_of(characters: str) -> Callable[[str], object]:
    """Whether a character is in a class of a regular expression."""
    return re.compile(f"[{characters}]").match


def hard_strings(exceptions: list[str], units: list[str]) -> list[str]:
    """Random joins of what the rules are about: the same ones each time."""
    generator = random.Random(1)
    marks = [
        *".,;:!?()[]{}<>_#*&%$€@/|~^+-='`\u00b4“”\u2018\u2019«»—\u2013…°§©™→",
        "...",
        "..",
        "--",
        "——",
        "……",
    ]
    pieces = ["'s", "n't", "http://", "www.", "US$", "°C.", "8.8.8.8", ".com", "3.14", "a.b", "A.B"]
    words = ["foo", "Bar", "BAZ", "x", "Y", "é", "Ü", "привет", "МИР", "中", "عربي", "²", "\u0301"]
    kinds = [marks, pieces, words, exceptions, units]
    strings = []
    for _ in range(500):
        chosen = generator.choices(kinds, weights=[5, 2, 3, 3, 1], k=generator.randint(2, 7))
        joined = [generator.choice(kind) for kind in chosen]
        strings.append(
            "".join("7" * (kind is units) + each for kind, each in zip(chosen, joined, strict=True))
        )
    return strings


def main() -> None:
    """Write the rules and the fixture."""
    tokenizer = spacy.blank("en").tokenizer
    without = Tokenizer(
        tokenizer.vocab,
        prefix_search=tokenizer.prefix_search,
        suffix_search=tokenizer.suffix_search,
        infix_finditer=tokenizer.infix_finditer,
        url_match=tokenizer.url_match,
    )
    prefix, suffix = tokenizer.find_prefix, tokenizer.find_suffix
    icon = re.compile("|".join(LIST_ICONS)).match
    stops = set(Sentencizer.default_punct_chars)
    classes = {
        "prefix": ranges(lambda c: prefix(c + "5") == 1),
        "suffix": ranges(lambda c: suffix(NEUTRAL + c) == 1),
        "before_final_dot": ranges(lambda c: c != "." and suffix(c + ".") == 1),
        "alpha": ranges(one_of(ALPHA)),
        "lower": ranges(one_of(ALPHA_LOWER)),
        "upper": ranges(one_of(ALPHA_UPPER)),
        "quote": ranges(one_of(CONCAT_QUOTES)),
        "icon": ranges(lambda c: icon(c) or c == "…"),
        "word": ranges(re.compile(r"\w").match),
        "punctuation": ranges(lambda c: unicodedata.category(c).startswith("P")),
        "sentence_stop": ranges(stops.__contains__),
    }
    exceptions = {}
    for chunk, tokens in sorted(tokenizer.rules.items()):
        if chunk.isspace():
            continue
        rule = [token[ORTH] for token in tokens]
        plain = [token.text for token in without(chunk)]
        special = prefix(chunk) or tokenizer.find_infix(chunk) or suffix(chunk)
        exceptions[chunk] = [rule, plain] if special else [rule]
    units = [*LIST_UNITS, *(each.replace("\\", "") for each in LIST_CURRENCY)]
    content = {
        "source": f"spaCy {spacy.__version__}",
        "licence": "MIT, Copyright (C) 2016-2024 ExplosionAI GmbH, 2016 spaCy GmbH, "
        "2015 Matthew Honnibal",
        "classes": classes,
        "after_digit": units,
        "exceptions": exceptions,
    }
    TARGET.write_text(json.dumps(content, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    strings = hard_strings(sorted(exceptions), units)
    cut = [
        [part for token in tokenizer(each) for part in (token.text, token.whitespace_) if part]
        for each in strings
    ]
    FIXTURE.write_text(json.dumps(cut, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
