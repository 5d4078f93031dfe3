"""One row of a benchmark's file as an item: its question, choices, right choice and answer.

Files write the same in many ways. A key may be a path into nested objects and lists
(``doc.question``, ``turns.0.content``).
Choices are a list of texts, a list of objects of ``text`` and ``label``, an object of a list of
``text`` and one of ``label`` (ARC), or an object of texts by label; each may also stand as JSON in
a text, as CSV has it; or each has a key of its own (``sol1``, ``sol2``), or none, where all items
have the same. The right choice is a label, an index from 0 or 1, a letter from A, or its text,
tried in this order: a text that is an index too is taken for the index. Of choices that all items
share, false is the first and true the second.

The version of what is read so is that of ``benchmark``.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol

_CHOICE = re.compile(r"\n+([A-Z])\. ")
_PROMPT_TAIL = re.compile(r"\n+Answer:\s*\Z")
_FORMS = (
    "not a list of texts, nor one of `text` and one of `label` in an object, a list of such "
    "objects, or texts by label"
)


class BenchmarkError(ValueError):
    """A benchmark cannot be read as declared; the message names it, the file and the row.

    ``key`` is the key of the items that is wrong, where it is one.
    """

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class Keys(Protocol):
    """Which keys of a row hold what (`benchmark.Benchmark`)."""

    @property
    def question(self) -> str:
        """Of the question."""

    @property
    def answer(self) -> str | None:
        """Of the answer's text."""

    @property
    def choices(self) -> str | tuple[str, ...] | None:
        """Of the choices, or of each of them."""

    @property
    def fixed_choices(self) -> tuple[str, ...]:
        """The choices themselves, where all items have the same."""

    @property
    def gold(self) -> str | None:
        """Of the right choice."""

    @property
    def first_gold(self) -> int:
        """The number that stands for the first choice."""

    @property
    def format(self) -> Literal["plain", "lettered_choices"]:
        """Whether the question ends in its choices."""


def found(values: Mapping[str, Any], key: str) -> bool:
    """Whether a row has a key, or the path of keys that it is."""
    return looked_up(values, key) is not None or key in values


def looked_up(values: Mapping[str, Any], key: str) -> Any:
    """What a row has under a key, or a path of keys; none where there is nothing."""
    return values[key] if key in values else _nested(values, key)


def _nested(values: Any, key: str) -> Any:
    for step in key.split("."):
        if isinstance(values, Mapping):
            values = values.get(step)
        elif isinstance(values, list) and step.isdecimal() and int(step) < len(values):
            values = values[int(step)]
        else:
            return None
    return values


class Row(NamedTuple):
    """One row of a file and where it stands, for messages."""

    values: dict[str, Any]
    where: str

    def value(self, key: str) -> Any:
        """The value of a key that must be there."""
        value = looked_up(self.values, key)
        if value is None:
            keys = ", ".join(self.values)
            null = " (it is null)" if key in self.values else ""
            reason = f"{self.where}: no value for the key {key!r}{null}; the keys are {keys}"
            raise BenchmarkError(reason, key)
        return value

    def text(self, key: str) -> str:
        """The value of a key that must be text, or a number as text."""
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            kind = type(value).__name__
            raise BenchmarkError(f"{self.where}: {key!r} holds a {kind}, not a text", key)
        return str(value)

    def texts(self, key: str) -> list[str]:
        """The value of a key that must be text, or a list of texts, none of them empty."""
        held = self.value(key)
        if not isinstance(held, list):
            return [self.text(key)]
        if not held or not all(map(_is_text, held)):
            raise BenchmarkError(f"{self.where}: {key!r} is not a text, nor a list of texts", key)
        return [str(each) for each in held]


def identity(row: Row, key: str) -> str:
    """The item's id. Raises BenchmarkError if it is empty."""
    said = row.text(key).strip()
    if not said:
        raise BenchmarkError(f"{row.where}: the id in {key!r} is empty")
    return said


