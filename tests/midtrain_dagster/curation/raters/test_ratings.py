import polars as pl
import pytest

from midtrain_dagster.curation.raters.ratings import VERSION, gather


def rated(**ratings: float | None) -> pl.DataFrame:
    table = pl.DataFrame(
        {"id": list(ratings), "rating": list(ratings.values())},
        schema={"id": pl.String, "rating": pl.Float32},
    )
    failed = pl.when(pl.col("rating").is_null()).then(pl.lit("no text"))
    return table.with_columns(error=failed)


def test_golden() -> None:
    made = gather(quality=rated(a=0.25, b=None), depth=rated(b=None, a=3.0))["ratings"]
    assert VERSION == 1
    assert made.schema["depth"] == pl.Float32
    assert made.rows() == [
        ("a", 0.25, 3.0, None),
        ("b", None, None, "quality: no text; depth: no text"),
    ]
    assert gather(only=rated())["ratings"].columns == ["id", "only", "error"]


@pytest.mark.parametrize("others", [rated(a=1.0), rated(a=1.0, c=2.0), rated(a=1.0, b=1.0, c=1.0)])
def test_raters_of_other_documents_are_refused(others: pl.DataFrame) -> None:
    with pytest.raises(ValueError, match="'depth' speaks of other documents"):
        gather(quality=rated(a=0.25, b=0.5), depth=others)
