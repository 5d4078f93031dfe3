"""Texts are grouped by what they begin with."""

from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.evaluation.shared_prefixes import LEAST, Shared, shared_prefixes

TOKENS = st.integers(0, 2)
BEGINNINGS = st.sampled_from([[], [0] * LEAST, [1] * 40, [*[1] * 40, *[2] * 30], [2] * (LEAST - 1)])
TEXTS = st.lists(
    st.tuples(BEGINNINGS, st.lists(TOKENS, min_size=1, max_size=6)).map(lambda two: two[0] + two[1])
)


@given(TEXTS)
def test_every_text_is_in_one_group_and_longer_than_its_prefix(texts: list[list[int]]) -> None:
    groups = shared_prefixes(texts)
    assert sorted(at for group in groups for at in group.texts) == list(range(len(texts)))
    for prefix, members in groups:
        assert len({tuple(texts[at][:prefix]) for at in members}) == 1
        assert all(len(texts[at]) > prefix for at in members)
        assert prefix == 0 or (prefix >= LEAST and len(members) > 1)
        lengths = [len(texts[at]) for at in members]
        assert lengths == sorted(lengths, reverse=True)
    read = sum(prefix + sum(len(texts[at]) - prefix for at in each) for prefix, each in groups)
    assert read <= sum(map(len, texts)), "a prefix never makes more to read"


def test_examples_of_a_subject_are_found_below_those_of_all() -> None:
    """As MMLU's prompts: a few words of all, then five examples of each subject."""
    words = [9] * 20
    subjects = [[*words, *[subject] * 200] for subject in range(3)]
    texts = [[*subjects[number % 3], 50 + number, 7] for number in range(12)]
    groups = shared_prefixes(texts)
    assert {prefix for prefix, _ in groups} == {220}
    assert sorted(sorted(members) for _, members in groups) == [
        [0, 3, 6, 9],
        [1, 4, 7, 10],
        [2, 5, 8, 11],
    ]


def test_a_single_text_of_a_subject_does_not_spoil_the_next() -> None:
    words = [9] * 20
    texts = [[*words, *[1] * 200, 3], *([*words, *[2] * 200, 4, number] for number in range(3))]
    assert Shared(221, [1, 2, 3]) in shared_prefixes(texts)


def test_texts_that_share_little_have_no_prefix() -> None:
    assert shared_prefixes([[1, 2, 3], [1, 2, 4, 5], [7]]) == [Shared(0, [1, 0, 2])]
    assert shared_prefixes([]) == []
