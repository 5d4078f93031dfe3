"""A request in other words, by a model, believed where it still says what is to be called.

The request is written by rule and right; a model may only make it sound like a person. It is
believed where every value stands there as before, no number is new, and nothing stands around it.
"""

import re
from collections.abc import Sequence
from typing import Any

from midtrain_dagster.synthesis import fidelity
from midtrain_dagster.synthesis.tools import meaning
from midtrain_dagster.synthesis.tools.meaning import numbers_in, says_all

VERSION = 1
USES = (fidelity, meaning)

SEQUENCE = 4
"""Words in a row that stand in a worked example and not in the request: a small model goes on with
what it was shown, and would ask for what nobody calls."""

_QUOTED = re.compile(r'"[^"\n]{1,400}"')

STOP = ("\n",)
LONGEST = 3.0  # characters of a rephrasing for each of the request
SHORTEST = 0.4

INSTRUCTION = "Each request is said again as a person would write it, with every value as it is."

WORKED_EXAMPLES = (
    (
        "Give me the binomial coefficient of n and k, where n is 9 and k is 4.",
        "I have n = 9 and k = 4. What's their binomial coefficient?",
    ),
    (
        'Text is "ocean & paper". Convert the text to capitals.',
        'Can you put "ocean & paper" in capitals for me, please?',
    ),
    (
        "(1) Given that data is [4, 8, 1.5], give me the mean of the data. (2) Decode the text, "
        'where s is "YQ==".',
        'What is the mean of [4, 8, 1.5]? And what do you get when you decode "YQ=="?',
    ),
)


def prompt(request: str) -> str:
    """The worked examples, and the request on one line."""
    worked = [f"Request: {one}\nIn other words: {other}" for one, other in WORKED_EXAMPLES]
    return "\n\n".join([INSTRUCTION, *worked, f"Request: {request}\nIn other words:"])


def rephrased(completion: str, request: str, arguments: Sequence[Any]) -> str | None:
    """A request in other words; none: it is cut, says something else, or says no more what is to be
    called."""
    said = completion.strip().partition("\n")[0].strip()
    fits = (
        SHORTEST * len(request) <= len(said) <= LONGEST * len(request)
        and said.endswith((".", "?", "!", '"', "]"))
        and said != request
        and not fidelity.remark(said)
        and not _of_examples(said, request)
        and all(each in request for each in _QUOTED.findall(said))
        and says_all(arguments, said)
        and numbers_in(said) <= numbers_in(request)
    )
    return said if fits else None


def _of_examples(said: str, request: str) -> bool:
    """Whether a rephrasing goes on with a worked example."""
    shown = {each for _, other in WORKED_EXAMPLES for each in _sequences(other)}
    return bool((shown & _sequences(said)) - _sequences(request))


def _sequences(text: str) -> set[tuple[str, ...]]:
    words = fidelity.words_of(text)
    return set(zip(*(words[at:] for at in range(SEQUENCE)), strict=False))
