"""DCLM's rules of Gopher (Li et al. 2024, arXiv 2406.11794), restated over strings.

The steps are those of its baseline's recipe from the number of words to repetition, with their
numbers. The words come from outside, so that they are those of the packages that DCLM uses:
``fasttext`` for their number, ``uniseg`` for repetition.
"""

from collections import Counter
from collections.abc import Callable, Sequence

Splitter = Callable[[str], Sequence[str]]

STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}
SYMBOLS = ("#", "...", ". . .", "\u2026")
BULLETS = ("\u25cf", "\u2022", "*", "-")
TOP = {2: 0.20, 3: 0.18, 4: 0.16}
REPEATED = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}


def keeps_quality(text: str, of_fasttext: Splitter) -> bool:
    """Whether the steps of Gopher quality keep a text."""
    count = sum(word[0].isalnum() for word in of_fasttext(text))
    runs = text.split()
    if not 50 <= count <= 100_000 or not runs:
        return False
    lines = segments(text, "\n")
    without_letters = sum(not any(map(str.isalpha, run)) for run in runs)
    return (
        3 <= sum(map(len, runs)) / len(runs) <= 10
        and sum(map(text.count, SYMBOLS)) / len(runs) <= 0.1
        and sum(line.startswith(BULLETS) for line in lines) <= 0.9 * len(lines)
        and sum(line.endswith(SYMBOLS[1:]) for line in lines) <= 0.3 * len(lines)
        and without_letters / len(runs) <= 0.2
        and sum(run.lower() in STOP_WORDS for run in runs) >= 2
    )


def keeps_repetition(text: str, of_uniseg: Splitter) -> bool:
    """Whether the steps of Gopher repetition keep a text."""
    for separator in ("\n", "\n\n"):
        found = segments(text, separator)
        if not found:
            return False
        often = {each: count for each, count in Counter(found).items() if count > 1}
        characters = sum(len(each) * count for each, count in often.items())
        if sum(often.values()) / len(found) > 0.3 or characters / sum(map(len, found)) > 0.2:
            return False
    words = [word for word in of_uniseg(text) if word[0].isalnum()]
    return all(_share(words, n) <= most for n, most in (TOP | REPEATED).items())


def segments(text: str, separator: str) -> list[str]:
    """Lines or paragraphs: stripped, and none that is blank."""
    return [stripped for part in text.split(separator) if (stripped := part.strip())]


def _share(words: Sequence[str], n: int) -> float:
    """Characters in the most frequent n-gram (the longest of several), or in all that recur."""
    grams = [tuple(words[place : place + n]) for place in range(len(words) - n + 1)]
    counts = Counter(grams)
    most = max(counts.values(), default=0)
    if most < 2:
        return 0.0
    if n in TOP:
        inside = most * max(sum(map(len, g)) for g, count in counts.items() if count == most)
    else:
        covered = {p + step for p, g in enumerate(grams) if counts[g] > 1 for step in range(n)}
        inside = sum(len(words[place]) for place in covered)
    return inside / sum(map(len, words))
