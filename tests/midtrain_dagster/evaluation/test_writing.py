from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from midtrain_dagster.evaluation.method import Task
from midtrain_dagster.evaluation.writing import VERSION, write

PROMPTS = ["The boys", "One man speaking in the same spot", "A", "The same spot. Answer: A B C D"]


def naive(model: Any, ids: list[int], most: int) -> list[int]:
    """The likeliest token each time, without a batch or a cache."""
    new: list[int] = []
    for _ in range(most):
        with torch.no_grad():
            new.append(int(model(torch.tensor([ids + new])).logits[0, -1].argmax()))
        if new[-1] == 0:
            break
    return new


def test_a_batch_writes_what_each_prompt_alone_would(model: Path, loaded: Any) -> None:
    assert VERSION == 2
    tokenizer = AutoTokenizer.from_pretrained(model)
    encoded = [tokenizer.encode(prompt) for prompt in PROMPTS]
    tasks = [Task(prompt, (), 6 + at % 2) for at, prompt in enumerate(PROMPTS)]
    made = write(loaded, tokenizer, encoded, tasks, batch_size=3)
    for ids, task, (one,) in zip(encoded, tasks, made, strict=True):
        expected = naive(loaded, ids, task.most_tokens)
        ended = expected[-1] == 0
        assert one.text == tokenizer.decode(expected[: len(expected) - ended])
        assert one.is_cut == (not ended)


def test_a_stop_string_ends_a_text_and_is_no_part_of_it(model: Path, loaded: Any) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    (encoded,) = [tokenizer.encode(PROMPTS[1])]
    ((whole,),) = write(loaded, tokenizer, [encoded], [Task("", (), 12)], batch_size=1)
    assert whole.is_cut
    stop = whole.text[5:8]
    ((one,),) = write(loaded, tokenizer, [encoded], [Task("", (stop,), 12)], batch_size=1)
    assert one.text == whole.text[: whole.text.find(stop)]
    assert not one.is_cut


def test_samples_are_drawn_from_the_seed(model: Path, loaded: Any) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    encoded = [tokenizer.encode(prompt) for prompt in PROMPTS]
    tasks = [Task(prompt, (), 5, samples=3, temperature=1.0, seed=4) for prompt in PROMPTS]
    made = write(loaded, tokenizer, encoded, tasks, batch_size=6)
    assert [len(each) for each in made] == [3] * 4
    assert len({one.text for one in made[0]}) > 1
    assert made == write(loaded, tokenizer, encoded, tasks, batch_size=6)
    assert write(loaded, tokenizer, [], [], batch_size=6) == []
