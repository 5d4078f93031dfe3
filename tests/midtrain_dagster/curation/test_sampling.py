import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from midtrain_dagster.curation.sampling import VERSION, DomainSample, Sampling, draw, sample


def corpus(count: int, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": [f"document-{number}" for number in range(count)],
            "domain": random.choice(["web", "code"], count),
            "utf8_bytes": random.integers(1, 5_000, count),
            "quality": random.normal(size=count).astype(np.float32),
        }
    )


def sampling(**domain: object) -> Sampling:
    return Sampling(domains={"web": domain}, bytes_per_token=4)


def taken(documents: pl.DataFrame, **domain: object) -> pl.DataFrame:
    made = draw(documents, budget=sampling(**domain))
    return documents.join(made["copies"], on="id", maintain_order="left")


def test_sample_draws_from_the_documents_that_still_stand() -> None:
    documents = corpus(6).with_columns(domain=pl.Series(["web"] * 5 + ["code"]))
    eligibility = documents.with_columns(reason=pl.Series(["rating:quality", *[None] * 5]))
    clusters = pl.DataFrame({"id": ["document-1", "document-2"], "kept": [False, True]})
    repeated = pl.DataFrame({"id": ["document-3"], "start": [0], "stop": [5_000]})
    budget = sampling(tokens=1_000_000)
    made = sample(eligibility.lazy(), clusters, repeated, budget=budget, maximum_repeated=0.5)
    assert made["copies"].rows() == [("document-2", 1), ("document-4", 1)]
    assert made["domains"]["documents"].to_list() == [2]


METHODS = [
    {"by": None},
    {"by": "quality", "method": "top_k"},
    {"by": "quality", "method": "temperature", "temperature": 0.7},
]


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 60),
    st.integers(1, 40_000),
    st.integers(1, 4),
    st.sampled_from(METHODS),
    st.randoms(use_true_random=False),
)
def test_the_budget_is_met_and_order_does_not_matter(
    count: int, tokens: int, most: int, method: dict, random
) -> None:
    documents = corpus(count)
    config = sampling(tokens=tokens, maximum_copies=most, **method)
    made = draw(documents, budget=config)
    copies = documents.join(made["copies"], on="id", maintain_order="left")
    assert (copies.filter(pl.col("domain") == "code")["copies"] == 1).all()
    web = copies.filter(pl.col("domain") == "web")
    assert web["copies"].max() is None or web["copies"].max() <= most
    got, available = (web["utf8_bytes"] * web["copies"]).sum(), web["utf8_bytes"].sum()
    if available * most <= 4 * tokens:
        assert (web["copies"] == most).all()
    else:
        assert 4 * tokens <= got < 4 * tokens + web["utf8_bytes"].max()
        assert web["copies"].max() - web["copies"].min() <= 1
    rows = list(range(count))
    random.shuffle(rows)
    again = draw(documents[rows], budget=config)
    assert_frame_equal(again["copies"], made["copies"][rows])
    assert_frame_equal(again["domains"], made["domains"])
    row = made["domains"].row(0, named=True)
    assert row["taken"] == pytest.approx(got / 4)
    assert row["available"] == pytest.approx(available / 4)
    assert row["documents_taken"] == (web["copies"] > 0).sum()


def test_top_k_takes_the_best_and_the_unrated_last() -> None:
    documents = corpus(400).with_columns(
        quality=pl.when(pl.int_range(pl.len()) % 10 > 0).then("quality")
    )
    web = taken(documents, tokens=100_000, by="quality").filter(pl.col("domain") == "web")
    kept, dropped = (web.filter(pl.col("copies") == count)["quality"] for count in (1, 0))
    assert kept.null_count() == 0
    assert kept.min() > dropped.max()
    nearly_all = (web["utf8_bytes"].sum() - 5_000) // 4
    most = taken(documents, tokens=nearly_all, by="quality").filter(pl.col("copies") == 0)
    assert most.height == most["quality"].null_count() > 0


def test_temperature_goes_from_the_best_to_chance() -> None:
    documents = corpus(3_000)
    budget = {"tokens": 400_000, "by": "quality"}
    best = taken(documents, **budget)
    means = [
        taken(documents, **budget, method="temperature", temperature=temperature)
        .filter((pl.col("domain") == "web") & (pl.col("copies") == 1))["quality"]
        .mean()
        for temperature in (1e-4, 0.5, 2.0, 1e6)
    ]
    top = best.filter((pl.col("domain") == "web") & (pl.col("copies") == 1))["quality"].mean()
    assert means[0] == pytest.approx(top, abs=1e-6)
    assert means == sorted(means, reverse=True)
    assert abs(means[-1]) < 0.1


def test_temperature_takes_in_proportion_to_the_exponential() -> None:
    """One draw of two documents, over 1,500 seeds: the better is taken e / (1 + e) of the time."""
    documents = pl.DataFrame(
        {"id": ["a", "b"], "domain": "web", "utf8_bytes": 4, "quality": [2.0, 1.0]}
    )
    domain = DomainSample(tokens=1, by="quality", method="temperature")
    first = [
        draw(documents, budget=Sampling(domains={"web": domain}, seed=seed))["copies"]["copies"][0]
        for seed in range(1, 1_501)
    ]
    assert np.mean(first) == pytest.approx(np.e / (1 + np.e), abs=0.04)


@pytest.mark.parametrize("method", METHODS)
def test_added_documents_only_push_others_out(method: dict) -> None:
    documents = corpus(600)
    before = taken(documents[:500], tokens=50_000, **method)
    after = taken(documents, tokens=50_000, **method)[:500]
    assert (after["copies"] <= before["copies"]).all()
    assert 0 < after["copies"].sum() < before["copies"].sum()


def test_a_small_domain_is_repeated() -> None:
    documents = pl.DataFrame(
        {
            "id": ["a", "b", "c"],
            "domain": "web",
            "utf8_bytes": [400, 400, 400],
            "quality": [0.1, 0.9, 0.5],
        }
    )
    repeated = taken(documents, tokens=700, by="quality", maximum_copies=4)
    assert repeated["copies"].to_list() == [2, 3, 2]
    assert taken(documents, tokens=9_000, maximum_copies=4)["copies"].to_list() == [4, 4, 4]
    assert taken(documents, tokens=9_000)["copies"].to_list() == [1, 1, 1]


def test_tokens_are_read_as_people_write_them() -> None:
    assert DomainSample(tokens="2M").tokens == 2_000_000
    with pytest.raises(ValidationError, match="a temperature needs a rater"):
        DomainSample(tokens=1, method="temperature")


def test_errors() -> None:
    documents = corpus(9)
    with pytest.raises(KeyError, match="'web' is sampled by 'style', which rated nothing"):
        taken(documents, tokens=1, by="style")
    with pytest.raises(ValueError, match="'document-0' comes twice"):
        draw(pl.concat([documents, documents[:1]]), budget=sampling(tokens=1))


def test_golden() -> None:
    documents = corpus(8).with_columns(domain=pl.lit("web"))
    copies = [taken(documents, tokens=2_000, **method)["copies"].to_list() for method in METHODS]
    expected = [[0, 1, 0, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 1, 0, 0], [0, 0, 1, 0, 0, 1, 0, 1]]
    assert (VERSION, copies) == (1, expected)
