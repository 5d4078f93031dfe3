"""Log-likelihoods against one forward pass a pair, and whatever shares a batch."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midtrain_dagster.evaluation import likelihoods
from midtrain_dagster.evaluation.likelihoods import Pair, Prefixes, log_likelihoods
from midtrain_dagster.models.shared_reading import shared_reading

from .conftest import LENGTH, VOCABULARY

TOKEN = st.integers(0, VOCABULARY - 1)
CONTEXT = st.lists(TOKEN, min_size=1, max_size=6).map(tuple)
CONTINUATION = st.lists(TOKEN, min_size=1, max_size=5).map(tuple)


def naive(model: Any, pair: Pair, max_length: int) -> tuple[float, bool]:
    """As lm-evaluation-harness does it: the whole, its last token unread, cut on the left."""
    context, continuation = pair
    ids = torch.tensor([(context + continuation)[-(max_length + 1) :]])
    with torch.no_grad():
        logits = model(ids[:, :-1]).logits[0, -len(continuation) :].log_softmax(-1)
    wanted = torch.tensor(continuation)
    chosen = logits.gather(1, wanted[:, None])
    return float(chosen.double().sum()), bool((logits.argmax(-1) == wanted).all())


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.booleans(), CONTEXT, CONTINUATION), min_size=1, max_size=12),
    st.sampled_from([1, 40, 4096]),
    st.sampled_from([LENGTH, 24]),
)
def test_likelihoods_are_those_of_each_pair_alone(
    loaded: Any,
    drawn: list[tuple[bool, tuple[int, ...], tuple[int, ...]]],
    batch: int,
    max_length: int,
) -> None:
    examples = tuple(range(20, 42))
    contexts = [examples + context if shown else context for shown, context, _ in drawn]
    # Each context is asked several continuations, as choices are.
    pairs = [Pair(context, text) for context in contexts for *_, text in drawn[:4]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likelihoods, "BATCH_TOKENS", batch)
        patch.setattr(likelihoods, "BUSY_TOKENS", batch // 4)
        found = log_likelihoods(loaded, pairs, max_length=max_length)
    expected = [naive(loaded, pair, max_length) for pair in pairs]
    assert [each[0] for each in found] == pytest.approx(
        [each[0] for each in expected], rel=1e-5, abs=1e-4
    )
    nearly = np.array([one[1] != other[1] for one, other in zip(found, expected, strict=True)])
    assert not nearly.any()


def test_the_likeliest_text_is_known_as_such(loaded: Any) -> None:
    context = (5, 9, 11)
    with torch.no_grad():
        likeliest = int(loaded(torch.tensor([context])).logits[0, -1].argmax())
    other = (likeliest + 1) % VOCABULARY
    found = log_likelihoods(
        loaded, [Pair(context, (likeliest,)), Pair(context, (other,))], max_length=LENGTH
    )
    assert [each for _, each in found] == [True, False]
    assert found[0][0] > found[1][0]


def test_nothing_is_asked_of_no_pairs(loaded: Any) -> None:
    assert log_likelihoods(loaded, [], max_length=LENGTH) == []


def test_a_prefix_that_comes_again_is_read_once(loaded: Any) -> None:
    prefixes = Prefixes(loaded)
    with torch.inference_mode(), shared_reading(loaded):
        first = prefixes.read((1, 2, 3))
        assert prefixes.read([1, 2, 3]) is first
        assert prefixes.read(()) is None
        assert prefixes.read((1, 2)) is not first
        again = prefixes.read((1, 2, 3))
        assert again is not first
        prefixes.forget()
        assert prefixes.read((1, 2, 3)) is not again


@given(st.lists(st.integers(1, 900), max_size=30), st.sampled_from([256, 4096]))
def test_batches_hold_every_row_once_and_little_padding(lengths: list[int], busy: int) -> None:
    ordered = sorted(lengths, reverse=True)
    batches = likelihoods._batches(ordered, busy)
    assert [at for batch in batches for at in batch] == list(range(len(ordered)))
    for batch in batches:
        padded = ordered[batch.start] * len(batch)
        assert padded <= likelihoods.BATCH_TOKENS or len(batch) == 1
        alike = [at for at in batch if ordered[at] >= likelihoods.ALIKE * ordered[batch.start]]
        shorter = len(batch) - len(alike)
        assert shorter == 0 or ordered[batch.start] * (len(batch) - 1) < busy
