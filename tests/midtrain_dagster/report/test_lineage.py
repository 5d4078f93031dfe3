from graphlib import CycleError

import polars as pl
import pytest

from midtrain_dagster.display.blocks import Diagram, Notice, Span, Table
from midtrain_dagster.report.lineage import ASSETS, diagram, lineage_section


def graph(*rows: tuple[str, str, list[str]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(name, group, ["f" * 64], "table", 1, None, upstream) for name, group, upstream in rows],
        schema=ASSETS,
        orient="row",
    )


SMALL = graph(
    ("documents", "collection", []),
    ("signals", "curation", ["documents"]),
    ("edges", "curation", ["documents"]),
    ("clusters", "curation", ["edges", "signals", "elsewhere"]),
    ("base", "training", ["clusters"]),
)


def places(drawn: Diagram) -> dict[str, tuple[int, int]]:
    return {box.title.split()[0]: (box.x, box.y) for box in drawn.boxes}


def test_diagram_has_a_box_for_each_asset_and_a_curve_for_each_known_cause() -> None:
    drawn = diagram(SMALL)
    assert set(places(drawn)) == set(SMALL["asset"])
    assert len(drawn.curves) == 5
    assert [lines for _, lines in drawn.heads] == [("collection",), ("curation",), ("training",)]


def test_diagram_has_groups_as_columns_and_causes_above() -> None:
    found = places(diagram(SMALL))
    assert len(set(found.values())) == len(found)
    assert found["documents"][0] < found["signals"][0] == found["clusters"][0] < found["base"][0]
    assert found["edges"][1] < found["clusters"][1]
    drawn = diagram(SMALL)
    right, below = drawn.width - drawn.box[0], drawn.height - drawn.box[1]
    assert all(0 <= x <= right and 0 <= y <= below for x, y in found.values())


def test_diagram_of_a_cycle_is_an_error() -> None:
    with pytest.raises(CycleError):
        diagram(graph(("a", "g", ["b"]), ("b", "g", ["a"])))


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("documents", ("documents",)),
        ("duplicate_clusters", ("duplicate_", "clusters")),
        ("checkpoint/annealed/control", ("…/annealed/", "control")),
        ("synthesis/questions/duplicate_clusters", ("…/duplicate_", "clusters")),
        ("synthesis/question_answer/language", ("…/language",)),
        ("synthesis/question_answer/duplicate_edges", ("…/duplicate_", "edges")),
        ("averyverylongnamewithoutabreak", ("averyverylongna…",)),
    ],
)
def test_long_names_are_broken_and_lose_their_first_parts(
    name: str, lines: tuple[str, ...]
) -> None:
    (box,) = diagram(graph((name, "g", []))).boxes
    assert box.lines == lines
    assert box.title == f"{name} {'f' * 64}, 1 rows of table"
    assert box.size == "1 row"


def test_table_has_fingerprints_and_causes() -> None:
    partitions = graph(("scans", "g", [])).with_columns(fingerprints=pl.lit(["a", "b"]))
    section = lineage_section(pl.concat([SMALL, partitions]))
    table = section.blocks[1]
    assert isinstance(table, Table)
    assert table.rows[3] == (
        Span("clusters", "strong"),
        Span("curation", "name"),
        Span("f" * 10, "code", "f" * 64),
        "1",
        Span("table", "name"),
        "\N{EN DASH}",
        (
            *(Span("edges", "name"), ", ", Span("signals", "name"), ", "),
            Span("elsewhere", "name"),
        ),
    )
    assert table.rows[-1][2] == Span("2 partitions", "code", "2 partitions")


def test_nothing_made_is_said() -> None:
    assert lineage_section(SMALL.clear()).blocks == (Notice("No asset has been made."),)
