from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from midtrain_dagster.evaluation.likelihoods import Prefixes
from midtrain_dagster.evaluation.method import Task, Written
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


@pytest.mark.parametrize("shares", [True, False])
def test_a_batch_writes_what_each_prompt_alone_would(
    model: Path, loaded: Any, *, shares: bool
) -> None:
    assert VERSION == 2
    tokenizer = AutoTokenizer.from_pretrained(model)
    encoded = [tokenizer.encode(prompt) for prompt in PROMPTS]
    tasks = [Task(prompt, (), 6 + at % 2) for at, prompt in enumerate(PROMPTS)]
    prefixes = Prefixes(loaded) if shares else None
    made = write(loaded, tokenizer, encoded, tasks, batch_size=3, prefixes=prefixes)
    for ids, task, (one,) in zip(encoded, tasks, made, strict=True):
        expected = naive(loaded, ids, task.most_tokens)
        ended = expected[-1] == 0
        assert one.text == tokenizer.decode(expected[: len(expected) - ended])
        assert one.is_cut == (not ended)


def test_a_stop_string_ends_a_text_and_is_no_part_of_it(model: Path, loaded: Any) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    (encoded,) = [tokenizer.encode(PROMPTS[1])]
    (whole,) = _alone(loaded, tokenizer, encoded, Task("", (), 12))
    assert whole.is_cut
    stop = whole.text[5:8]
    (one,) = _alone(loaded, tokenizer, encoded, Task("", (stop,), 12))
    assert one.text == whole.text[: whole.text.find(stop)]
    assert not one.is_cut


def _alone(model: Any, tokenizer: Any, encoded: list[int], task: Task) -> list[Written]:
    (made,) = write(model, tokenizer, [encoded], [task], batch_size=1, prefixes=Prefixes(model))
    return made


def test_rows_that_end_leave_and_the_others_write_on_behind_their_prefix(
    model: Path, loaded: Any
) -> None:
    """Each ends at a stop of its own: what is written does not depend on who is beside it."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    shown = tokenizer.encode("One man speaking in the same spot. " * 3)
    encoded = [[*shown, *tokenizer.encode(prompt)] for prompt in PROMPTS]
    free = [Task(prompt, (), 20) for prompt in PROMPTS]
    whole = [
        _alone(loaded, tokenizer, ids, task)[0].text
        for ids, task in zip(encoded, free, strict=True)
    ]
    stops = tuple(text[3 * at : 3 * at + 3] for at, text in enumerate(whole[:3], 1))
    tasks = [task._replace(until=stops) for task in free]
    made = write(loaded, tokenizer, encoded, tasks, batch_size=8, prefixes=Prefixes(loaded))
    texts = [one.text for (one,) in made]
    assert len({len(text) for text in texts}) > 1
    for text, one in zip(whole, made, strict=True):
        ends = [at for at in map(text.find, stops) if at >= 0]
        assert one[0] == Written(text[: min(ends)] if ends else text, is_cut=not ends)


def test_samples_are_drawn_from_the_seed_whatever_shares_a_batch(model: Path, loaded: Any) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    encoded = [tokenizer.encode(prompt) for prompt in PROMPTS]
    tasks = [Task(prompt, (), 5, samples=3, temperature=1.0, seed=4) for prompt in PROMPTS]
    made = write(loaded, tokenizer, encoded, tasks, batch_size=6, prefixes=Prefixes(loaded))
    assert [len(each) for each in made] == [3] * 4
    assert len({one.text for one in made[0]}) > 1
    assert made == write(
        loaded, tokenizer, encoded, tasks, batch_size=12, prefixes=Prefixes(loaded)
    )
    assert made[2] == _alone(loaded, tokenizer, encoded[2], tasks[2])
    other = [task._replace(seed=5) for task in tasks]
    assert made != write(loaded, tokenizer, encoded, other, batch_size=6, prefixes=Prefixes(loaded))
    assert write(loaded, tokenizer, [], [], batch_size=6, prefixes=Prefixes(loaded)) == []


def test_samples_follow_the_models_probabilities(model: Path, loaded: Any) -> None:
    """Of 2000 first tokens, the likeliest has its share within four standard errors."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    ids = tokenizer.encode(PROMPTS[0])
    with torch.no_grad():
        shares = loaded(torch.tensor([ids])).logits[0, -1].softmax(-1)
    token = int(shares.argmax())
    task = Task("", (), 1, samples=2000, temperature=1.0)
    texts = [one.text for one in _alone(loaded, tokenizer, ids, task)]
    alike = [at for at in range(len(shares)) if tokenizer.decode([at]) == tokenizer.decode([token])]
    share = float(shares[alike].sum())
    found = texts.count(tokenizer.decode([token])) / 2000
    assert abs(found - share) < 4 * (share * (1 - share) / 2000) ** 0.5
