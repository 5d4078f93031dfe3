"""What a stage does to the positions when its windows grow: RoPE scaling of a transformers config.

The survey's Table 5 (arXiv 2510.23081) says which models use which of the methods.

transformers has ignored a user's ``factor`` without a word before, and takes the *present* length
for the original one where that is not said. So everything is written out in ``rope_parameters``,
and the tests compare the frequencies that a built model really holds with the formulas.
"""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

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
    ``RopeError`` for a model whose layers have RoPE parameters of their own, or one that is already
    scaled in another way (two scalings on top of each other would be a guess). A second YaRN or PI
    replaces the first: their factors are counted from the original length.
    """
    present: dict[str, Any] = dict(getattr(config, "rope_parameters", None) or {})
    if "rope_theta" not in present:
        raise RopeError(f"{config.model_type}: the layers do not share one RoPE base")
    rotated = int(head_size(config) * present.get("partial_rotary_factor", 1.0))
    parameters = rope.parameters(present, rotated)
    scaled = present.get("rope_type", "default")
    if parameters != present:
        if scaled not in ("default", parameters["rope_type"]):
            raise RopeError(f"{config.model_type}: positions already scaled by {scaled!r}")
        config.rope_parameters = {key: present[key] for key in KEPT if key in present} | parameters
    config.max_position_embeddings = sequence_length


def head_size(config: "PreTrainedConfig") -> int:
    """Size of an attention head."""
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(size)
