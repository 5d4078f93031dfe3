from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from midtrain_dagster.mixture.reference import MixtureReference, MixtureSection
from midtrain_dagster.mixture.weights import Mixture

SECTION: TypeAdapter[Any] = TypeAdapter(MixtureSection)


def test_section_is_shares_or_a_reference() -> None:
    literal = SECTION.validate_python({"domains": {"web": 1}})
    reference = SECTION.validate_python({"from": "searched", "max_epochs": 2})
    assert isinstance(literal, Mixture)
    assert isinstance(reference, MixtureReference)
    assert (reference.from_, reference.max_epochs) == ("searched", 2)


@pytest.mark.parametrize(
    "fields",
    [
        {"from": "searched", "domains": {"web": 1}},
        {"from": 3},
        {"domains": {"web": 0.4}},
        {"domain": {"web": 1}},
    ],
)
def test_section_of_neither_form_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SECTION.validate_python(fields)


def test_reference_survives_its_own_dump() -> None:
    """Scaling a stage and its control writes it out and reads it back."""
    reference = SECTION.validate_python({"from": "searched", "max_epochs_of": {"web": 3}})
    assert SECTION.validate_python(reference.model_dump(exclude_unset=True)) == reference
    assert SECTION.validate_python(reference.model_dump(mode="json")) == reference


def test_reference_resolves_to_shares_within_its_limits() -> None:
    fields = {
        "long_documents": {"minimum_tokens": 64, "share": 0.5},
        "max_epochs": 2,
        "max_epochs_of": {"web": 8},
    }
    reference = SECTION.validate_python({"from": "searched", **fields})
    shares = {"code": 0.25, "web": 0.75}
    assert reference.resolved(shares) == Mixture.model_validate({"domains": shares, **fields})


def test_reference_resolves_to_the_passes_that_were_found_with_the_shares_but_for_its_own() -> None:
    reference = SECTION.validate_python({"from": "curve", "max_epochs_of": {"web/2": 3}})
    made = reference.resolved({"web/1": 0.25, "web/2": 0.75}, {"web/1": 7, "web/2": 7})
    assert (made.ceiling("web/1"), made.ceiling("web/2")) == (7, 3)


def test_reference_that_bounds_an_absent_domain_is_refused_when_it_resolves() -> None:
    reference = SECTION.validate_python({"from": "searched", "max_epochs_of": {"math": 8}})
    with pytest.raises(ValidationError, match="math, not among the domains"):
        reference.resolved({"web": 1.0})
