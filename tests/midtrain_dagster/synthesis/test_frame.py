"""The frame with a method of two rounds, which asks again about what came back."""

from typing import Any, ClassVar

import polars as pl
import pytest

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.inference.batches import COMPLETED
from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.inference.engines import transformers
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis.answers import Answered
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.frame import drive
from midtrain_dagster.synthesis.method import Making, Round
from midtrain_dagster.synthesis.tables import REJECTS, REQUESTS

REQUEST = Request(generator=transformers.Config(model="m"), max_new_tokens=4)


class Solved:
    """A problem for each seed, in the first round; its solution, in the second."""

    KIND: ClassVar[Any] = "mathematics"
    FAMILY: ClassVar[Any] = "evolution"
    FORM: ClassVar[str] = "problem"
    THOUGHT: ClassVar[Any] = "short"
    PROMPT_VERSION: ClassVar[int] = 3
    domain = "solved"

    def make(self, seeds: pl.DataFrame, collector: Collector) -> Making:
        asked = seeds.select("id", prompt="problem of " + pl.col("id"))
        problems = yield Round(asked, REQUEST)
        again = problems.select("id", "completion", prompt="solve " + pl.col("completion"))
        solved = yield Round(again.rename({"completion": "problem"}), REQUEST)
        solutions = dict(solved.select("id", "completion").iter_rows())
        for identity, problem in problems.select("id", "completion").iter_rows():
            solution = solutions.get(identity)
            if solution is None:
                collector.reject(identity, "unsolved", problem)
                continue
            collector.accept(
                [identity, f"solve:{identity}"],
                f"{problem} {solution}",
                seeds=[Seed(name=identity)],
                shown=[FieldShown("Solution", solution, generated=True)],
                scores={"agreement": 0.5},
            )
        return collector.tables()


def answered(said: dict[str, Completion], rounds: list[list[str]]) -> Any:
    """Answers by prompt; without an entry, with what is asked in capitals."""

    def ask(requests: pl.DataFrame, request: Request, number: int) -> Answered:
        prompts = requests["prompt"].to_list()
        assert number == len(rounds) + 1
        rounds.append(prompts)
        made = [said.get(prompt, Completion(prompt.upper(), "stop", 2, 3)) for prompt in prompts]
        table = requests.with_columns(key=pl.col("prompt")).hstack(
            pl.DataFrame(made, COMPLETED, orient="row")
        )
        return Answered(table, [Part(table="answers", path=f"p{number}", digest="", bytes=1)], 1)

    return ask


SEEDS = pl.DataFrame({"id": ["a", "b", "c", "d"]})


def collector() -> Collector:
    return Collector(Solved(), source="synthetic_it", written_by="a model")


def test_rounds_are_asked_one_after_the_other_and_counted() -> None:
    rounds: list[list[str]] = []
    said = {
        "problem of b": Completion("", fault="failed", detail="broken"),
        "problem of c": Completion("I'm sorry, but I can't assist with that."),
        "solve PROBLEM OF D": Completion("", "length", 5, 7, fault="refused", detail="no"),
    }
    made = drive(Solved().make(SEEDS, collector()), answered(said, rounds))
    assert rounds == [
        [f"problem of {each}" for each in "abcd"],
        ["solve PROBLEM OF A", rounds[1][1]],
    ]
    documents, rejects, examples = made.accepted
    assert documents.schema == DOCUMENTS
    assert documents["text"].to_list() == ["PROBLEM OF A SOLVE PROBLEM OF A"]
    assert rejects.schema == REJECTS
    assert rejects.rows() == [
        ("d", "unsolved", "PROBLEM OF D"),
        ("b", "failed", "broken"),
        ("c", "declined", "I'm sorry, but I can't assist with that."),
    ]
    assert examples.height == 1
    assert made.requests.schema == REQUESTS
    assert made.requests["round"].to_list() == [1, 1, 1, 1, 2, 2]
    assert [part.path for part in made.answers] == ["p1", "p2"]
    assert (made.first, made.asked, made.found, made.truncated) == (4, 6, 4, 1)
    assert (made.tokens_in, made.tokens_out) == (2 * 3 + 5, 3 * 3 + 7)


