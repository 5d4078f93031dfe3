"""What a stage does to the positions when its windows grow: RoPE scaling of a transformers config.

The survey's Table 5 (arXiv 2510.23081) says which models use which of the methods.

transformers has ignored a user's ``factor`` without a word before, and takes the *present* length
for the original one where that is not said. So everything is written out in ``rope_parameters``,
and the tests compare the frequencies that a built model really holds with the formulas.

One rule for a model that is scaled already: the same method takes the place of the former, and its
factor counts from the window and the base before any scaling; another method is refused, for two
scalings on top of each other would be a guess. ABF sets the base, which is no scaling: it may
follow NTK, which it undoes, and what comes after counts from its base.
"""

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field

from midtrain_dagster.training.rope.method import base
from midtrain_dagster.training.rope.methods import ntk
from midtrain_dagster.training.rope.methods.abf import AdjustedBase
from midtrain_dagster.training.rope.methods.linear import PositionInterpolation
from midtrain_dagster.training.rope.methods.none import Unchanged
from midtrain_dagster.training.rope.methods.ntk import NtkAware
from midtrain_dagster.training.rope.methods.yarn import Yarn

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

KEPT = ("partial_rotary_factor",)
"""What of a model's parameters no method changes."""

Rope = Annotated[
    Unchanged | AdjustedBase | PositionInterpolation | NtkAware | Yarn,
    Field(discriminator="method"),
]
"""One method. Each is a file in ``methods/`` and a ``RopeMethod``."""


class RopeError(ValueError):
    """A model's config that this method cannot be applied to."""


def apply_rope(rope: Rope, config: "PreTrainedConfig", sequence_length: int) -> None:
    """Write the method and the new length into a config, in place, before the model is built.

    ``rope_parameters`` is replaced, ``max_position_embeddings`` becomes ``sequence_length``. Raises
    ``RopeError`` for a model whose layers have RoPE parameters of their own (unless they stay), one
    that is scaled by another method or from another window, a factor that the former scaling had
    already, for a shorter window, and frequencies that cannot stay in another window.
    """
    present: dict[str, Any] = dict(getattr(config, "rope_parameters", None) or {})
    if isinstance(rope, Unchanged) and present:
        _keep(config, present, sequence_length)
        return
    if "rope_theta" not in present:
        raise RopeError(f"{config.model_type}: the layers do not share one RoPE base")
    rotated = int(head_size(config) * present.get("partial_rotary_factor", 1.0))
    before = _former(config, present, rotated)
    parameters = rope.parameters(before.parameters, rotated)
    _check_follows(rope, before, config, sequence_length)
    config.rope_parameters = {key: present[key] for key in KEPT if key in present} | parameters
    if isinstance(rope, NtkAware):
        ntk.record(config, base(before.parameters), rope.factor)
    else:
        ntk.record(config, None)
    config.max_position_embeddings = sequence_length


def _keep(config: "PreTrainedConfig", present: dict[str, Any], length: int) -> None:
    """Write the new length into a config whose frequencies stay, layer by layer of one that has
    several, also where transformers derives something of a scaling from the length."""
    import torch

    layers = {None: present} if "rope_theta" in present else present
    scaled = {layer: each for layer, each in layers.items() if _scaling(each) is not None}

    def read(layer: str | None) -> tuple["torch.Tensor", float]:
        from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

        made = ROPE_INIT_FUNCTIONS[scaled[layer]["rope_type"]]
        return made(config, torch.device("cpu"), seq_len=longest, layer_type=layer)

    longest = max(config.max_position_embeddings, length)
    before = {layer: read(layer) for layer in scaled}
    config.max_position_embeddings = length
    for layer, (frequencies, attention) in before.items():
        own, now = scaled[layer], read(layer)
        if not torch.equal(frequencies, now[0]):
            raise RopeError(
                f"{config.model_type}: the frequencies of {_scaling(own)!r} depend on the window's "
                "length, so they cannot stay: leave `rope` out to keep the window"
            )
        if attention != now[1]:
            own["attention_factor"] = attention
    config.rope_parameters = present


def _scaling(parameters: dict[str, Any]) -> str | None:
    named: str = parameters.get("rope_type", "default")
    return None if named == "default" else named


class _Former(NamedTuple):
    """What was done to a model's positions before: nothing, or one scaling."""

    method: str | None
    factor: float | None
    parameters: dict[str, Any]
    """Those that a method scales: with the base before any scaling."""


def _former(config: "PreTrainedConfig", present: dict[str, Any], size: int) -> _Former:
    known = ntk.recorded(config, present, size)
    if known is not None:
        original, factor = known
        return _Former("ntk", factor, present | {"rope_theta": original})
    return _Former(_scaling(present), present.get("factor"), present)


def _check_follows(rope: Rope, before: _Former, config: "PreTrainedConfig", length: int) -> None:
    if before.method is None or (before.method == "ntk" and isinstance(rope, AdjustedBase)):
        return
    if before.method != rope.method:
        raise RopeError(f"{config.model_type}: positions already scaled by {before.method!r}")
    factor, present = getattr(rope, "factor", None), config.max_position_embeddings
    said = before.parameters.get("original_max_position_embeddings", present)
    # transformers takes the present window for it where a config does not say it.
    if isinstance(rope, Yarn) and said not in (present, rope.original_length):
        raise RopeError(
            f"{config.model_type}: its config says that the window before any scaling had {said} "
            f"tokens: say original_length: {said}"
        )
    if factor is None or before.factor is None or factor > before.factor or length <= present:
        return
    original = getattr(rope, "original_length", round(present / before.factor))
    if original * factor < length:
        raise RopeError(
            f"{config.model_type}: the positions are scaled by {before.factor:g} already, and "
            f"factors count from the window of {original} tokens before any scaling: for {length} "
            f"tokens say factor: {length / original:g}"
        )


def head_size(config: "PreTrainedConfig") -> int:
    """Size of an attention head."""
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(size)
