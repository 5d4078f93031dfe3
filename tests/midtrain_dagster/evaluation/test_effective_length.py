import polars as pl
import pytest

from midtrain_dagster.evaluation.effective_length import effective_lengths, scores_by_length


def found(*rows: tuple[str, str, int, float, float]) -> pl.DataFrame:
    """Rows of checkpoint, task, length, rank accuracy and exact match, with a chance of 0.1."""
    names = ["checkpoint", "task", "length", "rank_accuracy", "exact_match"]
    table = pl.DataFrame(rows, schema=names, orient="row")
    return table.with_columns(chance=pl.lit(0.1), items=pl.lit(10))


def test_a_length_counts_where_all_shorter_ones_do() -> None:
    table = found(
        *[("a", "one", length, 1.0, 0.9) for length in (64, 128, 256)],
        *[("b", "one", length, rank, 0.0) for length, rank in ((64, 1.0), (128, 0.5), (256, 1.0))],
        *[("c", "one", length, 0.1, 0.0) for length in (64, 128)],
    )
    effective = effective_lengths(table, 0.856)
    assert effective.rows() == [("a", 256, 256), ("b", 64, 0), ("c", 0, 0)]
    assert effective_lengths(table, 0.95)["by_writing"].to_list() == [0, 0, 0]


def test_guesses_are_taken_off_and_tasks_weigh_alike() -> None:
    table = found(
        ("a", "one", 64, 1.0, 1.0), ("a", "two", 64, 0.1, 0.5), ("a", "two", 64, 0.1, 0.5)
    )
    (row,) = scores_by_length(table).iter_rows(named=True)
    assert row["rank"] == pytest.approx(0.5)  # one task knows all, the other guesses
    assert row["written"] == pytest.approx(0.75)
