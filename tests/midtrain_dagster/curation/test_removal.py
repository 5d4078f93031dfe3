import polars as pl
import pytest

from midtrain_dagster.curation.removal import (
    FUNNEL,
    REMOVAL,
    RemovalCeilingError,
    check_removal_ceiling,
    funnel,
    removal_by_source,
)


@pytest.fixture
def documents() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"{number}" for number in range(8)],
            "source": ["web"] * 4 + ["code"] * 4,
            "kind": ["prose", "prose", "prose", "qa"] + ["code"] * 4,
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
    kept = pl.DataFrame(
        {"id": ["9"], "source": ["books"], "kind": ["prose"], "text": [""], "reason": ["kept"]}
    )
    documents = pl.concat([documents, kept.drop("reason")])
    decisions = pl.concat([decisions, kept.select("id", "reason")])
    table = removal_by_source(decisions.lazy(), documents.lazy())
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


def test_a_source_within_its_ceiling_passes(
    decisions: pl.DataFrame, documents: pl.DataFrame
) -> None:
    table = check_removal_ceiling(decisions, documents, ceiling=0.75, overrides={})
    assert table.height == 2
    check_removal_ceiling(decisions, documents, ceiling=0.1, overrides={"web": 1, "code": 0.75})


def test_a_source_over_its_ceiling_is_shown(
    decisions: pl.DataFrame, documents: pl.DataFrame
) -> None:
    with pytest.raises(RemovalCeilingError) as raised:
        check_removal_ceiling(decisions, documents, ceiling=0.7, overrides={"code": 0.2})
    message = str(raised.value)
    assert "source 'code' would lose 3 of 4 documents (75.0%); its ceiling is 20.0%" in message
    assert "1 more sources" in message
    assert "source_code:longest_line 2, contamination:arc 1" in message
    assert "4: 'e e'" in message
    assert f"6: '{'g' * 100}'" in message


def test_what_a_budget_leaves_out_is_not_removed(
    decisions: pl.DataFrame, documents: pl.DataFrame
) -> None:
    sampled = pl.col("reason").str.replace("^(duplicate|rating:quality)$", "sampling:web")
    table = removal_by_source(decisions.with_columns(reason=sampled), documents)
    assert dict(table.select("source", "removed").iter_rows()) == {"code": 3, "web": 1}


def test_a_ceiling_of_an_unknown_source_is_a_mistake(
    decisions: pl.DataFrame, documents: pl.DataFrame
) -> None:
    with pytest.raises(ValueError, match=r"'wbe', but the sources are code, web"):
        check_removal_ceiling(decisions, documents, ceiling=1, overrides={"wbe": 0.5})


def test_undecided_documents_are_a_mistake(
    decisions: pl.DataFrame, documents: pl.DataFrame
) -> None:
    with pytest.raises(ValueError, match=r"1 documents have no decision.*'code'"):
        removal_by_source(decisions.filter(pl.col("id") != "7"), documents)
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
