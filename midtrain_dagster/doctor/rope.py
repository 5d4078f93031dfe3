"""RoPE in a config: what transformers reads of it, what older readers do, and what vLLM does.

vLLM loads the config through transformers and then has rules of its own, read in its source:
``get_rope`` (vllm/model_executor/layers/rotary_embedding, at 07b12f1b; the YaRN class at 0cd57848,
that of dynamic NTK at 3cfbaf33), ``patch_rope_parameters`` (vllm/transformers_utils/config.py, at
0036026e) and ``_get_and_verify_max_len`` (vllm/config/model.py, at 0052a5b8). Some of them changed
with pull request 56446 (September 2026), so what differs is said of the versions before it.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from midtrain_dagster.doctor.line import Level, doubt, said, wrong
from midtrain_dagster.doctor.weights import Said
from midtrain_dagster.models.load import load_config
from midtrain_dagster.models.older_names import PARAMETERS, understood
from midtrain_dagster.training.rope.former import ORIGINAL, check_sound, scaling

VLLM_TYPES = {
    *("default", "llama3", "mllama4", "linear", "ntk", "dynamic", "xdrope", "yarn", "longrope"),
    *("deepseek_yarn", "deepseek_llama_scaling", "proportional"),
}
"""The types that vLLM's ``get_rope`` makes; any other is an error there."""

RENAMED = {("su", "longrope"), ("mrope", "default")}
"""Older and newer name of a type; where the two are said otherwise, vLLM refuses them."""

CHANGED = "vLLM before September 2026 (its pull request 56446)"


def told_rope(folder: Path) -> Said:
    """Windows, bases and scalings, as each reader understands them."""
    raw = json.loads((folder / "config.json").read_bytes())
    config = load_config(folder)
    check_sound(config)
    window = getattr(config, "max_position_embeddings", None)
    yield said(f"positions: {window:,} (max_position_embeddings)" if window else "no length said")
    parameters = dict(getattr(config, PARAMETERS, None) or {})
    if not parameters:
        yield said("its positions are not rotated: no RoPE")
        return
    layers = layers_of(parameters)
    for layer, each in layers.items():
        yield said(f"transformers reads{_of(layer)}: {_spoken(each)}")
    yield from _layers(config)
    yield from _older(raw)
    for layer, each in layers.items():
        yield from vllm_reads(each, raw, config.model_type, window, layer)


def layers_of(parameters: dict[str, Any]) -> dict[str | None, dict[str, Any]]:
    """The parameters of each type of layer that has its own; one entry, None, where they share."""
    if "rope_theta" in parameters or "rope_type" in parameters:
        return {None: parameters}
    return {layer: each for layer, each in parameters.items() if isinstance(each, dict)}


def _of(layer: str | None) -> str:
    return f" of {layer.replace('_', ' ')}" if layer else ""


def _spoken(each: dict[str, Any]) -> str:
    words = [f"base {each.get('rope_theta', 10_000):g}"]
    method = scaling(each)
    if method is None:
        words.append("not scaled")
    else:
        words.append(f"{method}, factor {each['factor']:g}" if "factor" in each else method)
        if each.get(ORIGINAL):
            words.append(f"from {each[ORIGINAL]:,} positions")
        if method == "yarn":
            words.append(f"attention factor {attention_of(each):.5g}")
    if each.get("partial_rotary_factor", 1.0) != 1.0:
        words.append(f"{each['partial_rotary_factor']:g} of a head")
    return ", ".join(words)


def attention_of(each: dict[str, Any]) -> float:
    """YaRN's attention factor as transformers computes it (``_compute_yarn_parameters``)."""
    factor = float(each["factor"])
    if each.get("attention_factor") is not None:
        return float(each["attention_factor"])
    if each.get("mscale") and each.get("mscale_all_dim"):
        return _scale(factor, each["mscale"]) / _scale(factor, each["mscale_all_dim"])
    return _scale(factor, 1.0)


def _scale(factor: float, by: float) -> float:
    return 1.0 if factor <= 1 else 0.1 * by * math.log(factor) + 1.0


def _layers(config: Any) -> Iterator[tuple[str, Level]]:
    """Layers without positions, and those that see a window alone."""
    rotated = getattr(config, "no_rope_layers", None)  # 1 where a layer is rotated
    if rotated and not all(rotated):
        bare = [str(number) for number, has in enumerate(rotated) if not has]
        yield said(f"layers without RoPE: {', '.join(bare)} of {len(rotated)}")
    kinds = getattr(config, "layer_types", None) or []
    window = getattr(config, "sliding_window", None)
    sliding = kinds.count("sliding_attention")
    if sliding and window:
        yield said(f"{sliding} of {len(kinds)} layers see the last {window:,} positions alone")


