"""The worked exercises of prompts: small models need examples, and large ones keep their form.

Each has what methods ask about in turn: a snippet, its concepts, a problem, a solution, tests.
"""

from typing import NamedTuple

VERSION = 1


class Worked(NamedTuple):
    """An exercise of a prompt."""

    snippet: str
    concepts: str
    problem: str
    solution: str
    tests: str


WORKED_EXAMPLES = (
    Worked(
        "def clamp(value, low, high):\n    return max(low, min(value, high))",
        "bounds of a range, minimum and maximum, list comprehensions",
        "Write a function `clip_all(numbers, low, high)` that returns a new list in which every "
        "number below `low` is replaced by `low`, and every number above `high` by `high`.",
        "def clip_all(numbers, low, high):\n"
        "    return [max(low, min(number, high)) for number in numbers]",
        "assert clip_all([1, 5, 9], 2, 8) == [2, 5, 8]\nassert clip_all([], 0, 1) == []",
    ),
    Worked(
        'for line in stream:\n    key, _, value = line.partition("=")\n'
        "    settings[key.strip()] = value.strip()",
        "splitting of strings, dictionaries, white space",
        "Write a function `parse_settings(text)` that reads lines of the form `key = value` and "
        "returns them as a dictionary. Empty lines are skipped.",
        "def parse_settings(text):\n    settings = {}\n    for line in text.splitlines():\n"
        '        if line.strip():\n            key, _, value = line.partition("=")\n'
        "            settings[key.strip()] = value.strip()\n    return settings",
        'assert parse_settings("a = 1\\n\\nb=2") == {"a": "1", "b": "2"}\n'
        'assert parse_settings("") == {}',
    ),
    Worked(
        "words = sorted(set(text.split()))",
        "words of a text, comparison of lengths, ties",
        "Write a function `longest_word(text)` that returns the longest word of a text, and the "
        "first of them where several are as long. Without words it returns an empty string.",
        'def longest_word(text):\n    longest = ""\n    for word in text.split():\n'
        "        if len(word) > len(longest):\n            longest = word\n    return longest",
        'assert longest_word("one three seven") == "three"\nassert longest_word("") == ""',
    ),
)

KNOWN = [text for each in WORKED_EXAMPLES for text in (each.problem, each.solution)]


def answered(worked: Worked) -> str:
    """A problem with its solution and tests, as an answer has them."""
    return (
        f"{worked.problem}\nSolution:\n```python\n{worked.solution}\n```\n"
        f"Tests:\n```python\n{worked.tests}\n```"
    )