def read_item(row: Row, keys: Keys) -> dict[str, Any]:
    """Question, choices, gold and answer of a row."""
    question = row.text(keys.question)
    choices: list[str] = []
    labels: list[str] | None = None
    if keys.format == "lettered_choices":
        question, choices = split_lettered_choices(question, row.where)
    elif keys.fixed_choices:
        choices = list(keys.fixed_choices)
    elif isinstance(keys.choices, tuple):
        choices = [row.text(key) for key in keys.choices]
    elif keys.choices:
        choices, labels = _choices(row, keys.choices)
    if not question.strip():
        raise BenchmarkError(
            f"{row.where}: the question in {keys.question!r} is empty", keys.question
        )
    gold = _gold(row, keys, choices, labels) if keys.gold else None
    answer = row.texts(keys.answer)[0] if keys.answer else None
    if answer is None and gold is not None:
        answer = choices[gold]
    return {"question": question, "choices": choices, "gold": gold, "answer": answer}


def _choices(row: Row, key: str) -> tuple[list[str], list[str] | None]:
    """The texts of the choices, and their labels where they have some."""
    held = row.value(key)
    if isinstance(held, str) and held.lstrip().startswith(("[", "{")):
        try:
            held = json.loads(held)
        except (ValueError, RecursionError) as error:
            raise BenchmarkError(
                f"{row.where}: {key!r} begins as JSON does and is none: {error}", key
            ) from error
    texts, labels = _parted(held)
    for each in (texts, *([] if labels is None else [labels])):
        if not isinstance(each, list) or not each or not all(map(_is_text, each)):
            raise BenchmarkError(f"{row.where}: {key!r} is {_FORMS}", key)
    texts = [str(text) for text in texts]
    if labels is None:
        return texts, None
    labels = [str(label).strip() for label in labels]
    if not len(labels) == len(set(labels)) == len(texts):
        raise BenchmarkError(f"{row.where}: {key!r} has not a label of its own for each text", key)
    return texts, labels


def _parted(held: Any) -> tuple[Any, Any]:
    """Texts and labels as they stand; no labels where there are none."""
    if isinstance(held, dict) and held.keys() & {"text", "label"}:
        # Of an object of only one of the two it is not clear what it means.
        return held.get("text"), held.get("label", "")
    if isinstance(held, dict):
        return [*held.values()], [*held]
    if isinstance(held, list) and held and all(isinstance(each, dict) for each in held):
        return [each.get("text") for each in held], [each.get("label") for each in held]
    return held, None


def _is_text(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _gold(row: Row, keys: Keys, choices: list[str], labels: list[str] | None) -> int:
    key = keys.gold or ""
    held = row.value(key)
    said = (
        str(int(held)) if isinstance(held, bool) and keys.fixed_choices else row.text(key).strip()
    )
    index = None
    if labels is not None:
        index = labels.index(said) if said in labels else None
    elif re.fullmatch("[A-Za-z]", said):
        index = ord(said.upper()) - ord("A")
    elif re.fullmatch("[0-9]+", said):
        index = int(said) - keys.first_gold
    if index is not None and 0 <= index < len(choices):
        return index
    same = [place for place, text in enumerate(choices) if text.strip() == said]
    if len(same) == 1:
        return same[0]
    if labels is not None:
        known = ", ".join(labels)
        raise BenchmarkError(f"{row.where}: {key!r} is {said!r}, none of: {known}", key)
    if same:
        reason = f"the text of {len(same)} choices"
    else:
        first, end = keys.first_gold, keys.first_gold + len(choices)
        below = f"an index below {end}" if not first else f"a number from {first} to {end - 1}"
        reason = f"neither {below} nor its letter, nor the text of a choice"
    raise BenchmarkError(f"{row.where}: {key!r} is {said!r}, {reason}", key)


def split_lettered_choices(text: str, where: str = "text") -> tuple[str, list[str]]:
    """Question and choices of a text that ends in lines ``A. ..``, ``B. ..`` (and ``Answer:``).

    The last run of lines A, B, .. is taken, so a list inside the question stays in it.
    """
    text = _PROMPT_TAIL.sub("", text)
    marks = list(_CHOICE.finditer(text))
    first = max((index for index, mark in enumerate(marks) if mark[1] == "A"), default=len(marks))
    run = marks[first:]
    expected = [chr(ord("A") + index) for index in range(len(run))]
    if len(run) < 2 or [mark[1] for mark in run] != expected:
        found = ", ".join(mark[1] for mark in marks) or "none"
        raise BenchmarkError(f"{where}: no choices in lines 'A. ..', 'B. ..' (letters: {found})")
    ends = [mark.start() for mark in run[1:]] + [len(text)]
    choices = [text[mark.end() : end].strip() for mark, end in zip(run, ends, strict=True)]
    return text[: run[0].start()], choices
