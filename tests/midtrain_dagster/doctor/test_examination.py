"""What the doctor says of folders as they come: ours, released ones, broken ones."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma3TextConfig, LlamaConfig, SmolLM3Config

from midtrain.command import main
from midtrain_dagster.doctor.examination import examined
from midtrain_dagster.doctor.line import Line
from midtrain_dagster.doctor.rope import attention_of, told_rope, vllm_length
from midtrain_dagster.tokens.tokenizer import train_tokenizer
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from tests.midtrain_dagster.training import conftest as of_training

corpus, job = of_training.corpus, of_training.job

SIZES = {
    "vocab_size": 320,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 128,
}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Llama as a release has it: weights, a tokenizer, no state of an optimizer."""
    folder = tmp_path_factory.mktemp("released")
    torch.manual_seed(0)
    config = LlamaConfig(**SIZES, tie_word_embeddings=True)
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    for name, data in train_tokenizer([], vocabulary=258).items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def copy(released: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(released, tmp_path / "copy"))


def told(folder: Path) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in examined(folder):
        found.setdefault(line.section, []).append(line)
    return found


def text(lines: list[Line]) -> str:
    return "\n".join(line.text for line in lines)


def changed(folder: Path, **fields: Any) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))
    return folder


def test_a_release_without_state(released: Path) -> None:
    found = told(released)
    assert "LlamaForCausalLM, llama" in text(found["checkpoint"])
    assert "stored in bfloat16" in text(found["weights"])
    assert "are tied, as config.json says" in text(found["tied embeddings"])
    assert "no optimizer state" in text(found["optimizer state"])
    assert "nothing says how many tokens it saw" in text(found["schedule and tokens"])
    assert "base 10000, not scaled" in text(found["positions (RoPE)"])
    assert "bytes a token in bf16" in text(found["KV cache"])
    vocabulary = text(found["vocabulary"])
    assert "320 rows, a multiple of 64, the tokenizer 258 tokens: 62 rows have none" in vocabulary
    inherited = text(found["what a stage can inherit"])
    assert "weights: keep" in inherited
    assert "reestimate: WHY, steps: N}: there are none" in inherited
    assert "learning_rate: {reset: WHY}" in inherited


def test_a_checkpoint_of_ours_keeps_everything(job: Callable[..., Job], tmp_path: Path) -> None:
    last = train(job(optimizer={"method": "muon"}, tokens=3 * 256), output=tmp_path)
    found = told(last)
    assert "Muon's moments of 20 parameters" in text(found["optimizer state"])
    assert "they have taken 3 updates" in text(found["optimizer state"])
    assert "step 3 of the stage 'base', 768 tokens seen in it, seed 5" in text(
        found["schedule and tokens"]
    )
    inherited = text(found["what a stage can inherit"])
    assert "moments: keep, with optimizer: {method: muon}" in inherited
    assert "learning_rate: keep, from" in inherited
    assert "data: keep" in inherited
    assert "rng: keep, with seed: 5" in inherited


