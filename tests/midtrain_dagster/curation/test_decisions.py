"""Decisions: its own reason first, then duplicates, then the sample; and edits of what stays."""

import polars as pl

from midtrain_dagster.curation.decisions import DECISIONS, VERSION, curate, decide
from midtrain_dagster.curation.eligibility import ELIGIBILITY
from midtrain_dagster.curation.standing import standing

JUDGED = pl.DataFrame(
    {
        "id": ["good", "poor", "copy", "worn", "spare", "twice"],
        "domain": ["web", "web", "web", "web", "web", "code"],
        "reason": [None, "rating:quality", None, None, None, None],
        "utf8_bytes": [100, 100, 100, 100, 100, 100],
    }
)
CLUSTERS = pl.DataFrame(
    {"id": ["copy", "good", "poor", "elsewhere"], "kept": [False, True, False, False]}
)
REPEATED = pl.DataFrame({"id": ["worn", "worn", "good"], "start": [0, 50, 0], "stop": [30, 71, 50]})
SAMPLE = pl.DataFrame({"id": ["good", "spare", "twice"], "copies": [1, 0, 2]})
EDITS = pl.DataFrame(
    [
        ("good", 9, 12, "<EMAIL>"),
        ("good", 2, 4, ""),
        ("copy", 0, 5, ""),
        ("elsewhere", 0, 5, ""),
    ],
    schema={"id": pl.String, "start": pl.UInt64, "stop": pl.UInt64, "replacement": pl.String},
    orient="row",
)


def test_golden() -> None:
    judged = standing(JUDGED, CLUSTERS, REPEATED, maximum_repeated=0.5)
    made = decide(judged, SAMPLE, EDITS)["decisions"]
    assert VERSION == 3
    assert made.schema == DECISIONS
    assert made.rows() == [
        ("good", True, "kept", 1, [
            {"start": 2, "stop": 4, "replacement": ""},
            {"start": 9, "stop": 12, "replacement": "<EMAIL>"},
        ]),
        ("poor", False, "rating:quality", 0, []),
        ("copy", False, "duplicate", 0, []),
        ("worn", False, "repeated_text", 0, []),
        ("spare", False, "sampling:web", 0, []),
        ("twice", True, "kept", 2, []),
    ]  # fmt: skip


def test_without_sample_or_edits_every_eligible_document_stays_once() -> None:
    made = decide(standing(JUDGED, CLUSTERS))["decisions"]
    assert made["copies"].to_list() == [1, 0, 0, 1, 1, 1]
    assert made["edits"].list.len().sum() == 0


def test_an_empty_part_has_no_decisions() -> None:
    judged = standing(pl.DataFrame(schema=ELIGIBILITY), CLUSTERS, REPEATED)
    made = decide(judged, SAMPLE, EDITS)["decisions"]
    assert made.schema == DECISIONS
    assert made.height == 0


def test_curate_puts_all_that_is_known_together() -> None:
    eligibility = JUDGED.with_columns(
        source=pl.lit("pages"), kind=pl.lit("prose"), characters=pl.lit(9)
    )
    repeated = REPEATED.with_columns(unit=pl.lit("line"))
    personal = pl.DataFrame({"id": ["good"], "start": [60], "stop": [70], "type": ["email"]})
    made = curate(eligibility, CLUSTERS, repeated, personal, SAMPLE, maximum_repeated=0.5)
    decided = {row["id"]: row for row in made["decisions"].iter_rows(named=True)}
    assert decided["good"]["edits"] == [
        {"start": 0, "stop": 50, "replacement": ""},
        {"start": 60, "stop": 70, "replacement": "<EMAIL>"},
    ]
    assert {id_: row["reason"] for id_, row in decided.items()} == {
        "good": "kept",
        "poor": "rating:quality",
        "copy": "duplicate",
        "worn": "repeated_text",
        "spare": "sampling:web",
        "twice": "kept",
    }
    left = dict(made["funnel"].select("step", "documents").iter_rows())
    assert list(left.values()) == [6, 6, 6, 5, 5, 4, 3, 2]
    few = curate(eligibility, CLUSTERS, maximum_repeated=0.5)["decisions"]
    assert few["keep"].sum() == 4
