"""Paired differences, their interval and the verdict, against figures worked out by hand."""

from collections.abc import Mapping, Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.experiments.microanneals.config import Accept
from midtrain_dagster.experiments.microanneals.decisions import (
    ALONE,
    DECISIONS,
    GENERAL,
    VERDICTS,
    decide,
    judge,
)

EXACT = Accept(least_effect=0)


def losses(
    code: Sequence[float | None], web: Sequence[float | None] = (3.0, 3.0, 3.0), **more: float
) -> pl.DataFrame:
    """Of general alone, which has 5 on code and 3 on the web with every seed, and a candidate."""
    rows = []
    for seed, values in enumerate(zip(code, web, strict=False), 1):
        for candidate, pair in ((ALONE, (5.0, 3.0)), ("forum", values)):
            rows += [
                (candidate, seed, "anneal", f"loss/{domain}", value, "nats a token")
                for domain, value in zip(("code", "web"), pair, strict=True)
                if value is not None
            ]
    names = ["candidate", "seed", "phase", "target", "value", "unit"]
    return pl.DataFrame(rows, names, orient="row")


def decided(table: pl.DataFrame, accept: Accept = EXACT) -> dict[str, dict[str, object]]:
    found = decide(table, {"web": 1.0}, ["loss/code"], ["forum"], accept, ["anneal"])
    assert found.schema == DECISIONS
    return {row["target"]: row for row in found.iter_rows(named=True)}


def verdict(table: pl.DataFrame, accept: Accept = EXACT) -> dict[str, object]:
    found = decide(table, {"web": 1.0}, ["loss/code"], ["forum"], accept, ["anneal"])
    runs = pl.DataFrame(
        {"candidate": ["forum"] * 3, "seed": [1, 2, 3], "tokens": [100] * 3, "failed": [None] * 3},
        schema_overrides={"failed": pl.String},
    )
    judged = judge(found, runs, "anneal", accept, {"forum": "web"})
    assert judged.schema == VERDICTS
    return judged.row(0, named=True)


def test_effect_spread_and_interval_are_those_of_student() -> None:
    """t(0.975; 2) = 4.302653, any table of quantiles."""
    row = decided(losses([4.8, 4.9, 4.7]))["loss/code"]
    assert row["pairs"] == 3
    assert row["effect"] == pytest.approx(-0.2)
    assert row["spread"] == pytest.approx(0.1)
    assert row["stderr"] == pytest.approx(0.0577350)
    assert row["low"] == pytest.approx(-0.2 - 4.302653 * 0.0577350, abs=1e-5)
    assert row["high"] == pytest.approx(-0.2 + 4.302653 * 0.0577350, abs=1e-5)
    assert row["verdict"] == "undecided"
    # t(0.975; 3) * 0.1 / 2 = 3.182 * 0.05 = 0.159 < 0.2
    assert row["note"] == "about 4 seeds would decide, or more tokens"


def test_pairing_takes_out_what_seeds_have_in_common() -> None:
    table = losses([4.8, 4.81, 4.79]).with_columns(value=pl.col("value") + pl.col("seed") * 10)
    assert decided(table)["loss/code"]["spread"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("code", "web", "expected"),
    [
        ([4.8, 4.81, 4.79], [3.0, 3.001, 2.999], "accept"),
        ([4.8, 4.81, 4.79], [3.3, 3.301, 3.299], "reject"),  # it harms general loss
        ([4.999, 5.0, 5.001], [3.0, 3.001, 2.999], "reject"),  # it surely does not help
        ([4.8, 4.81, 4.79], [2.9, 3.2, 3.0], "undecided"),  # general loss is open
        ([4.0, 5.2, 4.7], [3.0, 3.001, 2.999], "undecided"),
    ],
)
def test_verdicts(code: list[float], web: list[float], expected: str) -> None:
    found = verdict(losses(code, web), Accept(least_effect=0.01, general_bound=0.02))
    assert found["verdict"] == expected
    assert (found["tokens"], found["runs"], found["failed"]) == (300, 3, 0)


def test_a_candidate_that_helps_and_harms_general_loss_is_told_so() -> None:
    found = verdict(losses([4.8, 4.81, 4.79], [3.3, 3.301, 3.299]))
    assert found["reason"] == "it helps loss/code, but it harms general loss beyond 0.02"


def test_one_seed_decides_nothing_and_says_what_would() -> None:
    row = decided(losses([4.0]))["loss/code"]
    assert (row["verdict"], row["spread"], row["low"]) == ("undecided", None, None)
    assert row["effect"] == pytest.approx(-1.0)
    assert "a second would show it" in str(row["note"])
    assert verdict(losses([4.0]))["verdict"] == "undecided"


def test_a_run_that_failed_is_no_pair() -> None:
    row = decided(losses([4.8, None, 4.7]))["loss/code"]
    assert (row["pairs"], row["effect"]) == (2, pytest.approx(-0.25))
    none = decided(losses([None, None, None]))["loss/code"]
    assert (none["pairs"], none["effect"], none["verdict"]) == (0, None, "undecided")


def test_general_loss_is_weighed_by_shares_and_needs_every_domain() -> None:
    table = losses([4.8, 4.9, None], [3.1, 3.1, 3.1])
    found = decide(table, {"web": 0.75, "code": 0.25}, ["loss/code"], ["forum"], EXACT, ["anneal"])
    row = found.filter(target=GENERAL).row(0, named=True)
    assert row["pairs"] == 2
    assert row["effect"] == pytest.approx(0.75 * 0.1 - 0.25 * 0.15)


def test_of_several_targets_each_has_a_wider_interval_where_one_is_enough() -> None:
    """Bonferroni: 1 - 0.05 / 2 two-sided is t(0.9875; 2) = 6.205."""
    table = losses([4.8, 4.9, 4.7])
    targets = ["loss/code", "loss/web"]
    either, both = (
        decide(table, {"web": 1.0}, targets, ["forum"], Accept(needs=needs), ["anneal"])  # type: ignore[arg-type]
        .filter(target="loss/code")
        .row(0, named=True)
        for needs in ("any", "all")
    )
    assert either["high"] - either["effect"] == pytest.approx(6.2053 * 0.0577350, abs=1e-4)
    assert both["high"] - both["effect"] == pytest.approx(4.302653 * 0.0577350, abs=1e-5)


def of_rule(needs: str, verdicts: Mapping[str, str]) -> str:
    rows = [
        {"candidate": "a", "phase": "anneal", "target": target, "verdict": each}
        for target, each in verdicts.items()
    ]
    table = pl.DataFrame(rows, schema=DECISIONS)
    runs = pl.DataFrame(
        schema={"candidate": pl.String, "seed": pl.Int64, "tokens": pl.Int64, "failed": pl.String}
    )
    accept = Accept(needs=needs)  # type: ignore[arg-type]
    return str(judge(table, runs, "anneal", accept, {"a": "a"})["verdict"][0])


@given(
    st.sampled_from(["any", "all"]),
    st.lists(st.sampled_from(["accept", "reject", "undecided"]), min_size=1, max_size=4),
    st.sampled_from(["accept", "reject", "undecided"]),
)
def test_the_rule_of_verdicts(needs: str, targets: list[str], general: str) -> None:
    found = of_rule(
        needs, {**{f"loss/{n}": each for n, each in enumerate(targets)}, GENERAL: general}
    )
    enough = (any if needs == "any" else all)(each == "accept" for each in targets)
    never = (all if needs == "any" else any)(each == "reject" for each in targets)
    if general == "reject":
        assert found == "reject"
    elif enough:
        assert found == general
    else:
        assert (found == "reject") == never
        assert found != "accept"