def _older(raw: dict[str, Any]) -> Iterator[tuple[str, Level]]:
    """What reads the names of transformers 4 alone: older servers, llama.cpp."""
    if PARAMETERS not in raw:
        return
    meant = understood(raw)
    older = understood({name: value for name, value in raw.items() if name != PARAMETERS})
    if meant is not None and older != meant:
        theta = (older or {}).get("rope_theta")
        instead = "other bases" if theta is None else f"base {theta:g} and no scaling"
        yield doubt(
            "only `rope_parameters` says it: transformers 4, vLLM before 0.24 beside it and "
            f"llama.cpp read rope_theta and rope_scaling, and so {instead} here without a word (a "
            "checkpoint of ours has both)"
        )


def vllm_reads(
    each: dict[str, Any], raw: dict[str, Any], family: str, window: int | None, layer: str | None
) -> Iterator[tuple[str, Level]]:
    """What vLLM makes of one layer type's parameters, and where that is something else."""
    method = each.get("rope_type", "default")
    place = _of(layer)
    written = raw.get("rope_scaling") or raw.get(PARAMETERS) or {}
    said_in = written.get(layer, written) if layer else written
    both = said_in.get("type"), said_in.get("rope_type")
    if None not in both and both[0] != both[1] and both not in RENAMED:
        yield wrong(
            f"vLLM refuses it: `type` says {both[0]} and `rope_type` {both[1]}, of which "
            "transformers takes the latter"
        )
    if method not in VLLM_TYPES:
        yield wrong(f"vLLM{place}: it knows no RoPE of type {method!r}, and refuses the model")
        return
    if method == "dynamic":
        yield doubt(
            f"vLLM{place}: its formula leaves the base as it is at every length; transformers "
            "raises it for sequences beyond the window"
        )
    else:
        yield said(f"vLLM reads{place}: the same base and frequencies")
    longest = vllm_length(each, window, raw, family)
    if longest is not None and window is not None and longest != window:
        yield doubt(_length_told(method, longest, window))
    if method == "yarn" and not family.startswith("deepseek"):
        meant, usual = attention_of(each), _scale(float(each["factor"]), 1.0)
        if abs(meant - usual) > 1e-6 * usual:
            yield doubt(
                f"{CHANGED} takes the attention factor {usual:.5g} for {meant:.5g}: of "
                "attention_factor, mscale and mscale_all_dim it reads none in a plain YaRN"
            )
    yield from _factors(each, window)
    if method in ("yarn", "llama3", "longrope") and ORIGINAL not in said_in and ORIGINAL not in raw:
        yield doubt(
            f"{ORIGINAL} is not said: transformers and vLLM take the present window, {window:,}, "
            "for the one before scaling"
        )


def _factors(each: dict[str, Any], window: int | None) -> Iterator[tuple[str, Level]]:
    """Factors that some readers derive from the two windows, whatever is said."""
    method, original = each.get("rope_type"), each.get(ORIGINAL)
    if not window or not original or window <= original:
        return
    ratio = window / original
    if method == "yarn" and abs(float(each["factor"]) - ratio) > 1e-6 * ratio:
        yield doubt(
            f"transformers 4.46 to 4.55 takes factor {ratio:g} for {each['factor']:g}: the ratio "
            "of max_position_embeddings to the window before scaling (its issue 38224)"
        )
    if method == "longrope":
        usual = _of_length(ratio, original)
        meant = each.get("attention_factor") or _of_length(each.get("factor") or ratio, original)
        if abs(meant - usual) > 1e-6 * usual:
            yield doubt(
                f"vLLM takes the attention factor {usual:.5g} for {meant:.5g}: of LongRoPE's "
                "factor and attention_factor it reads none, only the two windows"
            )
        if each["short_factor"] != each["long_factor"]:
            yield doubt(
                "the short and the long factors differ: transformers takes them by the length of "
                "each sequence, vLLM by the longest request that it was started for, for all"
            )


def _of_length(factor: float, original: int) -> float:
    return 1.0 if factor <= 1 else math.sqrt(1 + math.log(factor) / math.log(original))


def _length_told(method: str, longest: int, window: int) -> str:
    takes = f"takes {longest:,} for its longest request and not {window:,}"
    if method == "yarn":
        return f"{CHANGED} {takes}: the window before scaling times the factor"
    if method == "longrope":
        return f"vLLM {takes}: the window before scaling, unless --max-model-len says more"
    return (
        f"vLLM {takes}: it multiplies max_position_embeddings by the factor, as if they were those "
        "before scaling; say --max-model-len"
    )


def vllm_length(
    each: dict[str, Any], window: int | None, raw: dict[str, Any], family: str
) -> int | None:
    """The longest request by ``_get_and_verify_max_len`` (0052a5b8) where --max-model-len is not
    said; None: no length is said."""
    method, factor = each.get("rope_type", "default"), each.get("factor") or 1.0
    if method == "longrope":
        return raw.get(ORIGINAL, window)
    if window is None or "gemma3" in family or method in ("default", "llama3", "su"):
        return window
    return int((each[ORIGINAL] if method == "yarn" else window) * factor)
