import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.decontamination.minimisers import NONE, RUN, WINDOW, chosen_runs, run_hashes
from midtrain_dagster.decontamination.words import read_words

TEXTS = st.lists(
    st.lists(st.sampled_from(["a", "be", "sea", "dunes", "è"]), max_size=30).map(" ".join),
    max_size=4,
)


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_a_window_chooses_the_run_of_its_longest_word(texts: list[str]) -> None:
    words = read_words(pl.Series(texts, dtype=pl.String))
    chosen = chosen_runs(words).tolist()
    for begin, stop in zip(words.first[:-1].tolist(), words.first[1:].tolist(), strict=True):
        for window in range(begin, stop):
            if window + WINDOW > stop:
                assert chosen[window] == NONE
                continue
            lengths = (words.stop - words.start)[window : window + WINDOW].tolist()
            order = [
                (-length, int(code) >> 4, place)
                for place, (length, code) in enumerate(
                    zip(lengths, words.hashes[window : window + WINDOW], strict=True)
                )
            ]
            assert chosen[window] == window + min(order)[2] % (WINDOW - RUN + 1)


@settings(max_examples=50, deadline=None)
@given(TEXTS, st.lists(st.sampled_from(["a", "be", "sea", "dünes"]), min_size=WINDOW, max_size=20))
def test_a_window_brings_the_same_run_wherever_it_stands(texts: list[str], shared) -> None:
    held = [f"{text} {' '.join(shared)} {text}" for text in ["", *texts]]
    words = read_words(pl.Series(held))
    chosen = chosen_runs(words)
    hashes = [
        set(run_hashes(words, each[each != NONE]).tolist())
        for each in (chosen[a:b] for a, b in zip(words.first, words.first[1:], strict=False))
    ]
    assert all(hashes[0] <= each for each in hashes)
