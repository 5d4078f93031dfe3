import polars as pl
import pytest

from midtrain_dagster.tokens.held_out import VERSION, is_held_out

IDS = pl.Series("id", [f"document-{number}" for number in range(20_000)])


def test_the_share_is_kept() -> None:
    # Binomial with p = 0.05: standard deviation of the share 0.0015.
    assert is_held_out(IDS, 0.05, seed=1).mean() == pytest.approx(0.05, abs=0.008)


def test_golden() -> None:
    chosen = IDS.filter(is_held_out(IDS, 0.0002, seed=42)).to_list()
    numbers = [1795, 1907, 4703, 6144, 15201]
    assert (VERSION, chosen) == (1, [f"document-{number}" for number in numbers])


def test_side_is_of_the_id_alone() -> None:
    whole = is_held_out(IDS, 0.1, seed=1)
    assert is_held_out(IDS[500:700], 0.1, seed=1).to_list() == whole[500:700].to_list()
    larger = is_held_out(IDS, 0.3, seed=1)
    assert (whole & ~larger).sum() == 0
    assert (whole != is_held_out(IDS, 0.1, seed=2)).any()


def test_expression_is_the_same() -> None:
    table = IDS.to_frame().lazy().select(held=is_held_out(pl.col("id"), 0.1, seed=1)).collect()
    assert table["held"].to_list() == is_held_out(IDS, 0.1, seed=1).to_list()


def test_the_ends() -> None:
    assert not is_held_out(IDS, 0.0, seed=1).any()
    assert is_held_out(IDS, 1.0, seed=1).all()
    assert is_held_out(IDS[:0], 0.5, seed=1).dtype == pl.Boolean


def test_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match=r"not 1\.5"):
        is_held_out(IDS, 1.5, seed=1)
    with pytest.raises(ValueError, match="row 1"):
        is_held_out(pl.Series(["a", None]), 0.5, seed=1)
