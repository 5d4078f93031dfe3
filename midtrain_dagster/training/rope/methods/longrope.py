"""LongRoPE (Ding et al. 2024, arXiv 2402.13753), and its second version (arXiv 2502.20082).

Each pair of dimensions has a factor of its own, given here or searched (``rope/search.py``), and
cos and sin are multiplied by sqrt(1 + ln s / ln L), s the ratio of the longest window to the
original one, L. The paper's further number, how many first tokens keep their positions, no reader
of a checkpoint knows, and released models do without.

transformers takes the short factors for sequences up to the original window, and the long ones for
longer ones: of the whole sequence, so that keys which a generation cached before it crossed the
window are rotated otherwise than those after. vLLM takes either for all, by the longest request
that it was started for; llama.cpp by the size of its cache. So the short factors are the long ones
unless they are said: then every reader rotates alike.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from midtrain_dagster.training.rope import search
from midtrain_dagster.training.rope.method import RopeError, RopeMethod, base
from midtrain_dagster.training.rope.search_settings import Search

VERSION = 1
USES = (search,)

Factors = Annotated[
    tuple[Annotated[float, Field(ge=1, allow_inf_nan=False)], ...], Field(min_length=1)
]


class LongRope(RopeMethod):
    """Every frequency divided by a factor of its own."""

    method: Literal["longrope"] = "longrope"
    original_length: Annotated[int, Field(ge=2)]
    """Tokens of the window before any scaling."""
    long_factors: Factors | None = None
    """What each frequency is divided by, from the highest to the lowest: as many as half the
    components of a head that are rotated. Null: they are searched."""
    short_factors: Factors | None = None
    """Those of sequences no longer than ``original_length``; null: the long ones. Others rotate
    cached keys otherwise once a generation is longer than that (docs/context-extension.md)."""
    search: Search | None = None
    """How the factors are searched, in place of ``long_factors``."""

    @model_validator(mode="after")
    def _given_or_searched(self) -> Self:
        if (self.long_factors is None) == (self.search is None):
            raise ValueError("say long_factors, or search for them: one of the two")
        short, long = self.short_factors, self.long_factors
        if short is not None and long is not None and len(short) != len(long):
            raise ValueError(f"short_factors are {len(short)}, and long_factors {len(long)}")
        return self

    @property
    def factor(self) -> float | None:
        """How much further the lowest frequency reaches; None: not known before the search."""
        return None if self.long_factors is None else max(self.long_factors)

    def parameters(self, present: dict[str, Any], size: int) -> dict[str, Any]:
        """Both lists, as transformers' ``longrope`` takes them; ones where the search is still to
        come. The attention factor is derived, by every reader, from the two windows."""
        long = self.long_factors or (1.0,) * (size // 2)
        short = self.short_factors or long
        for name, factors in (("long_factors", long), ("short_factors", short)):
            if len(factors) != size // 2:
                raise RopeError(
                    f"{name} are {len(factors)}, but a head has {size // 2} frequencies: give one "
                    "for each"
                )
        # Phi-3 says it twice, and transformers 4 refuses one that does not.
        named = {"type": "longrope"} if "type" in present else {}
        return named | {
            "rope_type": "longrope",
            "rope_theta": base(present),
            "original_max_position_embeddings": self.original_length,
            "short_factor": list(short),
            "long_factor": list(long),
        }

    def scaled(self, divisor: int) -> Self:
        """The original window is a length, so it shrinks too, as windows do."""
        length = max(2, self.original_length // divisor)
        return self.model_copy(update={"original_length": length})
