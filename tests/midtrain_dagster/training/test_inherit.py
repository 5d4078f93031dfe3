"""What a stage may say of what it takes over, and that it has to say why."""

from typing import Any

import pytest
from pydantic import ValidationError

from midtrain_dagster.training.inherit import Inherit, Mapped, Reset, Scaled


def test_inherit_keeps_all_but_the_order_of_the_data() -> None:
    inherit = Inherit()
    kept = (inherit.weights, inherit.moments, inherit.learning_rate, inherit.rng)
    assert kept == ("keep", "keep", "keep", "keep")
    assert isinstance(inherit.data, Reset)
    assert "OLMo 2" in inherit.data.reset


def test_inherit_may_keep_map_or_reset_each() -> None:
    said = {
        "weights": {"map": "eight tokens for tools", "grow": ["model.embed_tokens.weight"]},
        "moments": {"map": "from torchtitan", "rename": {r"layers\.(\d+)\.wq": r"model.\1"}},
        "learning_rate": {"map": "twice the batch", "factor": 1.414},
        "data": "keep",
        "rng": {"reset": "another draw"},
    }
    inherit = Inherit.model_validate(said)
    assert isinstance(inherit.weights, Mapped) and isinstance(inherit.moments, Mapped)
    assert inherit.learning_rate == Scaled(map="twice the batch", factor=1.414)
    assert Inherit.model_validate(inherit.model_dump(mode="json")) == inherit


@pytest.mark.parametrize(
    "said",
    [
        {"weights": "reset"},
        {"moments": {"reset": ""}},
        {"moments": {"rename": {"a": "b"}}},
        {"learning_rate": {"map": "twice the batch"}},
        {"learning_rate": {"map": "none at all", "factor": 0}},
        {"learning_rate": {"map": "twice the batch", "batch": "linear"}},
        {"learning_rate": {"map": "twice the batch", "batch": "square"}},
        {"data": {"map": "there is nothing to map"}},
        {"position": "keep"},
    ],
)
def test_inherit_refuses_what_has_no_reason_or_no_meaning(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(said))):
        Inherit.model_validate(said)


@pytest.mark.parametrize("field", ["drop", "fresh", "grow", "rename"])
def test_inherit_names_a_pattern_that_is_none(field: str) -> None:
    patterns: Any = {"layers.(": "x"} if field == "rename" else ["layers.("]
    with pytest.raises(ValidationError, match=r"'layers\.\(' is no regular expression"):
        Mapped.model_validate({"map": "why", field: patterns})
