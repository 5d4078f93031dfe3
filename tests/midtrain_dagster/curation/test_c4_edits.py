import polars as pl
import pytest

from midtrain_dagster.curation import c4_edits as module
from midtrain_dagster.curation.c4_edits import C4_EDITS, VERSION, c4_edits, left
from midtrain_dagster.curation.decisions import curate
from midtrain_dagster.curation.duplicates.clusters import CLUSTERS
from midtrain_dagster.curation.eligibility import eligibility
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.signals.signals import signals
from midtrain_dagster.tokens.splits import curated

PAGE = (
    "Home | About | Contact\n"
    "Log in\n"
    "The lighthouse was built in 1862 on a rock off the coast.[1] It has a lamp of three wicks.\n"
    "  Its keeper lived there with a family of six, and rowed to the village for bread.[edit]\n"
    "We use cookies to make this site better for you.\n"
    "In winter nobody could land, and the stores had to last. They did not always last.\n"
    "Please enable JavaScript to see the map of the coast.\n"
    "The lamp was put out in 1971, when a machine took over that needs no bread.\n"
    "Share\n"
)
LEFT = (
    "Home | About | Contact\n"
    "The lighthouse was built in 1862 on a rock off the coast. It has a lamp of three wicks.\n"
    "Its keeper lived there with a family of six, and rowed to the village for bread.\n"
    "In winter nobody could land, and the stores had to last. They did not always last.\n"
    "The lamp was put out in 1971, when a machine took over that needs no bread."
)
FINEWEB = CurationPolicy.model_validate({"languages": "all", "prose": {"policy": "fineweb"}})


def documents(*texts: str | None, **columns: str) -> pl.DataFrame:
    common = {"kind": "prose", "format": "plain", "source": "web", "domain": "web"} | columns
    table = pl.DataFrame(
        {"id": [f"d{number}" for number in range(len(texts))], "text": texts},
        schema={"id": pl.String, "text": pl.String},
    )
    named = {name: pl.lit(value) for name, value in common.items()}
    return table.with_columns(**named, metadata=pl.lit("{}"))


def test_edits_leave_what_c4_leaves() -> None:
    table = documents(PAGE, None, LEFT, PAGE)
    edits = c4_edits(table, policy=FINEWEB)["c4_edits"]
    assert edits.schema == C4_EDITS
    assert edits["id"].unique(maintain_order=True).to_list() == ["d0", "d3"]
    listed = edits.group_by("id", maintain_order=True).agg(
        edits=pl.struct("start", "stop", "replacement")
    )
    decided = table.select("id", keep=pl.lit(True)).join(listed, on="id", how="left")
    assert curated(table, decided)["text"].to_list() == [LEFT, None, LEFT, LEFT]


def test_the_text_that_is_left_takes_the_place_of_the_whole() -> None:
    table = documents(PAGE, None, LEFT)
    edits = c4_edits(table, policy=FINEWEB)["c4_edits"]
    made = left(table, edits)["documents"]
    assert made["text"].to_list() == [LEFT, None, LEFT]
    assert made.drop("text").equals(table.drop("text")) and made.columns == table.columns


def test_only_documents_whose_policy_cuts_are_cut() -> None:
    policy = CurationPolicy.model_validate(
        {"prose": {"policy": "fineweb"}, "sources": {"notes": {"policy": "by_format"}}}
    )
    assert c4_edits(documents(PAGE), policy=policy)["c4_edits"].height
    for other in ({"source": "notes"}, {"kind": "qa"}):
        assert c4_edits(documents(PAGE, **other), policy=policy)["c4_edits"].is_empty()
    assert c4_edits(documents(PAGE), policy=CurationPolicy())["c4_edits"].is_empty()


def test_chunks_do_not_change_the_edits(passages: pl.DataFrame, monkeypatch) -> None:
    pages = documents(*[PAGE] * 3)
    columns = [*(set(pages.columns) & set(passages.columns))]
    some = pl.concat([passages.head(30).select(columns), pages.select(columns)])
    whole = c4_edits(some, policy=FINEWEB)["c4_edits"]
    monkeypatch.setattr(module, "CHUNK_BYTES", 700)
    assert c4_edits(some, policy=FINEWEB)["c4_edits"].equals(whole)


@pytest.mark.parametrize("format", ["plain", "markdown"])
def test_a_document_is_judged_and_kept_as_fineweb_does_it(format: str) -> None:
    """Its lines without punctuation are too many before they are cut, whatever the format."""
    menu = "\n".join(f"Chapter {first}{second}" for first in "abcdefgh" for second in "klmno")
    table = documents(f"{menu}\n{PAGE}", PAGE.replace("lamp", "{lamp}"), format=format)
    asked = {"names": FINEWEB.signals, "cutting": FINEWEB.cutting}
    measured = signals(table, **asked)["signals"]
    judged = eligibility(table, None, measured, None, policy=FINEWEB)["eligibility"]
    assert judged["reason"].to_list() == [None, "c4_fineweb:c4_forbidden_lines_fineweb"]
    assert measured["line_punct_ratio_after_c4"][0] == pytest.approx(4 / 5)

    edits = c4_edits(table, policy=FINEWEB)["c4_edits"]
    made = curate(judged, CLUSTERS.to_frame(), c4_edits=edits, maximum_repeated=1.0)["decisions"]
    assert curated(table, made)["text"].to_list() == [LEFT]
    assert made["edits"].list.len().to_list()[1] == 0


def test_golden() -> None:
    edits = c4_edits(documents(PAGE), policy=FINEWEB)["c4_edits"]
    spans = edits.select("start", "stop", "replacement").rows()
    assert (VERSION, spans[:3], len(spans)) == (
        1,
        [(22, 30, "\n"), (87, 90, ""), (120, 123, "\n")],
        7,
    )
