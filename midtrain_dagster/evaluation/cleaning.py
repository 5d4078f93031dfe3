"""How a benchmark's text is cleaned before it is asked: a field of the benchmark, none by default.

Some tasks of lm-evaluation-harness clean the text of their items. A score is comparable with
published ones only if the same is done here. Decontamination searches the text as it is published,
so cleaning acts when items are asked and changes nothing in what is searched.
"""

import re
from typing import Literal

VERSION = 1

Cleaning = Literal["hellaswag"]
"""The ways to clean, each named for the benchmark that it was written for."""


def cleaned(text: str, cleaning: Cleaning | None) -> str:
    """The text as it is asked; unchanged where ``cleaning`` is none."""
    match cleaning:
        case None:
            return text
        case "hellaswag":
            return clean_hellaswag(text)


def clean_hellaswag(text: str) -> str:
    """Remove WikiHow's bracketed artefacts, as ``lm_eval/tasks/hellaswag/utils.py`` does."""
    text = text.strip().replace(" [title]", ". ")
    return re.sub(r"\[.*?\]", "", text).replace("  ", " ")
