"""A text that a model wrote, held against the text that it was to keep to.

What can be counted without another model: numbers and names that got lost or were made up, content
words that are still there, word sequences that are only copied, the length, the language, and what
a model says around its answer ("Sure! Here is a paraphrased version:"). ``measure`` counts,
:class:`Bounds` says what may be, and the first bound that is broken is the reason of a reject.

None of it is meaning: a text may keep every number and turn its passage round. ``cosine`` is that
of content words by their counts, no embedding: there is no encoder that every run has, and the mean
of a generator's token vectors says little more than the words do. Names are words with a capital
inside a sentence, so in German all nouns count, and a name that begins a sentence is not looked
for. The language is told by script and by the commonest words of seven languages; curation
identifies that of each accepted document by lid.176 (``curation.language``).

The checks are those that generated corpora are said to need: numbers and names as in factual
consistency by entities (Nan et al. 2021, arXiv 2102.09130), copied sequences as abstractiveness
(Grusky et al. 2018, arXiv 1804.11283), openings and remarks as in Nemotron-CC's filters (Su et al.
2024, arXiv 2412.02595). The bounds are ours.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

VERSION = 2

CONTENT_LETTERS = 4
"""A content word has at least so many letters; a number is none."""
SEQUENCE = 4
"""Words of a sequence that counts as copied."""
TITLE = 0.6
"""A line with a greater share of capital words is a title, and names none."""

Reason = Literal[
    "remark",
    "too_short",
    "too_long",
    "other_language",
    "number_added",
    "numbers_lost",
    "name_added",
    "names_lost",
    "content_lost",
    "copy",
]

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_MARKER = re.compile(r"^[ \t]*(?:[-*#>|]+[ \t]*)?\d{1,3}[.)](?=\s)", re.MULTILINE)
_INSIDE = re.compile(r"(?<=[\w,;:] )[^\W\d_]\w+")
_TO_TWELVE = "zero one two three four five six seven eight nine ten eleven twelve"
_FREELY_SAID = frozenset(("0", "1", "2"))
"""Numbers whose words are said of anything ("one of them")."""
_SPELT = {word: str(number) for number, word in enumerate(_TO_TWELVE.split())}

_SUBJECT = (
    r"(?:version|text|passage|paraphras\w*|rephras\w*|rewri\w*|summar\w*|dialogue|conversation|"
    r"discussion|debate|interview|questions?|answers?|table|faq|tutorial|problem|list|article|"
    r"persona|translation|solution|example|response|information)"
)
_REMARKS = (
    re.compile(
        r"\s*(?:sure|certainly|of course|absolutely|okay|great|no problem)\b\s*[!,.:]", re.I
    ),
    re.compile(
        rf"\s*\W{{0,3}}(?:here(?:'s|\u2019s| is| are)|below (?:is|are)|(?:the following|this) is)\b"
        rf"[^\n:]{{0,80}}?\b{_SUBJECT}\b[^\n:]{{0,80}}:",
        re.I,
    ),
    re.compile(
        r"\s*(?:as an ai\b|i (?:have |'ve |\u2019ve )?(?:rewritten|rephrased|paraphras))", re.I
    ),
)
_CLOSING = re.compile(
    r"(?:i hope (?:this|that|it) helps|let me know if|feel free to (?:ask|let)|"
    r"please note that i\b|is there anything else|"
    r"note: (?:this|the) (?:text|passage|paraphrase|version|response)|"
    r"(?:this|the) (?:paraphrased|rephrased|rewritten) (?:text|version|passage)\b)",
    re.I,
)
_CLOSES_WITHIN = 240  # characters from the end

_COMMON = {
    "de": "der die und das nicht ist ein mit den von",
    "en": "the and of to is was that with for are",
    "es": "el los y las del una por que con es",
    "fr": "le les et des est une dans que pour qui",
    "it": "il di che della una per con sono gli nel",
    "nl": "het een en van de niet dat zijn op met",
    "pt": "o os e do da em uma n\u00e3o para que",
}
_SPOKEN = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_WORDS_JUDGED, _COMMON_SHARE, _AHEAD = 12, 0.08, 1.5


class Fidelity(NamedTuple):
    """How a text stands to its source."""

    length: float
    """Words of the text for each word of the source."""
    recall: float
    """Share of the source's different content words that the text has."""
    cosine: float
    """Of the two texts' content words by their counts."""
    copied: float
    """Share of the text's word sequences that are the source's; 1 for a text without any."""
    numbers: tuple[str, ...]
    """Of the source."""
    numbers_lost: tuple[str, ...]
    numbers_added: tuple[str, ...]
    names: tuple[str, ...]
    """Of the source, in lower case."""
    names_lost: tuple[str, ...]
    names_added: tuple[str, ...]
    other_language: bool
    """Another script, or clearly the common words of another language."""

    @property
    def scores(self) -> dict[str, float]:
        """What a document's metadata says of it."""
        return {
            "content_recall": round(self.recall, 3),
            "content_cosine": round(self.cosine, 3),
            "copied": round(self.copied, 3),
        }


