"""Documents whose middle is moved to their end: put together again, counted, the same each time."""

from hashlib import blake2b
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.dataloader.batch import UNLABELLED, collate
from midtrain_dagster.dataloader.fill_in_the_middle import (
    EXTRA,
    KNOWN,
    SHORTEST,
    USUAL,
    VERSION,
    FillInTheMiddle,
    Middle,
    Sentinels,
    turned,
)
from midtrain_dagster.dataloader.plan import TURNED, Plan, Span, Window
from midtrain_dagster.dataloader.pool import Pool
from midtrain_dagster.mixture.weights import Mixture

PREFIX, SUFFIX, MIDDLE, END = MARKS = (900, 901, 902, 903)
SENTINELS = Sentinels(*MARKS, opening=0)

GOLDEN = (1, [("code", 31, 8, 5)], "14d0d37e6eb46959")


def fill_of(**fields: Any) -> FillInTheMiddle:
    return FillInTheMiddle(**{"domains": ["code"], **fields})


def restored(tokens: list[int], opening: int) -> list[int]:
    """The text of a turned piece as it was, without its end."""
    begun, rest = tokens[:opening], tokens[opening:]
    assert rest[0] == PREFIX
    assert rest[-1] == END
    assert sorted(each for each in rest if each in MARKS) == sorted(MARKS)
    behind, between = rest.index(SUFFIX), rest.index(MIDDLE)
    prefix, suffix, last = rest[1:behind], rest[behind + 1 : between], rest[between + 1 : -1]
    if prefix or not suffix:
        return begun + prefix + last + suffix
    return begun + last + suffix


shares = st.floats(0, 1, exclude_max=True)


@given(
    st.integers(1, 60),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
    shares,
    shares,
    st.booleans(),
)
def test_a_turned_piece_can_be_put_together_again(
    length: int,
    opening: int,
    begins: bool,
    ends: bool,
    one: float,
    other: float,
    suffix_first: bool,
) -> None:
    text = np.arange(length)
    piece = np.append(text, END) if ends else text
    sentinels = SENTINELS._replace(opening=opening)
    middle = Middle(min(one, other), max(one, other), suffix_first)
    found = turned(piece.astype(np.uint16), middle, sentinels, begins=begins, ends=ends)
    head = min(opening, len(piece)) if begins else 0
    assert found.dtype == np.int64
    assert len(found) == len(piece) + EXTRA - ends
    assert restored(found.tolist(), head) == text.tolist()


def test_the_orders_are_those_of_the_paper() -> None:
    text = np.array([7, 1, 2, 3, 4, 5, 6, END])
    middle = Middle(0.4, 0.7, suffix_first=False)
    sentinels = SENTINELS._replace(opening=1)
    psm = turned(text, middle, sentinels, begins=True, ends=True)
    assert psm.tolist() == [7, PREFIX, 1, 2, SUFFIX, 5, 6, MIDDLE, 3, 4, END]
    spm = turned(text, middle._replace(suffix_first=True), sentinels, begins=True, ends=True)
    assert spm.tolist() == [7, PREFIX, SUFFIX, 5, 6, MIDDLE, 1, 2, 3, 4, END]


def test_any_two_places_are_as_likely() -> None:
    fill, length = fill_of(rate=1.0), 20
    drawn = fill.draw(np.arange(40_000), np.full(40_000, length), 5)
    places = [(drawn.first * (length + 1)).astype(int), (drawn.second * (length + 1)).astype(int)]
    assert (places[0] <= places[1]).all()
    counts = np.bincount(np.concatenate(places), minlength=length + 1)
    assert np.abs(counts / counts.mean() - 1).max() < 0.1


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 1), st.floats(0, 1), st.integers(0, 2**62))
def test_rate_and_order_are_as_often_as_said(rate: float, suffix_first: float, key: int) -> None:
    count = 20_000
    drawn = fill_of(rate=rate, suffix_first=suffix_first).draw(
        np.arange(count), np.full(count, 99), key
    )
    for found, share in ((drawn.turned, rate), (drawn.suffix_first, suffix_first)):
        spread = np.sqrt(share * (1 - share) / count)
        assert abs(found.mean() - share) <= 5 * spread + 1e-9


def test_what_is_drawn_for_a_piece_is_its_own() -> None:
    fill, pieces = fill_of(), np.array([9, 4, 4, 1_000_000])
    whole = fill.draw(pieces, np.full(4, 50), 3)
    alone = [fill.draw(pieces[at : at + 1], np.full(1, 50), 3) for at in range(4)]
    assert [each.middles()[0] for each in alone] == list(whole.middles())
    assert whole.middles()[1] == whole.middles()[2]


def test_short_pieces_stay() -> None:
    lengths = np.arange(SHORTEST + 3)
    drawn = fill_of(rate=1.0).draw(lengths, lengths, 3)
    assert np.array_equal(drawn.turned, lengths >= SHORTEST)


def pool_of(lengths: list[int], window: int, fill: FillInTheMiddle | None) -> Pool:
    documents = np.arange(len(lengths))
    return Pool(
        *("code", "all", documents, np.array(lengths)), window=window, fill=fill, seed=1, stage="s"
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=20),
    st.integers(SHORTEST + EXTRA, 50),
    st.integers(0, 40),
)
def test_windows_have_room_and_counts_are_those_of_the_windows(
    lengths: list[int], window: int, before: int
) -> None:
    pool = pool_of(lengths, window, fill_of(rate=0.7))
    pieces = turned_ones = suffix_first = 0
    for ordinal in range(before):
        spans, middles = pool.spans(ordinal), pool.middles(ordinal)
        assert len(spans) == len(middles)
        assert sum(stop - start + EXTRA for _, start, stop in spans) <= window
        pieces += len(spans)
        turned_ones += sum(each is not None for each in middles)
        suffix_first += sum(each is not None and each.suffix_first for each in middles)
    assert pool.turned_before(before) == (pieces, turned_ones, suffix_first)
    assert pool.tokens_before(before) == sum(
        stop - start for n in range(before) for _, start, stop in pool.spans(n)
    )


