"""The frequencies and the attention factor that a built model uses, for every method and after
several stages, before export and after it, and behind sequences of any length."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma3TextConfig, LlamaConfig, SmolLM3Config
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from midtrain_dagster.models.older_names import write_older_names
from midtrain_dagster.models.rotation import rotate_each_alone
from midtrain_dagster.training.rope.apply import RopeError, apply_rope
from tests.midtrain_dagster.training.rope.rotations import (
    ADAPTER,
    BASE,
    CASES,
    HEAD,
    WINDOW,
    Case,
    extended,
    llama3,
    plain,
    temperature,
    yarn,
)


def turned(model: Any, length: int) -> tuple[np.ndarray, float]:
    """Frequencies and attention factor as cos and sin of a window of ``length`` tokens show them:
    at position 1, in double precision from single."""
    cos, sin = model.model.rotary_emb(torch.zeros(1, 1), torch.arange(length)[None])
    cos, sin = (each[0, 1, : HEAD // 2].double().numpy() for each in (cos, sin))
    return np.arctan2(sin, cos), float(np.hypot(cos, sin).mean())


def built(config: Any) -> Any:
    model = AutoModelForCausalLM.from_config(config).eval()
    rotate_each_alone(model)
    return model


@pytest.mark.parametrize("name", CASES)
def test_a_built_model_turns_as_the_formula_says(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    config = extended(case, tmp_path)
    assert config.max_position_embeddings == max(WINDOW, case.stages[-1][1])
    model = built(config)
    # Also behind a longer sequence than the original window, and behind a short one again.
    for length in (case.stages[-1][1], 64, WINDOW + 1, WINDOW):
        short = case.short is not None and length <= WINDOW
        found, attention = turned(model, length)
        expected = case.short if short else case.frequencies
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
        assert attention == pytest.approx(case.attention, rel=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_a_built_model_holds_what_transformers_computes(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    if (kind := case.read["rope_type"]) not in ROPE_INIT_FUNCTIONS:
        assert extended(case, tmp_path).rope_parameters == case.read  # ABF and NTK change the base
        return
    length = case.stages[-1][1]
    said = LlamaConfig(
        hidden_size=64,
        num_attention_heads=2,
        max_position_embeddings=length,
        rope_parameters=dict(case.read),
    )
    model = built(extended(case, tmp_path))
    turned(model, length)
    for seen in (length, WINDOW):
        expected, attention = ROPE_INIT_FUNCTIONS[kind](said, torch.device("cpu"), seq_len=seen)
        turned(model, seen)
        rotary = model.model.rotary_emb
        np.testing.assert_allclose(rotary.inv_freq.numpy(), expected.numpy(), rtol=1e-6)
        assert rotary.attention_scaling == pytest.approx(attention, rel=1e-6)


def test_llama_3_turns_as_its_release() -> None:
    # Llama 3.1: base 500,000, heads of 128, factor 8 on 8,192; wavelengths 2 pi 500000^(2j/128).
    config = LlamaConfig(
        hidden_size=128,
        num_attention_heads=1,
        num_key_value_heads=1,
        num_hidden_layers=1,
        max_position_embeddings=8192,
        rope_parameters={"rope_type": "default", "rope_theta": 5e5},
    )
    rope = {"method": "llama3", "factor": 8, "original_length": 8192}
    apply_rope(ADAPTER.validate_python(rope), config, 65_536)
    released = {
        **{"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0},
        **{"high_freq_factor": 4.0, "original_max_position_embeddings": 8192},
    }
    assert config.rope_parameters == released
    found = built(config).model.rotary_emb.inv_freq.numpy()
    ratio = found / 5e5 ** (-2 * np.arange(64) / 128)
    # A wavelength of 2,048 is at j = 28.2, one of 8,192 at j = 34.98.
    np.testing.assert_allclose(ratio[:29], 1.0, rtol=1e-6)
    np.testing.assert_allclose(ratio[35:], 1 / 8, rtol=1e-6)
    smooth = (8192 / (2 * np.pi * 5e5 ** (64 / 128)) - 1) / 3
    assert ratio[32] == pytest.approx(smooth + (1 - smooth) / 8, rel=1e-5)


def test_dynamic_ntk_turns_by_the_length_of_each_window() -> None:
    config = LlamaConfig(
        hidden_size=64,
        num_attention_heads=2,
        num_hidden_layers=1,
        max_position_embeddings=WINDOW,
        rope_parameters={"rope_type": "dynamic", "rope_theta": BASE, "factor": 2.0},
    )
    model = built(config)
    for length in (500, 64, 200, WINDOW, 300):
        # b ((s l / L) - (s - 1))^(d / (d - 2)) beyond the window (emozilla, 2023).
        beyond = 2 * max(length, WINDOW) / WINDOW - 1
        found, attention = turned(model, length)
        expected = plain(BASE * beyond ** (HEAD / (HEAD - 2)))
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
        made = ROPE_INIT_FUNCTIONS["dynamic"](config, torch.device("cpu"), seq_len=length)[0]
        np.testing.assert_allclose(model.model.rotary_emb.inv_freq.numpy(), made.numpy(), rtol=1e-6)
        assert attention == pytest.approx(1.0)


SIZES = {
    "vocab_size": 20,
    "hidden_size": 64,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": HEAD,
    "max_position_embeddings": WINDOW,
}


def gemma(**changed: Any) -> Gemma3TextConfig:
    kinds = ["sliding_attention", "full_attention"]
    bases = {
        "full_attention": {"rope_type": "default", "rope_theta": 1e6},
        "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
    }
    settings = {"layer_types": kinds, "rope_parameters": bases, "sliding_window": 32}
    return Gemma3TextConfig(**SIZES | settings | changed)


BOTH_BASES = {
    "abf": (plain(5e6), 1.0),
    "linear": (plain(1e6) / 4, 1.0),
    "ntk": (plain(1e6 * 4 ** (32 / 30)), 1.0),
    "yarn": (yarn(4, base=1e6), temperature(4)),
    "llama3": (llama3(4, base=1e6), 1.0),
}


@pytest.mark.parametrize("method", BOTH_BASES)
def test_of_two_bases_that_of_the_layers_that_see_everything_is_extended(
    method: str, tmp_path: Path
) -> None:
    said = {"abf": {"base": 5e6}}.get(method, {"factor": 4})
    said |= {"original_length": WINDOW} if method in ("yarn", "llama3") else {}
    case = Case([({"method": method} | said, 512)], *BOTH_BASES[method], read={})
    config = extended(case, tmp_path, gemma())
    assert config.max_position_embeddings == 512
    assert config.rope_parameters["sliding_attention"] == {
        "rope_type": "default",
        "rope_theta": 1e4,
    }
    rotary = AutoModelForCausalLM.from_config(config).model.rotary_emb
    found = rotary.full_attention_inv_freq.numpy()
    np.testing.assert_allclose(found, case.frequencies, rtol=1e-6)
    assert rotary.full_attention_attention_scaling == pytest.approx(case.attention)
    np.testing.assert_allclose(rotary.sliding_attention_inv_freq.numpy(), plain(), rtol=1e-6)
    assert rotary.sliding_attention_attention_scaling == 1.0
    # A second stage counts from the window before the first.
    if method not in ("abf",):
        again = ADAPTER.validate_python({"method": method} | said | {"factor": 16})
        assert apply_rope(again, config, 2048) == []
        with pytest.raises(RopeError, match=r"and full_attention is extended: .* factor: 32"):
            apply_rope(again, config, 4096)


def test_layers_that_are_not_known_to_see_a_window_alone_are_refused_by_name() -> None:
    rope = ADAPTER.validate_python({"method": "abf", "base": 5e6})
    with pytest.raises(RopeError, match=r"gemma3_text: .* \(full_attention, sliding_attention\)"):
        apply_rope(rope, gemma(sliding_window=None), 512)


def test_layers_without_positions_stay_so_and_a_model_of_them_alone_is_refused() -> None:
    rope = ADAPTER.validate_python({"method": "yarn", "factor": 4, "original_length": WINDOW})
    config = SmolLM3Config(**SIZES, no_rope_layers=[1, 0], pad_token_id=0)
    config.rope_parameters = {"rope_type": "default", "rope_theta": 1e4}
    torch.manual_seed(0)
    before = AutoModelForCausalLM.from_config(config).eval()
    apply_rope(rope, config, 512)
    after = AutoModelForCausalLM.from_config(config).eval()
    after.load_state_dict(before.state_dict())
    np.testing.assert_allclose(after.model.rotary_emb.inv_freq.numpy(), yarn(4), rtol=1e-6)
    ids = torch.arange(100)[None] % 20
    states = [
        each.model(ids, output_hidden_states=True).hidden_states[1] for each in (before, after)
    ]
    assert not torch.allclose(*states)  # the rotated layer
    place = torch.arange(100)[None]
    rotated = [each.model.rotary_emb(states[0], place) for each in (before, after)]
    bare, turning = [
        [
            model.model.layers[layer](states[0], position_embeddings=pair)
            for model, pair in zip((before, after), rotated, strict=True)
        ]
        for layer in (1, 0)
    ]
    assert torch.equal(*bare)
    assert not torch.allclose(*turning)
    with pytest.raises(RopeError, match="smollm3: none of its 2 layers is rotated"):
        apply_rope(rope, SmolLM3Config(**SIZES, no_rope_layers=[0, 0], pad_token_id=0), 512)


READ = """
import json, sys
import torch
from transformers import AutoModelForCausalLM
found = {}
for folder in sys.argv[1:]:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        found[folder] = [
            model(torch.arange(length)[None] * 7 % 20).logits[0, -1].tolist()
            for length in (WINDOWS)
        ]
