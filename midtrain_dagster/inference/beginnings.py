"""What a small generator has learnt to do without: the beginnings that prompts have in common.

Instruction and worked examples are most of a prompt. A student is trained without them and is asked
without them, so that whoever asks writes the same prompts to teacher and student.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from midtrain_dagster.inference.engine import GenerationError, Prompt

VERSION = 1

BEGINNINGS = "beginnings.json"
"""The file in a small generator's folder that lists them."""


def messages(prompt: Prompt, beginnings: Sequence[str]) -> list[dict[str, Any]]:
    """A prompt as the messages of a chat: a text without the longest of the ``beginnings`` that it
    begins with, as what the user says; messages as they are."""
    if not isinstance(prompt, str):
        return list(prompt)
    known = [each for each in beginnings if prompt.startswith(each)]
    return [{"role": "user", "content": prompt[len(max(known, key=len, default="")) :]}]


def common_beginnings(rounds: Sequence[Sequence[str]]) -> list[str]:
    """What all prompts of a round begin with, up to the end of a line; of a round with one prompt
    nothing is known."""
    found = []
    for prompts in rounds:
        texts = set(prompts)
        # Of the first and the last of many in their order, all have what these have in common.
        common = _common(min(texts), max(texts)) if len(texts) > 1 else ""
        found.append(common[: common.rfind("\n") + 1])
    return list(dict.fromkeys(each for each in found if each))


def _common(first: str, last: str) -> str:
    pairs = zip(first, last, strict=False)
    return first[: next((at for at, (a, b) in enumerate(pairs) if a != b), len(first))]


def read_beginnings(folder: Path) -> list[str]:
    """What the generator in a folder learnt without.

    Raises :class:`GenerationError` for a folder that is none.
    """
    file = folder / BEGINNINGS
    if not file.is_file():
        raise GenerationError(f"{folder}: no small generator is here ({BEGINNINGS} is missing)")
    return list(json.loads(file.read_text("utf-8")))
