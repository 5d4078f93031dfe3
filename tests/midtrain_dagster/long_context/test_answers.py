from typing import Any

import numpy as np
import pytest
import torch
from transformers import GPT2Config, LlamaConfig, MistralConfig
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

from midtrain_dagster.long_context import answers as module
from midtrain_dagster.long_context.answers import answers
from midtrain_dagster.long_context.encoder import Tokens
from midtrain_dagster.long_context.items import Item, items
from midtrain_dagster.long_context.tasks.needle import Needle

SIZES: dict[str, Any] = {
    "vocab_size": 1024,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
CONFIGS = {
    "llama": LlamaConfig(**SIZES),
    "sliding": MistralConfig(**SIZES, sliding_window=24),
}


def model_of(config: Any) -> Any:
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.15) if parameter.ndim > 1 else None
    return model


@pytest.fixture(scope="module")
def asked(encoder: Tokens, documents: list[str]) -> list[Item]:
    tasks = {
        "one": Needle(digits=3),
        "several": Needle(keys=3, queries=2, value="words"),
        "values": Needle(values=2, digits=2),
    }
    return items(
        tasks, encoder, documents, lengths=[96, 128], depths=[0, 1], count=2, distractors=3
    )


@pytest.mark.parametrize("name", CONFIGS)
def test_likelihoods_are_those_of_the_whole_text(name: str, asked: list[Item]) -> None:
    """One reading of a context gives what reading it anew for each answer gives."""
    model = model_of(CONFIGS[name])
    for item, found in zip(asked, answers(model, asked), strict=True):
        for question, likelihoods in zip(item.ranked, found.likelihoods, strict=True):
            for answer, likelihood in zip(question.answers, likelihoods, strict=True):
                ids = torch.from_numpy(np.concatenate([item.context, question.question, answer]))
                with torch.no_grad():
                    logits = model(ids[None], use_cache=False).logits[0].log_softmax(-1)
                steps = range(len(ids) - len(answer), len(ids))
                expected = sum(float(logits[step - 1, ids[step]]) for step in steps)
                assert likelihood == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", CONFIGS)
def test_what_is_written_is_the_likeliest_token_each_time(name: str, asked: list[Item]) -> None:
    model = model_of(CONFIGS[name])
    for item, found in zip(asked[::3], answers(model, asked)[::3], strict=True):
        ids = np.concatenate([item.context, item.asked])
        for token in found.written:
            with torch.no_grad():
                logits = model(torch.from_numpy(ids)[None], use_cache=False).logits[0, -1]
            assert float(logits[token]) == pytest.approx(float(logits.max()), abs=1e-5)
            ids = np.append(ids, token)
        assert len(found.written) == item.new_tokens


def test_a_text_ends_where_the_model_ends_it(asked: list[Item]) -> None:
    model = model_of(CONFIGS["llama"])
    whole = answers(model, asked[:1])[0].written
    cut = answers(model, asked[:1], ends=[int(whole[1])])[0].written
    assert cut.tolist() == whole[: whole.tolist().index(whole[1])].tolist()


def test_batches_change_nothing(asked: list[Item], monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(CONFIGS["llama"])
    together = answers(model, asked)
    monkeypatch.setattr(module, "BATCH_TOKENS", 1)
    for one, other in zip(together, answers(model, asked), strict=True):
        assert all(map(np.allclose, one.likelihoods, other.likelihoods))
        assert one.written.tolist() == other.written.tolist()


def test_each_context_is_read_once(asked: list[Item]) -> None:
    model = model_of(CONFIGS["llama"])
    seen: list[tuple[int, int]] = []
    model.model.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    answers(model, asked)
    contexts = sum(len(item.context) for item in asked)
    shortest = min(len(item.context) for item in asked)
    # Whatever else is read is as short as a question with its answer.
    assert sum(rows * tokens for rows, tokens in seen if tokens >= shortest) == contexts
    assert max(tokens for _, tokens in seen if tokens < shortest) < shortest / 2


def test_a_table_of_positions_ends(asked: list[Item]) -> None:
    config = GPT2Config(vocab_size=1024, n_positions=100, n_embd=32, n_layer=1, n_head=2)
    with pytest.raises(ValueError, match="128 tokens, but the model's table of positions ends at"):
        answers(model_of(config), asked)
