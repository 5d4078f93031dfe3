"""Optimizers: how gradients change weights. One that names no method is AdamW."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, TypeAdapter

from midtrain_dagster.training.optimizers.method import OptimizerMethod
from midtrain_dagster.training.optimizers.methods.adamw import AdamW
from midtrain_dagster.training.optimizers.methods.muon import Muon

__all__ = ["USUAL", "Optimizer", "OptimizerMethod", "named"]

USUAL = AdamW()
"""What a stage has that says nothing."""


def _with_method(said: Any) -> Any:
    is_unnamed = isinstance(said, Mapping) and "method" not in said
    return {"method": "adamw", **said} if is_unnamed else said


_Optimizer = Annotated[AdamW | Muon, Field(discriminator="method")]

Optimizer = Annotated[_Optimizer, BeforeValidator(_with_method, json_schema_input_type=_Optimizer)]
"""One optimizer. Each is a file in ``methods/`` and an ``OptimizerMethod``."""


def named(method: str) -> OptimizerMethod:
    """The optimizer of that name, with what it has where nothing is said."""
    made: OptimizerMethod = TypeAdapter[OptimizerMethod](Optimizer).validate_python(
        {"method": method}
    )
    return made
