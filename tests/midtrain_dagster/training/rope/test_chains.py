"""Sense across the numbers of a recipe: a base, its windows, what its stages do to positions."""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from midtrain_dagster.models.load import load_config
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.models.older_names import write_older_names
from midtrain_dagster.training.rope.apply import Rope, RopeError, apply_rope
from midtrain_dagster.training.rope.former import check_sound

ADAPTER: TypeAdapter[Rope] = TypeAdapter(Rope)
MODEL = ModelConfig(hidden_size=64, layers=1, heads=2, kv_heads=1, intermediate_size=32)
HEAD, BASE, WINDOW = 32, 10_000.0, 128
Step = tuple[dict[str, Any], int]
"""A method, and the window of its stage."""


def yarn(factor: float, original: int = WINDOW, **more: float) -> dict[str, Any]:
    return {"method": "yarn", "factor": factor, "original_length": original, **more}


def pi(factor: float) -> dict[str, Any]:
    return {"method": "linear", "factor": factor}


def llama3(factor: float, original: int = WINDOW, **more: float) -> dict[str, Any]:
    return {"method": "llama3", "factor": factor, "original_length": original, **more}


def longrope(furthest: float, original: int = WINDOW, number: int = 16) -> dict[str, Any]:
    factors = np.linspace(1, furthest, number).tolist()
    return {"method": "longrope", "original_length": original, "long_factors": factors}


def ntk(factor: float) -> dict[str, Any]:
    return {"method": "ntk", "factor": factor}


def abf(base: float) -> dict[str, Any]:
    return {"method": "abf", "base": base}


NONE = {"method": "none"}


def given(folder: Path, **fields: Any) -> Any:
    """The config of a base that was given, as its ``config.json`` says it."""
    config = new_model(MODEL, vocabulary=20, sequence_length=WINDOW, seed=0).config
    config.save_pretrained(folder)
    file = folder / "config.json"
    written = json.loads(file.read_bytes()) | fields
    if "rope_scaling" in fields:
        # As transformers before 5 wrote it.
        del written["rope_parameters"]
    file.write_text(json.dumps(written))
    return load_config(folder)


def through(config: Any, steps: list[Step], folder: Path) -> tuple[Any, list[str]]:
    """A config after stages, each written and read again; and what the last of them is doubted."""
    doubts: list[str] = []
    for rope, length in steps:
        doubts = apply_rope(ADAPTER.validate_python(rope), config, length)
        config.save_pretrained(folder)
        write_older_names(folder)
        config = load_config(folder)
    return config, doubts


def rotation(config: Any) -> tuple[np.ndarray, float]:
    """The frequencies and the attention factor that a built model holds."""
    from transformers import AutoModelForCausalLM

    rotary = AutoModelForCausalLM.from_config(config).model.rotary_emb
    return rotary.inv_freq.numpy(), rotary.attention_scaling


YARN_4 = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": WINDOW}
LLAMA3_4 = {
    **{"rope_type": "llama3", "factor": 4.0, "original_max_position_embeddings": WINDOW},
    **{"low_freq_factor": 1.0, "high_freq_factor": 4.0},
}
SCALED = {"max_position_embeddings": 512, "rope_scaling": YARN_4}

