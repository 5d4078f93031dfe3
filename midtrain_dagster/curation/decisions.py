"""Which documents stay, the one reason for each that does not, and what is cut from the others.

Decisions are a table beside the documents, not a copy of their text: a new threshold costs one pass
over small tables. The reason is that of `eligibility`, or else:

====================  =============================================================
reason                meaning
====================  =============================================================
kept                  it stays
duplicate             another member of its duplicate cluster stays
repeated_text         more of it is text that the corpus repeats than the recipe allows
sampling:DOMAIN       its domain has a token budget, and the sample left it out
====================  =============================================================

The order is that of the steps of the funnel, and each step looks at what the ones before left: a
cluster of duplicates keeps an eligible member, text is repeated only among those, and the sample is
drawn last.
"""

from collections.abc import Mapping

import polars as pl

from midtrain_dagster.curation import removal, standing
from midtrain_dagster.curation import repeated_text as repetitions
from midtrain_dagster.curation.bands import Bands, banded
from midtrain_dagster.curation.personal_data import spans

VERSION = 3
USES = (standing, removal, repetitions, spans)

DECISIONS = pl.Schema(
    {
        "id": pl.String(),
        "keep": pl.Boolean(),
        "reason": pl.String(),
        "copies": pl.UInt32(),
        "edits": pl.List(
            pl.Struct({"start": pl.UInt64(), "stop": pl.UInt64(), "replacement": pl.String()})
        ),
    }
)
"""``copies`` says how often the document goes into the token shards: 0 if it is dropped, more than
1 only where sampling repeats it."""

_NO_EDITS = pl.lit([], dtype=DECISIONS["edits"])


def curate(
    eligibility: pl.DataFrame,
    clusters: pl.DataFrame,
    repeated_text: pl.DataFrame | None = None,
    personal_data: pl.DataFrame | None = None,
    sample: pl.DataFrame | None = None,
    c4_edits: pl.DataFrame | None = None,
    benchmark_cuts: pl.DataFrame | None = None,
    *,
    maximum_repeated: float,
    bands: Mapping[str, Bands] | None = None,
) -> dict[str, pl.DataFrame]:
    """Decide on the documents of one part, from all that is known of them and of the corpus.

    Returns ``decisions``, with the columns of DECISIONS, and the part's share of the ``funnel`` and
    of the ``reasons`` by source (`removal`). ``maximum_repeated`` is the share of a document that
    may be repeated text. With ``bands``, decisions have one column more: ``band``, the domain under
    which a document is trained on (`curation.bands`), null where it is its own.
    """
    judged = standing.standing(
        eligibility, clusters, repeated_text, maximum_repeated=maximum_repeated
    )
    listed = [] if repeated_text is None else [repetitions.edits(repeated_text)]
    listed += [] if personal_data is None else [spans.edits(personal_data)]
    edits = [table.explode("edits").unnest("edits") for table in listed]
    edits += [each for each in (c4_edits, benchmark_cuts) if each is not None]
    together = pl.concat(edits, how="vertical_relaxed") if edits else None
    made = decide(judged, sample, together)
    if bands:
        band = banded(eligibility, bands)
        made["decisions"] = made["decisions"].join(band, on="id", how="left", maintain_order="left")
    return {
        **made,
        "funnel": removal.funnel(eligibility, made["decisions"]),
        "reasons": removal.reasons(eligibility, made["decisions"]),
    }


def decide(
    judged: pl.DataFrame,
    sample: pl.DataFrame | None = None,
    edits: pl.DataFrame | None = None,
) -> dict[str, pl.DataFrame]:
    """Decide on the documents of one part, to which `standing` gave what speaks against them.

    ``sample`` (id, copies; documents of domains without a budget are not in it) and ``edits`` (id,
    start, stop, replacement: one row an edit) are sparse and may speak of other parts too.

    Returns ``{"decisions": df}`` with the columns of DECISIONS in the order of the documents; the
    edits are sorted, and empty where a document is dropped.
    """
    table = _with_copies(judged.select("id", "domain", "reason"), sample)
    left_out = pl.when(pl.col("copies") == 0).then(pl.format("sampling:{}", "domain"))
    table = table.with_columns(reason=pl.coalesce("reason", left_out, pl.lit("kept")))
    table = _with_edits(table.with_columns(keep=pl.col("reason") == "kept"), edits)
    return {
        "decisions": table.select(
            "id",
            "keep",
            "reason",
            copies=pl.when("keep").then("copies").otherwise(0).cast(DECISIONS["copies"]),
            edits=pl.when("keep").then("edits").cast(DECISIONS["edits"]).fill_null(_NO_EDITS),
        )
    }


def _with_copies(table: pl.DataFrame, sample: pl.DataFrame | None) -> pl.DataFrame:
    if sample is None:
        return table.with_columns(copies=pl.lit(1, pl.UInt32))
    drawn = sample.select("id", "copies")
    joined = table.join(drawn, on="id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("copies").fill_null(1))


def _with_edits(table: pl.DataFrame, edits: pl.DataFrame | None) -> pl.DataFrame:
    if edits is None:
        return table.with_columns(edits=_NO_EDITS)
    listed = (
        edits.sort("id", "start", "stop", "replacement")
        .group_by("id", maintain_order=True)
        .agg(edits=pl.struct("start", "stop", "replacement"))
    )
    return table.join(listed, on="id", how="left", maintain_order="left")
