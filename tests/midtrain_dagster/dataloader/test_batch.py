from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.dataloader.batch import UNLABELLED, collate
from midtrain_dagster.dataloader.plan import Plan, Span, Window
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.tokens.shards import TokenShards

PADDING = 999_999


def test_golden(shards_of: Any, tmp_path: Path) -> None:
    shards = shards_of(tmp_path, {"web": [3, 5], "code": [4]})
    windows = [
        Window("web", (Span(1, 2, 5), Span(0, 0, 3))),
        Window("code", (Span(2, 0, 4), Span(0, 1, 2))),
    ]
    batch = collate(shards, windows, sequence_length=7, padding=PADDING)
    x, n = PADDING, UNLABELLED
    assert batch.input_ids.tolist() == [[5, 6, 7, 0, 1, 2, x], [8, 9, 10, 11, 1, x, x]]
    assert batch.labels.tolist() == [[n, 6, 7, n, 1, 2, n], [n, 9, 10, 11, n, n, n]]
    assert batch.position_ids.tolist() == [[0, 1, 2, 0, 1, 2, 0], [0, 1, 2, 3, 0, 0, 0]]
    assert batch.labelled == 7
    assert {array.dtype for array in vars(batch).values()} == {np.dtype(np.int64)}


def test_loss_on_the_assistant_leaves_the_rest_unlabelled(shards_of: Any, tmp_path: Path) -> None:
    plain = shards_of(tmp_path, {"chat": [6], "web": [4]})
    (tmp_path / "bits").write_bytes(np.packbits([0, 0, 1, 1, 0, 1, 0, 0, 0, 0]).tobytes())
    shards = TokenShards.open(
        [(tmp_path / "0.tokens", plain._index)], dtype="uint32", targets=[tmp_path / "bits"]
    )
    windows = [Window("chat", (Span(0, 0, 6),)), Window("chat", (Span(0, 3, 6), Span(0, 0, 2)))]
    batch = collate(shards, windows, sequence_length=7, padding=PADDING, loss_on="assistant")
    n = UNLABELLED
    # A span's first token stays unlabelled, also where an assistant says it.
    assert batch.labels.tolist() == [[n, n, 2, 3, n, 5, n], [n, n, 5, n, n, n, n]]
    assert batch.labelled == 4
    whole = collate(shards, windows, sequence_length=7, padding=PADDING)
    assert np.array_equal(whole.input_ids, batch.input_ids)
    assert np.array_equal(whole.position_ids, batch.position_ids)
    assert whole.labelled == 8
    # Documents that are no conversations have labels throughout.
    page = collate(
        plain, [Window("web", (Span(1, 0, 4),))], sequence_length=4, padding=0, loss_on="assistant"
    )
    assert page.labels.tolist() == [[n, 7, 8, 9]]


def test_positions_run_over_a_window_of_documents_or_of_one_text(
    shards_of: Any, tmp_path: Path
) -> None:
    shards = shards_of(tmp_path, {"web": [3, 5]})
    windows = [Window("web", (Span(1, 2, 5), Span(0, 0, 3))), Window("web", (Span(1, 0, 5),))]
    n = UNLABELLED
    usual, apart, one = (
        collate(shards, windows, sequence_length=7, padding=PADDING, positions=positions)
        for positions in ("document", "window", "one_text")
    )
    for other in (apart, one):
        assert other.position_ids.tolist() == [[0, 1, 2, 3, 4, 5, 6]] * 2
        assert np.array_equal(other.input_ids, usual.input_ids)
    assert np.array_equal(apart.labels, usual.labels)
    # Padding is alone, but in one text, where nothing is behind it.
    assert usual.documents.tolist() == [[0, 0, 0, 1, 1, 1, 2], [0, 0, 0, 0, 0, 1, 2]]
    assert np.array_equal(apart.documents, usual.documents)
    assert not one.documents.any()
    assert one.labels.tolist() == [[n, 6, 7, 0, 1, 2, n], [n, 4, 5, 6, 7, n, n]]
    assert {array.dtype for array in vars(apart).values()} == {np.dtype(np.int64)}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=15),
    st.integers(2, 12),
    st.integers(1, 6),
)
def test_no_label_crosses(shards_of: Any, lengths: list[int], window: int, slots: int) -> None:
    with TemporaryDirectory() as folder:
        shards = shards_of(Path(folder), {"web": lengths})
    mixture = Mixture.model_validate({"domains": {"web": 1.0}})
    plan = Plan(
        shards,
        mixture,
        seed=1,
        stage="s",
        sequence_length=window,
        windows_per_step=slots,
        steps=1,
    )
    windows = [plan.window(0, slot) for slot in range(slots)]
    batch = collate(plan, windows, sequence_length=window, padding=PADDING)
    real = batch.input_ids != PADDING
    # Tokens count up through the corpus, so a label is right only where it follows its token.
    labels, inputs = batch.labels[:, 1:], batch.input_ids[:, :-1]
    labelled = labels != UNLABELLED
    assert (labels[labelled] == inputs[labelled] + 1).all()
    assert np.array_equal(labelled, (batch.position_ids[:, 1:] > 0) & real[:, 1:])
    assert (batch.labels[:, 0] == UNLABELLED).all()
    spans = sum(len(window.spans) for window in windows)
    assert batch.labelled == real.sum() - spans
    assert np.array_equal(batch.position_ids == 0, ~real | (batch.labels == UNLABELLED))


def test_no_windows(shards_of: Any, tmp_path: Path) -> None:
    batch = collate(shards_of(tmp_path, {"web": [3]}), [], sequence_length=7, padding=0)
    assert batch.input_ids.shape == (0, 7)
    assert batch.labelled == 0


def test_too_much_for_a_sequence(shards_of: Any, tmp_path: Path) -> None:
    shards = shards_of(tmp_path, {"web": [9]})
    with pytest.raises(ValueError, match="9 tokens does not fit a sequence of 8"):
        collate(shards, [Window("web", (Span(0, 0, 9),))], sequence_length=8, padding=0)
