"""How an item is put to a model: the templates of lm-evaluation-harness, and the bare question.

A score can be compared with published ones only where the model is asked the same, to the letter.
Each prompt is called as the harness' task is, and tests compare it with the task's own template.

===============  ===================================================================  =============
prompt           what stands before what is scored                                    choices
===============  ===================================================================  =============
bare             the question                                                         their texts
arc              Question: .. / Answer:                                               their texts
bbh              Q: .. / A:                                                           (the answer)
boolq            passage / Question: ..? / Answer:                                    their texts
ceval            the question; A. .. to D. .. / 答案:                                 letters
cmmlu            the same                                                             letters
commonsense_qa   Question: .. / A. .. to E. .. / Answer:                              letters
cruxeval_output  [PYTHON] code, assert f(input) == ?? [/PYTHON] [ANSWER] assert ==    (the answer)
drop             passage question                                                     (the answer)
gsm8k            Question: .. / Answer:                                               (the answer)
hellaswag        activity: context, its last part with a capital; WikiHow's brackets  their texts
                 taken away, from the choices too
humaneval        the question                                                         (the answer)
humanevalfix     the broken function, its tests, "Fix bugs in ..", its declaration    (the answer)
lambada          the text without its last word                                       (that word)
longbench2       a line; the passage; the question; (A) .. to (D) .. / Answer:        letters
mbpp             the task in words, and its tests / [BEGIN]                           (the answer)
minerva_math     Problem: / .. / Solution:                                            (the answer)
mmlu             what it is about, where an item has a `subject`; the question;       letters
                 A. .. to D. .. / Answer:
mmlu_pro         Question: / .. / Options: / A. .. / Answer: Let's think step by      (the answer)
                 step.
openbookqa       the question                                                         their texts
social_iqa       Q: passage question / A:                                             their texts
winogrande       the sentence up to its blank, with each choice in it                 the rest
lettered         Question: .. / A. .. and on, as many as there are / Answer:          letters
===============  ===================================================================  =============

HellaSwag's context is published in two parts, and the harness writes the second with a capital.
Where an item has them in one (``ctx`` without ``ctx_a`` and ``ctx_b``), the second is what follows
the last sentence: it begins small and has no end, for the choices are that. CMMLU and C-Eval end in
a full-width colon. ``lettered`` is OLMES' form of questions that have no task with letters (Gu et
al., arXiv 2406.08446) without the space that it puts before each letter.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from midtrain_dagster.evaluation import cleaning
from midtrain_dagster.evaluation.cleaning import clean_hellaswag
from midtrain_dagster.evaluation.item import Item

VERSION = 3
USES = (cleaning,)

PromptName = Literal[
    "bare",
    "arc",
    "bbh",
    "boolq",
    "ceval",
    "cmmlu",
    "commonsense_qa",
    "cruxeval_output",
    "drop",
    "gsm8k",
    "hellaswag",
    "humaneval",
    "humanevalfix",
    "lambada",
    "lettered",
    "longbench2",
    "mbpp",
    "minerva_math",
    "mmlu",
    "mmlu_pro",
    "openbookqa",
    "social_iqa",
    "winogrande",
]

PLACES_PASSAGE = ("boolq", "drop", "longbench2", "social_iqa")
"""The prompts that say themselves where a passage stands; with the others it is a line of its own
before the question."""

NEEDS_ROW: Mapping[PromptName, tuple[str, ...]] = {
    "cruxeval_output": ("code", "input"),
    "hellaswag": ("activity_label",),
    "humanevalfix": ("declaration", "buggy_solution", "test", "entry_point"),
    "mbpp": ("text", "test_list"),
    "winogrande": ("sentence", "option1", "option2"),
}
"""The keys of an item's row that a prompt reads."""

Row = Mapping[str, Any]
"""An item's row, as the benchmark's file has it."""

CLEANS = ("hellaswag",)
"""The prompts that clean their text themselves."""

_SECOND_PART = re.compile(r"""(.*[.!?]["')\]]*) ([a-z][^.!?]*)""", re.DOTALL)


def prompted(item: Item, row: Row, prompt: PromptName) -> Item:
    """The item as the prompt puts it: ``about`` and ``question`` are all that stands before what is
    scored, and between them examples may.

    Raises ValueError for an item without what the prompt needs.
    """
    for key in NEEDS_ROW.get(prompt, ()):
        if not row.get(key):
            raise ValueError(f"the prompt {prompt!r} needs the key {key!r}")
    if item.passage and prompt not in PLACES_PASSAGE:
        item = item._replace(question=f"{item.passage}\n{item.question}")
    return _PROMPTS[prompt](item, row)


def _bare(item: Item, _: Row) -> Item:
    return item


def _between(before: str, after: str) -> Callable[[Item, Row], Item]:
    """The question between two texts."""
    return lambda item, _: item._replace(question=f"{before}{item.question}{after}")


def _after_passage(before: str, between: str, after: str) -> Callable[[Item, Row], Item]:
    """Passage and question between three texts."""
    return lambda item, _: item._replace(
        question=f"{before}{item.passage}{between}{item.question}{after}"
    )


