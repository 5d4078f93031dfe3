import pytest
from pydantic import ValidationError

from midtrain_dagster.core.frozen_model import FrozenModel


class Warmth(FrozenModel):
    degrees: float = 20.0


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(ValidationError, match="degree"):
        Warmth.model_validate({"degree": 3})


@pytest.mark.parametrize("degrees", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_finite_number_is_an_error(degrees: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        Warmth(degrees=degrees)


def test_a_section_does_not_change() -> None:
    warmth = Warmth(degrees=3)
    with pytest.raises(ValidationError, match="frozen"):
        warmth.degrees = 4
    assert hash(warmth) == hash(Warmth(degrees=3))
