"""A proposal from the tables of a swarm, of which the true law is known."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from midtrain_dagster.core.problems import Search, View
from midtrain_dagster.laws.mixing.constraints import ConflictError
from midtrain_dagster.laws.mixing.measurements import UnmeasuredError
from midtrain_dagster.laws.mixing.method import TooFewProxiesError
from midtrain_dagster.mixture.method import WEIGHTS, NoTokensError, versions
from midtrain_dagster.mixture.methods.proposed import Config, found
from midtrain_dagster.mixture.problems import without_room
from midtrain_dagster.mixture.proposal_tables import GAIN, HELD_OUT_ERROR, PREDICTED, PROPOSAL
from midtrain_dagster.tokens.shards import INDEX

DOMAINS = ("web", "code", "math")
TOKENS = {"web": 6000, "code": 3000, "math": 1000}
SLOPES = {"loss/code": (0.2, -1.5, -0.2), "loss/web": (-1.0, 0.3, 0.4)}

SECTION: dict[str, Any] = {
    "method": "proposed",
    "search": "small",
    "law": {"law": "log_linear"},
    "targets": {"loss/code": 2, "loss/web": 1},
    "tokens": 10_000,
    "folds": 5,
    "resamples": 20,
}


def swarm(proxies: int = 40, noise: float = 0.002) -> dict[str, pl.DataFrame]:
    """The tables that a search writes: losses are ``1 + exp(shares @ slopes)`` and some noise."""
    draw = np.random.default_rng(0)
    shares = draw.dirichlet(np.ones(3), proxies)
    losses = {
        target: 1 + np.exp(shares @ np.array(slopes)) + draw.normal(0, noise, proxies)
        for target, slopes in SLOPES.items()
    }
    return {
        "mixtures": pl.DataFrame(
            [
                (proxy, domain, float(share))
                for proxy, row in enumerate(shares)
                for domain, share in zip(DOMAINS, row, strict=True)
            ],
            {"proxy": pl.Int64, "domain": pl.String, "share": pl.Float64},
            orient="row",
        ),
        "proxies": pl.DataFrame(
            {
                "proxy": range(proxies),
                "round": [0] * proxies,
                "size": ["default"] * proxies,
                "tokens": [1000] * proxies,
                "parameters": [1000] * proxies,
                "seed": range(proxies),
                "failed": [None] * proxies,
            },
            schema_overrides={"failed": pl.String},
        ),
        "losses": pl.DataFrame(
            [
                (proxy, target, float(value), "nats a token", 100)
                for target, values in losses.items()
                for proxy, value in enumerate(values)
            ],
            {
                "proxy": pl.Int64,
                "target": pl.String,
                "value": pl.Float64,
                "unit": pl.String,
                "tokens": pl.Int64,
            },
            orient="row",
        ),
        "domains": pl.DataFrame(
            {
                "domain": DOMAINS,
                "prior": [TOKENS[each] / 10_000 for each in DOMAINS],
                "tokens": [TOKENS[each] for each in DOMAINS],
            }
        ),
    }


def index(tokens: Mapping[str, int] = TOKENS) -> pl.LazyFrame:
    rows = [
        (f"{domain} {n}", domain, 0, 100) for domain in tokens for n in range(tokens[domain] // 100)
    ]
    return pl.DataFrame(rows, INDEX, orient="row").lazy()


def proposed(
    tables: Mapping[str, pl.DataFrame] | None = None, **section: Any
) -> dict[str, pl.DataFrame]:
    return found(index(), **(tables or swarm()), section={**SECTION, **section})


def shares(made: Mapping[str, pl.DataFrame]) -> dict[str, float]:
    return dict(made["weights"].select("domain", "share").iter_rows())


def test_proposal_is_the_best_mixture_of_the_true_law() -> None:
    made = proposed(kl_weight=0.0, targets={"loss/code": 1})
    assert made["weights"].schema == WEIGHTS and made["weights"]["domain"].is_sorted()
    assert dict(made["weights"].select("domain", "tokens").iter_rows()) == TOKENS
    assert shares(made) == pytest.approx({"code": 1, "math": 0, "web": 0}, abs=1e-4)
    assert made["solution"].row(0)[0] == "exact"


def test_tables_of_a_proposal_say_what_it_is_worth() -> None:
    made = proposed()
    assert made["proposal"].schema == PROPOSAL
    assert made["proposal"]["cap"].to_list() == pytest.approx([2.4, 1.2, 0.4])
    errors = made["held_out_error"]
    assert errors.schema == HELD_OUT_ERROR
    assert errors["proxies"].to_list() == [40, 40] and errors["left_out"].to_list() == [0, 0]
    assert errors["spearman"].min() > 0.99 and errors["mean_absolute"].max() < 0.005
    assert made["predicted"].schema == PREDICTED and made["predicted"].height == 80
    gain = made["gain"]
    assert gain.schema == GAIN
    assert gain["target"].to_list() == ["loss/code", "loss/web", "objective"]
    code, web, both = gain.iter_rows(named=True)
    assert code["low"] < code["difference"] < code["high"] < 0 and code["better"] == "yes"
    assert web["difference"] > 0 and web["better"] == "no"
    assert both["difference"] == pytest.approx((2 * code["difference"] + web["difference"]) / 3)


def test_proposal_within_the_error_is_undecided() -> None:
    gain = proposed(swarm(noise=0.5))["gain"]
    assert gain.filter(target="objective")["better"].item() != "yes"
    tied = proposed(floors={"web": 0.6, "code": 0.3, "math": 0.1})["gain"]
    assert set(tied["better"]) == {"no"}


def test_proposal_keeps_to_its_constraints() -> None:
    made = proposed(kl_weight=0.0, max_epochs=2, ceilings={"code": 0.3}, floors={"math": 0.05})
    assert shares(made) == pytest.approx({"code": 0.3, "math": 0.05, "web": 0.65}, abs=1e-4)
    frozen = shares(proposed(kl_weight=0.0, frozen={"web": 3, "math": 1}))
    assert frozen["web"] == pytest.approx(3 * frozen["math"])


def test_domain_that_the_prior_lacks_has_a_share_without_entropy_alone() -> None:
    tables = swarm()
    lacking = pl.when(pl.col("domain") == "code").then(0.0).otherwise("prior")
    tables["domains"] = tables["domains"].with_columns(prior=lacking)
    made = proposed(tables)
    assert shares(made)["code"] == 0
    assert made["proposal"].filter(domain="code")["ceiling"].item() == 0
    assert shares(proposed(tables, kl_weight=0.0))["code"] > 0.5


def test_constraints_on_what_the_search_has_not_are_refused() -> None:
    with pytest.raises(ConflictError, match=r"law: constrained, but no domain of search small"):
        proposed(floors={"law": 0.1})


def test_law_of_frozen_domains_is_fitted_to_what_was_free() -> None:
    """Proxies that kept the proportions: four of them are too few for three shares and a floor, and
    enough for two."""
    tables = swarm(8)
    wide = tables["mixtures"].pivot("domain", index="proxy", values="share")
    kept = wide.with_columns(both=pl.col("web") + pl.col("math")).select(
        "proxy", "code", web=pl.col("both") * 0.75, math=pl.col("both") * 0.25
    )
    tables["mixtures"] = kept.unpivot(index="proxy", variable_name="domain", value_name="share")
    made = proposed(tables, frozen={"web": 3, "math": 1}, folds=2, targets={"loss/code": 1})
    assert made["held_out_error"]["proxies"].item() == 8
    few = {**tables, "proxies": tables["proxies"].head(6)}
    proposed(few, frozen={"web": 3, "math": 1}, folds=2)
    with pytest.raises(TooFewProxiesError, match="train at least 8"):
        proposed(few, folds=2)


def test_proxies_without_a_loss_are_left_out_counted_and_named() -> None:
    tables = swarm()
    tables["proxies"] = tables["proxies"].with_columns(
        failed=pl.when(pl.col("proxy") == 3).then(pl.lit("loss is NaN at step 7"))
    )
    gone = (pl.col("proxy") == 5) & (pl.col("target") == "loss/web")
    tables["losses"] = tables["losses"].with_columns(
        value=pl.when(gone).then(float("nan")).otherwise("value")
    )
    made = proposed(tables)
    assert made["left_out"].rows() == [
        (3, None, "failed: loss is NaN at step 7"),
        (5, "loss/web", "no finite loss was measured"),
    ]
    assert made["held_out_error"]["proxies"].to_list() == [39, 38]
    assert made["held_out_error"]["left_out"].to_list() == [1, 2]


def test_poor_searches_are_refused() -> None:
    with pytest.raises(
        TooFewProxiesError, match=r"4 proxies, and it is fitted to 4 at least.*train at least 5"
    ):
        proposed(swarm(4))
    with pytest.raises(UnmeasuredError, match=r"'loss/law' \(measured: loss/code, loss/web\)"):
        proposed(targets={"loss/law": 1})
    with pytest.raises(NoTokensError, match="no curated token of math"):
        found(index({"web": 300, "code": 300}), **swarm(), section=SECTION)
    with pytest.raises(ConflictError, match=r"sum to 0\.9 at most.*math 0\.09"):
        proposed(max_epochs=0.9)


def test_constraints_that_no_tokens_could_save_are_refused_with_the_recipe() -> None:
    with pytest.raises(ValidationError, match=r"floors sum to 1\.1, more than 1"):
        Config(**{**SECTION, "floors": {"web": 0.6, "code": 0.5}})
    with pytest.raises(ValidationError, match=r"floor 0.5 of web is above its ceiling 0.4"):
        Config(**{**SECTION, "floors": {"web": 0.5}, "ceilings": {"web": 0.4}})


def test_problems_are_what_the_search_does_not_have() -> None:
    view = View(searches={"small": Search(DOMAINS, 6, ("loss/code", "loss/web"))})
    assert not list(Config(**SECTION).problems(view, {"annealed": 10_000}))
    ((place, reason),) = Config(**{**SECTION, "search": "smal"}).problems(view, {})
    assert place == ("search",) and "did you mean 'small'" in reason
    section = {
        "law": {"law": "regmix"},
        "targets": {"loss/cod": 1},
        "floors": {"maths": 0.1},
        "tokens": 100,
    }
    said = dict(Config(**{**SECTION, **section}).problems(view, {"annealed": 10_000}))
    assert list(said) == [("targets", "loss/cod"), ("floors", "maths"), ("law",), ("tokens",)]
    assert "needs 57; search small trains 6: raise its rounds" in said["law",]
    assert "stage annealed trains 10k tokens" in said["tokens",]


def test_ceilings_that_leave_no_mixture_are_told_before_proxies_are_trained() -> None:
    view = View(searches={"small": Search(DOMAINS, 6, ("loss/code", "loss/web"))})
    section = {**SECTION, "ceilings": {"web": 0.2, "code": 0.3, "math": 0.4}}
    ((place, reason),) = Config(**section).problems(view, {"annealed": 10_000})
    assert place == () and "let the shares sum to 0.9 at most" in reason


def test_what_leaves_nothing_to_propose_and_a_target_without_its_kind_are_told() -> None:
    view = View(searches={"small": Search(DOMAINS, 60, ("loss/code", "loss/web"))})
    section = {"frozen": dict.fromkeys(DOMAINS, 1), "targets": {"web": 1}}
    said = dict(Config(**{**SECTION, **section}).problems(view, {}))
    assert said["frozen",] == "it names every domain, so there is nothing left to propose"
    assert said["targets", "web"].endswith("; did you mean 'loss/web'?")


def test_constraints_that_the_tokens_there_are_do_not_allow_are_told_without_a_swarm() -> None:
    """1,000 tokens of mathematics, twice, are a fifth of 10,000; a floor may not be above."""
    view = View(searches={"small": Search(DOMAINS, 60, ("loss/code", "loss/web"))})
    tight = Config(**{**SECTION, "floors": {"math": 0.3}, "max_epochs": 2})
    mixtures = {"tight": tight, "loose": Config(**SECTION)}
    assert tight.caps(TOKENS) == {"web": 1.2, "code": 0.6, "math": 0.2}
    ((name, reason),) = without_room(mixtures, view, TOKENS | {"other": 5})
    assert name == "tight" and reason.startswith("floor 0.3 of math is above 0.2, the share that")
    assert not list(without_room(mixtures, view, {"web": 6000}))  # others have none: told elsewhere


def test_version_of_the_law_alone_is_a_cause() -> None:
    made = versions(Config(**SECTION))
    assert "laws.mixing.methods.log_linear" in made
    assert "laws.mixing.methods.regmix" not in made
    assert {"mixture.methods.proposed", "laws.mixing.interior"} <= set(made)
