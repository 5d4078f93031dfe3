"""What decay laws have to say in the report: whether they hold, and what they are fitted to."""

from collections.abc import Mapping

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Block,
    Column,
    Figure,
    Heading,
    PageSection,
    Span,
    Table,
    Text,
    columns,
)
from midtrain_dagster.display.words import spoken
from midtrain_dagster.training.decay_laws.report_plots import law_over_measured

VERSION = 1


def report_section(laws: Mapping[str, Artifact]) -> PageSection:
    """For each law: whether it answers, its curves, its parameters, its errors on left-out runs.

    ``laws`` are the artifacts by name (tables of ``laws.decay.tables``).
    """
    blocks: list[Block] = []
    for name, artifact in laws.items():
        blocks += _blocks(name, artifact)
    return PageSection(
        "decay_laws",
        "Decay laws",
        "How the training loss follows the learning rate, fitted to the runs' own logs: what a "
        "decay is worth, told before it is trained. The command midtrain law asks them.",
        tuple(blocks),
        short="Decay laws",
    )


def _blocks(name: str, artifact: Artifact) -> list[Block]:
    verdict = artifact.read("verdict").row(0, named=True)
    held_out = artifact.read("held_out")
    refused = verdict["refused"]
    said: Text = (
        Text(f"It answers; intervals are of a bootstrap over {verdict['over']}.")
        if refused is None
        else Text((Span("It refuses to answer: ", "failed"), refused))
    )
    return [
        Heading(spoken(name)),
        said,
        Figure(
            f"decay_law_{name}",
            law_over_measured(artifact.read("curves")),
            "Points are steps, or means of equally many of a long run; the band holds nine in ten "
            "refits.",
        ),
        Table(
            (Column("Parameter"), *columns("#Value", "#Low", "#High")),
            tuple(
                (Span(row[0], "code"), *(f"{value:.4g}" for value in row[1:]))
                for row in artifact.read("parameters").iter_rows()
            ),
        ),
        Table(
            (Column("Run left out"), *columns("#Mean error", "#Worst error", "#Error at its end")),
            tuple((spoken(row[0]), *map(_share, row[1:])) for row in held_out.iter_rows()),
        ),
        Text(
            "Errors are relative, of the law fitted to the other runs. A run without one cannot be "
            "left out: the others alone do not tell what a decay is worth. Points of the logs "
            "that are not used (in the warm-up, or without a loss): "
            f"{numbers.count(verdict['left_out'])}.",
            note=True,
        ),
    ]


def _share(value: float | None) -> str:
    return numbers.MISSING if value is None else f"{value:.2%}".replace("-", numbers.MINUS)
