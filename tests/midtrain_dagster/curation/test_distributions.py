from hashlib import blake2b

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.curation.distributions import (
    BORDERS,
    BOUNDS,
    HISTOGRAMS,
    NEAREST,
    VERSION,
    Scale,
    bounds,
    distributions,
    merge,
    scale_of,
)
from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.signals.rules import RULES

POLICY = CurationPolicy.model_validate(
    {
        "prose": {
            "minimum_characters": 10,
            "rules": ["fineweb"],
            "thresholds": {"minimum_line_punct_ratio": 0.3},
            "minimum_ratings": {"quality": 0.5},
        },
        "code": {"rules": ["source_code"]},
    }
)
TABLES = ("histograms", "bounds", "borders")


def part(size: int, seed: int, source: str = "web", kind: str = "prose") -> list[pl.DataFrame]:
    """Documents and their attributes, drawn; every tenth has no rating."""
    draw = np.random.default_rng(seed)
    ids = [f"{source}-{seed}-{number:03d}" for number in range(size)]
    ratio = draw.random(size).astype(np.float32)
    quality = draw.random(size).astype(np.float32)
    none = pl.Series([None] * size, dtype=pl.String)
    documents = pl.DataFrame(
        {
            "id": ids,
            "text": [f"the text of {each}" for each in ids],
            "source": [source] * size,
            "kind": [kind] * size,
            "format": ["plain"] * size,
        },
        schema=dict.fromkeys(("id", "text", "source", "kind", "format"), pl.String),
    )
    identity, speech = documents["id"], pl.Series(["en"] * size, dtype=pl.String)
    language = pl.DataFrame(
        {"id": identity, "language": speech, "language_score": ratio, "error": none}
    )
    signals = pl.DataFrame(
        {
            "id": identity,
            "characters": pl.Series(draw.integers(0, 1_000, size), dtype=pl.UInt32),
            "line_punct_ratio": pl.Series(draw.random(size).astype(np.float32)),
            "longest_line": pl.Series(draw.integers(0, 3_000, size), dtype=pl.UInt32),
            "error": none,
        }
    )
    rated = pl.when(pl.int_range(size) % 10 != 9).then("quality").alias("quality")
    ratings = pl.DataFrame({"id": identity, "quality": quality, "error": none}).with_columns(rated)
    reason = pl.when(pl.col("quality").fill_null(0) < 0.5).then(pl.lit("rating:quality"))
    decisions = ratings.select("id", reason=reason.otherwise(pl.lit("kept")))
    # Attribute tables are joined by id, in whatever order they come.
    return [documents, language, signals.reverse(), ratings, decisions.reverse()]


def counted(*parts: list[pl.DataFrame]) -> dict[str, pl.DataFrame]:
    return distributions(*map(pl.concat, zip(*parts, strict=True)), policy=POLICY)


def test_every_document_is_in_one_bin_of_each_attribute() -> None:
    made = counted(part(50, 1), part(30, 2, "books"))
    by_attribute = made["histograms"].group_by("source", "attribute").agg(pl.col("documents").sum())
    counts = dict(by_attribute.filter(source="web").select("attribute", "documents").iter_rows())
    assert counts == {
        "language_score": 50,
        "characters": 50,
        "line_punct_ratio": 50,
        "longest_line": 50,
        "quality": 50,
    }
    unrated = made["histograms"].filter(pl.col("bin").is_null())
    assert unrated.select("attribute", "source", "documents").rows() == [
        ("quality", "books", 3),
        ("quality", "web", 5),
    ]
    assert made["histograms"].schema == HISTOGRAMS


def test_violations_are_counted_by_source_and_bound() -> None:
    web = part(50, 1)
    made = counted(web, part(30, 2, "books"))
    assert made["bounds"].schema == BOUNDS
    (row,) = made["bounds"].filter(source="web", attribute="line_punct_ratio").to_dicts()
    values = web[2]["line_punct_ratio"]
    assert (row["documents"], row["violating"]) == (50, (values < np.float32(0.3)).sum())
    assert row["bound"] == np.float32(0.3)
    (row,) = made["bounds"].filter(source="web", attribute="quality").to_dicts()
    quality = web[3]["quality"]
    assert row["violating"] == (quality < 0.5).sum() + quality.null_count()
    assert row["decided"] == row["violating"]


def test_a_bound_is_asked_of_its_kind_alone() -> None:
    made = counted(part(20, 1), part(20, 2, "library", "code"))
    asked = made["bounds"].select("source", "attribute").unique()
    assert ("library", "longest_line") in asked.rows()
    assert ("web", "longest_line") not in asked.rows()
    assert ("library", "quality") not in asked.rows()


