import polars as pl
import pytest

from midtrain_dagster.report.corpus_plots import contamination, funnel, mixture, synthesis_yield
from midtrain_dagster.report.data import ReportData
from midtrain_dagster.report.style import BLUE, GREY, figure_svg


def colour(patch) -> str:
    from matplotlib.colors import to_hex

    return to_hex(patch.get_facecolor())


def test_the_funnel_says_what_is_left_in_all_and_of_each_source(data: ReportData) -> None:
    made = funnel(data.funnel)
    left, right = made.axes
    widths: dict[int, float] = {}
    for bar in left.patches:
        row = round(bar.get_y() + bar.get_height() / 2)
        widths[row] = widths.get(row, 0) + bar.get_width()
    totals = data.funnel.group_by("step", maintain_order=True).agg(pl.col("documents").sum())
    assert list(widths.values()) == totals["documents"].to_list()
    svg = figure_svg(made)
    assert "9,250 documents (100%), 13.4M characters" in svg
    assert "6,473 documents (70%)" in svg
    texts = [text.get_text() for text in right.texts]
    assert texts.count("5.0%") == 1, "planted documents after decontamination"
    assert [label.get_text() for label in right.get_xticklabels()][-1] == "planted"


def test_a_funnel_of_nothing_is_drawn() -> None:
    empty = pl.DataFrame(
        {"step": ["collected"], "source": ["a"], "kind": ["prose"], "documents": [0]}
    ).with_columns(characters=pl.lit(0))
    assert "0 documents (0%)" in figure_svg(funnel(empty))


def test_mixture_bars_are_the_shares(data: ReportData) -> None:
    made = mixture(data.planned, data.delivered)
    (axes,) = made.axes
    planned = [bar.get_width() for bar in axes.patches if bar.get_alpha() == 0.55]
    domains = list(data.planned["annealed"])
    expected = [
        shares.get(domain, 0.0)
        for shares in data.planned.values()
        for domain in ["web", "wikipedia", "code", "documentation", *domains[4:]]
    ]
    assert planned == pytest.approx(expected)
    svg = figure_svg(made)
    for text in ("planned", "delivered", "mathematics", "45%"):
        assert text in svg


def test_a_stage_without_delivery_and_a_domain_that_was_not_planned() -> None:
    svg = figure_svg(mixture({"annealed": {"web": 1.0}}, {"annealed": {"surprise": 1.0}}))
    assert "surprise" in svg
    assert "web" in figure_svg(mixture({"annealed": {"web": 1.0}}, {}))


def test_contamination_shows_hits_and_the_planted(data: ReportData) -> None:
    made = contamination(data.contamination)
    left, right = made.axes
    assert [bar.get_width() for bar in left.patches] == [31, 9, 214, 0]
    filled = [bar.get_width() for bar in right.patches if colour(bar) == BLUE]
    assert filled == [24, 9, 20, 0]
    svg = figure_svg(made)
    for text in ("9 of 12", "214 (260 passages)", "none planted"):
        assert text in svg


def test_without_planted_documents_there_is_one_panel(data: ReportData) -> None:
    bare = data.contamination.drop("planted", "caught")
    assert len(contamination(bare).axes) == 1
    assert len(contamination(data.contamination.with_columns(planted=pl.lit(0))).axes) == 1


def test_the_yield_starts_with_what_was_kept(data: ReportData) -> None:
    made = synthesis_yield(data.synthesis)
    (axes,) = made.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "kept",
        "answer_not_in_passage",
        "too_short",
        "duplicate_question",
    ]
    assert [colour(bar) for bar in axes.patches] == [BLUE, GREY, GREY, GREY]
    svg = figure_svg(made)
    assert "1,204 generated pairs" in svg
    assert "611 (51%)" in svg
