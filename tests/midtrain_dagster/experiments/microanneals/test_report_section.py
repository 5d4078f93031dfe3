"""The decision table, as people read it."""

import polars as pl

from midtrain_dagster.display.blocks import Span, Table, Text
from midtrain_dagster.experiments.microanneals.decisions import DECISIONS, VERDICTS
from midtrain_dagster.experiments.microanneals.report_section import (
    decision_rows,
    failures,
    report_section,
    verdict_rows,
)

ROW = {"candidate": "code", "phase": "fine_tuning", "target": "loss/code", "unit": "nats a token"}
DECIDED = pl.DataFrame(
    [
        ROW
        | {
            "pairs": 3,
            "effect": -0.5,
            "spread": 0.02,
            "stderr": 0.01,
            "low": -0.55,
            "high": -0.45,
            "verdict": "accept",
        },
        ROW | {"pairs": 1, "effect": 0.1, "verdict": "undecided", "note": "one seed"},
    ],
    DECISIONS,
)
JUDGED = pl.DataFrame(
    [("code", "code", "accept", "it helps", 60_000, 3, 1)], VERDICTS, orient="row"
)
RUNS = pl.DataFrame(
    {"candidate": ["code", "code"], "seed": [1, 2], "failed": [None, "step 3: loss nan"]}
)


def test_rows_have_effect_interval_and_what_would_decide() -> None:
    heads, rows = decision_rows(DECIDED)
    assert dict(zip(heads, rows[0], strict=True)) == {
        "candidate": "code",
        "after": "fine-tuning",
        "target": "loss/code",
        "effect": "\N{MINUS SIGN}0.500",
        "interval": "\N{MINUS SIGN}0.550 to \N{MINUS SIGN}0.450",
        "spread": "0.020",
        "seeds": "3",
        "verdict": "accept",
        "what would decide": "",
    }
    assert rows[1][4:6] == ("\N{EN DASH}", "\N{EN DASH}")
    assert rows[1][-1] == "one seed"
    assert verdict_rows(JUDGED)[1] == [("code", "accept", "it helps", "3", "1", "60,000")]


def test_section_has_the_verdicts_the_decisions_and_the_runs_that_failed() -> None:
    section = report_section({"sources": {"verdicts": JUDGED, "decisions": DECIDED, "runs": RUNS}})
    _, verdicts, decisions, failed = section.blocks
    assert isinstance(verdicts, Table)
    assert isinstance(decisions, Table)
    assert Span("accept", "better") in verdicts.rows[0]
    assert len(decisions.rows) == 2
    assert isinstance(failed, Text)
    assert failed.content == "code, seed 2, failed and is left out: step 3: loss nan"
    assert failures(RUNS.head(1)) == []
