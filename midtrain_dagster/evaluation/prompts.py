"""How an item is put to a model: the templates of lm-evaluation-harness, and the bare question.

A score can be compared with published ones only where the model is asked the same, to the letter.
Each prompt is called as the harness' task is, and tests compare it with the task's own template.

==============  ====================================================================  =============
prompt          what stands before what is scored                                     choices
==============  ====================================================================  =============
bare            the question                                                          their texts
arc             Question: .. / Answer:                                                their texts
commonsense_qa  Question: .. / A. .. to E. .. / Answer:                               letters
gsm8k           Question: .. / Answer:                                                (the answer)
hellaswag       activity: context, its last part with a capital; WikiHow's brackets   their texts
                taken away, from the choices too
humaneval       the question                                                          (the answer)
mmlu            what it is about, where an item has a `subject`; the question;        letters
                A. .. to D. .. / Answer:
openbookqa      the question                                                          their texts
==============  ====================================================================  =============

HellaSwag's context is published in two parts, and the harness writes the second with a capital.
Where an item has them in one (``ctx`` without ``ctx_a`` and ``ctx_b``), the second is what follows
the last sentence: it begins small and has no end, for the choices are that.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from midtrain_dagster.evaluation import cleaning
from midtrain_dagster.evaluation.cleaning import clean_hellaswag
from midtrain_dagster.evaluation.item import Item

VERSION = 2
USES = (cleaning,)

PromptName = Literal[
    "bare", "arc", "commonsense_qa", "gsm8k", "hellaswag", "humaneval", "mmlu", "openbookqa"
]

Row = Mapping[str, Any]
"""An item's row, as the benchmark's file has it."""

CLEANS = ("hellaswag",)
"""The prompts that clean their text themselves."""

_SECOND_PART = re.compile(r"""(.*[.!?]["')\]]*) ([a-z][^.!?]*)""", re.DOTALL)


def prompted(item: Item, row: Row, prompt: PromptName) -> Item:
    """The item as the prompt puts it: its question is all that stands before what is scored.

    Raises ValueError for an item without what the prompt needs.
    """
    return _PROMPTS[prompt](item, row)


def _bare(item: Item, _: Row) -> Item:
    return item


def _question_and_answer(item: Item, _: Row) -> Item:
    return item._replace(question=f"Question: {item.question}\nAnswer:")


def _mmlu(item: Item, row: Row) -> Item:
    lettered = _lettered(item, 4)
    if not row.get("subject"):
        return lettered
    subject = str(row["subject"]).replace("_", " ")
    about = f"The following are multiple choice questions (with answers) about {subject}.\n\n"
    return lettered._replace(question=about + lettered.question)


def _commonsense_qa(item: Item, _: Row) -> Item:
    lettered = _lettered(item, 5)
    return lettered._replace(question=f"Question: {lettered.question}")


def _lettered(item: Item, count: int) -> Item:
    """The question with its choices in lines, of which the letters are scored."""
    if len(item.choices) != count:
        raise ValueError(f"the prompt has {count} choices, the item {len(item.choices)}")
    letters = [chr(ord("A") + number) for number in range(count)]
    lines = [f"{letter}. {text}" for letter, text in zip(letters, item.choices, strict=True)]
    question = "\n".join([item.question.strip(), *lines, "Answer:"])
    answer = item.answer if item.gold is None else letters[item.gold]
    return Item(question, letters, item.gold, answer)


def _hellaswag(item: Item, row: Row) -> Item:
    if not row.get("activity_label"):
        raise ValueError("the prompt 'hellaswag' needs the key 'activity_label'")
    first, second = _parts(item.question, row)
    return item._replace(
        question=clean_hellaswag(f"{row['activity_label']}: {first} {second.capitalize()}"),
        choices=[clean_hellaswag(choice) for choice in item.choices],
        answer=item.answer and clean_hellaswag(item.answer),
    )


def _parts(context: str, row: Row) -> tuple[str, str]:
    """HellaSwag's context: what is whole, and the beginning of what the choices end."""
    first, second = row.get("ctx_a"), row.get("ctx_b")
    if isinstance(first, str) and isinstance(second, str):
        return first, second
    found = _SECOND_PART.fullmatch(context)
    return (found[1], found[2]) if found else (context, "")


_PROMPTS: Mapping[PromptName, Callable[[Item, Row], Item]] = {
    "bare": _bare,
    "arc": _question_and_answer,
    "commonsense_qa": _commonsense_qa,
    "gsm8k": _question_and_answer,
    "hellaswag": _hellaswag,
    "humaneval": _bare,
    "mmlu": _mmlu,
    "openbookqa": _bare,
}
