import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.curation.duplicates.clusters import CLUSTERS, VERSION, choose, clusters
from midtrain_dagster.curation.duplicates.methods.minhash import Config, signatures
from midtrain_dagster.curation.duplicates.shingles import shingles
from midtrain_dagster.curation.duplicates.verification import EDGES, edges, verify

from .conftest import candidate_pairs

MINHASH = Config()


def table(texts: dict[str, str]) -> pl.DataFrame:
    return pl.DataFrame({"id": list(texts), "text": list(texts.values())})


def deduplicated(documents: pl.DataFrame, method: Config = MINHASH) -> pl.DataFrame:
    """The edges of a few documents, by the whole chain."""
    made = signatures(documents, **method.signature_parameters)["signatures"]
    pairs = candidate_pairs(made, bucket_limit=method.bucket_limit)
    found = verify(documents.lazy(), pairs=pairs, shingle=method.shingle)["verified"]
    return edges(pairs, found, threshold=method.threshold)


def edited(text: str, number: int, seed: int) -> str:
    """The text with ``number`` of its words replaced."""
    words = text.split()
    for place in random.Random(seed).sample(range(len(words)), number):
        words[place] = f"edit{place}"
    return " ".join(words)


def jaccard(a: str, b: str) -> float:
    one, two = set(shingles(a, 5)), set(shingles(b, 5))
    return len(one & two) / len(one | two)


@pytest.mark.parametrize(("preset", "share"), [("fineweb", 0.924), ("strict", 0.99)])
def test_copies_with_small_edits_are_found(
    passages: pl.DataFrame, preset: str, share: float
) -> None:
    long = passages.filter(pl.col("text").str.count_matches(r"\s+") > 90).head(400)
    copies = long.select(
        id=pl.col("id") + "-copy",
        text=pl.Series([edited(text, 2, seed) for seed, text in enumerate(long["text"])]),
    )
    documents = pl.concat([long.select("id", "text"), copies])
    found = deduplicated(documents, Config.model_validate({"preset": preset}))
    pairs = set(found.select("a", "b").iter_rows())
    expected = {
        (number, number + "-copy")
        for number, a, b in zip(long["id"], long["text"], copies["text"], strict=True)
        if jaccard(a, b) >= 0.8
    }
    assert len(expected) > 200
    assert len(pairs & expected) / len(expected) > share


def test_reordered_copies_are_found_and_different_passages_are_not(passages: pl.DataFrame) -> None:
    documents = pl.concat(
        [passages.select("id", "text"), passages.select(pl.col("id") + "-copy", text="copy")]
    )
    found = deduplicated(documents)
    wrong = found.filter(pl.col("a") + "-copy" != pl.col("b"))
    texts = dict(documents.select("id", "text").iter_rows())
    assert wrong.height <= 20  # the passages repeat themselves a little: all are alike indeed
    assert all(jaccard(texts[a], texts[b]) >= 0.7 for a, b in wrong.select("a", "b").iter_rows())
    alike = [
        (row["id"], row["id"] + "-copy")
        for row in passages.iter_rows(named=True)
        if len(row["text"].split()) > 10 and jaccard(row["text"], row["copy"]) >= 0.8
    ]
    assert len(alike) > 500
    pairs = set(found.select("a", "b").iter_rows())
    assert sum(pair in pairs for pair in alike) / len(alike) > 0.9


def test_exact_duplicates_are_joined_to_the_first_only() -> None:
    text = "a text of exactly eight words is here"
    found = deduplicated(table({"c": text, "a": text.upper(), "b": text + "\n", "d": text + "!"}))
    assert found.rows() == [
        ("a", "b", "exact", 1.0),
        ("a", "c", "exact", 1.0),
        ("a", "d", "minhash", 1.0),
    ]


def test_a_bucket_of_a_template_stays_small_and_keeps_its_clusters() -> None:
    """Pages of one template: 300 with one body, 300 with another, all in the same buckets."""
    template = " ".join(f"menu{number}" for number in range(400))
    texts = {
        f"{number:03d}-{name}": f"{template} {body} {name}{number}"
        for name in ("x", "y")
        for number in range(300)
        for body in [" ".join(f"{name}{word}" for word in range(60))]
    }
    documents = table(texts)
    found = deduplicated(documents, Config(bucket_limit=16, threshold=0.9))
    assert found.height < 600 * 8 * 14
    assert not found.filter(pl.col("a").str.tail(1) != pl.col("b").str.tail(1)).height
    summary = documents.select("id", characters=pl.col("text").str.len_chars())
    groups = choose(found, summary, keep="longest")
    assert groups.group_by("cluster").len()["len"].to_list() == [300, 300]


