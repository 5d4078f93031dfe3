from pydantic import Field

from midtrain_dagster.core.field_docstrings import DescribedFields, field_docstrings
from midtrain_dagster.core.frozen_model import FrozenModel


class Weather(FrozenModel):
    """What it is like outside."""

    degrees: float = 20.0
    """How warm it is, in degrees
    Celsius."""

    wind: float = Field(0.0, description="Metres a second.")
    """Not this: the field says it itself."""

    rain: bool = False


class Climate(Weather):
    rain: bool = True
    """Whether it rains."""


class Week(FrozenModel):
    days: list[Weather]
    """One after the other."""

    class Day(FrozenModel):
        name: str
        """How it is called."""


def test_a_field_is_what_its_docstring_says() -> None:
    assert field_docstrings(Weather)["degrees"] == "How warm it is, in degrees\nCelsius."
    assert "rain" not in field_docstrings(Weather)


def test_what_is_inherited_is_described_and_what_is_said_again_is_that() -> None:
    told = field_docstrings(Climate)
    assert told["degrees"] == field_docstrings(Weather)["degrees"]
    assert told["rain"] == "Whether it rains."


def test_a_class_within_a_class_is_found() -> None:
    assert field_docstrings(Week.Day) == {"name": "How it is called."}


def test_a_schema_has_the_docstrings_where_a_field_says_nothing_itself() -> None:
    schema = Week.model_json_schema(schema_generator=DescribedFields)
    assert schema["properties"]["days"]["description"] == "One after the other."
    weather = schema["$defs"]["Weather"]["properties"]
    assert weather["degrees"]["description"] == "How warm it is, in degrees\nCelsius."
    assert weather["wind"]["description"] == "Metres a second."
    assert "description" not in weather["rain"]
