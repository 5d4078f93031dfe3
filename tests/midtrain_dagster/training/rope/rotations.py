"""Stages of every method, and what the papers' formulas make of the frequencies behind them.

Formulas are written here once more, in NumPy and double precision, apart from what is tested and
from transformers, whose own functions are a second witness.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from midtrain_dagster.models.load import load_config
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.models.older_names import write_older_names
from midtrain_dagster.training.rope.apply import Rope, apply_rope

HEAD, BASE, WINDOW = 32, 10_000.0, 128
HALF = HEAD // 2
MODEL = ModelConfig(hidden_size=64, layers=1, heads=2, kv_heads=1, intermediate_size=32)
ADAPTER: TypeAdapter[Rope] = TypeAdapter(Rope)
Frequencies = NDArray[np.float64]
LONG = tuple(float(each) for each in np.round(np.linspace(1, 20, HALF), 2))
SHORT = tuple(float(each) for each in np.round(np.linspace(1, 1.5, HALF), 2))


def plain(base: float = BASE) -> Frequencies:
    """theta_j = b^(-2j/d)."""
    return base ** (-2 * np.arange(HALF) / HEAD)


def yarn(factor: float, original: int = WINDOW, base: float = BASE) -> Frequencies:
    """A ramp from dim(32) to dim(1), dim(n) = d ln(L / 2 pi n) / (2 ln b) (arXiv 2309.00071)."""

    def dimension(turns: float) -> float:
        return HEAD * math.log(original / (2 * math.pi * turns)) / (2 * math.log(base))

    low, high = max(math.floor(dimension(32)), 0), min(math.ceil(dimension(1)), HEAD - 1)
    ramp = np.clip((np.arange(HALF) - low) / (high - low), 0, 1)
    return plain(base) * ((1 - ramp) + ramp / factor)


def llama3(factor: float, original: int = WINDOW, base: float = BASE) -> Frequencies:
    """By wavelength: above L divided, below L/4 kept, between them (L / wavelength - 1) / 3."""
    wavelength = 2 * math.pi / plain(base)
    kept = np.clip((original / wavelength - 1) / 3, 0, 1)
    return plain(base) * (kept + (1 - kept) / factor)


def of_length(longest: int, original: int = WINDOW) -> float:
    """LongRoPE's factor of cos and sin: sqrt(1 + ln s / ln L) (arXiv 2402.13753, section 3)."""
    return math.sqrt(1 + math.log(longest / original) / math.log(original))


def temperature(factor: float) -> float:
    """YaRN's: 0.1 ln s + 1."""
    return 0.1 * math.log(factor) + 1


class Case(NamedTuple):
    """Stages one behind the other, and what they make of a model."""

    stages: list[tuple[dict[str, Any], int]]
    frequencies: Frequencies
    attention: float
    read: dict[str, Any]
    """``rope_parameters`` as another program would write them for the same thing."""
    short: Frequencies | None = None
    """Those of sequences within the original window, where they differ."""


def _yarn(factor: float, original: int = WINDOW) -> dict[str, Any]:
    return {"method": "yarn", "factor": factor, "original_length": original}


def _llama3(factor: float, original: int = WINDOW) -> dict[str, Any]:
    return {"method": "llama3", "factor": factor, "original_length": original}


def _longrope(original: int = WINDOW, **more: Any) -> dict[str, Any]:
    return {"method": "longrope", "original_length": original, "long_factors": LONG} | more


ORIGINAL = "original_max_position_embeddings"
ABF = ({"method": "abf", "base": 5e5}, 512)
DEFAULT = {"rope_type": "default", "rope_theta": BASE}
YARN_16 = {"rope_type": "yarn", "rope_theta": BASE, "factor": 16.0, ORIGINAL: WINDOW}
LLAMA3_16 = {
    **{"rope_type": "llama3", "rope_theta": BASE, "factor": 16.0, ORIGINAL: WINDOW},
    **{"low_freq_factor": 1.0, "high_freq_factor": 4.0},
}
LONGROPE = {
    **{"rope_type": "longrope", "rope_theta": BASE, "factor": 16.0, ORIGINAL: WINDOW},
    **{"short_factor": list(LONG), "long_factor": list(LONG)},
}

CASES: dict[str, Case] = {
    "none": Case([({"method": "none"}, 512)], plain(), 1.0, DEFAULT),
    "abf": Case([ABF], plain(5e5), 1.0, DEFAULT | {"rope_theta": 5e5}),
    "pi": Case(
        [({"method": "linear", "factor": 16}, 2048)],
        plain() / 16,
        1.0,
        {"rope_type": "linear", "rope_theta": BASE, "factor": 16.0},
    ),
    "pi twice": Case(
        [({"method": "linear", "factor": 4}, 512), ({"method": "linear", "factor": 16}, 2048)],
        plain() / 16,
        1.0,
        {"rope_type": "linear", "rope_theta": BASE, "factor": 16.0},
    ),
    "ntk twice": Case(
        [({"method": "ntk", "factor": 4}, 512), ({"method": "ntk", "factor": 16}, 2048)],
        plain(BASE * 16 ** (32 / 30)),
        1.0,
        DEFAULT | {"rope_theta": BASE * 16 ** (32 / 30)},
    ),
    "yarn": Case([(_yarn(16), 2048)], yarn(16), temperature(16), YARN_16),
    "yarn twice": Case([(_yarn(4), 512), (_yarn(16), 2048)], yarn(16), temperature(16), YARN_16),
    "llama3": Case([(_llama3(16), 2048)], llama3(16), 1.0, LLAMA3_16),
    "llama3 twice": Case([(_llama3(4), 512), (_llama3(16), 2048)], llama3(16), 1.0, LLAMA3_16),
    "longrope": Case([(_longrope(), 2048)], plain() / np.array(LONG), of_length(2048), LONGROPE),
    "longrope twice": Case(
        [(_longrope(long_factors=SHORT, short_factors=SHORT), 192), (_longrope(), 2048)],
        plain() / np.array(LONG),
        of_length(2048),
        LONGROPE,
    ),
    "longrope, short and long": Case(
        [(_longrope(short_factors=SHORT), 2048)],
        plain() / np.array(LONG),
        of_length(2048),
        LONGROPE | {"short_factor": list(SHORT)},
        plain() / np.array(SHORT),
    ),
    "abf, then yarn": Case(
        [ABF, (_yarn(4, 512), 2048)],
        yarn(4, 512, 5e5),
        temperature(4),
        YARN_16 | {"rope_theta": 5e5, "factor": 4.0, ORIGINAL: 512},
    ),
    "abf, then llama3": Case(
        [ABF, (_llama3(4, 512), 2048)],
        llama3(4, 512, 5e5),
        1.0,
        LLAMA3_16 | {"rope_theta": 5e5, "factor": 4.0, ORIGINAL: 512},
    ),
    "abf, then longrope": Case(
        [ABF, (_longrope(512), 2048)],
        plain(5e5) / np.array(LONG),
        of_length(2048, 512),
        LONGROPE | {"rope_theta": 5e5, "factor": 4.0, ORIGINAL: 512},
    ),
}


def extended(case: Case, folder: Path, begun: Any = None) -> Any:
    """The config behind a case's stages, each written as a checkpoint's is, and read again."""
    config = begun or new_model(MODEL, vocabulary=20, sequence_length=WINDOW, seed=0).config
    for rope, length in case.stages:
        apply_rope(ADAPTER.validate_python(rope), config, length)
        config.save_pretrained(folder)
        write_older_names(folder)
        config = load_config(folder)
    return config
