from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from midtrain_dagster.evaluation.held_out_loss import LOSSES, VERSION, held_out_loss
from midtrain_dagster.tokens.shards import TokenShards

MakeShards = Callable[..., TokenShards]
DOCUMENTS = [("web", 40), ("code", 30), ("web", 100), ("web", 1), ("code", 12), ("web", 25)]


def test_held_out_loss_scores_every_token_but_the_first_once_from_its_window(
    loaded: Any, make_shards: MakeShards, naive_losses: Callable[[np.ndarray], np.ndarray]
) -> None:
    shards = make_shards(DOCUMENTS)
    losses = held_out_loss(loaded, shards, sequence_length=16, max_tokens_per_domain=10_000)[
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


def test_held_out_documents_are_taken_in_order_and_the_last_is_cut_at_the_limit(
    loaded: Any, make_shards: MakeShards, naive_losses: Callable[[np.ndarray], np.ndarray]
) -> None:
    shards = make_shards(DOCUMENTS)
    (row,) = held_out_loss(
        loaded, shards, domains=["web"], sequence_length=64, max_tokens_per_domain=50
    )["losses"].rows(named=True)
    first, second = naive_losses(shards.tokens(0, 0, 40)), naive_losses(shards.tokens(2, 0, 12))
    assert row["tokens"] == 50 == len(first) + len(second)
    assert row["loss"] == pytest.approx(np.concatenate([first, second]).mean(), rel=1e-5)


def test_held_out_loss_of_nothing_is_null(loaded: Any, make_shards: MakeShards) -> None:
    shards = make_shards([("single", 20), ("empty", 1)])
    losses = held_out_loss(loaded, shards, sequence_length=8, max_tokens_per_domain=99)["losses"]
    assert losses.select("domain", "tokens", "stderr").rows() == [
        ("empty", 0, None),
        ("single", 19, None),
    ]
    assert losses["loss"].is_null().to_list() == [True, False]


def test_held_out_loss_of_an_unknown_domain_is_an_error(
    loaded: Any, make_shards: MakeShards
) -> None:
    with pytest.raises(ValueError, match=r"no domain wbe .they have: web"):
        held_out_loss(
            loaded,
            make_shards([("web", 9)]),
            domains=["wbe"],
            sequence_length=8,
            max_tokens_per_domain=9,
        )


def test_held_out_loss_has_golden_values(loaded: Any, make_shards: MakeShards) -> None:
    losses = held_out_loss(
        loaded, make_shards(DOCUMENTS), sequence_length=16, max_tokens_per_domain=100
    )["losses"]
    assert VERSION == 1
    assert losses["tokens"].to_list() == [40, 100]
    np.testing.assert_allclose(losses["loss"].to_numpy(), GOLDEN_LOSS, rtol=1e-4)
    np.testing.assert_allclose(losses["stderr"].to_numpy(), GOLDEN_STDERR, rtol=1e-3)


GOLDEN_LOSS = [6.209282, 6.388853]
GOLDEN_STDERR = [0.32287, 0.131786]
