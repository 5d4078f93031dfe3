"""What a stage does to the positions when its windows grow: RoPE scaling of a transformers config.

Sources: position interpolation (arXiv 2306.15595), NTK-aware scaling (bloc97, 2023), adjusted base
frequency (arXiv 2309.16039), YaRN (arXiv 2309.00071); the survey's Table 5 says who uses which.
transformers has no static NTK: as it only changes the base, it is written down as a new base.

transformers has ignored a user's ``factor`` without a word before, and takes the *present* length
for the original one where that is not said. So everything is written out in ``rope_parameters``,
and the tests compare the frequencies that a built model really holds with the formulas.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

Factor = Annotated[float, Field(gt=1)]


class RopeError(ValueError):
    """A model's config that this method cannot be applied to."""


class Unchanged(FrozenModel):
    """Longer windows on the frequencies as they are, said explicitly."""

    method: Literal["none"]


class AdjustedBase(FrozenModel):
    """ABF: another base; nothing else changes."""

    method: Literal["abf"]
    base: Annotated[float, Field(gt=1)]


class PositionInterpolation(FrozenModel):
    """PI: every frequency divided by ``factor``."""

    method: Literal["linear"]
    factor: Factor


class NtkAware(FrozenModel):
    """NTK-aware: base * factor^(d/(d-2)), which leaves the highest frequency as it is."""

    method: Literal["ntk"]
    factor: Factor


class Yarn(FrozenModel):
    """YaRN: divide by ``factor`` the frequencies that turn less than ``beta_slow`` times within
    ``original_length``, keep those that turn more than ``beta_fast`` times, and ramp between; cos
    and sin are multiplied by ``attention_factor`` (default: 0.1 ln factor + 1)."""

    method: Literal["yarn"]
    factor: Factor
    original_length: Annotated[int, Field(ge=1)]
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    attention_factor: float | None = None


Rope = Annotated[
    Unchanged | AdjustedBase | PositionInterpolation | NtkAware | Yarn,
    Field(discriminator="method"),
]


def apply_rope(rope: Rope, config: "PreTrainedConfig", sequence_length: int) -> None:
    """Write the method and the new length into a config, in place, before the model is built.

    ``rope_parameters`` is replaced, ``max_position_embeddings`` becomes ``sequence_length``. Raises
    ``RopeError`` for a model whose layers have RoPE parameters of their own, or one that is already
    scaled in another way (two scalings on top of each other would be a guess). A second YaRN or PI
    replaces the first: their factors are counted from the original length.
    """
    present: dict[str, Any] = dict(config.rope_parameters or {})
    if "rope_theta" not in present:
        raise RopeError(f"{config.model_type}: the layers do not share one RoPE base")
    if not isinstance(rope, Unchanged):
        scaled = present.get("rope_type", "default")
        parameters = _parameters(rope, present, head_size(config))
        if scaled not in ("default", parameters["rope_type"]):
            raise RopeError(f"{config.model_type}: positions already scaled by {scaled!r}")
        config.rope_parameters = parameters
    config.max_position_embeddings = sequence_length


def head_size(config: "PreTrainedConfig") -> int:
    """Size of an attention head."""
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(size)


def _parameters(rope: Rope, present: dict[str, Any], size: int) -> dict[str, Any]:
    base = float(present["rope_theta"])
    kept = {key: present[key] for key in ("partial_rotary_factor",) if key in present}
    size = int(size * kept.get("partial_rotary_factor", 1.0))
    match rope:
        case AdjustedBase():
            return kept | {"rope_type": "default", "rope_theta": rope.base}
        case NtkAware():
            scaled = base * rope.factor ** (size / (size - 2))
            return kept | {"rope_type": "default", "rope_theta": scaled}
        case PositionInterpolation():
            return kept | {"rope_type": "linear", "rope_theta": base, "factor": rope.factor}
        case Yarn():
            parameters = kept | {
                "rope_type": "yarn",
                "rope_theta": base,
                "factor": rope.factor,
                "original_max_position_embeddings": rope.original_length,
                "beta_fast": rope.beta_fast,
                "beta_slow": rope.beta_slow,
            }
            if rope.attention_factor is not None:
                parameters["attention_factor"] = rope.attention_factor
            return parameters
        case Unchanged():
            return present
