from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.evaluation.held_out_loss import LOSSES, VERSION, clustered_mean, held_out_loss
from midtrain_dagster.tokens.shards import TokenShards

MakeShards = Callable[..., TokenShards]
DOCUMENTS = [("web", 40), ("code", 30), ("web", 100), ("web", 1), ("code", 12), ("web", 25)]


def test_every_token_but_the_first_is_scored_once_from_its_window(
    model: Path, make_shards: MakeShards, naive_losses: Callable[[np.ndarray], np.ndarray]
) -> None:
    shards = make_shards(DOCUMENTS)
    losses = held_out_loss(model, shards, sequence_length=16, max_tokens_per_domain=10_000)[
        "losses"
    ]
    assert losses.schema == LOSSES
    assert losses["domain"].to_list() == ["code", "web"]
    assert losses["tokens"].to_list() == [29 + 11, 39 + 99 + 24]
    sums = []
    for document in (0, 2, 5):
        tokens = shards.tokens(document, 0, int(shards.lengths[document]))
        starts = range(0, len(tokens) - 1, 16)
        sums.append(sum(naive_losses(tokens[at : at + 17]).sum() for at in starts))
    assert losses["loss"][1] == pytest.approx(sum(sums) / 162, rel=1e-5)
    # By hand: residuals of three documents around the common mean.
    residuals = np.array(sums) - losses["loss"][1] * np.array([39, 99, 24])
    assert losses["stderr"][1] == pytest.approx(
        np.sqrt(3 / 2 * (residuals**2).sum()) / 162, rel=1e-4
    )


def test_documents_are_taken_in_order_and_the_last_is_cut_at_the_limit(
    model: Path, make_shards: MakeShards, naive_losses: Callable[[np.ndarray], np.ndarray]
) -> None:
    shards = make_shards(DOCUMENTS)
    (row,) = held_out_loss(
        model, shards, domains=["web"], sequence_length=64, max_tokens_per_domain=50
    )["losses"].rows(named=True)
    first, second = naive_losses(shards.tokens(0, 0, 40)), naive_losses(shards.tokens(2, 0, 12))
    assert row["tokens"] == 50 == len(first) + len(second)
    assert row["loss"] == pytest.approx(np.concatenate([first, second]).mean(), rel=1e-5)


def test_what_cannot_be_measured_is_null(model: Path, make_shards: MakeShards) -> None:
    shards = make_shards([("single", 20), ("empty", 1)])
    losses = held_out_loss(model, shards, sequence_length=8, max_tokens_per_domain=99)["losses"]
    assert losses.select("domain", "tokens", "stderr").rows() == [
        ("empty", 0, None),
        ("single", 19, None),
    ]
    assert losses["loss"].is_null().to_list() == [True, False]


def test_an_unknown_domain_is_an_error(model: Path, make_shards: MakeShards) -> None:
    with pytest.raises(ValueError, match=r"no domain wbe .they have: web"):
        held_out_loss(
            model,
            make_shards([("web", 9)]),
            domains=["wbe"],
            sequence_length=8,
            max_tokens_per_domain=9,
        )


@given(
    st.lists(
        st.tuples(st.floats(0, 50), st.integers(1, 20), st.integers(0, 4)), min_size=1, max_size=30
    )
)
def test_clustered_mean_is_the_ratio_of_sums_and_its_clustered_error(
    pieces: list[tuple[float, int, int]],
) -> None:
    sums, counts, cluster = (np.array(column) for column in zip(*pieces, strict=True))
    mean, stderr = clustered_mean(sums, counts, cluster)
    assert mean == pytest.approx(sums.sum() / counts.sum())
    names = sorted(set(cluster.tolist()))
    if len(names) < 2:
        assert stderr is None
        return
    squares = sum((sums - mean * counts)[cluster == name].sum() ** 2 for name in names)
    expected = (squares * len(names) / (len(names) - 1)) ** 0.5 / counts.sum()
    assert stderr == pytest.approx(expected, abs=1e-9)


def test_clustered_error_of_equal_clusters_is_the_standard_error_of_their_means() -> None:
    sums, counts = np.array([10.0, 12.0, 17.0]), np.array([5, 5, 5])
    mean, stderr = clustered_mean(sums, counts, np.arange(3))
    means = sums / 5
    assert mean == pytest.approx(means.mean())
    assert stderr == pytest.approx(means.std(ddof=1) / 3**0.5)


def test_golden_values(model: Path, make_shards: MakeShards) -> None:
    losses = held_out_loss(
        model, make_shards(DOCUMENTS), sequence_length=16, max_tokens_per_domain=100
    )["losses"]
    assert VERSION == 1
    assert losses["tokens"].to_list() == [40, 100]
    np.testing.assert_allclose(losses["loss"].to_numpy(), GOLDEN_LOSS, rtol=1e-4)
    np.testing.assert_allclose(losses["stderr"].to_numpy(), GOLDEN_STDERR, rtol=1e-3)


GOLDEN_LOSS = [6.209282, 6.388853]
GOLDEN_STDERR = [0.32287, 0.131786]