print(json.dumps(found))
"""


def test_plain_transformers_makes_of_every_folder_what_is_made_here(tmp_path: Path) -> None:
    windows = (700, 100)
    begun = {"two bases": gemma()}
    stages = CASES | {"two bases": CASES["yarn twice"]}
    expected = {}
    for number, (name, case) in enumerate(stages.items()):
        folder = tmp_path / str(number)
        config = extended(case, folder, begun.get(name))
        torch.manual_seed(0)
        model = built(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(4)  # so that the logits depend on positions
            expected[str(folder)] = [
                model(torch.arange(length)[None] * 7 % 20).logits[0, -1].tolist()
                for length in windows
            ]
        model.save_pretrained(folder)
        write_older_names(folder)
    read = subprocess.run(
        [sys.executable, "-I", "-c", READ.replace("WINDOWS", str(windows)), *expected],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    found = json.loads(read.stdout.splitlines()[-1])
    for folder, logits in expected.items():
        np.testing.assert_allclose(found[folder], logits, atol=1e-5)
    # The weights are the same, so a reader that took none of the fields would show.
    unscaled = expected[str(tmp_path / "0")]
    for folder, logits in list(expected.items())[1:-1]:
        assert not np.allclose(logits[0], unscaled[0], atol=1e-2), folder