REFUSED: list[tuple[dict[str, Any], list[Step], str]] = [
    # A factor too small for the window.
    ({}, [(yarn(2), 512)], "2 reaches 256 of 512 tokens: for 512 tokens say factor: 4"),
    ({}, [(pi(2), 512)], "window of 128 tokens .*: 2 reaches 256 of 512 .* say factor: 4"),
    ({}, [(ntk(3.5), 512)], "3.5 reaches 448 of 512 tokens: .* say factor: 4"),
    ({}, [(pi(2.5), 341)], "for 341 tokens say factor: 2.665"),
    # An original window that is not the base's.
    (
        {},
        [(yarn(8, 64), 512)],
        "64 is not its own: its windows .* 128 tokens: say original_length: 128",
    ),
    ({}, [(yarn(2, 256), 512)], "say original_length: 128"),
    ({"max_position_embeddings": 2048}, [(yarn(4), 8192)], "say original_length: 2048"),
    ({}, [(NONE, 256), (yarn(4), 512)], "say original_length: 256"),
    ({}, [(abf(5e5), 512), (yarn(4), 2048)], "have 512 tokens: say original_length: 512"),
    # A second stage whose factor counts from another window.
    ({}, [(yarn(2), 256), (yarn(4, 256), 1024)], "window before any scaling had 128 tokens: say"),
    ({}, [(yarn(2), 256), (yarn(4), 1024)], "scaled by 2 already, .* say factor: 8"),
    ({}, [(pi(4), 512), (pi(4), 2048)], "scaled by 4 already, .* of 128 tokens .* factor: 16"),
    ({}, [(pi(4), 512), (pi(8), 2048)], "8 reaches 1024 of 2048 tokens: .* factor: 16"),
    ({}, [(pi(40), 512), (pi(8), 2048)], "from the window of 128 tokens .* factor: 16"),
    ({}, [(ntk(4), 512), (ntk(4), 2048)], "window of 128 tokens .* factor: 16"),
    ({}, [(ntk(40), 512), (ntk(8), 2048)], "window of 128 tokens .* factor: 16"),
    # Less than the model reads already, although the stage's own windows are short.
    ({}, [(yarn(4), 512), (yarn(2), 256)], "2 reaches 256 of 512 tokens: .* factor: 4"),
    ({}, [(pi(4), 512), (pi(2), 128)], "2 reaches 256 of 512 tokens: .* factor: 4"),
    # A base that is given with a scaling of its own.
    (SCALED, [(pi(8), 1024)], "already scaled by 'yarn'"),
    (SCALED, [(abf(1e6), 1024)], "already scaled by 'yarn'"),
    (SCALED, [(yarn(2, 512), 1024)], "window before any scaling had 128 tokens: say"),
    (SCALED, [(yarn(4), 1024)], "for 1024 tokens say factor: 8"),
    (
        SCALED | {"rope_scaling": YARN_4 | {"beta_fast": 8.0}},
        [(yarn(8, beta_fast=16), 1024)],
        "says beta_fast: 8, .* say beta_fast: 8 instead of 16",
    ),
    (
        SCALED | {"rope_scaling": YARN_4 | {"beta_slow": 30.0}},
        [(yarn(8, beta_fast=20), 1024)],
        "beta_fast 20 is not above beta_slow 30",
    ),
    (
        SCALED | {"rope_scaling": YARN_4 | {"attention_factor": 1.3}},
        [(yarn(4, attention_factor=1.0), 512)],
        "attention_factor: 1.3 at the same factor",
    ),
    (
        SCALED | {"rope_scaling": YARN_4 | {"mscale": 1.0, "mscale_all_dim": 0.5}},
        [(yarn(8, attention_factor=1.0), 1024)],
        "mscale: 1 and mscale_all_dim: 0.5, .* leave attention_factor out",
    ),
    # The field at the top, which transformers prefers to that in the scaling.
    (
        SCALED | {"original_max_position_embeddings": 64},
        [(yarn(8), 512)],
        "say original_length: 64",
    ),
    # Llama 3's and LongRoPE: the same rules.
    ({}, [(llama3(2), 512)], "2 reaches 256 of 512 tokens: for 512 tokens say factor: 4"),
    ({}, [(llama3(8, 64), 512)], "say original_length: 128"),
    ({}, [(llama3(4), 512), (llama3(4, 512), 2048)], "before any scaling had 128 tokens: say"),
    ({}, [(llama3(4), 512), (yarn(16), 2048)], "already scaled by 'llama3'"),
    ({}, [(yarn(4), 512), (llama3(16), 2048)], "already scaled by 'yarn'"),
    (
        SCALED | {"rope_scaling": LLAMA3_4 | {"low_freq_factor": 2.0}},
        [(llama3(8, low_freq_factor=0.5), 1024)],
        "says low_freq_factor: 2, .* say low_freq_factor: 2 instead of 0.5",
    ),
    (
        {},
        [(longrope(2), 512)],
        "2 reaches 256 of 512 .* let the largest of long_factors be at least: 4",
    ),
    ({}, [(longrope(8, 64), 512)], "say original_length: 128"),
    ({}, [(longrope(4, number=8), 512)], "long_factors are 8, but a head has 16 frequencies"),
    ({}, [(yarn(4), 512), (longrope(16), 2048)], "already scaled by 'yarn'"),
    ({}, [(longrope(4), 512), (yarn(16), 2048)], "already scaled by 'longrope'"),
    # What no method here changes, by name.
    (
        SCALED | {"rope_scaling": {"rope_type": "proportional", "factor": 1.0}},
        [(yarn(8), 1024)],
        "of the type 'proportional', which no method here changes: {method: none} keeps it",
    ),
    (
        {"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}},
        [(yarn(8), 1024)],
        "already scaled by 'dynamic'",
    ),
    # Nothing turns even once within an original window of three tokens.
    ({"max_position_embeddings": 3}, [(yarn(4, 3), 12)], "original_length 3 is too short"),
]


@pytest.mark.parametrize(("base", "steps", "message"), REFUSED)
def test_numbers_that_do_not_fit_are_refused_with_those_that_do(
    base: dict[str, Any], steps: list[Step], message: str, tmp_path: Path
) -> None:
    config, _ = through(given(tmp_path, **base), steps[:-1], tmp_path)
    with pytest.raises(RopeError, match=message) as error:
        through(config, steps[-1:], tmp_path)
    assert "\n" not in str(error.value)


TABLE_5: list[tuple[dict[str, Any], list[Step], int]] = [
    # The survey's Table 5, at 1/32 of the lengths: base window, stages, the longest window.
    ({"max_position_embeddings": 256}, [(abf(5e6), 1024), (abf(1e7), 4096)], 4096),
    ({}, [(abf(1e6), 1024), (NONE, 4096)], 4096),
    ({}, [(yarn(40), 1024), (yarn(40), 4096)], 4096),
    ({}, [(abf(1e6), 1024), (yarn(4, 1024), 4096)], 4096),
    ({}, [(abf(5e5), 1024), (ntk(4), 4096)], 4096),
    ({}, [(NONE, 512), (NONE, 1024), (NONE, 4096)], 4096),
    # Growing factors, and shorter stages that take nothing back.
    ({}, [(yarn(4), 512), (yarn(16), 2048)], 2048),
    ({}, [(pi(4), 512), (pi(16), 2048)], 2048),
    ({}, [(ntk(4), 512), (ntk(16), 2048), (abf(1e6), 4096)], 4096),
    ({}, [(yarn(4), 512), (NONE, 128)], 512),
    ({}, [(yarn(4), 512), (yarn(4), 256)], 512),
    ({}, [(abf(1e6), 512), (abf(1e6), 64)], 512),
    ({}, [(pi(4), 512), (pi(4), 64), (pi(8), 1024)], 1024),
    ({}, [(llama3(4), 512), (llama3(16), 2048), (NONE, 512)], 2048),
    ({}, [(longrope(4), 512), (longrope(20), 2048), (longrope(20), 1024)], 2048),
    ({}, [(abf(1e6), 512), (llama3(4, 512), 2048)], 2048),
    ({}, [(abf(1e6), 512), (longrope(5, 512), 2048)], 2048),
    (SCALED | {"rope_scaling": LLAMA3_4}, [(llama3(8), 1024)], 1024),
    # A given base: scaled already, or by a factor of one, which is no scaling.
    (SCALED, [(yarn(8), 1024)], 1024),
    ({"rope_scaling": {"rope_type": "linear", "factor": 1.0}}, [(yarn(4), 512)], 512),
    ({"original_max_position_embeddings": 64}, [(yarn(8, 64), 512)], 512),
    # Both lengths rounded down by a scale: 4096 of 16384, by 3.
    ({"max_position_embeddings": 1365}, [(yarn(4, 1365), 5461)], 5461),
]


@pytest.mark.parametrize(("base", "steps", "longest"), TABLE_5)
def test_numbers_that_fit_are_taken_and_the_longest_window_stays(
    base: dict[str, Any], steps: list[Step], longest: int, tmp_path: Path
) -> None:
    config, doubts = through(given(tmp_path, **base), steps, tmp_path)
    assert (config.max_position_embeddings, doubts) == (longest, [])


@pytest.mark.parametrize(
    ("steps", "doubt"),
    [
        ([(yarn(40), 512)], "made for 5120, and the longest window has 512: factor 4 would do"),
        ([(pi(64), 512)], "factor 4 would do"),
        ([(abf(1e6), 512), (abf(5e5), 1024)], "base 500000 is below the present one, 1e+06"),
        ([(ntk(4), 512), (abf(2e4), 512)], "below the present one, 43873"),
        ([(yarn(4), 512), (NONE, 1024)], "scaled by 4 from 128 tokens, which is 512, and stay so"),
    ],
)
def test_what_is_doubtful_is_told_and_done(steps: list[Step], doubt: str, tmp_path: Path) -> None:
    config, doubts = through(given(tmp_path), steps, tmp_path)
    assert len(doubts) == 1
    assert doubt in doubts[0]
    assert config.max_position_embeddings == steps[-1][1]


def frequencies(
    factor: float, fast: float = 32, slow: float = 1, *, truncate: bool = True, original: int = 128
) -> np.ndarray:
    """YaRN: dim(n) = d ln(L / 2 pi n) / (2 ln b), and a ramp between two of them."""
    low, high = (
        HEAD * math.log(original / (2 * math.pi * turns)) / (2 * math.log(BASE))
        for turns in (fast, slow)
    )
    if truncate:
        low, high = math.floor(low), math.ceil(high)
    ramp = np.clip((np.arange(HEAD // 2) - max(low, 0)) / (high - max(low, 0)), 0, 1)
    plain = BASE ** (-2 * np.arange(HEAD // 2) / HEAD)
    return plain * ((1 - ramp) + ramp / factor)


def attention(factor: float, mscale: float = 1.0) -> float:
    return 0.1 * mscale * math.log(factor) + 1


OWN: list[tuple[dict[str, Any], dict[str, Any], np.ndarray, float]] = [
    # What the base says, what the stage says: the frequencies, the attention factor.
    ({}, yarn(8), frequencies(8), attention(8)),
    (
        {"mscale": 1.0, "mscale_all_dim": 1.0},
        yarn(8),
        frequencies(8),
        1.0,
    ),
    (
        {"mscale": 0.707, "mscale_all_dim": 0.5},
        yarn(8),
        frequencies(8),
        attention(8, 0.707) / attention(8, 0.5),
    ),
    ({"truncate": False}, yarn(8), frequencies(8, truncate=False), attention(8)),
    ({"beta_fast": 8.0, "beta_slow": 0.5}, yarn(8), frequencies(8, 8, 0.5), attention(8)),
    ({"beta_fast": 8.0}, yarn(8, beta_fast=8), frequencies(8, 8), attention(8)),
    ({"attention_factor": 1.25}, yarn(8), frequencies(8), 1.25),
    ({"attention_factor": attention(4)}, yarn(8), frequencies(8), attention(8)),
    ({"attention_factor": 1.25}, yarn(8, attention_factor=1.5), frequencies(8), 1.5),
    (
        {"beta_fast": 8.0, "truncate": False, "attention_factor": 1.25},
        NONE,
        frequencies(4, 8, truncate=False),
        1.25,
    ),
]


@pytest.mark.parametrize(("own", "rope", "expected", "scaling"), OWN)
def test_what_a_base_says_of_its_scaling_is_kept(
    own: dict[str, Any],
    rope: dict[str, Any],
    expected: np.ndarray,
    scaling: float,
    tmp_path: Path,
) -> None:
    config = given(tmp_path, **SCALED | {"rope_scaling": YARN_4 | own})
    config, _ = through(config, [(rope, 1024), (NONE, 256)], tmp_path)
    older = json.loads((tmp_path / "config.json").read_bytes())
    assert older["max_position_embeddings"] == 1024
    del older["rope_parameters"]
    for each in (config, type(config).from_dict(older)):
        found, factor = rotation(each)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert factor == pytest.approx(scaling)


def test_the_top_of_a_config_is_made_to_agree(tmp_path: Path) -> None:
    # transformers would count from 64, whatever the scaling says.
    base = {"original_max_position_embeddings": 64, "max_position_embeddings": WINDOW}
    config, _ = through(given(tmp_path, **base), [(yarn(4), 512)], tmp_path)
    np.testing.assert_allclose(rotation(config)[0], frequencies(4), rtol=1e-5)
    assert config.original_max_position_embeddings == WINDOW


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"attention_factor": -1.0}, "attention_factor is -1.0, and has to be a number above 0"),
        ({"attention_factor": 0.0}, "above 0"),
        ({"factor": 0.5}, "factor is 0.5, and has to be a number from 1"),
        ({"beta_fast": 1.0}, "beta_fast is 1.0, and has to be above beta_slow, 1"),
        ({"beta_fast": 8.0, "beta_slow": 9.0}, "above beta_slow, 9"),
        ({"rope_theta": -1.0}, "rope_theta"),
        ({"original_max_position_embeddings": -8}, "original_max_position_embeddings is -8"),
        ({"rope_type": "telechat3-yarn"}, "rope_type is 'telechat3-yarn', and transformers knows"),
    ],
)
def test_a_base_whose_scaling_makes_no_sense_is_refused(
    wrong: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(RopeError, match=re.escape(message)):
        check_sound(given(tmp_path, **SCALED | {"rope_scaling": YARN_4 | wrong}))


def test_sound_are_those_of_every_kind(tmp_path: Path) -> None:
    from transformers import AutoConfig

    for number, family in enumerate(("llama", "gemma3_text", "gpt2", "phi3", "deepseek_v3")):
        check_sound(AutoConfig.for_model(family))
        check_sound(given(tmp_path / str(number), **SCALED))


def test_a_table_of_positions_cannot_be_extended() -> None:
    from transformers import GPT2Config

    config = GPT2Config(n_positions=64)
    assert apply_rope(ADAPTER.validate_python(NONE), config, 32) == []
    with pytest.raises(RopeError, match="no more than 64 positions, which are not rotated"):
        apply_rope(ADAPTER.validate_python(NONE), config, 128)
    with pytest.raises(RopeError, match=r"positions are not rotated, .* keep to its 64 positions"):
        apply_rope(ADAPTER.validate_python(yarn(2, 64)), config, 128)
