"""What a preset says: a published benchmark, and how its items are read and asked."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Suite = Literal["survey", "olmes", "other"]
"""The survey's Table 2; OLMES' core set, what of it is not in the survey; neither."""


class Preset(NamedTuple):
    """A published benchmark. A preset is data: it names methods, and is none."""

    title: str
    ability: str
    """What it measures, in the survey's words."""
    where: str
    """The hub id and its files, or what makes its items."""
    asked: str
    """How, in words."""
    metric: str
    """The one that is published, as far as it is computed here."""
    licence: str
    """Of the data, as its authors say it; ``?`` where they were not seen to."""
    citation: str
    fields: Mapping[str, Any]
    """Of the benchmark's section, which a recipe may say otherwise."""
    harness: str | None = None
    """The task of lm-evaluation-harness that asks the same."""
    suite: Suite = "survey"
    missing: str = ""
    """What of the published way is not done here, and what to do for it."""
    refused: str = ""
    """Why no items of it can be read at all, and what to do."""


def cloze_and_letters(normalisation: str, lettered: str = "lettered") -> dict[str, Any]:
    """The method ``olmes``, as OLMES has it for a task."""
    return {"method": "olmes", "normalisation": normalisation, "lettered": lettered}