def test_each_epoch_turns_others() -> None:
    pool = pool_of([30] * 40, 40, fill_of())
    epochs = [
        {
            pool.spans(ordinal)[0].document: pool.middles(ordinal)[0]
            for ordinal in range(40 * epoch, 40 * epoch + 40)
        }
        for epoch in range(2)
    ]
    assert epochs[0].keys() == epochs[1].keys()
    assert sum(epochs[0][each] == epochs[1][each] for each in range(40)) < 20


def plan_of(shards: Any, fill: FillInTheMiddle | None, **fields: Any) -> Plan:
    mixture = Mixture.model_validate(
        {"domains": {"code": 0.5, "web": 0.5}, "max_epochs": 100} | fields.pop("mixture", {})
    )
    return Plan(
        shards, mixture, seed=3, stage="s", sequence_length=64, fill_in_the_middle=fill,
        windows_per_step=4, steps=12, **fields,
    )  # fmt: skip


def test_a_plan_turns_the_domains_that_are_named(shards_of: Any, tmp_path: Any) -> None:
    shards = shards_of(tmp_path, {"code": [30, 70, 9, 40, 55, 12], "web": [30, 20, 64, 100]})
    plan, plain = plan_of(shards, fill_of()), plan_of(shards, None)
    places = [(step, slot) for step in range(12) for slot in range(4)]
    windows = [plan.window(*place) for place in places]
    assert all(not window.middles for window in windows if window.domain == "web")
    found = [each for window in windows for each in window.middles]
    turned_ones = [each for each in found if each]
    expected = (*("code", len(found)), len(turned_ones), sum(m.suffix_first for m in turned_ones))
    assert plan.turned().rows() == [expected]
    assert plan.turned().schema == TURNED
    assert plain.turned().is_empty()
    assert plain.turned().schema == TURNED
    assert all(not plain.window(*place).middles for place in places)
    # The other domain's windows are as they would be without it.
    others = [plain.window(*place) for place in places]
    assert [each for each in others if each.domain == "web"] == [
        each for each in windows if each.domain == "web"
    ]
    # Another plan of the same finds the same, in any order; another seed does not.
    again = plan_of(shards, fill_of())
    assert [again.window(*place) for place in reversed(places)] == windows[::-1]


def test_a_batch_holds_each_document_turned_alone(shards_of: Any, tmp_path: Any) -> None:
    shards = shards_of(tmp_path, {"code": [18, 6], "web": [5]})
    middle = Middle(0.3, 0.6, suffix_first=True)
    windows = [
        Window("code", (Span(0, 0, 18), Span(1, 0, 6)), (), (middle, None)),
        Window("web", (Span(2, 1, 5),)),
        Window("code", (Span(0, 2, 12),), (), (middle,)),
    ]
    batch = collate(shards, windows, sequence_length=32, padding=999, sentinels=SENTINELS)
    first, second, third = batch.input_ids.tolist()
    # The shards of these tests count their tokens from 0; the last of a document is its end.
    assert first[:21] == [
        *(PREFIX, SUFFIX, *range(10, 17), MIDDLE, *range(0, 5), *range(5, 10), END),
    ]
    assert first[21:] == [*range(18, 24), *([999] * 5)]
    assert second[:4] == [25, 26, 27, 28]
    assert third[:14] == [PREFIX, SUFFIX, *range(8, 12), MIDDLE, *range(2, 5), *range(5, 8), END]
    assert batch.documents[0, :27].tolist() == [0] * 21 + [1] * 6
    labels = np.where(batch.labels == UNLABELLED, -1, batch.input_ids)
    assert labels[0, 0] == labels[0, 21] == -1
    assert np.array_equal(labels[0, 1:21], batch.input_ids[0, 1:21])
    same = collate(
        *(shards, windows),
        sequence_length=32,
        padding=999,
        sentinels=SENTINELS,
        loss_on="assistant",
    )
    assert np.array_equal(same.labels, batch.labels)


@pytest.mark.parametrize("names", KNOWN)
def test_sentinels_of_known_families_are_found(names: tuple[str, str, str]) -> None:
    vocabulary = {"a": 0, names[0]: 7, names[1]: 5, names[2]: 6}
    assert fill_of().ids(vocabulary) == (7, 5, 6)


def test_sentinels_that_lack_are_said() -> None:
    with pytest.raises(ValueError, match="no tokens for prefix, suffix and middle"):
        fill_of().ids({"a": 0, USUAL[0]: 1})
    named = fill_of(sentinels=("<a>", "<b>", "<c>"))
    with pytest.raises(ValueError, match=r"^'<b>', '<c>' is no token of the tokenizer$"):
        named.ids({"<a>": 0})
    assert named.ids({"<a>": 0, "<b>": 1, "<c>": 2}) == (0, 1, 2)


def test_golden(shards_of: Any, tmp_path: Any) -> None:
    """Bump VERSION when this changes: stored checkpoints were trained on the old order."""
    shards = shards_of(tmp_path, {"code": [30, 70, 9, 40, 55, 12], "web": [30]})
    plan = plan_of(shards, fill_of())
    windows = [plan.window(step, slot) for step in range(12) for slot in range(4)]
    batch = collate(shards, windows, sequence_length=64, padding=999, sentinels=SENTINELS)
    digest = blake2b(batch.input_ids.tobytes(), digest_size=8).hexdigest()
    assert (VERSION, plan.turned().rows(), digest) == GOLDEN
