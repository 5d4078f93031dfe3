"""What a stage does to the positions when its windows grow: RoPE scaling of a transformers config.

The survey's Table 5 (arXiv 2510.23081) says which models use which of the methods.

transformers has ignored a user's ``factor`` without a word before, takes the *present* length for
the original one where that is not said, and one at the top of a config before any other. So
everything is written out in ``rope_parameters``, a field at the top is made to agree, and the tests
compare the frequencies that a built model really holds with the formulas.

One rule for a model that is scaled already: the same method takes the place of the former, and its
factor counts from the window and the base before any scaling; another method is refused, for two
scalings on top of each other would be a guess. ABF sets the base, which is no scaling: it may
follow NTK, which it undoes, and what comes after counts from its base.

``max_position_embeddings`` is the longest window that the model was given, so a shorter stage takes
nothing back; and a factor has to reach all of it.
"""

import math
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from midtrain_dagster.training.rope.former import ORIGINAL, Former, former, scaling
from midtrain_dagster.training.rope.layers import (
    WHOLE,
    check_rotated,
    is_by_layer,
    of_whole_layers,
    write_back,
)
from midtrain_dagster.training.rope.method import RopeError, base
from midtrain_dagster.training.rope.methods import ntk
from midtrain_dagster.training.rope.methods.abf import AdjustedBase
from midtrain_dagster.training.rope.methods.linear import PositionInterpolation
from midtrain_dagster.training.rope.methods.llama3 import Llama3
from midtrain_dagster.training.rope.methods.longrope import LongRope
from midtrain_dagster.training.rope.methods.none import Unchanged
from midtrain_dagster.training.rope.methods.ntk import NtkAware
from midtrain_dagster.training.rope.methods.yarn import Yarn

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

__all__ = ["Rope", "RopeError", "apply_rope", "head_size"]

KEPT = ("partial_rotary_factor", "mrope_section", "mscale", "mscale_all_dim", "truncate")
"""What of a model's parameters no method changes."""

KNOWN = ("linear", "ntk", "yarn", "llama3", "longrope", "dynamic")
"""Scalings of a model that a refusal can name as such: of what else there is, nothing is known."""

FAR = 8.0
"""How many times further than the windows a factor may reach before it is doubted: the first of
DeepSeek-V3's two extensions reaches five times further."""

Rope = Annotated[
    Unchanged | AdjustedBase | PositionInterpolation | NtkAware | Yarn | Llama3 | LongRope,
    Field(discriminator="method"),
]
"""One method. Each is a file in ``methods/`` and a ``RopeMethod``."""


def apply_rope(rope: Rope, config: "PreTrainedConfig", sequence_length: int) -> list[str]:
    """Write the method and the length into a config, in place, before the model is built; what is
    doubtful, in words.

    ``rope_parameters`` is replaced (of a model with local layers, those of the others: ``layers``),
    ``max_position_embeddings`` grows to ``sequence_length``. Raises ``RopeError`` for a model
    without RoPE, or whose layers have parameters of their own in other ways; one that is scaled by
    another method or from another window; a factor that does not reach the window; and frequencies
    that cannot stay in a longer one.
    """
    present: dict[str, Any] = dict(getattr(config, "rope_parameters", None) or {})
    longest = max(config.max_position_embeddings, sequence_length)
    if isinstance(rope, Unchanged):
        return _keep(config, present, longest)
    if not present:
        raise RopeError(
            f"{config.model_type}: its positions are not rotated, so there is nothing to scale: "
            f"leave `rope` out, and keep to its {config.max_position_embeddings} positions"
        )
    check_rotated(config)
    if not is_by_layer(present):
        return _extend(rope, config, present, longest)
    whole = of_whole_layers(config, present)
    try:
        doubts = _extend(rope, whole, whole.rope_parameters, longest)
    except RopeError as error:
        raise RopeError(
            f"the layers do not share one RoPE base, and {WHOLE} is extended: {error}"
        ) from error
    write_back(whole, config, present)
    return doubts


def _extend(rope: Rope, config: Any, present: dict[str, Any], longest: int) -> list[str]:
    """Write a method into a config whose layers share their parameters, ``present``."""
    rotated = int(head_size(config) * present.get("partial_rotary_factor", 1.0))
    before = former(config, present, rotated)
    _check_follows(rope, before, config.model_type)
    try:
        parameters = rope.parameters(before.parameters, rotated)
    except RopeError as error:
        raise RopeError(f"{config.model_type}: {error}") from error
    doubts = _reach(rope, before, longest, config.model_type)
    if isinstance(rope, AdjustedBase) and rope.base < base(present):
        doubts.append(
            f"base {rope.base:g} is below the present one, {base(present):g}: frequencies rise, "
            "and the model reads less far than before"
        )
    config.rope_parameters = {key: present[key] for key in KEPT if key in present} | parameters
    _record(rope, config, before)
    config.max_position_embeddings = longest
    return doubts


