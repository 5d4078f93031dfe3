"""How other readers understand RoPE in a ``config.json``, described from their sources.

vLLM: ``get_rope`` and ``Phi3LongRoPEScaledRotaryEmbedding`` (vllm/model_executor/layers/
rotary_embedding, at 07b12f1b and 17d618b0), ``patch_rope_parameters`` (vllm/transformers_utils/
config.py, at 0036026e); what it takes for the longest request is in ``doctor/rope.py``. Nothing is
copied; the rules are said in NumPy.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

ORIGINAL = "original_max_position_embeddings"


def vllm_parameters(raw: dict[str, Any], *, transformers: int) -> dict[str, Any]:
    """``rope_parameters`` as vLLM patches them, beside transformers 4 or 5.

    Before 5 an unset ``rope_theta`` is the class's default of 10,000 by then, and overwrites the
    one in ``rope_parameters`` (vllm #42624, #44158).
    """
    found = dict(raw.get("rope_parameters") or raw.get("rope_scaling") or {})
    theta = raw.get("rope_theta", 10_000.0 if transformers < 5 else None)
    if transformers < 5 and "rope_parameters" in raw and "rope_scaling" in raw:
        found = dict(raw["rope_scaling"] or {})
    if theta is not None:
        found["rope_theta"] = theta
    if "partial_rotary_factor" in raw:
        found["partial_rotary_factor"] = raw["partial_rotary_factor"]
    if "rope_type" not in found:
        found["rope_type"] = found.get("type", "default")
    if found["rope_type"] in ("yarn", "llama3", "longrope"):
        found[ORIGINAL] = raw.get(ORIGINAL, found.get(ORIGINAL, raw["max_position_embeddings"]))
    return found


def vllm_rotation(
    found: dict[str, Any], raw: dict[str, Any], *, longest_request: int
) -> tuple[NDArray[np.float64], float]:
    """Frequencies and attention factor by ``get_rope``. LongRoPE's factors are the long ones where
    the server's longest request is beyond the original window, for every request (vllm #27431);
    its attention factor comes of the two windows alone, and YaRN's of the factor alone."""
    size = int(raw["head_dim"] * found.get("partial_rotary_factor", 1.0))
    base, half = found.get("rope_theta", 10_000.0), size // 2
    plain = base ** (-2 * np.arange(half) / size)
    original, factor = found.get(ORIGINAL), found.get("factor")
    match found["rope_type"]:
        case "default":
            return plain, 1.0
        case "linear":
            return plain / factor, 1.0
        case "llama3":
            turns = original * plain / (2 * math.pi)
            low, high = found["low_freq_factor"], found["high_freq_factor"]
            kept = np.clip((turns - low) / (high - low), 0, 1)
            return plain * (kept + (1 - kept) / factor), 1.0
        case "yarn":
            ends = (found.get("beta_fast", 32), found.get("beta_slow", 1))
            low, high = (
                size * math.log(original / (2 * math.pi * turns)) / (2 * math.log(base))
                for turns in ends
            )
            if found.get("truncate", True):
                low, high = math.floor(low), math.ceil(high)
            ramp = (np.arange(half) - max(low, 0)) / (min(high, size - 1) - max(low, 0))
            ramp = np.clip(ramp, 0, 1)
            attention = (0.1 * math.log(factor) + 1) * found.get("attn_factor", 1.0)
            return plain * ((1 - ramp) + ramp / factor), attention
        case "longrope":
            which = "long_factor" if longest_request > original else "short_factor"
            scale = raw["max_position_embeddings"] / original
            attention = math.sqrt(1 + math.log(scale) / math.log(original)) if scale > 1 else 1.0
            return plain / np.array(found[which]), attention
    raise ValueError(f"Unknown RoPE scaling type {found['rope_type']}")


def ratio_for_factor(found: dict[str, Any], raw: dict[str, Any]) -> float:
    """YaRN's factor as transformers 4.46 to 4.55 took it: where the original window is said, the
    ratio of the windows, and what the user said not at all (transformers #38224)."""
    return float(raw["max_position_embeddings"]) / float(found[ORIGINAL])


def llama_cpp(raw: dict[str, Any]) -> dict[str, Any]:
    """What ``convert_hf_to_gguf.py`` looks at: names of transformers 4 (and, of late,
    ``rope_parameters``), LongRoPE's original window at the top alone, and of it both lists."""
    scaling = raw.get("rope_scaling") or {}
    return {
        "base": raw.get("rope_theta", 10_000.0),
        "type": scaling.get("rope_type", scaling.get("type")),
        "factor": scaling.get("factor"),
        "original": raw.get(ORIGINAL) or scaling.get(ORIGINAL),
        "lists": [scaling.get(name) for name in ("long_factor", "short_factor")],
    }
