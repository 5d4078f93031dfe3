"""The frequencies that a built model really holds, against the papers' formulas."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.models.load import load_config
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.models.older_names import write_older_names
from midtrain_dagster.training.rope.apply import Rope, RopeError, apply_rope

HEAD = 16
BASE = 10_000.0
ORIGINAL = 64
MODEL = ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, intermediate_size=32)
ADAPTER: TypeAdapter[Rope] = TypeAdapter(Rope)


def frequencies(base: float) -> np.ndarray:
    """theta_j = b^(-2j/d)."""
    return base ** (-2 * np.arange(HEAD // 2) / HEAD)


def yarn(factor: float, original: int, fast: float = 32, slow: float = 1) -> np.ndarray:
    """YaRN: dim(n) = d ln(L / 2 pi n) / (2 ln b), and a ramp between two of them."""

    def dimension(turns: float) -> float:
        return HEAD * math.log(original / (2 * math.pi * turns)) / (2 * math.log(BASE))

    low = max(math.floor(dimension(fast)), 0)
    high = min(math.ceil(dimension(slow)), HEAD - 1)
    ramp = np.clip((np.arange(HEAD // 2) - low) / (high - low), 0, 1)
    return frequencies(BASE) * ((1 - ramp) + ramp / factor)


def extended(*ropes: dict[str, Any], length: int = 256) -> Any:
    """The rotary embedding of a model built after the methods were applied, one after another."""
    from transformers import LlamaForCausalLM

    window = ropes[0].get("original_length", ORIGINAL)
    config = new_model(MODEL, vocabulary=20, sequence_length=window, seed=0).config
    length = max(length, window)
    for rope in ropes:
        apply_rope(ADAPTER.validate_python(rope), config, length)
    # Through JSON, as the checkpoint's config.json goes.
    config = type(config).from_dict(config.to_dict())
    assert config.max_position_embeddings == length
    return LlamaForCausalLM(config).model.rotary_emb


CASES: list[tuple[dict[str, Any], np.ndarray, float]] = [
    ({"method": "none"}, frequencies(BASE), 1.0),
    ({"method": "abf", "base": 8e6}, frequencies(8e6), 1.0),
    ({"method": "linear", "factor": 4}, frequencies(BASE) / 4, 1.0),
    ({"method": "ntk", "factor": 4}, frequencies(BASE * 4 ** (16 / 14)), 1.0),
    (
        {"method": "yarn", "factor": 4, "original_length": ORIGINAL},
        yarn(4, ORIGINAL),
        0.1 * math.log(4) + 1,
    ),
    # DeepSeek-V3's factor, which differs from the ratio of the lengths: it must not be ignored.
    (
        {"method": "yarn", "factor": 40, "original_length": 4096},
        yarn(40, 4096),
        0.1 * math.log(40) + 1,
    ),
    (
        {
            "method": "yarn",
            "factor": 6,
            "original_length": ORIGINAL,
            "beta_fast": 8,
            "beta_slow": 2,
            "attention_factor": 1.0,
        },
        yarn(6, ORIGINAL, 8, 2),
        1.0,
    ),
]


@pytest.mark.parametrize(("rope", "expected", "scaling"), CASES)
def test_apply_rope_gives_the_frequencies_of_the_formula(
    rope: dict[str, Any], expected: np.ndarray, scaling: float
) -> None:
    rotary = extended(rope)
    np.testing.assert_allclose(rotary.inv_freq.numpy(), expected, rtol=1e-5)
    assert rotary.attention_scaling == pytest.approx(scaling)


def test_apply_rope_has_golden_frequencies() -> None:
    # Worked by hand for d = 16, b = 10,000, L = 64, s = 4: low = 0, high = 3.
    expected = [1.0, 0.316227766 * 0.75, 0.1 * 0.5, 0.0316227766 * 0.25, 0.01 * 0.25]
    rotary = extended({"method": "yarn", "factor": 4, "original_length": 64})
    np.testing.assert_allclose(rotary.inv_freq.numpy()[:5], expected, rtol=1e-5)
    # 10,000 * 4^(16/14) = 48,761.4.
    ntk = extended({"method": "ntk", "factor": 4})
    assert float(ntk.inv_freq[1]) == pytest.approx(48_761.4 ** (-1 / 8), rel=1e-4)


def test_apply_rope_scales_the_rotation_itself() -> None:
    import torch

    rotary = extended({"method": "yarn", "factor": 4, "original_length": ORIGINAL})
    cos, sin = rotary(torch.zeros(1, 3, 32), torch.tensor([[0, 7, 200]]))
    angles = np.outer([0, 7, 200], np.tile(yarn(4, ORIGINAL), 2))
    factor = 0.1 * math.log(4) + 1
    np.testing.assert_allclose(cos[0].numpy(), factor * np.cos(angles), atol=1e-4)
    np.testing.assert_allclose(sin[0].numpy(), factor * np.sin(angles), atol=1e-4)


def test_apply_rope_counts_a_second_extension_from_the_original_length() -> None:
    first = {"method": "yarn", "factor": 20, "original_length": ORIGINAL}
    second = {"method": "yarn", "factor": 16, "original_length": ORIGINAL}
    np.testing.assert_allclose(
        extended(first, second, length=1024).inv_freq.numpy(), yarn(16, ORIGINAL), rtol=1e-5
    )


def through_a_folder(config: Any, folder: Path) -> Any:
    """A config as a base that was exported, and read by another run."""
    config.save_pretrained(folder)
    write_older_names(folder)
    return load_config(folder)


def applied(config: Any, rope: dict[str, Any], length: int) -> Any:
    apply_rope(ADAPTER.validate_python(rope), config, length)
    return config


def fresh(head: int = HEAD) -> Any:
    model = MODEL.model_copy(update={"hidden_size": 2 * head})
    return new_model(model, vocabulary=20, sequence_length=ORIGINAL, seed=0).config


def test_a_second_ntk_counts_from_the_base_before_the_first(tmp_path: Path) -> None:
    # d = 32: 10,000 * 2^(32/30) = 20,945.9 and 10,000 * 4^(32/30) = 43,872.9; multiplied: 91,896.
    config = applied(fresh(32), {"method": "ntk", "factor": 2}, 128)
    assert config.rope_parameters["rope_theta"] == pytest.approx(20_945.9, abs=0.1)
    config = applied(
        through_a_folder(config, tmp_path / "first"), {"method": "ntk", "factor": 4}, 256
    )
    assert config.rope_parameters["rope_theta"] == pytest.approx(43_872.9, abs=0.1)
    config = through_a_folder(config, tmp_path / "second")
    assert applied(config, {"method": "ntk", "factor": 8}, 512).rope_parameters[
        "rope_theta"
    ] == pytest.approx(10_000 * 8 ** (32 / 30))


@pytest.mark.parametrize("method", ["linear", "ntk", "yarn"])
@given(first=st.floats(8, 64), second=st.floats(8, 64))
def test_a_scaling_takes_the_place_of_the_former(method: str, first: float, second: float) -> None:
    said = {"method": method} | ({"original_length": ORIGINAL} if method == "yarn" else {})
    once = applied(SimpleNamespace(**vars(PLAIN)), said | {"factor": second}, 8 * ORIGINAL)
    twice = applied(SimpleNamespace(**vars(PLAIN)), said | {"factor": first}, 8 * ORIGINAL)
    twice = applied(twice, said | {"factor": second}, 8 * ORIGINAL)
    assert vars(twice) == vars(once)


PLAIN = SimpleNamespace(
    model_type="llama",
    hidden_size=32,
    num_attention_heads=2,
    max_position_embeddings=ORIGINAL,
    rope_parameters={"rope_type": "default", "rope_theta": BASE},
)


def test_abf_undoes_ntk_and_what_follows_counts_from_its_base(tmp_path: Path) -> None:
    config = applied(fresh(), {"method": "ntk", "factor": 4}, 256)
    config = applied(through_a_folder(config, tmp_path), {"method": "abf", "base": 5e5}, 512)
    assert config.rope_parameters == {"rope_type": "default", "rope_theta": 5e5}
    config = applied(through_a_folder(config, tmp_path), {"method": "ntk", "factor": 2}, 1024)
    assert config.rope_parameters["rope_theta"] == pytest.approx(5e5 * 2 ** (16 / 14))


def test_a_base_that_another_program_has_set_is_the_one_that_counts() -> None:
    config = applied(fresh(), {"method": "ntk", "factor": 4}, 256)
    config.rope_parameters = {"rope_type": "default", "rope_theta": 1e6}
    config = applied(config, {"method": "ntk", "factor": 2}, 512)
    assert config.rope_parameters["rope_theta"] == pytest.approx(1e6 * 2 ** (16 / 14))


@pytest.mark.parametrize(
    "rope",
    [
        {"method": "ntk", "factor": 4},
        {"method": "linear", "factor": 4},
        {"method": "yarn", "factor": 4, "original_length": ORIGINAL},
    ],
)
def test_a_factor_that_is_used_up_is_refused(rope: dict[str, Any]) -> None:
    config = applied(fresh(), rope, 256)
    with pytest.raises(RopeError, match=r"window of 64 tokens .* for 512 tokens say factor: 8"):
        applied(config, rope, 512)
    # DeepSeek-V3 extends twice with one factor, which reaches beyond both windows.
    config = applied(fresh(), rope | {"factor": 40}, 4 * ORIGINAL)
    if rope["method"] == "yarn":
        assert applied(config, rope | {"factor": 40}, 32 * ORIGINAL).max_position_embeddings == 2048


@pytest.mark.parametrize("method", ["linear", "yarn"])
def test_apply_rope_refuses_ntk_below_another_scaling(method: str) -> None:
    second = {"method": method, "factor": 8}
    second |= {"original_length": ORIGINAL} if method == "yarn" else {}
    with pytest.raises(RopeError, match="already scaled by 'ntk'"):
        applied(applied(fresh(), {"method": "ntk", "factor": 4}, 256), second, 512)


def test_the_window_before_any_scaling_is_the_one_that_a_config_says() -> None:
    yarn_of = {"method": "yarn", "factor": 4, "original_length": ORIGINAL}
    config = applied(fresh(), yarn_of, 256)
    # Else a second extension would count from the window of the first.
    with pytest.raises(RopeError, match="say original_length: 64"):
        applied(config, yarn_of | {"original_length": 256}, 1024)


LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": BASE,
    "short_factor": [1.0] * 8,
    "long_factor": [2.0] * 8,
    "original_max_position_embeddings": ORIGINAL,
}


def attention(config: Any) -> float:
    """What LongRoPE multiplies cos and sin by."""
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    return float(ROPE_INIT_FUNCTIONS["longrope"](config, None)[1])


def test_none_keeps_what_transformers_derives_from_the_length() -> None:
    config = fresh()
    config.max_position_embeddings, config.rope_parameters = 256, dict(LONGROPE)
    # LongRoPE's paper, section 3: sqrt(1 + ln s / ln L).
    expected = math.sqrt(1 + math.log(256 / ORIGINAL) / math.log(ORIGINAL))
    assert attention(applied(config, {"method": "none"}, 256)) == pytest.approx(expected)
    assert config.rope_parameters == LONGROPE
    for length in (128, 1024):
        assert attention(applied(config, {"method": "none"}, length)) == pytest.approx(expected)


def test_none_refuses_a_scaling_by_the_length() -> None:
    config = fresh()
    dynamic = {"rope_type": "dynamic", "rope_theta": BASE, "factor": 2.0}
    config.rope_parameters = dict(dynamic)
    assert applied(config, {"method": "none"}, ORIGINAL).rope_parameters == dynamic
    # transformers scales beyond the longest window alone, so a shorter one changes nothing.
    assert applied(config, {"method": "none"}, 32).max_position_embeddings == ORIGINAL
    with pytest.raises(RopeError, match="'dynamic' depend on the window's length"):
        applied(config, {"method": "none"}, 256)


def test_none_keeps_layers_of_several_bases(tmp_path: Path) -> None:
    from transformers import Gemma3TextConfig

    scaled = {"rope_scaling": {"rope_type": "linear", "factor": 8.0}}
    config = Gemma3TextConfig.from_dict(scaled)
    before = config.to_dict()
    assert applied(config, {"method": "none"}, 4096).to_dict() == before
    applied(config, {"method": "none"}, 262_144)
    assert config.to_dict() == before | {"max_position_embeddings": 262_144}
    assert through_a_folder(config, tmp_path).rope_parameters == before["rope_parameters"]
    with pytest.raises(RopeError, match="do not share one RoPE base"):
        applied(config, {"method": "abf", "base": 1e6}, 262_144)


def test_apply_rope_refuses_two_kinds_of_scaling() -> None:
    with pytest.raises(RopeError, match="already scaled by 'yarn'"):
        extended(
            {"method": "yarn", "factor": 4, "original_length": ORIGINAL},
            {"method": "linear", "factor": 2},
        )


@pytest.mark.parametrize(
    "rope",
    [
        {"method": "yarn", "factor": 4},
        {"method": "linear", "factor": 0.5},
        {"method": "abf"},
        {"method": "abf", "base": 5e5, "factor": 4},
        {"method": "dynamic", "factor": 4},
        {"method": "linear", "factor": 1},
        {"method": "ntk", "factor": math.inf},
        {"method": "yarn", "factor": 4, "original_length": 64, "attention_factor": -1.0},
        {"method": "yarn", "factor": 4, "original_length": 64, "attention_factor": 0},
        {"method": "yarn", "factor": 4, "original_length": 64, "beta_fast": 1, "beta_slow": 1},
        {"method": "yarn", "factor": 4, "original_length": 64, "beta_slow": 40},
        {"method": "yarn", "factor": 4, "original_length": 64, "beta_slow": -1},
        {"method": "yarn", "factor": 4, "original_length": 0},
        {"method": "llama3", "factor": 4},
        {"method": "llama3", "factor": 0.5, "original_length": 64},
        {"method": "llama3", "factor": 4, "original_length": 64, "low_freq_factor": 4},
        {"method": "longrope", "original_length": 64},
        {"method": "longrope", "original_length": 64, "long_factors": [0.5] * 8},
        {"method": "longrope", "original_length": 64, "long_factors": [math.inf] * 8},
        {"method": "longrope", "original_length": 64, "long_factors": []},
        {"method": "longrope", "original_length": 64, "long_factors": [2.0] * 8, "search": {}},
        {
            "method": "longrope",
            "original_length": 64,
            "long_factors": [2.0] * 8,
            "short_factors": [1.0] * 7,
        },
    ],
)
def test_rope_refuses_a_mistake(rope: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(rope)


def test_rope_shrinks_with_the_lengths_of_a_recipe() -> None:
    yarn_of = ADAPTER.validate_python({"method": "yarn", "factor": 4, "original_length": ORIGINAL})
    assert yarn_of.scaled(16).model_dump() == yarn_of.model_dump() | {"original_length": 4}
    for rope, _, _ in CASES[:4]:
        method = ADAPTER.validate_python(rope)
        assert method.scaled(16) == method
