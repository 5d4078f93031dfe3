"""Differences of tensors are said with every name, layers in ranges."""

from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.models.tensor_names import listed, misfits


def test_misfits_say_what_is_missing_too_much_and_of_another_shape() -> None:
    assert misfits({"a": (1,)}, {"a": (1,)}) == ""
    said = misfits({"a": (1, 2), "b": (3,), "old.0.w": (1,)}, {"a": (2, 1), "b": (3,), "new": (1,)})
    assert said == (
        "missing: new; not of the model: old.0.w; of shape (1, 2) where the model has (2, 1): a"
    )


def test_listed_names_every_tensor_and_layers_in_ranges() -> None:
    names = [f"layers.{n}.w" for n in (*range(12), 20)] + ["layers.3.b", "embed", "h.0"]
    assert listed(names) == "embed, h.0, layers.0-11,20.w, layers.3.b"


@settings(max_examples=50, deadline=None)
@given(st.sets(st.integers(0, 30), min_size=1))
def test_listed_ranges_hold_each_number_once(numbers: set[int]) -> None:
    told = listed(f"layers.{n}.w" for n in numbers).removeprefix("layers.").removesuffix(".w")
    ends = [[int(end) for end in run.split("-")] for run in told.split(",")]
    assert sorted(n for run in ends for n in range(run[0], run[-1] + 1)) == sorted(numbers)