def test_a_score_of_language_is_asked_where_the_language_is_wanted() -> None:
    documents, language, *others = part(20, 1)
    german = pl.when(pl.int_range(20) < 8).then(pl.lit("de")).otherwise(pl.lit("en"))
    made = distributions(documents, language.with_columns(language=german), *others, policy=POLICY)
    (row,) = made["bounds"].filter(attribute="language_score").to_dicts()
    assert row["documents"] == 12


def test_the_nearest_on_both_sides_are_those_that_the_bound_settles() -> None:
    web = part(200, 3)
    made = counted(web)
    near = made["borders"].filter(attribute="quality")
    assert made["borders"].schema == BORDERS
    values = web[3]["quality"].drop_nulls().sort()
    above, below = values.filter(values >= 0.5), values.filter(values < 0.5)
    assert near.filter("within").sort("rank")["value"].to_list() == above.head(NEAREST).to_list()
    outside = near.filter(~pl.col("within")).sort("rank")["value"].to_list()
    assert outside == below.tail(NEAREST).reverse().to_list()
    assert set(near.filter("within")["decision"]) == {"kept"}
    assert near["text"][0].startswith("the text of web-3-")
    # Of those outside, documents dropped for another reason come only when there are no others.
    other = made["borders"].filter(attribute="line_punct_ratio")
    assert set(other.filter("within")["decision"]) == {"kept"}


@given(st.lists(st.integers(0, 60), min_size=1, max_size=5), st.randoms())
@settings(max_examples=15, deadline=None)
def test_parts_in_any_order_make_what_one_part_makes(sizes, random) -> None:
    parts = [part(size, seed, f"source{seed % 2}") for seed, size in enumerate(sizes)]
    whole = counted(*parts)
    each = [counted(one) for one in parts]
    random.shuffle(each)
    merged = merge(*(pl.concat(one[name] for one in each) for name in TABLES))
    for name in TABLES:
        assert merged[name].equals(whole[name]), name


@pytest.mark.parametrize(
    "scale", [Scale("count", 1 / 8), Scale("root", 1 / 64), Scale("linear", 1)]
)
def test_a_scale_leads_there_and_back(scale: Scale) -> None:
    values = [0.0, 0.01, 0.5, 1.0, 7.0, 31.0]
    places = pl.select(scale.position(pl.Series(values))).to_series()
    assert places.is_sorted()
    assert [scale.value(place) for place in places] == pytest.approx(values)


def test_a_rating_may_be_negative() -> None:
    scale = scale_of("ratings", "pairwise")
    places = pl.select(scale.position(pl.Series([-4.0, 0.0, 4.0]))).to_series().to_list()
    assert places == [-2.0, 0.0, 2.0]
    assert scale.value(-2.0) == -4.0


def test_the_bounds_are_those_of_the_policy() -> None:
    asked = [bound for bound in bounds(POLICY) if bound.kind == "prose"]
    assert [(bound.reason, bound.side, bound.value) for bound in asked] == [
        ("language:uncertain", "minimum", 0.65),
        ("minimum_characters", "minimum", 10.0),
        ("fineweb:line_punct_ratio", "minimum", 0.3),
        ("fineweb:short_line_ratio", "maximum", RULES["fineweb"]["short_line_ratio"].maximum),
        ("fineweb:char_dup_ratio", "maximum", RULES["fineweb"]["char_dup_ratio"].maximum),
        ("fineweb:newlines_per_word", "maximum", RULES["fineweb"]["newlines_per_word"].maximum),
        ("rating:quality", "minimum", 0.5),
    ]


def test_tables_of_another_part_are_refused() -> None:
    documents, language, signals, _, decisions = part(10, 1)
    with pytest.raises(ValueError, match="the ratings table lacks 10 of 10 documents"):
        distributions(documents, language, signals, part(10, 2)[3], decisions, policy=POLICY)
    twice = part(10, 1)[3].rename({"quality": "characters"})
    with pytest.raises(ValueError, match="ratings and signals both have 'characters'"):
        distributions(documents, language, signals, twice, decisions, policy=POLICY)


def test_golden_tables() -> None:
    made = counted(part(60, 1), part(40, 2, "books"))
    texts = [made[name].write_csv() for name in TABLES]
    digest = blake2b("\n".join(texts).encode(), digest_size=8).hexdigest()
    assert (VERSION, digest) == GOLDEN


GOLDEN = (2, "d4d66dfc8f0fcefb")
