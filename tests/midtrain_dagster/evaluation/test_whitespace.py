"""Whitespace at the seam of question and answer, against plain lm-evaluation-harness."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from datasets import Dataset, DatasetDict
from lm_eval.api.instance import Instance
from lm_eval.evaluator import evaluate as run_harness
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from midtrain_dagster.evaluation.harness import evaluate
from midtrain_dagster.evaluation.methods.answer_likelihood import AnswerLikelihood
from midtrain_dagster.evaluation.methods.multiple_choice import MultipleChoice

VOCABULARY = 300
ENDS = ("", " ", "  ", "\t", "\n", "\n\n    ", " \t\n", "\u00a0", "\u2003", "\u3000 ")
CHOICES = ("outside", " outside", "\toutside", "\n man", "  spot ", "the same\nspot", "\u00a0man")

LIKELIHOOD = AnswerLikelihood(method="answer_likelihood")


@pytest.fixture(scope="module", params=["byte-level", "metaspace with BOS"])
def folder(request: pytest.FixtureRequest, model: Path, tmp_path_factory: Any) -> Path:
    """The tiny model with the tokenizer of its folder, and with one as Llama 2 has it."""
    if request.param == "byte-level":
        return model
    copy: Path = tmp_path_factory.mktemp("metaspace") / "model"
    shutil.copytree(model, copy)
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<s>", "</s>", "<unk>"],
        initial_alphabet=[*"\t\n\u00a0\u2003\u3000"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(["The boys are outside. man  spot the same spot"] * 4, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(copy)
    return copy


@pytest.fixture(scope="module")
def plain(folder: Path) -> HFLM:
    """The harness's own model, as its command line makes it."""
    return HFLM(pretrained=str(folder), dtype="float32", batch_size=1, device="cpu")


def choices_of(plain: HFLM, items: pl.DataFrame) -> list[float]:
    """What a person's own YAML task of the harness gives: acc and acc_norm."""
    data = DatasetDict({"test": Dataset.from_list(items.drop("answer").to_dicts())})
    task: dict[str, Any] = {
        "task": "own",
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{question}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "gold",
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
        "custom_dataset": lambda **_: data,
    }
    loaded = TaskManager(include_defaults=False).load([task])
    found = run_harness(lm=plain, task_dict=loaded, log_samples=True)
    assert found is not None
    return [
        response[0]
        for sample in sorted(found["samples"]["own"], key=lambda each: each["doc_id"])
        for response in sample["filtered_resps"]
    ]


class Logged(MultipleChoice):
    """Multiple choice that keeps what each choice was given."""

    def item_values(self, outcome: Any) -> Any:
        SEEN[:] = [each[0] for answers in outcome.responses for each in answers]
        return super().item_values(outcome)


SEEN: list[float] = []


def test_choices_after_any_whitespace_have_the_harness_likelihoods(
    folder: Path, make_items: Callable[..., pl.DataFrame], plain: HFLM
) -> None:
    items = make_items(*((f"The boys are{end}", list(CHOICES), 1, "x") for end in ENDS))
    evaluate(folder, items, method=Logged(method="multiple_choice"))
    expected = choices_of(plain, items)
    assert pytest.approx(expected, rel=1e-4) == SEEN


def test_answer_is_what_the_harness_scores_after_the_question(
    folder: Path, make_items: Callable[..., pl.DataFrame], plain: HFLM
) -> None:
    """The harness gets the text as it stands, with one space where there is no whitespace."""
    for end in (*ENDS, None):
        asked = "" if end is None else f"The boys are{end}"
        answer = " outside" if end == "" else "outside"
        items = make_items((asked, [], None, "outside"))
        scores = evaluate(folder, items, method=LIKELIHOOD)["scores"]
        request = Instance("loglikelihood", {}, (asked, answer), 0)
        ((nats, _),) = plain.loglikelihood([request], disable_tqdm=True)
        alone = plain.tok_encode(answer, add_special_tokens=False)
        scored = plain._encode_pair(asked, answer)[1] if asked else alone
        assert scores["value"][0] == pytest.approx(-nats / len(scored), rel=1e-4), repr(end)
