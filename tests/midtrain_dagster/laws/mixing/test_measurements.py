import polars as pl
import pytest

from midtrain_dagster.laws.mixing.measurements import (
    UnmeasuredError,
    measurements,
    own_domain,
)

DOMAINS = pl.DataFrame({"domain": ["web", "code"], "prior": [3.0, 1.0]})
MIXTURES = pl.DataFrame(
    [(1, "web", 0.25), (1, "code", 0.75), (0, "code", 1.0), (2, "web", 0.5), (3, "web", 1.0)],
    ["proxy", "domain", "share"],
    orient="row",
)
PROXIES = pl.DataFrame(
    [
        (3, "longer", None),
        (0, "default", None),
        (1, "default", None),
        (2, "default", None),
        (4, "default", "loss is NaN"),
    ],
    {"proxy": pl.Int64, "size": pl.String, "failed": pl.String},
    orient="row",
)
LOSSES = pl.DataFrame(
    [(0, "loss/web", 2.0), (1, "loss/web", 3.0), (1, "answers/arc", 1.0), (3, "loss/web", 9.0)],
    ["proxy", "target", "value"],
    orient="row",
).with_columns(unit=pl.lit("nats a token"))


def test_tables_become_arrays_of_the_proxies_that_can_be_used() -> None:
    found = measurements(
        MIXTURES, PROXIES, LOSSES, DOMAINS, targets=["loss/web", "answers/arc"], size="default"
    )
    assert found.domains == ("web", "code") and found.prior.tolist() == [0.75, 0.25]
    assert found.proxies.tolist() == [0, 1]
    assert found.mixtures.tolist() == [[0, 1], [0.25, 0.75]]
    assert found.losses["loss/web"].tolist() == [2, 3]
    assert found.left_out.rows() == [
        (2, None, "its shares of the search's domains sum to 0.5"),
        (4, None, "failed: loss is NaN"),
        (0, "answers/arc", "no finite loss was measured"),
    ]


def test_target_that_nobody_measured_is_refused() -> None:
    with pytest.raises(UnmeasuredError, match=r"'loss/law' \(measured: answers/arc, loss/web\)"):
        measurements(MIXTURES, PROXIES, LOSSES, DOMAINS, targets=["loss/law"], size="default")


def test_own_domain_is_that_of_a_held_out_loss() -> None:
    places = [own_domain(each, ("web", "code")) for each in ("loss/code", "loss/x", "answers/web")]
    assert places == [1, None, None]
