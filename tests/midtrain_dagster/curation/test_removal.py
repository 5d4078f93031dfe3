import polars as pl
import pytest

from midtrain_dagster.curation.removal import (
    FUNNEL,
    REASONS,
    REMOVAL,
    RemovalCeilingError,
    check_removal,
    examples_of,
    funnel,
    reasons,
    reasons_so_far,
    removal_by_source,
    told,
)


@pytest.fixture
def documents() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"{number}" for number in range(8)],
            "source": ["web"] * 4 + ["code"] * 4,
            "kind": ["prose", "prose", "prose", "qa"] + ["code"] * 4,
            "locator": [f"{number}.md" for number in range(8)],
            "text": ["a", "bb", "ccc", "dddd", "e\ne", "ff", "g" * 300, "ü"],
        }
    )


@pytest.fixture
def decisions() -> pl.DataFrame:
    reasons = ["kept", "language:de", "duplicate", "rating:quality"]
    reasons += ["source_code:longest_line", "kept", "source_code:longest_line", "contamination:arc"]
    ids = [f"{number}" for number in range(8)]
    return pl.DataFrame({"id": ids, "reason": reasons}).sort("id", descending=True)


def test_removal_by_source(decisions: pl.DataFrame, documents: pl.DataFrame) -> None:
    counted = reasons(documents.lazy(), decisions.lazy())
    assert counted.schema == REASONS
    books = pl.DataFrame([("books", "kept", 1)], schema=REASONS, orient="row")
    table = removal_by_source(pl.concat([counted, books]))
    assert table.schema == REMOVAL
    assert table.drop("reasons").rows() == [
        ("books", 1, 0, 0.0),
        ("code", 4, 3, 0.75),
        ("web", 4, 3, 0.75),
    ]
    assert table["reasons"].to_list()[:2] == [
        [],
        [
            {"reason": "source_code:longest_line", "documents": 2},
            {"reason": "contamination:arc", "documents": 1},
        ],
    ]
    parts = [reasons(each, decisions) for each in (documents[:3], documents[3:])]
    assert removal_by_source(pl.concat(parts)).equals(removal_by_source(counted))


def check(documents: pl.DataFrame, decisions: pl.DataFrame, **ceilings: float) -> None:
    check_removal(
        removal_by_source(reasons(documents, decisions)),
        ceilings,
        examples=examples_of(documents.lazy(), decisions.lazy()),
        place=lambda field: f"r.yaml, line 3: {'.'.join(map(str, field))}",
    )


def test_a_source_within_its_ceiling_passes(
    decisions: pl.DataFrame, documents: pl.DataFrame
) -> None:
    check(documents, decisions, web=1, code=0.75)


def test_all_sources_over_their_ceilings_are_shown(
    decisions: pl.DataFrame, documents: pl.DataFrame
) -> None:
    with pytest.raises(RemovalCeilingError) as raised:
        check(documents, decisions, web=0.7, code=0.2)
    longest = f"{'g' * 100}"
    assert str(raised.value).splitlines() == [
        "2 sources lose more than the recipe allows:",
        "  code: 3 of 4 documents dropped (75%, at most 20%) - "
        "source_code:longest_line 2 (50%), contamination:arc 1 (25%)",
        "    source_code:longest_line 2 (50%) - see r.yaml, line 3: "
        "curation.sources.code.without: [source_code:longest_line]",
        "      4 4.md: 'e e'",
        f"      6 6.md: '{longest}'",
        "    contamination:arc 1 (25%) - see r.yaml, line 3: benchmarks.arc",
        "      7 7.md: 'ü'",
        "    or allow it, r.yaml, line 3: curation.removal_ceilings.code: 0.75",
        "  web: 3 of 4 documents dropped (75%, at most 70%) - "
        "duplicate 1 (25%), language:de 1 (25%), rating:quality 1 (25%)",
        "    duplicate 1 (25%) - see r.yaml, line 3: duplicates",
        "      2 2.md: 'ccc'",
        "    language:de 1 (25%) - see r.yaml, line 3: curation.sources.web.languages: [..., de]",
        "      1 1.md: 'bb'",
        "    or allow it, r.yaml, line 3: curation.removal_ceilings.web: 0.75",
        "What was made is kept: another ceiling makes nothing anew.",
    ]


def test_what_is_removed_already_is_the_least_that_will_be(documents: pl.DataFrame) -> None:
    judged = documents.lazy().with_columns(
        reason=pl.when(pl.col("source") == "web").then(pl.lit("minimum_characters"))
    )
    removal = removal_by_source(reasons_so_far(judged))
    assert removal.select("source", "removed").rows() == [("code", 0), ("web", 4)]
    with pytest.raises(RemovalCeilingError, match="What later steps drop is not counted yet"):
        check_removal(
            removal,
            {"code": 0.9, "web": 0.9},
            examples=examples_of(documents.lazy(), judged),
            place=str,
            so_far=True,
        )


def test_what_a_budget_leaves_out_is_not_removed(
    decisions: pl.DataFrame, documents: pl.DataFrame
) -> None:
    sampled = pl.col("reason").str.replace("^(duplicate|rating:quality)$", "sampling:web")
    counted = reasons(documents, decisions.with_columns(reason=sampled))
    table = removal_by_source(counted)
    assert dict(table.select("source", "removed").iter_rows()) == {"code": 3, "web": 1}
    assert told(counted) == [
        "2 of 8 kept, 2 more were not sampled",
        "1 dropped for their language: 1 de",
        "code: 3 of 4 dropped: source_code:longest_line 2 (50%), contamination:arc 1 (25%)",
        "web: 1 of 4 dropped: language:de 1 (25%)",
    ]


def test_undecided_documents_are_a_mistake(
    decisions: pl.DataFrame, documents: pl.DataFrame
) -> None:
    with pytest.raises(ValueError, match=r"1 documents have no decision.*'code'"):
        reasons(documents, decisions.filter(pl.col("id") != "7"))
    with pytest.raises(ValueError, match=r"1 documents have no decision.*'code'"):
        funnel(measured(documents), decisions.filter(pl.col("id") != "7"))


def test_funnel(decisions: pl.DataFrame, documents: pl.DataFrame) -> None:
    table = funnel(measured(documents), decisions)
    assert table.schema == FUNNEL
    prose = table.filter(pl.col("kind") == "prose").drop("source", "kind").rows()
    assert prose == [
        ("collected", 3, 6),
        ("language", 2, 4),
        ("rules", 2, 4),
        ("ratings", 2, 4),
        ("contamination", 2, 4),
        ("duplicates", 1, 1),
        ("repeated_text", 1, 1),
        ("sampling", 1, 1),
    ]
    code = table.filter(pl.col("kind") == "code")["documents"].to_list()
    assert code == [4, 4, 2, 2, 1, 1, 1, 1]
    qa = table.filter(pl.col("kind") == "qa")["characters"].to_list()
    assert qa == [4, 4, 4, 0, 0, 0, 0, 0]


def measured(documents: pl.DataFrame) -> pl.LazyFrame:
    counted = documents.select("id", "source", "kind", characters=pl.col("text").str.len_chars())
    return counted.lazy()
