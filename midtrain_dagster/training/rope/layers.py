"""Models whose layers do not all rotate alike: two bases (Gemma 3, OLMo 3), or none in some layers.

Where layers of a sliding window have parameters of their own, the others are extended and they are
not: no two tokens that they look at are further apart than before, so their angles are all learnt.
Gemma 3 itself was extended so (arXiv 2503.19786, section 2.1: the base of global layers raised from
10,000 to 1,000,000 and scaled by 8, that of local ones left). Layers without positions (SmolLM3's
``no_rope_layers``, Llama 4's) have nothing to extend: the rotated ones are.
"""

from types import SimpleNamespace
from typing import Any

from midtrain_dagster.training.rope.former import ORIGINAL
from midtrain_dagster.training.rope.method import RopeError
from midtrain_dagster.training.rope.methods import ntk

WHOLE, LOCAL = "full_attention", "sliding_attention"

WRITTEN = ("max_position_embeddings", ORIGINAL, ntk.RECORD)
"""What an extension writes at the top of a config."""


def is_by_layer(parameters: dict[str, Any]) -> bool:
    """Whether ``rope_parameters`` are those of each type of layer."""
    return bool(parameters) and not {"rope_theta", "rope_type"} & set(parameters)


def check_rotated(config: Any) -> None:
    """Raise ``RopeError`` where no layer is rotated, so that scaling would change nothing."""
    rotated = getattr(config, "no_rope_layers", None)  # 1 where a layer is rotated
    if rotated and not any(rotated):
        raise RopeError(
            f"{config.model_type}: none of its {len(rotated)} layers is rotated (no_rope_layers), "
            "so there is nothing to scale: {method: none} gives it longer windows"
        )


def of_whole_layers(config: Any, parameters: dict[str, Any]) -> SimpleNamespace:
    """What an extension reads and writes of a config, with the parameters of the layers of full
    attention alone. Raises ``RopeError`` where others might look as far as they do."""
    others = {kind for kind, each in parameters.items() if each is not None} - {WHOLE}
    if not parameters.get(WHOLE) or others - {LOCAL} or not getattr(config, "sliding_window", None):
        kinds = ", ".join(sorted(map(str, parameters)))
        raise RopeError(
            f"{config.model_type}: the layers do not share one RoPE base ({kinds}), and only "
            f"{WHOLE} beside {LOCAL} of a known window can be extended: {{method: none}} keeps them"
        )
    names = ("model_type", "hidden_size", "num_attention_heads", "head_dim", *WRITTEN)
    part = {name: getattr(config, name) for name in names if hasattr(config, name)}
    return SimpleNamespace(**part, rope_parameters=parameters[WHOLE])


def write_back(whole: SimpleNamespace, config: Any, parameters: dict[str, Any]) -> None:
    """Put what :func:`of_whole_layers` gave, extended, into the config."""
    config.rope_parameters = parameters | {WHOLE: whole.rope_parameters}
    for name in WRITTEN:
        if hasattr(whole, name):
            setattr(config, name, getattr(whole, name))
        elif hasattr(config, name):
            delattr(config, name)
