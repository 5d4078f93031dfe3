"""The ways of filling windows that a recipe can name.

``best_fit`` packs pieces of documents, which do not see each other; ``one_document`` gives each a
window of its own, for models in which they would; ``untie_knots`` packs as the first does, and then
ties some of the windows (``untie_knots.py``). Each file of a way has its ``VERSION`` if it came
after the plan's.
"""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator

from midtrain_dagster.dataloader.packing import best_fit
from midtrain_dagster.dataloader.untie_knots import UntieKnots


def _written_out(packing: Any) -> Any:
    return {"method": packing} if packing == "untie_knots" else packing


_Plain = Literal["best_fit", "one_document"]
Packing = Annotated[
    _Plain | UntieKnots,
    BeforeValidator(
        _written_out, json_schema_input_type=_Plain | Literal["untie_knots"] | UntieKnots
    ),
]
"""One of them, by name; or with its settings."""


def longest_piece(packing: Packing, window: int) -> int:
    """The tokens of the longest piece that a window takes."""
    return packing.longest(window) if isinstance(packing, UntieKnots) else window


def packed(descending: np.ndarray, window: int, packing: Packing) -> np.ndarray:
    """The window of each piece (int64), as :func:`best_fit` numbers them; ``descending`` are the
    pieces' tokens."""
    if packing == "one_document":
        return np.arange(len(descending))
    room = packing.room(descending) if isinstance(packing, UntieKnots) else descending
    return best_fit(room, window)
