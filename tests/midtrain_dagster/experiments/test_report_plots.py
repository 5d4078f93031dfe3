"""Figures of proxies: each lies at its shares."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.display.style import figure_svg
from midtrain_dagster.experiments.report_plots import proxies_by_mixture
from midtrain_dagster.experiments.report_section import figure
from midtrain_dagster.experiments.search.tables import PROXIES, Swarm

SHARES = {
    2: [[1.0, 0.0], [0.25, 0.75]],
    3: [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.5, 0.0]],
    5: [[0.2] * 5, [0.6, 0.1, 0.1, 0.1, 0.1]],
    8: [[0.125] * 8, [0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], [0.0, 0.4, 0.1, *[0.1] * 5]],
}


def tables(count: int, targets: int = 2) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Proxies of so many domains, whose loss rises with their number; the last has no loss."""
    rows = [
        (number, f"domain {place}", share)
        for number, shares in enumerate([*SHARES[count], SHARES[count][0]])
        for place, share in enumerate(shares)
    ]
    losses = [
        (number, f"loss/{target}", 3.0 + number, "nats a token")
        for target in range(targets)
        for number in range(len(SHARES[count]))
    ]
    losses.append((len(SHARES[count]), "loss/0", None, "nats a token"))  # type: ignore[arg-type]
    return (
        pl.DataFrame(rows, ["proxy", "domain", "share"], orient="row"),
        pl.DataFrame(losses, ["proxy", "target", "value", "unit"], orient="row"),
    )


def drawn(axes: Any) -> list[list[float]]:
    return np.asarray(axes.collections[0].get_offsets()).round(6).tolist()


def test_three_domains_are_a_triangle_a_target_with_each_domain_in_its_corner() -> None:
    made = proxies_by_mixture(*tables(3), {"prior": {"domain 0": 1.0}})
    panels = [axes for axes in made.axes if axes.get_title(loc="center")]
    assert [axes.get_title(loc="center") for axes in panels] == ["loss/0", "loss/1"]
    # The best, which is the first, is drawn last; the third lies between two corners.
    assert drawn(panels[0]) == [[0.5, 0.0], [0.5, 0.866025], [0.0, 0.0]]
    assert figure_svg(made) == figure_svg(
        proxies_by_mixture(*tables(3), {"prior": {"domain 0": 1.0}})
    )


def test_two_domains_are_a_line() -> None:
    made = proxies_by_mixture(*tables(2), {"prior": {"domain 0": 0.5}})
    one, two, *_ = made.axes
    assert drawn(one) == drawn(two) == [[1.0, 3.0], [0.25, 4.0]]
    assert [line.get_xdata()[0] for line in two.lines] == [0.5]
    figure_svg(made)


@pytest.mark.parametrize(("count", "sides"), [(5, 4), (8, 5)])
def test_more_domains_are_a_square_a_pair_of_those_that_differ_most(count: int, sides: int) -> None:
    made = proxies_by_mixture(*tables(count))
    squares = [axes for axes in made.axes[: sides**2] if axes.get_visible()]
    assert len(squares) == sides * (sides + 1) / 2
    labels = [axes.get_xlabel() for axes in squares if axes.get_xlabel()]
    assert labels == [f"domain {place}" for place in range(sides)]
    figure_svg(made)


def test_figure_of_a_search_has_its_measured_proxies_beside_the_prior(store: ArtifactStore) -> None:
    mixtures, losses = tables(3)
    proxies = [
        {"proxy": number, "mixture": number, "size": "default", "failed": failed}
        for number, failed in enumerate([None, "no number", None, None])
    ]
    made = {
        "mixtures": mixtures,
        "losses": losses,
        "proxies": pl.DataFrame(proxies, PROXIES),
        "domains": pl.DataFrame(
            {"domain": [f"domain {place}" for place in range(3)], "prior": [0.5, 0.5, 0.0]}
        ),
    }
    parts = [write_output(store.storage, "parts/x", name, table) for name, table in made.items()]
    swarm = Swarm(store.make("swarm", {}, None, {}, lambda _: (parts, {})))
    drawing = figure(swarm, {"proposed": {"domain 2": 1.0}})
    assert drawing is not None
    panel = drawing.axes[0]
    assert drawn(panel) == [[0.5, 0.0], [0.0, 0.0]]  # the second failed, the fourth has no loss
    marks = [np.asarray(each.get_offsets()).round(6).tolist() for each in panel.collections[1:3]]
    assert marks == [[[0.5, 0.0]], [[0.5, 0.866025]]]
    none = [write_output(store.storage, "parts/y", "losses", losses.clear()), *parts[2:], parts[0]]
    assert figure(Swarm(store.make("swarm", {}, 1, {}, lambda _: (none, {}))), {}) is None
