"""What the report shows of a mixture is what its artifact has."""

import polars as pl

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.display.blocks import Figure, Heading, Table
from midtrain_dagster.mixture.methods.quality_curve import CURVE
from midtrain_dagster.mixture.proposal_tables import PROPOSAL
from midtrain_dagster.mixture.reference import FoundMixture
from midtrain_dagster.mixture.report_found import blocks, error_table, gain_table
from tests.midtrain_dagster.mixture.methods.test_proposed import proposed, swarm

WEIGHTS = pl.DataFrame({"domain": ["web"], "share": [1.0], "tokens": [10]})


def found(store: ArtifactStore, **tables: pl.DataFrame) -> FoundMixture:
    parts = [write_output(store.storage, "parts/x", name, made) for name, made in tables.items()]
    return FoundMixture(store.make("mixture", {}, None, {}, lambda _: (parts, {})))


def test_mixture_of_shares_alone_has_nothing_below_its_table(store: ArtifactStore) -> None:
    mixture = found(store, weights=WEIGHTS)
    assert list(blocks("natural", mixture, {})) == []
    assert mixture.max_epochs_of == {} and mixture.curve.is_empty()


def test_curve_is_a_figure_and_bounds_the_passes_over_its_bands(store: ArtifactStore) -> None:
    curve = pl.DataFrame([("web", "web/1", 0.0, 1.0, 10, 2.0, 7.0)], CURVE, orient="row")
    mixture = found(store, weights=WEIGHTS, curve=curve)
    heading, figure = blocks("by_quality", mixture, {})
    assert isinstance(heading, Heading) and heading.text == "by quality"
    assert isinstance(figure, Figure) and figure.name == "repetition_by_quality"
    assert mixture.max_epochs_of == {"web/1": 7.0}


def test_doremi_has_its_weights_and_its_prior(store: ArtifactStore) -> None:
    steps = pl.DataFrame({"step": [0, 1], "domain": ["web"] * 2, "weight": [1.0, 1.0]})
    prior = pl.DataFrame([{"domain": "web", "prior": 1.0, "share": 1.0, "frozen": False}], PROPOSAL)
    mixture = found(store, weights=WEIGHTS, steps=steps, proposal=prior)
    assert mixture.max_epochs_of == {}
    made = list(blocks("robust", mixture, {}))
    assert [each.name for each in made[1:] if isinstance(each, Figure)] == [
        "proposal_robust",
        "weights_robust",
    ]


def test_proposal_has_its_error_and_its_gain_beside_it(store: ArtifactStore) -> None:
    tables = proposed(swarm())
    made = list(blocks("best", found(store, **tables), {}))
    shown = [each for each in made if isinstance(each, Table)]
    assert gain_table(tables["gain"]) in shown and error_table(tables["held_out_error"]) in shown
    assert [each.name for each in made if isinstance(each, Figure)] == [
        "proposal_best",
        "predicted_best",
    ]
    within = dict.fromkeys(("web", "code", "math"), 4.0)
    assert found(store, **tables).max_epochs_of == within
    (code, web) = error_table(tables["held_out_error"]).rows
    assert (code[6], code[7]) == (web[6], web[7]) == ("40", "0")
