import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.evaluation import next_token
from midtrain_dagster.evaluation.harness import evaluate
from midtrain_dagster.evaluation.methods.answer_likelihood import AnswerLikelihood
from midtrain_dagster.evaluation.next_token import next_token_losses
from midtrain_dagster.models import head
from midtrain_dagster.models.load import load_to_evaluate

Naive = Callable[..., np.ndarray]


def windows(*lengths: int) -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.integers(0, 300, length).astype(np.uint16) for length in lengths]


def test_next_token_losses_of_a_padded_batch_are_those_of_single_windows(
    loaded: Any, naive_losses: Naive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(next_token, "BATCH_TOKENS", 100)
    monkeypatch.setattr(head, "LOGITS", 7 * 300)
    drawn = windows(2, 50, 3, 130, 50, 17)
    losses = next_token_losses(loaded, drawn)
    assert [len(each) for each in losses] == [len(each) - 1 for each in drawn]
    for window, loss in zip(drawn, losses, strict=True):
        np.testing.assert_allclose(loss, naive_losses(window), rtol=1e-4, atol=1e-5)


def test_next_token_losses_of_no_windows_are_none(loaded: Any) -> None:
    assert next_token_losses(loaded, []) == []


CAPPED = {
    "GraniteForCausalLM": {"model_type": "granite", "logits_scaling": 8.0},
    "Gemma2ForCausalLM": {"model_type": "gemma2", "final_logit_softcapping": 1.0},
    "CohereForCausalLM": {"model_type": "cohere", "logit_scale": 0.25},
}


@pytest.fixture(scope="module", params=CAPPED)
def capped(request: Any, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model of a family that scales or caps its logits, with the tokenizer of ``model``."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("capped") / "model"
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    fields = json.loads((folder / "config.json").read_text()) | CAPPED[request.param]
    fields |= {"architectures": [request.param], "query_pre_attn_scalar": 8, "head_dim": 8}
    (folder / "config.json").write_text(json.dumps(fields))
    torch.manual_seed(7)
    made = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    assert type(made).__name__ == request.param
    made.save_pretrained(folder)
    return folder


def test_next_token_losses_are_of_logits_as_the_model_scales_or_caps_them(
    capped: Path, make_items: Callable[..., pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By this module and by the harness alike, as by the model's own logits."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    own = AutoModelForCausalLM.from_pretrained(capped, dtype=torch.float32)

    def naive(ids: np.ndarray) -> np.ndarray:
        tokens = torch.from_numpy(ids.astype(np.int64))
        with torch.no_grad():
            logits = own(tokens[None]).logits[0, :-1]
        return -logits.log_softmax(-1).gather(1, tokens[1:, None])[:, 0].numpy()

    monkeypatch.setattr(head, "LOGITS", 60 * 300)
    loaded = load_to_evaluate(capped)
    assert not head.has_plain_head(loaded)
    drawn = windows(2, 30, 3, 90, 30)
    for window, loss in zip(drawn, next_token_losses(loaded, drawn), strict=True):
        np.testing.assert_allclose(loss, naive(window), rtol=1e-4, atol=1e-5)

    tokenizer = AutoTokenizer.from_pretrained(capped)
    question, answer = "The boys are", "outside again"
    whole = np.array(tokenizer.encode(f"{question} {answer}"))
    expected = naive(whole)[len(tokenizer.encode(question)) - 1 :].mean()
    items = make_items((question, [], None, answer))
    method = AnswerLikelihood(method="answer_likelihood")
    scores = evaluate(capped, items, method=method)["scores"]
    assert scores["value"][0] == pytest.approx(expected, rel=1e-4)
