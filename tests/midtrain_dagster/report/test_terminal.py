from io import StringIO

from rich.console import Console

from midtrain_dagster.report.data import ReportData
from midtrain_dagster.report.terminal import before_after_table, print_whole


def shown(data: ReportData, width: int = 110) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(before_after_table(data.losses, data.scores, data.general, data.targets))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_table_names_measures_checkpoints_and_values(data: ReportData) -> None:
    text = shown(data)
    for part in (
        "Before and after mid-training",
        "mathematics (target)",
        "losses in nats per token",
        "3.410",
        "29.0 %",
        "at chance",
    ):
        assert part in text
    assert text.count("at chance") == 3


def test_names_are_not_taken_for_rich_markup(data: ReportData) -> None:
    import polars as pl

    odd = data.losses.with_columns(domain=pl.lit("[red]x[/red]")).unique(
        "checkpoint", maintain_order=True
    )
    console = Console(file=StringIO(), width=110, color_system=None)
    console.print(before_after_table(odd, data.scores.clear()))
    assert "[red]x[/red]" in console.file.getvalue()  # type: ignore[attr-defined]


def test_figures_are_whole_however_many_checkpoints_there_are(data: ReportData) -> None:
    import polars as pl

    many = pl.concat(
        data.losses.with_columns(checkpoint=pl.col("checkpoint") + f"_seed_{seed}")
        for seed in range(9)
    )
    console = Console(file=StringIO(), width=80, color_system=None)
    print_whole(before_after_table(many, data.scores.clear()), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in text
    assert text.count("3.410") == 9 * shown(data).count("3.410")


def test_it_fits_eighty_columns(data: ReportData) -> None:
    assert max(map(len, shown(data, 80).splitlines())) <= 80
