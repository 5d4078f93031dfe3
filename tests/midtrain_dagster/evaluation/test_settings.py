from typing import Any

import pytest
from pydantic import ValidationError

from midtrain_dagster.evaluation.settings import Checks, EvaluationSettings


@pytest.mark.parametrize(
    "fields",
    [
        {"general": [], "targets": ["code"], "length": 64},
        {"general": ["web"], "targets": [], "length": 64},
        {"general": ["web"], "targets": ["code"]},
        {"general": ["web"], "targets": ["code"], "length": 0},
        {"general": ["web"], "targets": ["code"], "length": 64, "windows": 3},
    ],
)
def test_settings_refuse_what_cannot_be_measured(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EvaluationSettings.model_validate(fields)


def test_checks_have_a_share_as_floor_and_no_gain_as_bound() -> None:
    for wrong in ({"natural_floor": 1.1}, {"general_loss_bound": -0.1}):
        with pytest.raises(ValidationError):
            Checks.model_validate(wrong)