def _mmlu(item: Item, row: Row) -> Item:
    lettered = _lettered(item, 4)
    if not row.get("subject"):
        return lettered
    subject = str(row["subject"]).replace("_", " ")
    about = f"The following are multiple choice questions (with answers) about {subject}.\n\n"
    return lettered._replace(about=about)


def _commonsense_qa(item: Item, _: Row) -> Item:
    lettered = _lettered(item, 5)
    return lettered._replace(question=f"Question: {lettered.question}")


def _chinese(item: Item, _: Row) -> Item:
    return _lettered(item, 4, end="\u7b54\u6848\uff1a")


def _any_lettered(item: Item, _: Row) -> Item:
    lettered = _lettered(item, len(item.choices))
    return lettered._replace(question=f"Question: {lettered.question}")


def _longbench2(item: Item, _: Row) -> Item:
    about = "Please read the following text and answer the question below."
    asked = f"What is the correct answer to this question: {item.question.strip()}\nChoices:"
    lettered = _lettered(item._replace(question=asked), 4, mark="({}) {}", end="\nAnswer:")
    text = f"{about}\n\n<text>\n{item.passage}\n</text>\n\n{lettered.question}"
    return lettered._replace(question=text)


def _mmlu_pro(item: Item, _: Row) -> Item:
    options = "\n".join(f"{chr(65 + at)}. {text.strip()}" for at, text in enumerate(item.choices))
    asked = f"Question:\n{item.question}\nOptions:\n{options}"
    answer = item.answer if item.gold is None else chr(65 + item.gold)
    return item._replace(question=f"{asked}\nAnswer: Let's think step by step.", answer=answer)


def _lettered(item: Item, count: int, *, mark: str = "{}. {}", end: str = "Answer:") -> Item:
    """The question with its choices in lines, of which the letters are scored."""
    if len(item.choices) != count or not count:
        raise ValueError(f"the prompt has {count or 'some'} choices, the item {len(item.choices)}")
    letters = [chr(ord("A") + number) for number in range(count)]
    lines = [mark.format(letter, text) for letter, text in zip(letters, item.choices, strict=True)]
    question = "\n".join([item.question.strip(), *lines, end])
    answer = item.answer if item.gold is None else letters[item.gold]
    return item._replace(question=question, choices=letters, answer=answer)


def _winogrande(item: Item, row: Row) -> Item:
    sentence = str(row["sentence"])
    before, blank, rest = sentence.partition("_")
    if not blank or not rest.strip():
        raise ValueError("the prompt 'winogrande' needs a sentence with a blank '_', and a rest")
    contexts = tuple(before + str(row[key]) for key in ("option1", "option2"))
    return item._replace(question=before, answer=rest.strip(), contexts=contexts)


def _lambada(item: Item, _: Row) -> Item:
    before, space, last = item.question.rpartition(" ")
    if not space or not last:
        raise ValueError("the prompt 'lambada' needs a text of several words")
    return item._replace(question=before, answer=last)


def _mbpp(item: Item, row: Row) -> Item:
    tests = "\n".join(row["test_list"][:3])
    return item._replace(
        question="You are an expert Python programmer, and here is your task: "
        f"{row['text']} Your code should pass these tests:\n\n{tests}\n[BEGIN]\n"
    )


def _humanevalfix(item: Item, row: Row) -> Item:
    broken = f"{row['declaration']}{row['buggy_solution']}\n\n{row['test']}"
    asked = f"{broken}\n\n# Fix bugs in {row['entry_point']}.\n{row['declaration']}"
    return item._replace(question=asked)


def _cruxeval_output(item: Item, row: Row) -> Item:
    called = f"assert f({row['input']}) =="
    asked = f"[PYTHON]\n{row['code']}\n{called} ??\n[/PYTHON]\n[ANSWER]\n{called}"
    return item._replace(question=asked)


def _hellaswag(item: Item, row: Row) -> Item:
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


_question_and_answer = _between("Question: ", "\nAnswer:")

_PROMPTS: Mapping[PromptName, Callable[[Item, Row], Item]] = {
    "bare": _bare,
    "arc": _question_and_answer,
    "bbh": _between("Q: ", "\nA:"),
    "boolq": _after_passage("", "\nQuestion: ", "?\nAnswer:"),
    "ceval": _chinese,
    "cmmlu": _chinese,
    "commonsense_qa": _commonsense_qa,
    "cruxeval_output": _cruxeval_output,
    "drop": _after_passage("", " ", ""),
    "gsm8k": _question_and_answer,
    "hellaswag": _hellaswag,
    "humaneval": _bare,
    "humanevalfix": _humanevalfix,
    "lambada": _lambada,
    "lettered": _any_lettered,
    "longbench2": _longbench2,
    "mbpp": _mbpp,
    "minerva_math": _between("Problem:\n", "\n\nSolution:"),
    "mmlu": _mmlu,
    "mmlu_pro": _mmlu_pro,
    "openbookqa": _bare,
    "social_iqa": _after_passage("Q: ", " ", "\nA:"),
    "winogrande": _winogrande,
}