class Bounds(NamedTuple):
    """How far a text may be from its source."""

    length: tuple[float, float] = (0.5, 1.6)
    """Words for each word of the source."""
    recall: float = 0.5
    """Least share of content words kept."""
    copied: float = 0.5
    """Greatest share of word sequences that are the source's."""
    numbers_lost: float = 0.0
    """Greatest share of the source's numbers that may be missing."""
    numbers_added: bool = False
    """Whether there may be others."""
    names_lost: float = 1.0
    """Greatest share of the source's names that may be missing."""
    names_added: bool = False

    def broken(self, found: Fidelity) -> Reason | None:
        """The first bound that a text breaks."""
        checks: dict[Reason, bool] = {
            "too_short": found.length < self.length[0],
            "too_long": found.length > self.length[1],
            "other_language": found.other_language,
            "number_added": not self.numbers_added and bool(found.numbers_added),
            "numbers_lost": len(found.numbers_lost) > self.numbers_lost * len(found.numbers),
            "name_added": not self.names_added and bool(found.names_added),
            "names_lost": len(found.names_lost) > self.names_lost * len(found.names),
            "content_lost": found.recall < self.recall,
            "copy": found.copied > self.copied,
        }
        return next((reason for reason, holds in checks.items() if holds), None)


def measure(text: str, source: str, *, allowed: Iterable[str] = ()) -> Fidelity:
    """Hold a text against its source.

    Args:
        text: what a model wrote, without the marks of its form where those are no words of it.
        source: what it was to keep to.
        allowed: names and numbers that the form brings along (``Professor``).
    """
    words, known = words_of(text), words_of(source)
    free = {word for each in allowed for word in [*words_of(each), *numbers(each)]}
    ours, theirs = numbers(text), numbers(source)
    spelt = {_SPELT[word] for word in words if word in _SPELT}
    told = {_SPELT[word] for word in known if word in _SPELT}
    # A number in words that the source does not have is another one where one of those is lost.
    changed = spelt - _FREELY_SAID if told - spelt - ours else set()
    own_names, names_there = names(text), names(source)
    present, there = set(words), set(known)
    content = {word for word in there if _has_content(word)}
    return Fidelity(
        length=len(words) / max(1, len(known)),
        recall=len(content & present) / len(content) if content else 1.0,
        cosine=cosine(words, known),
        copied=copied(words, known),
        numbers=tuple(sorted(theirs)),
        numbers_lost=tuple(sorted(theirs - ours - spelt)),
        numbers_added=tuple(sorted((ours | changed) - _every_number(source) - told - free)),
        names=tuple(sorted(names_there)),
        names_lost=tuple(sorted(names_there - present)),
        names_added=tuple(sorted(own_names - there - free)),
        other_language=_script(text) != _script(source) or _other(words, known),
    )


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text.lower())


def numbers(text: str) -> set[str]:
    """The different numbers of a text, without separators of thousands; those that number a list
    are none."""
    return _every_number(_MARKER.sub(" ", text))


def _every_number(text: str) -> set[str]:
    """With those that number a list."""
    return set(_NUMBER.findall(_THOUSANDS.sub("", text)))


def names(text: str) -> set[str]:
    """Words with a capital that begin no sentence, in lower case; a title names nobody."""
    found: set[str] = set()
    for line in text.splitlines():
        words = [word for word in _WORD.findall(line) if word[0].isalpha()]
        capital = sum(word[0].isupper() for word in words)
        sentence = len(words) > 1 and line.rstrip().endswith((".", "!", "?"))
        if sentence or capital <= TITLE * len(words):
            found |= {word.lower() for word in _INSIDE.findall(line) if word[0].isupper()}
    return found


def copied(words: list[str], source: list[str], length: int = SEQUENCE) -> float:
    """The share of a text's word sequences that its source has; 1 if it has no sequence."""
    theirs = set(_sequences(source, length))
    ours = _sequences(words, length)
    return sum(each in theirs for each in ours) / len(ours) if ours else 1.0


def cosine(words: list[str], source: list[str]) -> float:
    """The cosine of two texts' content words by their counts; 0 where one has none."""
    ours = Counter(word for word in words if _has_content(word))
    theirs = Counter(word for word in source if _has_content(word))
    shared = sum(count * theirs[word] for word, count in ours.items())
    size = math.hypot(*ours.values()) * math.hypot(*theirs.values())
    return shared / size if size else 0.0


def without_opening(text: str, *openings: str) -> str:
    """A text without the line that a style has its answers begin with, whichever is there."""
    stripped = text.lstrip()
    for opening in openings:
        if stripped[: len(opening)].lower() == opening.lower():
            return stripped[len(opening) :].lstrip(" \t:*\n")
    return stripped


def remark(text: str) -> bool:
    """Whether a model speaks to whom it answers, before its answer or after it."""
    end = text[-_CLOSES_WITHIN:]
    return any(each.match(text) for each in _REMARKS) or _CLOSING.search(end) is not None


def _has_content(word: str) -> bool:
    return len(word) >= CONTENT_LETTERS and not word.isdigit()


def _sequences(words: list[str], length: int) -> list[tuple[str, ...]]:
    return list(zip(*(words[at:] for at in range(length)), strict=False))


def _script(text: str) -> str | None:
    """The script of most of a text's first letters."""
    letters = [letter for letter in text[:4000] if letter.isalpha()]
    scripts = Counter(unicodedata.name(letter, "").partition(" ")[0] for letter in letters)
    return scripts.most_common(1)[0][0] if scripts else None


def _other(words: list[str], source: list[str]) -> bool:
    ours, theirs = _language(words), _language(source)
    return ours is not None and theirs is not None and ours != theirs


def _language(words: list[str]) -> str | None:
    """The language whose common words a text clearly has; none: too short, or nobody can tell."""
    if len(words) < _WORDS_JUDGED:
        return None
    shares = sorted(
        (sum(word in common for word in words) / len(words), language)
        for language, common in _SPOKEN.items()
    )
    (second, _), (best, language) = shares[-2:]
    return language if best >= max(_COMMON_SHARE, _AHEAD * second) else None
