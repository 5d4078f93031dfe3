"""The texts of a benchmark's item that may stand in a document, each searched by itself.

==================  ==============================================================================
found by            the text
==================  ==============================================================================
question            the question
question_answer     the question, then the answer
question_choices    the question, then its choices, lettered or numbered as tests print them, and
                    plain; of a question that is too short to be searched, in every order of up to
                    four choices
signature_answer    code without its documentation, then the answer: a solution as it is committed
answer              the answer alone
==================  ==============================================================================

An answer with the annotations of a calculator (GSM8K's ``<<16-3=13>>``) is also searched without
them, as every solution on the web has it.

Documentation is what is no code in any of the languages that benchmarks of code are translated to:
triple-quoted strings that begin a line, block comments, lines of comment.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import permutations

import polars as pl

KINDS = ("question", "question_answer", "question_choices", "signature_answer", "answer")
"""What a text is, in the order in which equal evidence names one."""

ITEM_TEXTS = pl.Schema(
    {"benchmark": pl.String(), "item": pl.String(), "kind": pl.Enum(KINDS), "text": pl.String()}
)

MOST_REORDERED = 4

_ANNOTATION = re.compile(r"<<[^<>\n]*>>")
_TRIPLE = re.compile(r"""(^[ \t]*[rRuU]?)?(\"{3}|'{3}).*?\2""", re.DOTALL | re.MULTILINE)
_COMMENTS = re.compile(
    r"/\*.*?\*/|^[ \t]*(?://+|#+|--+|;+)(?:[ \t].*?)?$", re.DOTALL | re.MULTILINE
)


def item_texts(items: pl.DataFrame, *, short_questions: pl.Series | None = None) -> pl.DataFrame:
    """The texts of each item, one a row (``ITEM_TEXTS``), in the order of the items.

    ``short_questions`` says of each item whether its question is too short to be searched alone.
    """
    is_short = short_questions if short_questions is not None else [False] * items.height
    fields = items.select("benchmark", "item", "question", "choices", "answer").iter_rows()
    rows = [
        (benchmark, item, kind, text)
        for (benchmark, item, question, choices, answer), short in zip(
            fields, is_short, strict=True
        )
        for kind, text in dict.fromkeys(_texts(question or "", choices or [], answer or "", short))
    ]
    return pl.DataFrame(rows, schema=ITEM_TEXTS, orient="row")


def code_alone(text: str) -> str | None:
    """Code without its documentation; None of a text that has none, or nothing else."""
    code = _TRIPLE.sub(lambda quoted: quoted[0] if quoted[1] is None else "", text)
    code = _COMMENTS.sub("", code)
    return code if code.strip() and code != text else None


def _texts(
    question: str, choices: list[str], answer: str, short: bool
) -> Iterator[tuple[str, str]]:
    yield "question", question
    if choices:
        orders: Iterable[Iterable[str]] = (choices,)
        if short and len(choices) <= MOST_REORDERED:
            orders = permutations(choices)
        for order in orders:
            for label in (_letter, _number, _nothing):
                labelled = [f"{label(place)}{choice}" for place, choice in enumerate(order)]
                yield "question_choices", "\n".join((question, *labelled))
    if answer:
        code = code_alone(question)
        for each in (answer, _ANNOTATION.sub("", answer)):
            yield "question_answer", f"{question}\n{each}"
            if code:
                yield "signature_answer", f"{code}\n{each}"
            yield "answer", each


def _letter(place: int) -> str:
    return f"{chr(ord('A') + place)}. "


def _number(place: int) -> str:
    return f"{place + 1}. "


def _nothing(place: int) -> str:
    return ""
