"""What the report says of a probe is what was measured."""

import polars as pl

from midtrain_dagster.display.blocks import Span, Table, Text
from midtrain_dagster.probe.knowledge import ANSWERS
from midtrain_dagster.probe.report_section import report_section

GAPS = pl.DataFrame(
    {
        "topic": [0, 1],
        "name": ["rivers, bridge", "games, goal"],
        "documents": [400, 90],
        "gap": [0.2, 0.9],
        "weight": [0.36, 0.92],
        "questions": [30, 30],
        "share": [0.85, 0.3],
        "stderr": [0.066, 0.085],
    },
    schema_overrides={"topic": pl.UInt16},
)


def answers(learnt: bool) -> pl.DataFrame:
    rows = []
    for n in range(40):
        rows.append(("base", f"d{n}", n % 2, [0.0], n < 20))
        rows.append(("annealed", f"d{n}", n % 2, [0.0], n < (34 if learnt else 20)))
    return pl.DataFrame(rows, schema=ANSWERS, orient="row")


def section(learnt: bool = True) -> tuple[list[Table], str]:
    drawn = {"qa": pl.DataFrame({"topic": [0, 1], "evenly": [16.3, 3.7], "drawn": [12, 8]})}
    made = report_section(GAPS, answers(learnt), drawn, before="base", chance=0.25)
    tables = [block for block in made.blocks if isinstance(block, Table)]
    words = [str(block.content) for block in made.blocks if isinstance(block, Text)]
    return tables, words[-1]


def test_topics_stand_by_their_gap_with_what_was_drawn_of_them() -> None:
    (gaps, _), _ = section()
    first, second = gaps.rows
    assert first[0] == "2 games, goal" and first[4:] == ("0.90", "0.92", "8 (3.7)")
    assert first[3] == "30.0% ± 17.0%" and second[0] == "1 rivers, bridge"


def test_changes_stand_with_two_standard_errors() -> None:
    (_, after), said = section()
    assert [column.title for column in after.columns] == ["topic", "questions", "base", "annealed"]
    every = after.rows[-1]
    assert every[0] == Span("all topics", "strong") and every[1:3] == ("40", "50.0% ± 16.0%")
    assert every[3] == "85.0% (+35.0 ± 15.3)"
    assert said == "annealed knows more (+35.0 ± 15.3)."
    _, said = section(learnt=False)
    assert "differs by no more than two standard errors" in said
