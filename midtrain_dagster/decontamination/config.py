"""The methods of decontamination, as a recipe's ``decontamination`` names one.

=========  ==================================================================
method     a document is contaminated where
=========  ==================================================================
qwen_math  a 13-gram is an item's, and the longest common subsequence agrees
decon      the rare 5-grams of a question are there, and its answer nearby
edited     short n-grams, and the sequence or the set of words agrees
gpt3       any 8- to 13-gram is an item's; what is around it is cut
llama3     (items are scored: how much of one the corpus has in 8-grams)
marin      half of a paragraph's 13-grams are an item's, or a short one is
phi4       any 13-gram is an item's, or enough of its 7-grams
tulu3      half of an item's words are there, in 8-grams
=========  ==================================================================
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from midtrain_dagster.decontamination.methods import (
    decon,
    edited,
    gpt3,
    llama3,
    marin,
    phi4,
    qwen_math,
    tulu3,
)

_OLD_NAMES = {"hybrid": "qwen_math"}


def _qwen_math_by_default(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    said = value.get("method", "qwen_math")
    return {**value, "method": _OLD_NAMES.get(said, said) if isinstance(said, str) else said}


ContaminationMethod = Annotated[
    qwen_math.Config
    | decon.Config
    | edited.Config
    | gpt3.Config
    | llama3.Config
    | marin.Config
    | phi4.Config
    | tulu3.Config,
    Field(discriminator="method"),
    BeforeValidator(_qwen_math_by_default),
]


def default_method() -> ContaminationMethod:
    """What a recipe gets that says nothing of decontamination."""
    return qwen_math.Config()
