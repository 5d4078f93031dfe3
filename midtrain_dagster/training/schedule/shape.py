"""Shapes of a decay: how the learning rate goes from one value to a lower one.

Source: *A Survey on LLM Mid-Training* (arXiv 2510.23081), Table 1. A recipe names a shape
(``shape: cosine``) or, where it has settings, writes it out (``shape: {method: cosine}``).
"""

from typing import Annotated, Literal, get_args

from pydantic import Field

from midtrain_dagster.core.by_name import by_name
from midtrain_dagster.training.schedule.shapes.cosine import Cosine
from midtrain_dagster.training.schedule.shapes.exponential import Exponential
from midtrain_dagster.training.schedule.shapes.inverse_sqrt import InverseSqrt
from midtrain_dagster.training.schedule.shapes.linear import Linear
from midtrain_dagster.training.schedule.shapes.one_minus_sqrt import OneMinusSqrt
from midtrain_dagster.training.schedule.shapes.power import Power

_Shape = Annotated[
    Linear | Cosine | Exponential | OneMinusSqrt | InverseSqrt | Power,
    Field(discriminator="method"),
]
_Name = Literal["linear", "cosine", "exponential", "one_minus_sqrt", "inverse_sqrt", "power"]

NAMES: tuple[str, ...] = get_args(_Name)
"""What the shapes are called in a recipe."""

Shape = Annotated[_Shape, by_name("method", _Shape | _Name)]
"""One shape. Each is a file in ``shapes/`` and a ``ShapeMethod``."""