def test_what_other_trainers_leave_is_recognised_by_name(copy: Path) -> None:
    for name in ("global_step10/zero_pp_rank_0_mp_rank_00_optim_states.pt", "optimizer.bin"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_bytes(b"not looked at")
    (copy / "trainer_state.json").write_text(
        json.dumps(
            {
                "global_step": 40,
                "max_steps": 100,
                "num_input_tokens_seen": 81920,
                "log_history": [{"learning_rate": 2e-4, "loss": 3.0}],
            }
        )
    )
    found = told(copy)
    assert "DeepSpeed's optimizer state, not read" in text(found["optimizer state"])
    assert "accelerate's optimizer state" in text(found["optimizer state"])
    position = text(found["schedule and tokens"])
    assert "step 40 of 100" in position and "0.0002" in position


def test_an_optimizer_of_pytorch_is_held_against_the_model(copy: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(copy)
    for layers, expected in ((2, "names and shapes are the model's"), (1, "the model's: ")):
        model.model.layers = model.model.layers[:layers]
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
        model(torch.arange(9)[None]).logits.sum().backward()
        optimizer.step()
        state = optimizer.state_dict()
        names = dict(enumerate(name for name, _ in model.named_parameters()))
        state["state"] = {names[number]: each for number, each in state["state"].items()}
        torch.save(state, copy / "optimizer.pt")
        assert expected in text(told(copy)["optimizer state"])


@pytest.mark.parametrize(
    "break_it, section, expected",
    [
        (lambda f: (f / "config.json").write_text("{"), "checkpoint", "this is no JSON"),
        (
            lambda f: (f / "model.safetensors").write_bytes(b"1234"),
            "weights",
            "model.safetensors: it is cut or no safetensors file",
        ),
        (lambda f: (f / "model.safetensors").unlink(), "weights", "there are no weights"),
        (lambda f: (f / "tokenizer.json").write_text("[]"), "vocabulary", "tokenizer.json"),
        (lambda f: changed(f, num_hidden_layers=3), "weights", "missing: model.layers.2."),
        (lambda f: changed(f, vocab_size=400), "vocabulary", "config.json says 400"),
        (lambda f: changed(f, dtype="float16"), "weights", "says dtype float16, and most"),
        (
            lambda f: (f / "trainer_state.json").write_text("{"),
            "schedule and tokens",
            "trainer_state.json: this is no JSON",
        ),
        (
            lambda f: (f / "optimizer.pt").write_bytes(b"no pickle"),
            "optimizer state",
            "optimizer.pt: it is damaged",
        ),
    ],
)
def test_what_is_broken_is_a_line_and_the_rest_is_said(
    copy: Path, break_it: Callable[[Path], Any], section: str, expected: str
) -> None:
    break_it(copy)
    found = told(copy)
    (line,) = [each for each in found[section] if expected in each.text]
    assert line.level in ("wrong", "doubt")
    assert "\n" not in line.text
    assert len(found) == 9


def test_weights_of_a_pickle_are_named_and_refused(copy: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(copy)
    (copy / "model.safetensors").unlink()
    torch.save(model.state_dict(), copy / "pytorch_model.bin")
    weights = text(told(copy)["weights"])
    assert "tensors: pytorch_model.bin" in weights
    assert "the weights are pickled, and are not loaded here" in weights


def rope_lines(folder: Path, **fields: Any) -> str:
    return "\n".join(line for line, _ in told_rope(changed(folder, **fields)))


def test_what_transformers_and_vllm_read_of_a_scaling(copy: Path) -> None:
    """Figures of vLLM's pull requests 46280 (factor 64, attention factor 1.0: 1.4158883 was taken)
    and 56446, and of its ``_get_and_verify_max_len``."""
    yarn = {"rope_type": "yarn", "factor": 64.0, "rope_theta": 1e4}
    laguna = yarn | {"attention_factor": 1.0, "original_max_position_embeddings": 128}
    assert attention_of(yarn) == pytest.approx(1.4158883, abs=1e-7)
    told = rope_lines(copy, rope_parameters=laguna, max_position_embeddings=4096)
    assert "yarn, factor 64, from 128 positions, attention factor 1" in told
    assert "takes the attention factor 1.4159 for 1" in told
    assert "takes 8,192 for its longest request and not 4,096" in told
    linear = {"rope_type": "linear", "factor": 4.0, "rope_theta": 1e4}
    told = rope_lines(copy, rope_parameters=linear, max_position_embeddings=512)
    assert "takes 2,048 for its longest request and not 512" in told
    assert vllm_length(linear, 512, {}, "llama") == 2048
    assert vllm_length(linear, 512, {}, "gemma3_text") == 512
    assert "transformers 4, vLLM before 0.24" in told


def test_layers_without_positions_and_with_a_base_of_their_own_are_told(tmp_path: Path) -> None:
    smollm = SmolLM3Config(**SIZES | {"num_hidden_layers": 4}, no_rope_layer_interval=2)
    smollm.save_pretrained(tmp_path)
    assert "layers without RoPE: 1, 3 of 4" in "\n".join(line for line, _ in told_rope(tmp_path))
    layers = {
        "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
    }
    kinds = list(layers)
    Gemma3TextConfig(
        **SIZES, head_dim=8, sliding_window=32, layer_types=kinds, rope_parameters=layers
    ).save_pretrained(tmp_path)
    lines = [line for line, _ in told_rope(tmp_path)]
    assert "transformers reads of full attention: base 1e+06, linear, factor 8" in lines
    assert "transformers reads of sliding attention: base 10000, not scaled" in lines
    assert "1 of 2 layers see the last 32 positions alone" in lines
    assert not any("longest request" in line for line in lines), "vLLM excepts Gemma 3"


def test_both_names_of_a_scaling_are_held_against_each_other(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    config.pop("rope_parameters", None)
    scaling = {"type": "linear", "rope_type": "yarn", "factor": 4.0}
    (copy / "config.json").write_text(json.dumps(config | {"rope_scaling": scaling}))
    told = "\n".join(line for line, _ in told_rope(copy))
    assert "vLLM refuses it: `type` says linear and `rope_type` yarn" in told
    assert "original_max_position_embeddings is not said" in told


def test_the_command_ends_with_what_it_found(
    released: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, code in ((released, 0), (tmp_path, 2), (tmp_path / "none", 2)):
        with pytest.raises(SystemExit) as ended:
            main(["doctor", str(folder)])
        assert ended.value.code == code
        assert capsys.readouterr().out.startswith("checkpoint\n  ")