def _keep(config: "PreTrainedConfig", present: dict[str, Any], longest: int) -> list[str]:
    """Write the length into a config whose frequencies stay, layer by layer of one that has
    several, also where transformers derives something of a scaling from the length."""
    window = config.max_position_embeddings
    if longest == window:
        return []
    if not present:
        raise RopeError(
            f"{config.model_type}: it has no more than {window} positions, which are not rotated: "
            "no `rope` gives it more"
        )
    layers = present if is_by_layer(present) else {None: present}
    derived = {
        layer: each
        for layer, each in layers.items()
        if each is not None and (scaling(each) in ("dynamic", "longrope") or _lacks_factor(each))
    }
    if derived:
        _keep_derived(config, derived, longest)
    config.max_position_embeddings = longest
    config.rope_parameters = present
    if "rope_theta" in present:
        rotated = int(head_size(config) * present.get("partial_rotary_factor", 1.0))
        return _kept_beyond(former(config, present, rotated, window), longest)
    return []


def _lacks_factor(parameters: dict[str, Any]) -> bool:
    return scaling(parameters) is not None and parameters.get("factor") is None


def _keep_derived(
    config: "PreTrainedConfig", derived: dict[str | None, dict[str, Any]], longest: int
) -> None:
    """Write down the attention factors that transformers derives from the length, and refuse the
    frequencies that it does."""
    import torch
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    def read(layer: str | None) -> tuple["torch.Tensor", float]:
        made = ROPE_INIT_FUNCTIONS[derived[layer]["rope_type"]]
        return made(config, torch.device("cpu"), seq_len=longest, layer_type=layer)

    before = {layer: read(layer) for layer in derived}
    config.max_position_embeddings = longest
    for layer, (frequencies, attention) in before.items():
        own, now = derived[layer], read(layer)
        if not torch.equal(frequencies, now[0]):
            raise RopeError(
                f"{config.model_type}: the frequencies of {scaling(own)!r} depend on the window's "
                "length, so they cannot stay: leave `rope` out to keep the window"
            )
        if attention != now[1]:
            own["attention_factor"] = attention


def _kept_beyond(before: Former, longest: int) -> list[str]:
    if before.factor is None or _reaches(before.window, before.factor, longest):
        return []
    return [
        f"the positions are scaled by {before.factor:g} from {before.window} tokens, which is "
        f"{before.window * before.factor:g}, and stay so in windows of {longest}"
    ]


def _check_follows(rope: Rope, before: Former, model_type: str) -> None:
    """Raise ``RopeError`` where a method cannot take the place of the former, or counts from
    another window than the former, or than the model has."""
    if before.method is not None and before.method not in KNOWN:
        raise RopeError(
            f"{model_type}: its positions are of the type {before.method!r}, which no method here "
            "changes: {method: none} keeps it"
        )
    allowed = before.method in (None, rope.method)
    if not (allowed or (before.method == "ntk" and isinstance(rope, AdjustedBase))):
        raise RopeError(
            f"{model_type}: positions already scaled by {before.method!r}: only the same method "
            "can take its place, and {method: none} keeps it"
        )
    original: int | None = getattr(rope, "original_length", None)
    if original is None or original in before.windows:
        return
    whose = (
        "its config says that the window before any scaling had"
        if before.method
        else "its windows are not scaled, and have"
    )
    raise RopeError(
        f"{model_type}: original_length {original} is not its own: {whose} "
        f"{before.window} tokens: say original_length: {before.window}"
    )


def _reach(rope: Rope, before: Former, longest: int, model_type: str) -> list[str]:
    """Raise ``RopeError`` where a factor does not reach the longest window; doubt one that reaches
    far beyond it."""
    factor: float | None = getattr(rope, "factor", None)
    if factor is None:
        return []
    window: int = getattr(rope, "original_length", before.window)
    if not _reaches(window, factor, longest):
        is_list = isinstance(rope, LongRope)
        wanted = "let the largest of long_factors be at least" if is_list else "say factor"
        already = ""
        if before.factor is not None:
            already = f"the positions are scaled by {before.factor:g} already, and "
        raise RopeError(
            f"{model_type}: {already}factors count from the window of {window} tokens before any "
            f"scaling: {factor:g} reaches {factor * window:g} of {longest} tokens: for {longest} "
            f"tokens {wanted}: {_at_least(longest / window)}"
        )
    if factor * window > FAR * longest:
        return [
            f"factor {factor:g} on the window of {window} tokens is made for {factor * window:g}, "
            f"and the longest window has {longest}: factor {_at_least(longest / window)} would do"
        ]
    return []


def _reaches(window: int, factor: float, longest: int) -> bool:
    # Both lengths may have been divided by a scale of the recipe, and rounded down.
    return longest < (window + 1) * factor if longest > window * factor else True


def _at_least(ratio: float) -> str:
    """A factor in four digits that is not too small."""
    rounded = float(f"{ratio:.4g}")
    step = 10.0 ** (math.floor(math.log10(ratio)) - 3)
    return f"{rounded if rounded >= ratio else rounded + step:g}"


def _record(rope: Rope, config: Any, before: Former) -> None:
    """Write down what a further extension has to know, and make the top of the config agree."""
    if isinstance(rope, NtkAware):
        ntk.record(config, base(before.parameters), rope.factor, before.window)
    else:
        ntk.record(config, None)
    if isinstance(rope, PositionInterpolation):
        setattr(config, ORIGINAL, before.window)
    elif isinstance(rope, LongRope) or (
        isinstance(rope, Yarn | Llama3) and getattr(config, ORIGINAL, None) is not None
    ):
        # vLLM and llama.cpp look for LongRoPE's at the top alone.
        setattr(config, ORIGINAL, rope.original_length)


def head_size(config: "PreTrainedConfig") -> int:
    """Size of an attention head."""
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(size)
