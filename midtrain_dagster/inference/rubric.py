"""A rubric by which a text generator scores a text: one criterion at a time, a number for each.

Each criterion is asked for by itself, so that what a judge thinks of one does not colour the next,
and an answer is one number (Kim et al. 2024, Prometheus, arXiv 2310.08491, score by one described
criterion a time). Trade-off: as many requests as criteria.

Prompts are completions with worked examples, which a small model can follow and an endpoint answers
as well. What cannot be read is null, and never a score.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

VERSION = 2


class Rubric(NamedTuple):
    """What texts are scored by."""

    criteria: Sequence[str]
    """Each a statement that holds of a good text: ``the steps follow from one another``."""
    scale: int = 5
    """The best score; the worst is 1."""


_SCORED = (
    (
        "Water boils at 100 degrees Celsius at sea level. On a high mountain the air presses less, "
        "so it boils at a lower temperature.",
        "the text explains why something is so",
        1.0,
    ),
    (
        "CLICK HERE for best price!!! shoes shoes shoes, free shipping. Log in to read more.",
        "the text is written in whole and clear sentences",
        0.0,
    ),
    (
        "The bridge is 2,460 m long and it is red. It was opened by somebody, in 1890 or so.",
        "the facts in the text are exact",
        0.5,
    ),
)
"""A text, a criterion, and where on the scale it lies, from 0 to 1."""

_NUMBER = r"(\d{1,3}(?:\.\d{1,3})?)(?![\d.]*\d)"
_NO_RANGE = r"(?!\s{0,3}(?:-|\u2013|to\b|or\b)\s{0,3}\d)"
_OUT_OF = r"(?:\s{0,3}(?:/|out of)\s{0,3}(\d{1,3}))?"
_SCORE = re.compile(rf"[\s*_\"'(\[]{{0,8}}{_NUMBER}{_NO_RANGE}{_OUT_OF}")
_LABELLED = re.compile(
    rf"(?i)\b(?:score|rating|verdict)\b[\s*_:=\"'(\[]{{0,8}}(?:is\s{{1,3}})?{_NUMBER}{_NO_RANGE}{_OUT_OF}"
)
_ALONE = re.compile(r"[^\w\n]{0,8}(?:\n|\Z)")
"""What may stand behind a number on the line that it is."""


def rubric_prompt(text: str, criterion: str, scale: int) -> str:
    """Three worked examples, then the text and the criterion, each on one line."""
    worked = [
        f"Text: {each}\nCriterion: {statement}\nScore: {1 + round(place * (scale - 1))}"
        for each, statement, place in _SCORED
    ]
    told = (
        f"Each text is scored by one criterion, with a whole number from 1 (it does not hold at "
        f"all) to {scale} (it holds fully)."
    )
    case = f"Text: {on_one_line(text)}\nCriterion: {on_one_line(criterion)}\nScore:"
    return "\n\n".join([told, *worked, case])


def parse_score(completion: str, scale: int) -> float | None:
    """The score that a completion gives: the number that its first line is; else the last that it
    calls a score ("1. The facts are right. Score: 4"); else the number it begins with. What stands
    behind a text that the judge went on to make up does not count. None for another scale ("4/10"),
    a range ("3-4"), a number beyond the scale, or none."""
    own = completion.partition("\nText:")[0]
    found = _SCORE.match(own)
    if found is None or not _ALONE.match(own, found.end()):
        found = next(iter([*_LABELLED.finditer(own)][-1:]), found)
    if found is None or (found[2] is not None and int(found[2]) != scale):
        return None
    score = float(found[1])
    return score if 1 <= score <= scale else None


def on_one_line(text: str) -> str:
    """A text without breaks of lines, which prompts go by."""
    return " ".join(text.split())
