"""Cloze questions: the hidden word is nowhere else, wrong answers are other ones, and chance is
what it says."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.probe.cloze import ITEMS, blank, likeness, questions

SAID = """
the harbour was rebuilt after a storm in and its keepers wrote Danish letters about lanterns
Copenhagen Malmo granite 1902 1887 2,400 31 engineers seldom sailing, who (Anna) said; o'clock
"""
WORDS = SAID.split()

sentence = st.lists(st.sampled_from(WORDS), min_size=4, max_size=25).map(
    lambda words: f"{' '.join(words).capitalize()}."
)
text = st.lists(sentence | st.text(max_size=60), min_size=1, max_size=5).map(" ".join)


def table(texts: list[str], *, topics: int = 2) -> pl.DataFrame:
    return pl.DataFrame(
        [(f"d{n}", each, n % topics, n % 4 == 0) for n, each in enumerate(texts)],
        schema={"id": pl.String, "text": pl.String, "topic": pl.UInt16, "held_out": pl.Boolean},
        orient="row",
    )


@given(text, st.integers(0, 500), st.integers(0, 3))
def test_what_is_hidden_stands_nowhere_else_and_the_sentence_is_whole(
    text: str, context: int, seed: int
) -> None:
    found = blank("d", text, context_bytes=context, seed=seed)
    assert found == blank("d", text, context_bytes=context, seed=seed)
    if found is None:
        return
    shown = f"{found.before} {found.after}".casefold()
    assert found.hidden.casefold() not in shown
    assert f"{found.before} {found.hidden}{found.after}" in " ".join(text.split())
    assert len(found.before.encode()) <= context + 4 * 400 + 1
    assert not found.after[:1].isalnum()


@settings(max_examples=25)
@given(st.lists(text, min_size=2, max_size=12), st.integers(1, 3), st.integers(0, 3))
def test_every_question_has_wrong_answers_of_its_kind_from_other_documents(
    texts: list[str], distractors: int, seed: int
) -> None:
    documents = table(texts)
    asked = {"items": 8, "distractors": distractors, "context_bytes": 100, "seed": seed}
    made = questions(documents, **asked)
    assert made.schema == ITEMS
    assert made.equals(questions(documents.reverse(), **asked))
    assert made["document"].is_unique().all()
    sides = dict(documents.select("id", "held_out").iter_rows())
    for row in made.iter_rows(named=True):
        answers, right = row["answers"], row["answers"][row["right"]]
        assert len(answers) == 1 + distractors
        assert len({each.casefold() for each in answers}) == len(answers)
        shown = f"{row['before']} {row['after']}".casefold()
        assert not any(each.casefold() in shown for each in answers)
        assert {likeness(row["kind"], each) for each in answers} == {likeness(row["kind"], right)}
        assert row["held_out"] == sides[row["document"]]


def passages(count: int) -> list[str]:
    """Each about another year, town and craft."""
    return [
        f"The old mill of Town{chr(97 + n % 26)}{chr(97 + n // 26)} burned down one night. Its "
        f"owner had it built again in {1500 + 7 * n} by masons from the coast."
        for n in range(count)
    ]


def test_each_topic_has_its_share_and_sides_do_not_mix() -> None:
    documents = table(passages(120), topics=3)
    made = questions(documents, items=30, distractors=3, context_bytes=300, seed=1)
    by_side = made.group_by("held_out", "topic").len().sort("held_out", "topic")
    assert by_side["topic"].to_list() == [0, 1, 2, 0, 1, 2]
    assert by_side["len"].to_list() == [10] * 3 + by_side["len"][3:].to_list()
    assert by_side["len"].max() == 10
    texts = dict(documents.select("id", "text").iter_rows())
    own = {side: " ".join(documents.filter(held_out=side)["text"]) for side in (True, False)}
    for row in made.iter_rows(named=True):
        assert all(each in own[row["held_out"]] for each in row["answers"])
        assert row["answers"][row["right"]] in texts[row["document"]]


def test_who_looks_at_answers_alone_is_right_by_chance() -> None:
    made = questions(table(passages(400)), items=800, distractors=3, context_bytes=0, seed=3)
    assert made.height > 150
    for prefers in (min, max, lambda answers: min(answers, key=lambda each: each[::-1])):
        right = [
            answers.index(prefers(answers)) == at
            for answers, at in made.select("answers", "right").iter_rows()
        ]
        share = sum(right) / len(right)
        assert abs(share - 0.25) < 3 * (0.25 * 0.75 / len(right)) ** 0.5


@pytest.mark.parametrize(
    "text", ["", "No end", "Too short.", "a " * 50_000, "9" * 99_999 + ".", "A. " * 9_999]
)
def test_a_text_that_gives_nothing_has_no_question(text: str) -> None:
    assert blank("d", text, context_bytes=100, seed=0) is None
