"""Answers are asked for once, whoever asks, and what was answered before a failure is kept."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from midtrain_dagster.core.artifacts import Part, scan_parts
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.inference.batches import COMPLETED, chunk_size
from midtrain_dagster.inference.engine import BudgetError, Completion, GenerationError
from midtrain_dagster.inference.engines import openai, transformers
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis.answers import ANSWERS, PART_REQUESTS, Answered, Answers

REQUEST = Request(generator=transformers.Config(model="m"), max_new_tokens=4)


class Shouting:
    """Answers in capitals, chunk by chunk; ``wrong`` says what is wrong with a prompt."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.wrong: dict[str, Completion] = {}
        self.dies_after = 10**9
        self.dies_of: Exception = GenerationError("the machine is gone")

    def __call__(self, prompts: pl.DataFrame, request: Request) -> Iterator[pl.DataFrame]:
        for chunk in prompts.iter_slices(chunk_size(request)):
            if len(self.asked) >= self.dies_after:
                raise self.dies_of
            texts = chunk["prompt"].to_list()
            self.asked += texts
            made = [
                self.wrong.get(str(text), Completion(str(text).upper(), "stop", 2, 3))
                for text in texts
            ]
            yield chunk.hstack(pl.DataFrame(made, COMPLETED, orient="row"))


@pytest.fixture
def shouting() -> Shouting:
    return Shouting()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(root=str(tmp_path))


def requests(*numbers: int) -> pl.DataFrame:
    rows = [(f"r{number}", f"prompt {number}", number) for number in numbers]
    return pl.DataFrame(rows, ["id", "prompt", "number"], orient="row")


def stored(storage: Storage, parts: list[Part]) -> pl.DataFrame:
    return scan_parts(storage, parts).collect()


def test_every_request_gets_its_answer_in_its_order(shouting: Shouting, storage: Storage) -> None:
    steps: list[tuple[int, int]] = []
    asked = requests(*range(600))
    made = Answers(storage, "it", shouting).ask(
        asked, REQUEST, lambda done, total: steps.append((done, total))
    )
    assert made.requests.select(asked.columns).equals(asked)
    assert made.requests["completion"].to_list() == [f"PROMPT {number}" for number in range(600)]
    assert (made.asked, steps[-1]) == (600, (600, 600))
    assert [part.rows for part in made.parts] == [PART_REQUESTS, PART_REQUESTS, 88]
    kept = stored(storage, made.parts)
    assert kept.schema == ANSWERS
    assert kept["key"].to_list() == made.requests["key"].to_list()
    assert kept["prompt"].to_list() == asked["prompt"].to_list()


def test_a_run_that_dies_loses_one_part(shouting: Shouting, storage: Storage) -> None:
    whole = Answers(storage, "elsewhere", shouting).ask(requests(*range(600)), REQUEST)
    shouting.asked, shouting.dies_after = [], 400
    answers = Answers(storage, "it", shouting)
    with pytest.raises(GenerationError, match="the machine is gone"):
        answers.ask(requests(*range(600)), REQUEST)
    done = len(shouting.asked)
    shouting.dies_after = 10**9
    resumed = answers.ask(requests(*range(600)), REQUEST)
    # What is killed outright loses what is not yet a part; what fails, not even that.
    assert resumed.asked == 600 - done
    assert len(shouting.asked) == 600
    assert resumed.requests.drop("key").equals(whole.requests.drop("key"))


def test_what_ends_the_asking_may_be_anything(shouting: Shouting, storage: Storage) -> None:
    shouting.dies_after, shouting.dies_of = 300, ValueError("a failure of the floors above")
    answers = Answers(storage, "it", shouting)
    with pytest.raises(ValueError, match="of the floors above"):
        answers.ask(requests(*range(600)), REQUEST)
    done, shouting.dies_after = len(shouting.asked), 10**9
    assert done > PART_REQUESTS
    assert answers.ask(requests(*range(600)), REQUEST).asked == 600 - done


def test_what_was_asked_is_not_asked_again(shouting: Shouting, storage: Storage) -> None:
    answers = Answers(storage, "it", shouting)
    first = answers.ask(requests(*range(300)), REQUEST)
    fewer = answers.ask(requests(*range(0, 300, 2)), REQUEST)
    assert (fewer.asked, len(shouting.asked)) == (0, 300)
    # After a takedown, what was asked of the removed is in no part of the new answers.
    kept = stored(storage, fewer.parts)
    assert kept["prompt"].to_list() == [f"prompt {number}" for number in range(0, 300, 2)]
    more = answers.ask(requests(*range(310)), REQUEST)
    assert (more.asked, shouting.asked[300:]) == (10, [f"prompt {n}" for n in range(300, 310)])
    again = answers.ask(requests(*range(300)), REQUEST)
    assert again.parts == first.parts
    assert again.requests.equals(first.requests)


