import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.mixture.method import WEIGHTS, NoTokensError
from midtrain_dagster.mixture.methods.proportional import Config, weights
from midtrain_dagster.tokens.shards import INDEX


def index(**tokens: int) -> pl.LazyFrame:
    """Training shards that hold so many tokens of each domain, in documents of 10 and a rest."""
    rows = [
        (f"{domain} {start}", domain, 0, min(10, count - start))
        for domain, count in tokens.items()
        for start in range(0, count, 10)
    ]
    return pl.DataFrame(rows, INDEX, orient="row").lazy()


def shares(table: pl.LazyFrame, temperature: float = 1.0, *domains: str) -> dict[str, float]:
    made = weights(table, domains=domains, temperature=temperature)["weights"]
    assert made.schema == WEIGHTS
    return dict(made.select("domain", "share").iter_rows())


def test_weights_are_the_tokens_of_each_domain() -> None:
    found = weights(index(web=300, code=100), domains=(), temperature=1.0)["weights"]
    assert found["domain"].to_list() == ["code", "web"]
    assert found["share"].to_list() == pytest.approx([0.25, 0.75])
    assert found["tokens"].to_list() == [100, 300]


def test_weights_at_a_temperature_are_those_of_the_formula() -> None:
    """n ** (1 / T): of 400 and 100 tokens at T = 2, the roots 20 and 10."""
    found = shares(index(web=400, code=100), 2.0)
    assert found == pytest.approx({"code": 1 / 3, "web": 2 / 3})


def test_weights_are_of_the_domains_that_are_asked_for() -> None:
    assert shares(index(web=300, code=100, qa=100), 1.0, "code", "qa") == {"code": 0.5, "qa": 0.5}


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 400), min_size=1),
    st.floats(0.2, 20),
)
def test_weights_equal_a_naive_sum(tokens: dict[str, int], temperature: float) -> None:
    found = shares(index(**tokens), temperature)
    powers = {domain: count ** (1 / temperature) for domain, count in tokens.items()}
    expected = {domain: power / sum(powers.values()) for domain, power in powers.items()}
    assert found == pytest.approx(expected)
    assert sum(found.values()) == pytest.approx(1)


def test_weights_of_a_domain_without_a_token_are_refused() -> None:
    with pytest.raises(NoTokensError, match=r"no curated token of math.*tokens of web"):
        shares(index(web=10), 1.0, "web", "math")
    with pytest.raises(NoTokensError, match="any domain"):
        shares(index())


def test_work_of_the_method_has_its_fields_as_causes() -> None:
    first, same, other = (
        Config(method="proportional", temperature=temperature).work([], {})
        for temperature in (1, 1, 2)
    )
    assert first.folder == same.folder != other.folder
