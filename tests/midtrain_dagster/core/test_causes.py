from pathlib import Path
from types import ModuleType
from typing import Annotated

import pytest
from pydantic import Field, RootModel

from midtrain_dagster.core.causes import (
    CAUSE_IF_SET,
    NOT_A_CAUSE,
    CauseAs,
    canonical,
    cause,
    digest,
    file_digest,
    versions_of,
)
from midtrain_dagster.core.frozen_model import FrozenModel


class Threshold(FrozenModel):
    least: float
    names: tuple[str, ...] = ()


def test_the_order_of_keys_is_no_cause() -> None:
    assert cause({"a": 1, "b": 2}) == cause({"b": 2, "a": 1})


def test_every_value_is_a_cause() -> None:
    values = [1, 1.5, True, None, "1", [1], {"a": 1}, [[1]], "", 0]
    assert len({cause(value) for value in values}) == len(values)


def test_a_section_is_its_fields() -> None:
    assert cause(Threshold(least=0.5)) == cause({"least": 0.5, "names": []})
    assert cause(Threshold(least=0.5)) != cause(Threshold(least=0.6))


class Inner(FrozenModel):
    least: float
    paths: Annotated[tuple[str, ...], NOT_A_CAUSE] = ()


class Outer(FrozenModel):
    inner: Inner
    several: tuple[Inner, ...] = ()
    workers: Annotated[int | None, NOT_A_CAUSE] = None


class Later(Inner):
    on: Annotated[str, CAUSE_IF_SET] = "all"
    seen: Annotated[list[str], CAUSE_IF_SET] = Field([], description="Made anew each time")


def test_a_field_that_came_later_is_a_cause_where_it_is_set() -> None:
    assert cause(Later(least=1)) == cause(Inner(least=1))
    assert canonical(Later(least=1, on="one")) == {"least": 1.0, "on": "one"}
    assert canonical(Later(least=1, seen=["x"])) == {"least": 1.0, "seen": ["x"]}


class Renamed(FrozenModel):
    method: Annotated[str, CauseAs({"new": "old"})] = "new"


def test_a_value_that_was_renamed_is_the_cause_that_it_was() -> None:
    assert canonical(Renamed()) == {"method": "old"}
    assert canonical(Renamed(method="other")) == {"method": "other"}


class Listed(RootModel[tuple[Inner, ...]]):
    pass


def test_a_field_that_says_so_is_no_cause_at_any_depth() -> None:
    here = Inner(least=1, paths=("here",))
    there = Inner(least=1, paths=("there",))
    assert canonical(here) == {"least": 1.0}
    assert cause(Outer(inner=here, several=(here,), workers=1)) == cause(
        Outer(inner=there, several=(there,), workers=8)
    )
    assert cause({"a": [here]}, Listed((here,))) == cause({"a": [there]}, Listed((there,)))
    assert cause(Outer(inner=here)) != cause(Outer(inner=Inner(least=2, paths=("here",))))


def module(name: str, version: int | None = None, *uses: ModuleType) -> ModuleType:
    made = ModuleType(name)
    if version is not None:
        made.VERSION = version  # type: ignore[attr-defined]
    if uses:
        made.USES = uses  # type: ignore[attr-defined]
    return made


def test_versions_of_a_module_are_those_of_what_it_uses_too() -> None:
    shards, held_out = module("package.tokens.shards", 3), module("package.tokens.held_out", 1)
    splits = module("package.tokens.splits", 2, shards, held_out)
    assert versions_of(splits) == {"tokens.splits": 2, "tokens.shards": 3, "tokens.held_out": 1}
    assert versions_of(splits, shards) == versions_of(splits)


def test_versions_of_a_module_without_one_are_refused() -> None:
    with pytest.raises(TypeError, match=r"room\.glue has no VERSION"):
        versions_of(module("room.splits", 1, module("room.glue")))


def test_versions_of_two_rooms_modules_of_one_name_are_two() -> None:
    sections = [
        module("package.tokens.report_section", 1),
        module("package.models.report_section", 2),
    ]
    assert versions_of(*sections) == {"tokens.report_section": 1, "models.report_section": 2}


def test_golden() -> None:
    """Every name in every store hangs on this hash: it must never change by accident.

    The values are those of coreutils' ``b2sum -l 128`` over the JSON.
    """
    assert cause("signals", 1, {"words": 5}) == "ac028359e65c77167ae52ae81cf7408d"
    assert digest(b"abc") == "cf4ab791c62b8d2b2109c90275287816"


@pytest.mark.parametrize("value", [Path("x"), {1, 2}, b"bytes", object(), float("nan")])
def test_what_has_no_clear_json_form_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        cause(value)


def test_a_file_digest_is_that_of_its_bytes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    (tmp_path / "f").write_bytes(data)
    assert file_digest(tmp_path / "f") == digest(data)
