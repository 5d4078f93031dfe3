"""Known silent misreadings of RoPE's fields, each against what is written here: the table of
docs/context-extension.md."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Gemma3TextConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from midtrain_dagster.doctor.rope import vllm_length, vllm_reads
from midtrain_dagster.training.rope.apply import apply_rope
from midtrain_dagster.training.rope.former import ORIGINAL
from tests.midtrain_dagster.training.rope.readers import (
    llama_cpp,
    ratio_for_factor,
    vllm_parameters,
    vllm_rotation,
)
from tests.midtrain_dagster.training.rope.rotations import (
    ADAPTER,
    BASE,
    CASES,
    LONG,
    SHORT,
    WINDOW,
    Case,
    extended,
    of_length,
    temperature,
)


def written(case: Case, folder: Path) -> dict[str, Any]:
    extended(case, folder)
    found: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
    return found


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("transformers", [4, 5])
def test_vllm_turns_as_the_model_that_was_trained(
    name: str, transformers: int, tmp_path: Path
) -> None:
    case = CASES[name]
    raw = written(case, tmp_path)
    found = vllm_parameters(raw, transformers=transformers)
    longest = raw["max_position_embeddings"]
    frequencies, attention = vllm_rotation(found, raw, longest_request=longest)
    np.testing.assert_allclose(frequencies, case.frequencies, rtol=1e-9)
    assert attention == pytest.approx(case.attention)


def test_without_the_older_names_vllm_beside_transformers_4_takes_base_10000(
    tmp_path: Path,
) -> None:
    raw = written(CASES["abf"], tmp_path)
    assert vllm_parameters(raw, transformers=4)["rope_theta"] == 5e5
    del raw["rope_theta"], raw["rope_scaling"]
    assert vllm_parameters(raw, transformers=4)["rope_theta"] == BASE


@pytest.mark.parametrize("name", CASES)
def test_llama_cpp_finds_every_field(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    raw = written(case, tmp_path)
    found, parameters = llama_cpp(raw), raw["rope_parameters"]
    assert found["base"] == parameters["rope_theta"]
    kind = parameters["rope_type"]
    assert found["type"] == (None if kind == "default" else kind)
    assert found["factor"] == parameters.get("factor")
    if kind not in ("default", "linear"):
        assert found["original"] == parameters[ORIGINAL]
    expected = [parameters.get(f"{which}_factor") for which in ("long", "short")]
    assert found["lists"] == expected


def test_longrope_turns_alike_whatever_a_server_was_started_for(tmp_path: Path) -> None:
    # vLLM takes the short factors for all where its longest request is the original window.
    raw = written(CASES["longrope"], tmp_path)
    found = vllm_parameters(raw, transformers=5)
    short, long = (
        vllm_rotation(found, raw, longest_request=request)[0] for request in (WINDOW, 2048)
    )
    np.testing.assert_array_equal(short, long)
    apart = written(CASES["longrope, short and long"], tmp_path)
    found = vllm_parameters(apart, transformers=5)
    short, _ = vllm_rotation(found, apart, longest_request=WINDOW)
    np.testing.assert_allclose(short, BASE ** (-np.arange(16) / 16) / SHORT)
    # The original window stands at the top too, where vLLM's length rule and llama.cpp look.
    assert raw[ORIGINAL] == raw["rope_parameters"][ORIGINAL] == WINDOW
    assert vllm_length(raw["rope_parameters"], 2048, raw, "llama") == WINDOW


def test_longropes_attention_factor_is_left_to_the_two_windows(tmp_path: Path) -> None:
    # vLLM reads neither `factor` nor `attention_factor` of it.
    parameters = written(CASES["longrope"], tmp_path)["rope_parameters"]
    assert not {"factor", "attention_factor"} & set(parameters)
    # Windows that grow on the same factors keep the attention factor that was trained; vLLM takes
    # another, and the doctor says so.
    grown = [*CASES["longrope"].stages, ({"method": "none"}, 4096)]
    raw = written(CASES["longrope"]._replace(stages=grown), tmp_path)
    parameters = raw["rope_parameters"]
    assert parameters["attention_factor"] == pytest.approx(of_length(2048))
    told = [text for text, _ in vllm_reads(parameters, raw, "llama", 4096, None)]
    taken, meant = f"{of_length(4096):.5g}", f"{of_length(2048):.5g}"
    assert any(f"attention factor {taken} for {meant}" in text for text in told)


def test_yarns_attention_factor_is_not_said_where_it_is_the_usual_one(tmp_path: Path) -> None:
    # vLLM before its pull request 56446, and mlx-lm before 1507, read none that is said.
    for name in ("yarn", "yarn twice", "abf, then yarn"):
        parameters = written(CASES[name], tmp_path)["rope_parameters"]
        assert not {"attention_factor", "mscale", "mscale_all_dim"} & set(parameters)


def test_a_factor_that_was_replaced_by_the_ratio_of_the_windows(tmp_path: Path) -> None:
    # transformers 4.46 to 4.55: harmless where the factor reaches the window and no further.
    for name in ("yarn", "yarn twice", "abf, then yarn"):
        raw = written(CASES[name], tmp_path)
        parameters = raw["rope_parameters"]
        assert ratio_for_factor(parameters, raw) == parameters["factor"]
    # DeepSeek-V3's 40 on a window four times as long is read as 4 there, and the doctor says so.
    further = {"method": "yarn", "factor": 40, "original_length": WINDOW}
    raw = written(CASES["yarn"]._replace(stages=[(further, 512)]), tmp_path)
    assert ratio_for_factor(raw["rope_parameters"], raw) == 4
    told = [text for text, _ in vllm_reads(raw["rope_parameters"], raw, "llama", 512, None)]
    assert any("transformers 4.46 to 4.55 takes factor 4 for 40" in text for text in told)


@pytest.mark.parametrize("name", CASES)
def test_the_original_window_is_said_wherever_it_counts(name: str, tmp_path: Path) -> None:
    # Without it transformers and vLLM take the present, longer window for it.
    parameters = written(CASES[name], tmp_path)["rope_parameters"]
    if parameters["rope_type"] in ("yarn", "llama3", "longrope"):
        assert parameters[ORIGINAL] == CASES[name].read[ORIGINAL]
    assert "type" not in parameters  # where it differs from `rope_type`, vLLM refuses the model


@pytest.mark.parametrize("name", CASES)
def test_vllm_multiplies_the_window_for_pi_alone(name: str, tmp_path: Path) -> None:
    raw = written(CASES[name], tmp_path)
    parameters, window = raw["rope_parameters"], raw["max_position_embeddings"]
    longest = vllm_length(parameters, window, raw, "llama")
    told = [text for text, _ in vllm_reads(parameters, raw, "llama", window, None)]
    warned = any("for its longest request" in text for text in told)
    match parameters["rope_type"]:
        case "linear":
            assert (longest, warned) == (window * 16, True)
        case "longrope":
            assert (longest, warned) == (parameters[ORIGINAL], True)
        case _:
            assert (longest, warned) == (window, False)


def test_a_share_of_the_head_is_kept_inside_and_at_the_top(tmp_path: Path) -> None:
    from transformers import PhiConfig

    begun = PhiConfig(hidden_size=64, num_attention_heads=1, num_hidden_layers=1, vocab_size=20)
    begun.max_position_embeddings = WINDOW
    extended(CASES["yarn"], tmp_path, begun)
    raw = json.loads((tmp_path / "config.json").read_bytes()) | {"head_dim": 64}
    assert raw["rope_parameters"]["partial_rotary_factor"] == raw["partial_rotary_factor"] == 0.5
    for version in (4, 5):
        found = vllm_parameters(raw, transformers=version)
        frequencies, _ = vllm_rotation(found, raw, longest_request=2048)
        np.testing.assert_allclose(frequencies, CASES["yarn"].frequencies, rtol=1e-9)


def test_transformers_reads_no_truncate_of_layers_with_their_own_parameters() -> None:
    # It looks for `truncate` beside the types of layers, and not in the parameters of one.
    def frequencies(**more: Any) -> Any:
        own = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, ORIGINAL: WINDOW} | more
        config = Gemma3TextConfig(
            head_dim=32,
            max_position_embeddings=512,
            layer_types=["full_attention"] * 26,
            rope_parameters={"full_attention": own},
        )
        made = ROPE_INIT_FUNCTIONS["yarn"]
        return made(config, torch.device("cpu"), layer_type="full_attention")[0]

    assert torch.equal(frequencies(truncate=False), frequencies())


def test_a_config_that_is_changed_behind_its_model_changes_nothing(tmp_path: Path) -> None:
    # A trainer that writes the scaling into the config of a loaded model trains without it.
    from transformers import AutoModelForCausalLM

    config = extended(CASES["none"], tmp_path)
    model = AutoModelForCausalLM.from_config(config)
    apply_rope(ADAPTER.validate_python({"method": "linear", "factor": 4}), model.config, 512)
    stale = model.model.rotary_emb.inv_freq.numpy()
    np.testing.assert_allclose(stale, CASES["none"].frequencies, rtol=1e-6)
    anew = AutoModelForCausalLM.from_config(model.config).model.rotary_emb.inv_freq.numpy()
    np.testing.assert_allclose(anew, CASES["none"].frequencies / 4, rtol=1e-6)


def test_lists_and_numbers_are_of_the_types_that_readers_take(tmp_path: Path) -> None:
    parameters = written(CASES["longrope, short and long"], tmp_path)["rope_parameters"]
    assert parameters["long_factor"] == list(LONG)
    assert parameters["short_factor"] == list(SHORT)
    assert temperature(1) == 1.0
    for name in CASES:
        for value in written(CASES[name], tmp_path)["rope_parameters"].values():
            assert isinstance(value, float | int | str | list)


@pytest.mark.parametrize(
    ("rope", "scaling"),
    [
        ({"method": "linear", "factor": 8}, {"rope_type": "linear", "factor": 8.0}),
        ({"method": "abf", "base": 5e6}, None),
    ],
)
def test_the_scaling_of_gemma_3_is_that_of_its_global_layers(
    rope: dict[str, Any], scaling: dict[str, Any] | None, tmp_path: Path
) -> None:
    # Readers scaled the local layers too (vLLM before 29111), or none (mlx-vlm before 1709): they
    # go by `rope_scaling` for the global ones, and by `rope_local_base_freq` (by default 10,000)
    # for the others.
    begun = Gemma3TextConfig(head_dim=32, max_position_embeddings=WINDOW, sliding_window=32)
    extended(Case([(rope, 1024)], CASES["pi"].frequencies, 1.0, {}), tmp_path, begun)
    raw = json.loads((tmp_path / "config.json").read_bytes())
    assert (raw.get("rope_local_base_freq", 1e4), raw["rope_scaling"]) == (1e4, scaling)
    assert raw["rope_theta"] == (rope.get("base") or 1e6)
    local = raw["rope_parameters"]["sliding_attention"]
    assert local == {"rope_type": "default", "rope_theta": 1e4}


def test_a_phi_3_goes_on_in_the_three_fields_that_its_older_config_takes(tmp_path: Path) -> None:
    from transformers import Phi3Config

    begun = Phi3Config(
        hidden_size=64,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=512,
        original_max_position_embeddings=WINDOW,
        rope_parameters={"type": "longrope", "rope_theta": BASE, "short_factor": list(SHORT)}
        | {"long_factor": list(SHORT)},
        pad_token_id=0,
    )
    extended(CASES["longrope"], tmp_path, begun)
    raw = json.loads((tmp_path / "config.json").read_bytes())
    lists = {"short_factor": list(LONG), "long_factor": list(LONG)}
    assert raw["rope_scaling"] == {"type": "longrope"} | lists
    assert (raw["max_position_embeddings"], raw[ORIGINAL]) == (2048, WINDOW)
    assert raw["rope_parameters"]["rope_type"] == "longrope"
