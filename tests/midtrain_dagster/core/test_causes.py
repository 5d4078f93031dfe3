from pathlib import Path

import pytest

from midtrain_dagster.core.causes import cause, digest, file_digest
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
