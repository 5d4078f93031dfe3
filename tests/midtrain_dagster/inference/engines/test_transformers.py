"""A local model, against greedy decoding by hand."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from midtrain_dagster.core.causes import canonical, file_digest
from midtrain_dagster.inference.engine import GenerationError, Prompt
from midtrain_dagster.inference.engines.transformers import Config, LocalTransformers

PROMPTS = ["the cat", "the mat sat on the cat and the mat", "an answer", "q", "the cat sat"]


@pytest.fixture(scope="module")
def local(tiny_model: Path) -> Iterator[LocalTransformers]:
    import torch

    threads = torch.get_num_threads()
    yield LocalTransformers(tiny_model, dtype="float32", batch_size=2, threads=1)
    torch.set_num_threads(threads)


def by_hand(local: LocalTransformers, prompt: str, new: int) -> str:
    """Greedy decoding without cache, batch, padding or generate()."""
    import torch

    tokens = local.tokenizer(prompt)["input_ids"]
    length = len(tokens)
    for _ in range(new):
        with torch.no_grad():
            logits = local.model(torch.tensor([tokens]), use_cache=False).logits[0, -1]
        tokens.append(int(logits.argmax()))
        if tokens[-1] == local.tokenizer.eos_token_id:
            break
    return local.tokenizer.decode(tokens[length:], skip_special_tokens=True)


def texts(local: LocalTransformers, prompts: Sequence[Prompt], **given: Any) -> list[str]:
    return [completion.text for completion in local.generate(prompts, **given)]


def test_completions_are_the_greedy_ones_in_order(local: LocalTransformers) -> None:
    expected = [by_hand(local, prompt, 8) for prompt in PROMPTS]
    assert len(set(expected)) > 2
    assert texts(local, PROMPTS, max_new_tokens=8) == expected
    assert local.generate([], max_new_tokens=8) == []


def test_shared_beginning_changes_nothing(local: LocalTransformers) -> None:
    shared = [f"a question and an answer on the mat: {prompt}" for prompt in PROMPTS]
    assert texts(local, shared, max_new_tokens=8) == [by_hand(local, p, 8) for p in shared]
    same = ["the cat", "the cat"]
    assert texts(local, same, max_new_tokens=8) == [by_hand(local, p, 8) for p in same]


def test_stop_string_ends_a_completion_and_is_cut(local: LocalTransformers) -> None:
    whole = texts(local, ["the cat"], max_new_tokens=12)[0]
    stop = whole[3:5]
    (cut,) = texts(local, ["the cat"], max_new_tokens=12, stop=[stop])
    assert cut == whole[: whole.find(stop)]


def test_sampling_is_reproducible_and_leaves_the_seed_alone(local: LocalTransformers) -> None:
    import torch

    state = torch.get_rng_state()
    runs = [
        texts(local, PROMPTS, max_new_tokens=8, temperature=1.0, seed=seed) for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1] != runs[2]
    assert torch.equal(torch.get_rng_state(), state)


def test_chat_messages_go_through_the_template(local: LocalTransformers) -> None:
    messages = [{"role": "user", "content": "the cat"}]
    assert texts(local, [messages], max_new_tokens=5) == texts(
        local, ["[user] the cat\n"], max_new_tokens=5
    )


def test_no_prompt_spells_a_control_token(local: LocalTransformers) -> None:
    end = local.tokenizer.eos_token_id
    assert end not in local.encoder.text("the <end> cat")
    spelt = local.encoder.prompt({"messages": [{"role": "user", "content": "the <end> cat"}]})
    assert end not in spelt
    assert local.tokenizer.decode(spelt) == "[user] the <end> cat\n"


def test_a_template_that_refuses_is_named(
    local: LocalTransformers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local.tokenizer, "chat_template", "{{ raise_exception('no system') }}")
    with pytest.raises(GenerationError, match="the chat template refuses it: no system"):
        local.generate([[{"role": "user", "content": "a"}]], max_new_tokens=1)


def test_prompt_beyond_the_context_costs_itself(local: LocalTransformers) -> None:
    long = "b " * 1100
    good, bad, last = local.generate(["a", long, "the cat"], max_new_tokens=4)
    assert (bad.text, bad.fault) == ("", "prompt_too_long")
    assert re.fullmatch(r"the prompt has \d+ tokens; with 4 new .* exceeds the 1024 .*", bad.detail)
    assert (good, last) == tuple(local.generate(["a", "the cat"], max_new_tokens=4))
    assert good.fault is None
    assert [each.fault for each in local.generate([long], max_new_tokens=4)] == ["prompt_too_long"]


def test_tokens_are_counted_and_ends_told(local: LocalTransformers) -> None:
    completions = local.generate(PROMPTS, max_new_tokens=8)
    for prompt, completion in zip(PROMPTS, completions, strict=True):
        tokens = local.tokenizer(prompt)["input_ids"]
        alone = local.model.generate(
            torch.tensor([tokens]), max_new_tokens=8, do_sample=False, pad_token_id=0
        )[0, len(tokens) :]
        ended = alone[-1] == local.tokenizer.eos_token_id
        assert (completion.tokens_in, completion.tokens_out) == (len(tokens), len(alone))
        assert completion.finish == ("stop" if ended else "length")
    whole = completions[0].text
    (cut,) = local.generate([PROMPTS[0]], max_new_tokens=8, stop=[whole[1:3]])
    assert cut.finish == "stop"
    assert 0 < cut.tokens_out <= 8


def test_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match="no Hugging Face model here"):
        LocalTransformers(tmp_path)


def test_model_is_known_by_its_files_and_not_by_where_they_lie(tiny_model: Path) -> None:
    here = Config(model=tiny_model.name)

    def find(relative: str) -> str:
        return str(tiny_model.parent / relative)

    assert here.name == tiny_model.name
    assert here.folder(find) == tiny_model
    assert list(here.findings(find)) == []
    weights = file_digest(tiny_model / "model.safetensors")
    assert here.identity(find)["model.safetensors"] == weights
    assert canonical(here) == canonical(Config(model="elsewhere"))
    assert canonical(here) != canonical(Config(model=tiny_model.name, dtype="float32"))
    with pytest.raises(GenerationError, match="elsewhere: there is no model's folder"):
        Config(model="elsewhere").identity(find)