@pytest.mark.parametrize(
    "other",
    [
        Answers(Storage(root="x"), "another model", Shouting()),
        REQUEST.model_copy(update={"max_new_tokens": 5}),
        REQUEST.model_copy(update={"temperature": 0.5}),
        REQUEST.model_copy(update={"seed": 1}),
        REQUEST.model_copy(update={"generator": openai.Config(base_url="http://h", model="m")}),
    ],
)
def test_another_question_is_asked(
    shouting: Shouting, storage: Storage, other: Answers | Request
) -> None:
    Answers(storage, "it", shouting).ask(requests(1), REQUEST)
    changed = isinstance(other, Request)
    answers = Answers(storage, "it" if changed else other.identity, shouting)
    assert answers.ask(requests(1), other if changed else REQUEST).asked == 1


def test_where_an_endpoint_is_makes_no_other_question(shouting: Shouting, storage: Storage) -> None:
    for port, asked in ((1, 1), (2, 0)):
        engine = openai.Config(base_url=f"http://h:{port}/v1", model="m")
        request = Request(generator=engine, max_new_tokens=4)
        assert Answers(storage, "m", shouting).ask(requests(1), request).asked == asked


def test_one_prompt_twice_is_one_question(shouting: Shouting, storage: Storage) -> None:
    twice = requests(1, 2, 1)
    made = Answers(storage, "it", shouting).ask(twice, REQUEST)
    assert made.requests["completion"].to_list() == ["PROMPT 1", "PROMPT 2", "PROMPT 1"]
    assert shouting.asked == ["prompt 1", "prompt 2"]


def test_messages_are_prompts(shouting: Shouting, storage: Storage) -> None:
    said = [[{"role": "user", "content": "é"}], [{"role": "user", "content": "b"}]]
    asked = pl.DataFrame({"id": ["a", "b"], "prompt": said})
    made = Answers(storage, "it", shouting).ask(asked, REQUEST)
    assert shouting.asked == said
    assert stored(storage, made.parts)["prompt"][0] == '[{"role": "user", "content": "é"}]'
    assert Answers(storage, "it", shouting).ask(asked, REQUEST).asked == 0


def test_nothing_to_ask(shouting: Shouting, storage: Storage) -> None:
    made = Answers(storage, "it", shouting).ask(requests(1).clear(), REQUEST)
    assert made.requests.is_empty()
    assert "completion" in made.requests.columns
    assert (made.parts, made.asked) == ([], 0)


def test_what_failed_is_asked_again_unless_that_is_of_no_use(
    shouting: Shouting, storage: Storage
) -> None:
    shouting.wrong = {
        "prompt 1": Completion("", fault="failed", detail="broken"),
        "prompt 2": Completion("", fault="prompt_too_long", detail="too long"),
    }
    answers = Answers(storage, "it", shouting)
    made: Answered = answers.ask(requests(*range(5)), REQUEST)
    faults = ["failed" if n == 1 else "prompt_too_long" if n == 2 else None for n in range(5)]
    assert made.requests["fault"].to_list() == faults
    shouting.asked, shouting.wrong = [], {}
    again = answers.ask(requests(*range(5)), REQUEST)
    assert shouting.asked == ["prompt 1"]
    assert again.requests["fault"].to_list() == [None, None, "prompt_too_long", None, None]


def test_too_many_failures_stop_a_run(shouting: Shouting, storage: Storage) -> None:
    broken = Completion("", fault="no_completion", detail="<html>")
    shouting.wrong = {f"prompt {number}": broken for number in range(10, 40)}
    answers = Answers(storage, "it", shouting, failed_share=0.1)
    message = r"22 of the first 32 requests failed, .* 0.1 .*; no_completion 22 times, .*: <html>"
    with pytest.raises(GenerationError, match=message):
        answers.ask(requests(*range(600)), REQUEST)
    assert len(shouting.asked) == 32
    shouting.asked, shouting.wrong = [], {}
    assert answers.ask(requests(*range(20)), REQUEST).asked == 10


def test_a_spent_budget_keeps_what_was_answered(shouting: Shouting, storage: Storage) -> None:
    spent = Completion("", fault="over_budget", detail="`budget_tokens` of 9 are spent")
    shouting.wrong = {f"prompt {number}": spent for number in range(40, 600)}
    answers = Answers(storage, "it", shouting, failed_share=0.1)
    with pytest.raises(BudgetError, match="`budget_tokens` of 9 are spent"):
        answers.ask(requests(*range(600)), REQUEST)
    shouting.asked, shouting.wrong = [], {}
    assert answers.ask(requests(*range(600)), REQUEST).asked == 560


def test_what_fails_again_where_nothing_else_is_asked_is_what_it_was(
    storage: Storage, shouting: Shouting
) -> None:
    requests = pl.DataFrame({"id": ["a", "b"], "prompt": ["good", "bad"]})
    shouting.wrong["bad"] = Completion("", fault="no_completion", detail="a page")
    answers = Answers(storage, "m", shouting)
    answers.ask(requests, REQUEST)
    shouting.dies_after = 0
    again = answers.ask(requests, REQUEST).requests
    assert again["completion"].to_list() == ["GOOD", ""]
    assert again["fault"].to_list() == [None, "no_completion"]
    for others in (["bad"], ["good", "new"]):
        with pytest.raises(GenerationError, match="the machine is gone"):
            answers.ask(pl.DataFrame({"id": others, "prompt": others}), REQUEST)
