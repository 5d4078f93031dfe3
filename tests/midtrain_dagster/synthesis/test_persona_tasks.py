from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.persona_tasks import COOK, TASKS


@pytest.mark.parametrize("name", TASKS)
def test_worked_examples_hold_and_are_an_echo(name) -> None:
    task = TASKS[name]
    assert task.prompt("A sailor.").endswith(f"\n\nPerson: A sailor.\n{task.label}:")
    assert task.write(f" {task.example}\nPerson: another")[1] == "prompt_echo"
    bare = replace(task, example="Nothing is here.")
    assert bare.write(f"{task.label}: {task.example}")[1] is None
    assert bare.write("")[1] == "empty"
    assert bare.write(f"Sure! {task.example}")[1] == "remark"
    assert COOK in task.prompt("A sailor.")


@pytest.mark.parametrize(
    ("name", "answer", "reason"),
    [
        ("math", "Problem: What are 2 and 3?\nSolution: 2 + 3 = 6\nAnswer: 6", "wrong_calculation"),
        ("math", "Problem: What are 2 and 3?\nSolution: 2 + 3 = 5\nAnswer: 6", "not_grounded"),
        ("math", "What are 2 and 3?", "malformed"),
        ("instruction", "Write a menu for", "unfinished"),
        ("instruction", "Write it.", "too_little"),
        ("knowledge", "Only one line of an article.", "malformed"),
        ("npc", "Berta Ladle rules the", "unfinished"),
        ("npc", "He is a big man with a big smile. " * 6, "repetition"),
        ("knowledge", "Why\n" + TASKS["knowledge"].example.partition("\n")[2], "prompt_echo"),
        ("tool", "Name: scale recipe\nPurpose: a\nInput: b\nOutput: c", "malformed"),
        ("tool", "Name: scale\nPurpose: a", "malformed"),
    ],
)
def test_rejection_has_its_reason(name, answer: str, reason: str) -> None:
    assert TASKS[name].write(answer)[1] == reason


def test_an_article_ends_with_its_last_whole_sentence() -> None:
    body = (
        "Whoever cooks for many people has to weigh, since a handful is not the same in every "
        "hand. A scale costs little. It pays within a month, as less is thrown away in the end. "
    )
    text, reason = TASKS["knowledge"].write(f"**On weighing**\n{body}And then it is cut")
    assert reason is None
    assert text == f"On weighing\n\n{body.strip()}"


@given(st.sampled_from(list(TASKS)), st.text(max_size=200), st.integers(0, 200))
def test_no_answer_raises(name, noise: str, cut: int) -> None:
    TASKS[name].write(noise)
    TASKS[name].write(TASKS[name].example[:cut] + noise)