def edges_of(pairs: list[tuple[str, str]]) -> pl.DataFrame:
    rows = [(a, b, "minhash", 0.9) for a, b in pairs]
    return pl.DataFrame(rows, schema=EDGES, orient="row")


def test_nothing_gives_nothing() -> None:
    summary = pl.DataFrame({"id": ["a"], "characters": [1]})
    assert choose(edges_of([]), summary, keep="longest").schema == CLUSTERS


@settings(max_examples=75, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("abcdefg")), max_size=8),
    st.lists(
        st.tuples(
            st.integers(1, 3),
            st.none() | st.sampled_from([0.1, 0.5, float("nan")]),
            st.none() | st.sampled_from(["2019", "2020-03-01"]),
            st.booleans(),
        ),
        min_size=7,
        max_size=7,
    ),
    st.sampled_from(["longest", "best_rated", "oldest"]),
    st.randoms(use_true_random=False),
)
def test_clusters_as_found_by_merging_sets(pairs, members, keep, chance) -> None:
    pairs = [tuple(sorted(pair)) for pair in pairs if pair[0] != pair[1]]
    groups = [{node} for node in "abcdefg"]
    for a, b in pairs:
        joined = [group for group in groups if a in group or b in group]
        groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    known = dict(zip("abcdefg", members, strict=True))

    def merit(node: str) -> tuple:
        length, rating, date, eligible = known[node]
        rated = -1.0 if rating is None or rating != rating else rating
        first = {"longest": 0, "best_rated": -rated, "oldest": date or "9"}[keep]
        return (not eligible, first, -length, node)

    expected = {
        (node, min(group, key=merit), node == min(group, key=merit))
        for group in groups
        if len(group) > 1
        for node in group
    }
    rows = [(node, *known[node]) for node in "abcdefg"]
    chance.shuffle(rows)
    chance.shuffle(pairs)
    summary = pl.DataFrame(
        rows,
        {
            "id": pl.String,
            "characters": pl.UInt32,
            "usefulness": pl.Float32,
            "date": pl.String,
            "eligible": pl.Boolean,
        },
        orient="row",
    )
    found = choose(edges_of(pairs), summary, keep=keep, rated_by="usefulness")
    assert set(found.rows()) == expected
    assert found.height == len(expected)
    assert found.equals(found.sort("cluster", "id"))


def test_a_member_that_another_rule_drops_is_not_the_one_to_keep() -> None:
    summary = pl.DataFrame({"id": ["a", "b"], "characters": [900, 800], "eligible": [False, True]})
    found = choose(edges_of([("a", "b")]), summary, keep="longest")
    assert found.rows() == [("a", "b", False), ("b", "b", True)]


def test_clusters_are_of_the_documents_that_edges_name() -> None:
    eligibility = pl.DataFrame(
        {"id": ["a", "b", "c"], "characters": [9, 8, 7], "reason": ["rating:quality", None, None]}
    )
    asked = {"keep": "longest", "rated_by": "quality"}
    found = clusters(edges_of([("a", "b")]), eligibility.lazy(), **asked)["clusters"]
    assert found.rows() == [("a", "b", False), ("b", "b", True)]


def test_clusters_need_a_summary_of_every_member_and_the_columns_asked_for() -> None:
    summary = pl.DataFrame({"id": ["a"], "characters": [1]})
    with pytest.raises(ValueError, match=r"1 documents.*'b'"):
        choose(edges_of([("a", "b")]), summary, keep="longest")
    with pytest.raises(ValueError, match="keep: oldest needs the column date"):
        choose(edges_of([("a", "b")]), summary, keep="oldest")
    with pytest.raises(ValueError, match="best_rated needs the column usefulness"):
        choose(edges_of([("a", "b")]), summary, keep="best_rated", rated_by="usefulness")


def test_golden(passages: pl.DataFrame) -> None:
    documents = pl.concat(
        [passages.select("id", "text"), passages.select(pl.col("id") + "-copy", text="copy")]
    ).head(2300)
    found = deduplicated(documents)
    summary = documents.select("id", characters=pl.col("text").str.len_chars())
    groups = choose(found, summary, keep="longest")
    assert (VERSION, found.height, groups.height, groups["kept"].sum()) == (2, 229, 458, 229)
    assert found["jaccard"].sum() == pytest.approx(187.7900507827)
