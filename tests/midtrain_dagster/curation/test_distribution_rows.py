"""What is drawn of the distributions of a run is what its tables count."""

from typing import Any

import polars as pl
import pytest

from midtrain_dagster.curation.distribution_rows import (
    COLUMNS,
    Bar,
    DistributionRow,
    Spread,
    distribution_rows,
    outside_or_inside,
    sources_of,
    spoken_limit,
    spoken_value,
)


@pytest.fixture(scope="module")
def tables(tiny_run: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    made = tiny_run["distributions"]
    return made.read("histograms"), made.read("bounds")


@pytest.fixture(scope="module")
def rows(tables: Any) -> dict[str, DistributionRow]:
    return {row.attribute: row for row in distribution_rows(*tables)}


def test_rows_come_ratings_first_then_by_how_much_they_decide(tables: Any, rows: Any) -> None:
    every = list(rows.values())
    assert [row.attribute for row in every[:2]] == ["percentile", "quality"]
    decided = [row.decided for row in every[2:]]
    assert decided == sorted(decided, reverse=True) and decided[0] > 0
    assert set(rows) == set(tables[0]["attribute"])


def test_every_document_is_in_a_bar_or_has_no_value(tiny_run: Any, rows: Any) -> None:
    signals = tiny_run["documents"].read("documents").select("id", "source")
    signals = signals.join(tiny_run["signals"].read("signals"), on="id")
    for name in ("word_count", "c4_sentences"):
        of_source = signals.group_by("source").agg(pl.col(name).count(), all=pl.len())
        for source, known, documents in of_source.iter_rows():
            spread = rows[name].spreads[source]
            assert (spread.documents, spread.missing) == (known, documents - known)
    assert all(
        0 <= bar.column < row.columns <= COLUMNS and 0 < bar.height <= 1
        for row in rows.values()
        for spread in row.spreads.values()
        for bar in spread.bars
    )


def test_shares_outside_are_of_the_documents_tested(tables: Any, rows: Any) -> None:
    of_sentences = tables[1].filter(attribute="c4_sentences")
    for source, documents, violating in of_sentences.select(
        "source", "documents", "violating"
    ).iter_rows():
        spread = rows["c4_sentences"].spreads[source]
        assert spread.violating == pytest.approx(violating / documents)
    assert rows["c4_sentences"].violating == of_sentences["violating"].sum() > 0
    assert rows["c4_sentences"].spreads["docstrings"].violating is None, "no prose"


def test_axes_hold_the_bounds(rows: Any) -> None:
    for row in rows.values():
        assert row.low < row.high
        assert all(row.low <= limit.value <= row.high for limit in row.limits), row.attribute


def test_what_lies_outside_a_bound_is_on_the_other_side_of_its_line(rows: Any) -> None:
    seen = 0
    for row in rows.values():
        for spread in row.spreads.values():
            outside = {bar.column for bar in spread.bars if bar.outside}
            inside = {bar.column for bar in spread.bars if not bar.outside}
            assert not outside & inside
            if len(row.limits) == 1 and row.limits[0].side == "minimum" and spread.lines:
                seen += 1
                assert all(column < spread.lines[0] for column in outside)
                assert all(column >= spread.lines[0] for column in inside)
    assert seen


def test_outside_or_inside_are_runs_of_neighbours() -> None:
    bars = (Bar(0, 1.0, False), Bar(1, 0.5, False), Bar(3, 0.2, False), Bar(4, 0.1, True))
    spread = Spread(bars, 4, 0, 0.25, (4,))
    assert list(outside_or_inside(spread, False)) == [(0, [1.0, 0.5]), (3, [0.2])]
    assert list(outside_or_inside(spread, True)) == [(4, [0.1])]


def test_bounds_are_named_once_for_all_kinds(tables: Any) -> None:
    histograms, bounds = tables
    both = pl.concat([bounds, bounds.filter(kind="prose").with_columns(kind=pl.lit("agent"))])
    rows = {row.attribute: row for row in distribution_rows(histograms, both)}
    least, most = rows["word_count"].limits
    assert least.kinds == ("agent", "prose")
    assert spoken_limit(rows["word_count"], least) == "at least 20"
    assert spoken_limit(rows["word_count"], most) == "at most 100K"


def test_values_are_written_short() -> None:
    assert spoken_value("ratings", "quality", 0.123456) == "0.123"
    assert spoken_value("signals", "word_count", 1234.0) == "1,234"


def test_sources_come_by_size(tables: Any) -> None:
    assert sources_of(tables[0]) == ["openwebtext", "wikipedia", "docstrings", "planted"]


def test_nothing_counted_gives_nothing(tables: Any) -> None:
    empty = [table.clear() for table in tables]
    assert distribution_rows(*empty) == [] and sources_of(empty[0]) == []
