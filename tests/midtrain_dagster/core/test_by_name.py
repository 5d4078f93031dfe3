from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from midtrain_dagster.core.by_name import by_name
from midtrain_dagster.laws.mixing.config import MixtureLaw


class One(BaseModel):
    kind: Literal["one"]
    size: int = 3


class Two(BaseModel):
    kind: Literal["two"]


_Member = Annotated[One | Two, Field(discriminator="kind")]
Member = TypeAdapter(Annotated[_Member, by_name("kind", _Member | Literal["one", "two"])])


def test_a_name_alone_is_the_member_with_its_defaults() -> None:
    assert Member.validate_python("one") == One(kind="one", size=3)
    assert Member.validate_python({"kind": "one", "size": 4}) == One(kind="one", size=4)
    assert Member.validate_python(Two(kind="two")) == Two(kind="two")


def test_a_name_of_no_member_is_an_error_that_lists_them() -> None:
    with pytest.raises(ValidationError, match=r"Input tag 'three' .* expected tags: 'one', 'two'"):
        Member.validate_python("three")


def test_editors_know_both_ways() -> None:
    ways = Member.json_schema()["anyOf"]
    assert {"enum": ["one", "two"], "type": "string"} in ways


def test_a_law_of_mixtures_may_be_its_name() -> None:
    law = TypeAdapter(MixtureLaw)
    assert law.validate_python("bimix") == law.validate_python({"law": "bimix"})
