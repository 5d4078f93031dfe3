import polars as pl
import pytest

from midtrain_dagster.report.distribution_plots import (
    COLUMNS,
    Bar,
    Spread,
    look_rows,
    outside_or_inside,
    small_multiples,
    sources_of,
    spoken_limit,
    spoken_value,
)
from midtrain_dagster.report.style import figure_png, figure_svg

Looked = dict[str, pl.DataFrame]


def test_rows_come_ratings_first_then_by_how_much_they_decide(looked: Looked) -> None:
    rows = look_rows(looked["histograms"], looked["bounds"])
    assert [row.attribute for row in rows[:2]] == ["quality", "maths"]
    decided = [row.decided for row in rows[2:]]
    assert decided == sorted(decided, reverse=True)
    assert len(rows) == len({row.attribute for row in rows})
    assert {row.attribute for row in rows} == set(looked["histograms"]["attribute"])


def test_every_document_is_in_a_bar_and_shares_are_of_those_tested(looked: Looked) -> None:
    rows = {row.attribute: row for row in look_rows(looked["histograms"], looked["bounds"])}
    words = rows["word_count"]
    assert {name: each.documents for name, each in words.spreads.items()} == {"web": 4, "books": 2}
    assert words.violating == 1
    assert words.spreads["web"].violating == pytest.approx(1 / 4)
    assert words.spreads["books"].violating == 0
    assert rows["line_count"].spreads["web"].violating is None
    language = rows["language_score"]
    assert language.spreads["web"].violating == 0
    assert all(
        0 <= bar.column < row.columns <= COLUMNS and 0 < bar.height <= 1
        for row in rows.values()
        for spread in row.spreads.values()
        for bar in spread.bars
    )


def test_what_lies_outside_a_bound_is_on_the_other_side_of_its_line(looked: Looked) -> None:
    for row in look_rows(looked["histograms"], looked["bounds"]):
        for spread in row.spreads.values():
            low = [at for at in spread.lines if any(x.side == "minimum" for x in row.limits)]
            outside = {bar.column for bar in spread.bars if bar.outside}
            inside = {bar.column for bar in spread.bars if not bar.outside}
            assert not outside & inside
            if len(row.limits) == 1 and low:
                assert all(column < low[0] for column in outside)
                assert all(column >= low[0] for column in inside)


def test_runs_are_neighbours() -> None:
    bars = (Bar(0, 1.0, False), Bar(1, 0.5, False), Bar(3, 0.2, False), Bar(4, 0.1, True))
    spread = Spread(bars, 4, 0, 0.25, (4,))
    assert list(outside_or_inside(spread, False)) == [(0, [1.0, 0.5]), (3, [0.2])]
    assert list(outside_or_inside(spread, True)) == [(4, [0.1])]


def test_bounds_are_told_once_for_all_kinds(looked: Looked) -> None:
    both = pl.concat([looked["bounds"], looked["bounds"].with_columns(kind=pl.lit("agent"))])
    rows = {row.attribute: row for row in look_rows(looked["histograms"], both)}
    least, most = rows["word_count"].limits
    assert least.kinds == ("agent", "prose")
    assert spoken_limit(rows["word_count"], least) == "at least 8"
    assert spoken_limit(rows["word_count"], most) == "at most 100K"
    assert spoken_value("ratings", "quality", 0.123456) == "0.123"
    assert spoken_value("signals", "word_count", 1234.0) == "1,234"


def test_the_largest_source_comes_first(looked: Looked) -> None:
    assert sources_of(looked["histograms"]) == ["web", "books"]


def test_the_picture_for_the_ui_names_ratings_bounds_and_sources(looked: Looked) -> None:
    made = small_multiples(looked["histograms"], looked["bounds"])
    words = figure_svg(made)
    for text in ("quality", "at least 0.25", "web", "books", "word_count", "at least 8", "25%"):
        assert f">{text}<" in words or text in words
    again = figure_png(small_multiples(looked["histograms"], looked["bounds"]))
    assert figure_png(made) == again and again.startswith(b"\x89PNG")


def test_nothing_counted_is_drawn_as_nothing(looked: Looked) -> None:
    empty = (looked["histograms"].clear(), looked["bounds"].clear())
    assert look_rows(*empty) == [] and sources_of(empty[0]) == []
    assert figure_png(small_multiples(*empty)).startswith(b"\x89PNG")
