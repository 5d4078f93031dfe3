"""NTK-aware scaling (bloc97, 2023).

transformers has no static NTK; as it changes the base alone, it is written down as a new base. The
factor, and the base and the window before it, stand beside it in the config as ``ntk_scaling``,
which transformers keeps and does not read: a second extension replaces the first, also of a model
that was exported in between.
"""

from math import isclose
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from midtrain_dagster.training.rope.method import Factor, RopeMethod, base

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

VERSION = 3

RECORD = "ntk_scaling"
WINDOW = "original_max_position_embeddings"


class NtkAware(RopeMethod):
    """base * factor^(d/(d-2)), which leaves the highest frequency as it is."""

    method: Literal["ntk"] = "ntk"
    factor: Factor
    """How many times longer the window is than before any scaling."""

    def parameters(self, present: dict[str, Any], size: int) -> dict[str, Any]:
        """A larger base."""
        return {"rope_type": "default", "rope_theta": scaled(base(present), self.factor, size)}


def scaled(original: float, factor: float, size: int) -> float:
    """The base after NTK-aware scaling of ``size`` components of a head."""
    return original * factor ** (size / (size - 2))


def record(
    config: "PreTrainedConfig", original: float | None, factor: float = 1.0, window: int = 0
) -> None:
    """Write down the base and the window before the scaling; none, where there is no such scaling
    any more."""
    if original is not None:
        known = {"rope_theta": original, "factor": factor, WINDOW: window}
        setattr(config, RECORD, known)
    elif hasattr(config, RECORD):
        delattr(config, RECORD)


class Recorded(NamedTuple):
    """What was known before an NTK-aware scaling."""

    base: float
    factor: float
    window: int | None
    """Tokens; None: not written down."""


def recorded(config: "PreTrainedConfig", present: dict[str, Any], size: int) -> Recorded | None:
    """What stands in a config of its scaling; none where there was no scaling, or another program
    has set another base since."""
    known = getattr(config, RECORD, None)
    if known is None:
        return None
    found = Recorded(float(known["rope_theta"]), float(known["factor"]), known.get(WINDOW))
    holds = isclose(scaled(found.base, found.factor, size), base(present), rel_tol=1e-6)
    return found if holds else None
