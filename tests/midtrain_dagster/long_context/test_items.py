from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from midtrain_dagster.long_context.config import LongContextTask
from midtrain_dagster.long_context.encoder import Tokens
from midtrain_dagster.long_context.fill import NoTextError, TooShortError
from midtrain_dagster.long_context.items import SameAnswersError, items
from midtrain_dagster.long_context.tasks.needle import Needle
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer

EVERY: dict[str, Any] = {
    "single": {"task": "needle", "digits": 4},
    "noise": {"task": "needle", "haystack": "noise"},
    "keys": {"task": "needle", "keys": 3, "value": "words"},
    "values": {"task": "needle", "values": 2, "digits": 3},
    "queries": {"task": "needle", "keys": 3, "queries": 2, "digits": 3},
    "uuids": {"task": "needle", "value": "uuids"},
    "tracking": {"task": "variable_tracking", "hops": 2, "letters": 4},
    "common": {"task": "common_words", "words": 3, "often": 4},
    "frequent": "frequent_words",
    "questions": "question_answering",
    "turns": "coreference",
    "walk": "graph_walk",
}
TASKS = TypeAdapter(dict[str, LongContextTask]).validate_python(EVERY)
ASKED: dict[str, Any] = {"lengths": [256, 400], "depths": [0, 0.5, 1], "count": 3, "distractors": 5}


def test_no_item_is_longer_than_its_length(encoder: Tokens, documents: list[str]) -> None:
    made = items(TASKS, encoder, documents, **ASKED)
    assert {item.task for item in made} == set(TASKS)
    assert len(made) == len(TASKS) * 2 * 9
    for item in made:
        longest = max(len(q.question) + len(a) for q in item.ranked for a in q.answers)
        asked = len(item.asked) + item.new_tokens
        assert len(item.context) + max(longest, asked) == item.tokens <= item.length
        # Filled with documents the length is reached, but for what its cell leaves free.
        if TASKS[item.task].needs_text:
            cell = [each.tokens for each in made if each[:3] == item[:3]]
            assert max(cell) == item.length


def test_right_answers_stand_in_the_context_and_fresh_ones_do_not(
    encoder: Tokens, documents: list[str], tokenizer: Path
) -> None:
    loaded = load_tokenizer(tokenizer)
    for item in items(TASKS, encoder, documents, **ASKED):
        text = loaded.decode(item.context)
        assert any(each in text for each in item.references)
        for question in item.ranked:
            answers = [loaded.decode(each).strip()[:-1] for each in question.answers]
            assert len(set(answers)) == len(answers) > question.right
            assert all(answer in text for answer in answers[: question.right]), item
            assert len(answers) - question.right >= (1 if item.task == "questions" else 5)
        if item.task in ("single", "noise", "uuids"):
            assert not any(answer in text for answer in answers[1:])


def test_the_same_is_made_again_and_lengths_ask_the_same(
    encoder: Tokens, documents: list[str]
) -> None:
    first, again = (items(TASKS, encoder, documents, **ASKED) for _ in range(2))
    assert all(np.array_equal(a.context, b.context) for a, b in zip(first, again, strict=True))
    short = [item.references for item in first if item.length == 256 and item.task == "single"]
    long = [item.references for item in first if item.length == 400 and item.task == "single"]
    assert short == long
    other = items(TASKS, encoder, documents, **ASKED, seed=1)
    assert [item.references for item in other] != [item.references for item in first]


def test_where_it_is_asked_for_it_stands(encoder: Tokens, documents: list[str]) -> None:
    for item in items({"one": Needle()}, encoder, documents, **ASKED):
        needle = item.ranked[0].answers[0][:-1].tolist()
        context = item.context.tolist()
        at = next(i for i in range(len(context)) if context[i : i + len(needle)] == needle)
        assert item.depth is not None
        assert abs(at / len(context) - item.depth) < 0.3


def test_what_cannot_be_asked_names_task_and_length(encoder: Tokens, documents: list[str]) -> None:
    fields = {**ASKED, "lengths": [32]}
    with pytest.raises(TooShortError, match=r"^many, 32 tokens: 32 leave no room .* has \d+$"):
        items({"many": Needle(keys=8)}, encoder, documents, **fields)
    with pytest.raises(NoTextError, match=r"^one, 9000 tokens: no document"):
        items({"one": Needle()}, encoder, ["Short."], **{**ASKED, "lengths": [9000]})


def test_answers_that_a_tokenizer_cannot_tell_apart_are_refused(documents: list[str]) -> None:
    class Deaf:
        """An encoder that hears a full stop alone."""

        exact = True
        beginning = ()

        def after(self, before: str, text: str) -> np.ndarray:
            return np.array([1] * text.count("."))

    with pytest.raises(SameAnswersError, match="same tokens as of"):
        items({"one": Needle(haystack="noise")}, Deaf(), [], **ASKED)  # type: ignore[arg-type]