def test_documents_say_how_they_were_made() -> None:
    made = drive(Solved().make(SEEDS[:1], collector()), answered({}, []))
    (row,) = made.accepted.documents.rows(named=True)
    assert (row["source"], row["domain"], row["kind"]) == ("synthetic_it", "solved", "mathematics")
    assert row["locator"] == "a"
    described = pl.Series([row["metadata"]]).str.json_decode(infer_schema_length=None)[0]
    assert described == {
        "family": "evolution",
        "form": "problem",
        "thought": "short",
        "generator": "a model",
        "prompt_version": 3,
        "requests": ["a", "solve:a"],
        "seeds": [{"name": "a"}],
        "scores": {"agreement": 0.5},
    }


@pytest.mark.parametrize(
    ("completion", "declines"),
    [
        ("I\u2019m sorry, but I cannot do that.", True),
        ("  As an AI language model, I have no opinion.", True),
        ("I am not able to help with it", True),
        ("I cannot remember a better summer than that of 1911.", False),
        ("Sorry is a word. I'm sorry, but I can't say it.", False),
        ("As an aide to the king, he wrote letters.", False),
    ],
)
def test_a_model_that_declines_is_no_author(completion: str, declines: bool) -> None:
    said = {"problem of a": Completion(completion)}
    made = drive(Solved().make(SEEDS[:1], collector()), answered(said, []))
    assert (made.accepted.rejects["reason"].to_list() == ["declined"]) is declines


def test_a_model_that_always_declines_ends_in_rejects_alone() -> None:
    said = {f"problem of {each}": Completion("As an AI, I cannot.") for each in "abcd"}
    made = drive(Solved().make(SEEDS, collector()), answered(said, []))
    assert made.accepted.documents.is_empty()
    assert made.accepted.rejects["reason"].to_list() == ["declined"] * 4


def test_a_method_that_asks_nobody_is_counted_by_what_it_sorted() -> None:
    def make() -> Making:
        taking = collector()
        taking.accept("a", "one", seeds=[Seed(name="a")], shown=[])
        taking.reject("b", "duplicate", "one")
        return taking.tables()
        yield

    made = drive(make(), answered({}, []))
    assert (made.first, made.asked, made.found, made.tokens_out) == (2, 0, 0, 0)
    assert made.requests.schema == REQUESTS
    assert made.accepted.rejects["reason"].to_list() == ["duplicate"]


@pytest.mark.parametrize(
    ("completion", "document"),
    [
        ("<think>\nHm.\n\nSo be it.\n</think>\n\nA problem", "A problem S"),
        ("Okay, the user asks.\n</think>\nA problem", "A problem S"),
        ("<think></think>A problem", "A problem S"),
        ("A problem", "A problem S"),
    ],
)
def test_what_a_model_thinks_first_is_none_of_its_answer(completion: str, document: str) -> None:
    said = {"problem of a": Completion(completion), "solve A problem": Completion("S")}
    made = drive(Solved().make(SEEDS[:1], collector()), answered(said, []))
    assert made.accepted.documents["text"].to_list() == [document]


def test_a_thought_without_an_end_is_told() -> None:
    said = {"problem of a": Completion("<think>\nHm, what is", "length")}
    made = drive(Solved().make(SEEDS[:1], collector()), answered(said, []))
    assert made.accepted.rejects["reason"].to_list() == ["only_thought"]


def test_a_model_that_declines_after_a_thought_declines() -> None:
    said = {"problem of a": Completion("<think>No.</think>I'm sorry, I can't help with that.")}
    made = drive(Solved().make(SEEDS[:1], collector()), answered(said, []))
    assert made.accepted.rejects["reason"].to_list() == ["declined"]
