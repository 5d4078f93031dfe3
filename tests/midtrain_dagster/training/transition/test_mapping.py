"""Which tensor becomes which parameter, and that every name of a misfit is told."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.training.inherit import Mapped
from midtrain_dagster.training.transition.mapping import MisfitError, applied, halves, match

MODEL = {"embed.weight": (6, 4), "norm.weight": (4,), "layers.0.q_proj.weight": (4, 4)}
TIED = {"lm_head.weight": "embed.weight"}


def tensors(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def test_match_takes_what_fits_as_it_is() -> None:
    source = tensors(MODEL)
    found = match(MODEL, MODEL)
    taken = applied(found, source, MODEL, head=2, new_rows="zero")
    assert taken.keys() == MODEL.keys()
    assert all(taken[name] is source[name] for name in MODEL)


def test_match_says_every_name_of_a_misfit() -> None:
    source = {f"layers.{n}.old.weight": (4,) for n in (0, 1, 2, 5)} | {"norm.weight": (8,)}
    with pytest.raises(MisfitError) as error:
        match(source, MODEL)
    assert str(error.value) == (
        "missing: embed.weight, layers.0.q_proj.weight; "
        "not of the model: layers.0-2,5.old.weight; "
        "of shape (8,) where the model has (4,): norm.weight"
    )


def test_match_maps_drops_and_begins_afresh_where_it_is_said() -> None:
    how = Mapped(
        map="from elsewhere",
        rename={r"blocks\.(\d+)\.wq": r"layers.\1.q_proj.weight", "wte": "embed.weight"},
        drop=("rotary",),
        fresh=(r"norm\..*",),
    )
    source = {"blocks.0.wq": (4, 4), "wte": (6, 4), "rotary": (2,)}
    found = match(source, MODEL, how)
    assert found.taken == {"embed.weight": "wte", "layers.0.q_proj.weight": "blocks.0.wq"}
    assert found.fresh == {"norm.weight"}


def test_match_refuses_a_pattern_without_use() -> None:
    how = Mapped(map="why", rename={"wte": "embed.weight"}, grow=(r"norm.*",))
    with pytest.raises(MisfitError, match=r"patterns without use: norm\.\*, wte"):
        match(MODEL, MODEL, how)


@pytest.mark.parametrize(("new_rows", "expected"), [("mean", 2.0), ("zero", 0.0)])
def test_applied_gives_new_rows_the_mean_or_nothing(new_rows: str, expected: float) -> None:
    source = tensors(MODEL) | {"embed.weight": torch.tensor([[1.0] * 4, [3.0] * 4])}
    shapes = MODEL | {"embed.weight": (2, 4)}
    with pytest.raises(MisfitError, match=r"of shape \(2, 4\) where the model has \(6, 4\)"):
        match(shapes, MODEL)
    how = Mapped(map="four tokens for tools", grow=("embed.weight",))
    found = match(shapes, MODEL, how)
    grown = applied(found, source, MODEL, how, head=2, new_rows=new_rows)["embed.weight"]
    assert torch.equal(grown[:2], source["embed.weight"])
    assert torch.equal(grown[2:], torch.full((4, 4), expected))


def test_match_takes_fewer_rows_for_no_growth() -> None:
    how = Mapped(map="why", grow=("embed.weight",))
    with pytest.raises(MisfitError, match=r"embed\.weight"):
        match(MODEL | {"embed.weight": (7, 4)}, MODEL, how)


def test_match_counts_tied_tensors_once() -> None:
    own = tensors(MODEL)
    shapes = MODEL | {"lm_head.weight": (6, 4)}
    found = match(shapes, MODEL, tied=TIED)
    both = own | {"lm_head.weight": own["embed.weight"].clone()}
    assert applied(found, both, MODEL, head=2, new_rows="zero").keys() == MODEL.keys()
    with pytest.raises(MisfitError, match=r"embed.weight and lm_head.weight are one parameter"):
        applied(found, both | {"lm_head.weight": -own["embed.weight"]}, MODEL, head=2, new_rows="")
    other = {name: shape for name, shape in shapes.items() if name != "embed.weight"}
    assert match(other, MODEL, tied=TIED).taken["embed.weight"] == "lm_head.weight"
    with pytest.raises(MisfitError, match=r"not of the model: lm_head.weight"):
        match(shapes, MODEL)


def rotated(vector: torch.Tensor, angles: torch.Tensor, *, interleaved: bool) -> torch.Tensor:
    """RoPE on one head: pairs of neighbours, or component i with component i + half."""
    half = len(vector) // 2
    first, second = (vector[0::2], vector[1::2]) if interleaved else (vector[:half], vector[half:])
    turned = (
        first * angles.cos() - second * angles.sin(),
        first * angles.sin() + second * angles.cos(),
    )
    return torch.stack(turned, dim=-1).flatten() if interleaved else torch.cat(turned)


@settings(max_examples=20, deadline=None)
@given(half=st.integers(1, 4), heads=st.integers(1, 3), seed=st.integers(0, 2**16))
def test_applied_reorders_projections_that_then_attend_alike(
    half: int, heads: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    head, width = 2 * half, 5
    x, y = torch.randn(2, width, generator=generator, dtype=torch.float64)
    q, k = torch.randn(2, heads * head, width, generator=generator, dtype=torch.float64)
    angles = torch.rand(2, half, generator=generator, dtype=torch.float64)

    def scores(q: torch.Tensor, k: torch.Tensor, *, interleaved: bool) -> list[float]:
        pairs = zip((q @ x).view(heads, head), (k @ y).view(heads, head), strict=True)
        return [
            float(
                rotated(one, angles[0], interleaved=interleaved)
                @ rotated(other, angles[1], interleaved=interleaved)
            )
            for one, other in pairs
        ]

    before = scores(q, k, interleaved=True)
    assert scores(halves(q, head), halves(k, head), interleaved=False) == pytest.approx(before)
