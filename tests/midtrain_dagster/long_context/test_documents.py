import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from midtrain_dagster.long_context.config import LongContextTask
from midtrain_dagster.long_context.documents import document
from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.long_context.encoder import Bytes
from midtrain_dagster.long_context.fill import TooShortError
from midtrain_dagster.long_context.task import Task
from midtrain_dagster.long_context.tasks.needle import Needle
from midtrain_dagster.long_context.words import in_pool

NAMES = (
    *("needle", "variable_tracking", "frequent_words", "question_answering"),
    *("coreference", "graph_walk"),
)
TASK: TypeAdapter[Task] = TypeAdapter(LongContextTask)
PAGES = [Bytes().document("Caf\u00e9s are open. They close at ten! Who comes? " * 60)]


@given(st.sampled_from(NAMES), st.integers(700, 1500), st.integers(0, 50))
def test_documents_have_their_answers_and_their_size(name: str, size: int, seed: int) -> None:
    text = document(TASK.validate_python(name), Draw(seed), PAGES, size=size)
    assert size * 0.7 < len(text.encode()) <= size
    assert text.endswith(".")
    assert text == document(TASK.validate_python(name), Draw(seed), PAGES, size=size)


@given(st.integers(0, 200))
def test_every_key_is_asked_for_and_all_are_of_the_pool_to_learn_from(seed: int) -> None:
    task = Needle(keys=3, queries=3, digits=4)
    text = document(task, Draw(seed), PAGES, size=500)
    told = re.findall(r"The number of (\S+) is (\d+)\.", text)
    assert len(told) == 6
    assert sorted(told[:3]) == sorted(told[3:])
    assert all(in_pool(key, "training") and in_pool(value, "training") for key, value in told)


def test_a_size_without_room_is_told() -> None:
    with pytest.raises(TooShortError, match="60 leave no room"):
        document(Needle(keys=4, queries=4), Draw(1), PAGES, size=60)
