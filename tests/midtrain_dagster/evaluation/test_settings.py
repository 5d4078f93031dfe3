from typing import Any

import pytest
from pydantic import ValidationError

from midtrain_dagster.evaluation.settings import Checks, EvaluationSection, EvaluationSettings


@pytest.mark.parametrize(
    "fields",
    [
        {"general": [], "targets": ["code"], "length": 64},
        {"general": ["web"], "targets": ["code"], "length": 0},
        {"general": ["web"], "targets": ["code"], "length": 64, "windows": 3},
    ],
)
def test_settings_refuse_what_cannot_be_measured(fields: dict[str, Any]) -> None:
    for section in (EvaluationSection, EvaluationSettings):
        with pytest.raises(ValidationError):
            section.model_validate(fields)


@pytest.mark.parametrize(
    ("said", "raised", "general", "targets"),
    [
        ({}, {"code"}, ["books", "web"], ["code"]),
        ({}, set(), ["books", "code", "web"], []),
        # General loss is measured in any case.
        ({}, {"code", "web", "books"}, ["books", "code", "web"], []),
        ({"targets": []}, {"code"}, ["books", "code", "web"], []),
        ({"targets": ["web"]}, {"code"}, ["books", "code"], ["web"]),
        ({"general": ["web"]}, {"code", "web"}, ["web"], ["code"]),
        ({"general": ["web"], "targets": ["books"]}, {"code"}, ["web"], ["books"]),
    ],
)
def test_what_a_recipe_does_not_say_is_what_its_stages_show(
    said: dict[str, Any], raised: set[str], general: list[str], targets: list[str]
) -> None:
    section = EvaluationSection(bucket=16, **said)
    found = section.completed(["books", "code", "web"], raised, longest=128)
    assert (list(found.general), list(found.targets)) == (general, targets)
    assert (found.length, found.bucket) == (128, 16)
    assert section.model_copy(update={"length": 64}).completed(["web"], (), 128).length == 64
    assert [EvaluationSection().completed(["web"], (), each).bucket for each in (2, 50, 4096)] == [
        *(1, 12, 64)
    ]


def test_checks_have_a_share_as_floor_and_no_gain_as_bound() -> None:
    for wrong in ({"natural_floor": 1.1}, {"general_loss_bound": -0.1}):
        with pytest.raises(ValidationError):
            Checks.model_validate(wrong)
