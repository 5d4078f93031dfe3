"""What each task asks is right: every answer is found again in the pieces that it places."""

import importlib.util
import re
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.long_context.task import Draft, Scope, Task
from midtrain_dagster.long_context.tasks.common_words import CommonWords
from midtrain_dagster.long_context.tasks.coreference import Coreference
from midtrain_dagster.long_context.tasks.frequent_words import FrequentWords
from midtrain_dagster.long_context.tasks.graph_walk import GraphWalk
from midtrain_dagster.long_context.tasks.needle import Needle
from midtrain_dagster.long_context.tasks.question_answering import QuestionAnswering
from midtrain_dagster.long_context.tasks.variable_tracking import VariableTracking

SEEDS = st.integers(0, 500)


def drafted(task: Task, seed: int, depth: float | None = 0.5, length: int = 512) -> Draft:
    return task.draft(Scope(Draw(seed), "evaluation", length, depth, 9))


def texts(draft: Draft) -> list[str]:
    return [each.text for each in draft.placed]


@given(SEEDS, st.integers(1, 5), st.integers(1, 3), st.integers(1, 3))
def test_needles_have_the_values_that_are_asked_for(
    seed: int, keys: int, values: int, queries: int
) -> None:
    draft = drafted(Needle(keys=keys, values=values, queries=queries), seed)
    told = [re.findall(r"^The number of (\S+) is (\d{7})\.$", text)[0] for text in texts(draft)]
    many = max(keys, queries)
    assert len(told) == queries * values + (many - queries)
    assert len(draft.ranked) == queries
    for question in draft.ranked:
        key = question.question.split()[-2]
        assert {value for other, value in told if other == key} == set(question.right)
        assert {value for other, value in told if other != key} <= set(question.others)
    assert set(draft.references) == {value for each in draft.ranked for value in each.right}


def test_rulers_words_are_those_of_the_reference() -> None:
    """lm-evaluation-harness's template (NVIDIA's) with our question, prefix and opening taken out
    of it; the module that holds it asks for packages that are not needed here."""
    folder = importlib.util.find_spec("lm_eval.tasks").submodule_search_locations[0]  # type: ignore[union-attr,index]
    source = Path(folder, "ruler", "niah_utils.py").read_text("utf-8")
    template = re.findall(r'^TEMPLATE = """(.*)"""$', source, re.MULTILINE)[0].replace("\\n", "\n")
    draft = drafted(Needle(wording="ruler", keys=4, values=4), 3)
    key = draft.asked.split(" for ")[1].split()[0]
    prompt = template.format(type_needle_v="numbers", context="CONTEXT", query=key)
    assert (draft.opening + "CONTEXT" + draft.asked).startswith(prompt)
    assert re.fullmatch(
        rf"One of the special magic numbers for {key} is: \d{{7}}\.",
        next(text for text in texts(draft) if key in text),
    )


@given(SEEDS, st.integers(1, 3), st.integers(1, 4))
def test_variables_lead_to_their_value(seed: int, chains: int, hops: int) -> None:
    draft = drafted(VariableTracking(chains=chains, hops=hops, letters=5), seed)
    values: dict[str, str] = {}
    for name, said in (
        re.findall(r"VAR (\w+) = (?:VAR )?(\w+)\.", text)[0] for text in texts(draft)
    ):
        values[name] = values.get(said, said)  # in the order in which they stand
    (question,) = draft.ranked
    asked = re.findall(r"\d+", question.question)[0]
    assert {name for name, value in values.items() if value == asked} == set(question.right)
    assert len(question.right) == hops + 1
    assert {name for name, value in values.items() if value != asked} <= set(question.others)


@given(SEEDS, st.integers(0, 300))
def test_common_words_are_the_most_common(seed: int, taken: int) -> None:
    draft = drafted(CommonWords(words=4), seed)
    assert draft.filler is not None
    counts = Counter([*texts(draft), *islice(draft.filler, taken)])
    (question,) = draft.ranked
    assert {word for word, _ in counts.most_common(4)} == {f"{word}," for word in question.right}
    assert [counts[f"{word},"] for word in question.right] == [6] * 4
    assert max((counts[f"{word},"] for word in question.others), default=0) <= 1


def test_from_4096_tokens_on_ruler_repeats_more_often() -> None:
    draft = drafted(CommonWords(words=10), 1, length=4096)
    assert len(draft.placed) == 300
    assert draft.filler is not None
    assert set(Counter(islice(draft.filler, 60)).values()) == {3}


@given(SEEDS, st.sampled_from([128, 512, 4096]), st.integers(0, 400))
def test_frequent_words_are_the_most_frequent(seed: int, length: int, taken: int) -> None:
    draft = drafted(FrequentWords(), seed, length=length)
    assert draft.filler is not None
    counts = Counter([*texts(draft), *islice(draft.filler, taken)])
    del counts["...."]
    (question,) = draft.ranked
    least = min(counts[word] for word in question.right)
    others = [count for word, count in counts.items() if word not in question.right]
    assert least >= 2
    assert least > max(others, default=0)


@given(SEEDS)
def test_the_passage_says_what_is_asked(seed: int) -> None:
    draft = drafted(QuestionAnswering(), seed)
    (passage,) = texts(draft)
    (question,) = draft.ranked
    assert question.right[0] in passage
    assert question.right[0] == draft.references[0]
    assert not set(draft.references) & set(question.others)
    assert draft.any_reference
    assert draft.filler is not None
    asked = next(name for name in re.findall(r"[A-Z]\w+ [A-Z]\w+", question.question[5:]))
    assert passage.startswith(asked)
    assert not any(other.startswith(asked) for other in islice(draft.filler, 300))


@given(SEEDS, st.integers(2, 6), st.floats(0, 1))
def test_the_line_is_the_one_of_its_number(seed: int, alike: int, depth: float) -> None:
    draft = drafted(Coreference(alike=alike), seed, depth=depth)
    (question,) = draft.ranked
    number, subject = re.findall(r"Repeat line (\d+) on the (\w+)\.", question.question)[0]
    turns = [text for text in texts(draft) if f"a line on the {subject}." in text]
    assert len(turns) == alike
    assert turns[int(number) - 1].endswith(f"Assistant: {question.right[0]}.")
    assert draft.placed[int(number) - 1].depth == depth
    assert draft.filler is not None
    assert not any(f"on the {subject}." in turn for turn in islice(draft.filler, 100))


@given(SEEDS, st.integers(1, 5), st.integers(0, 200))
def test_a_walk_ends_where_its_arrows_lead(seed: int, steps: int, taken: int) -> None:
    draft = drafted(GraphWalk(steps=steps), seed)
    assert draft.filler is not None
    arrows = [text[:-1].split(" > ") for text in [*texts(draft), *islice(draft.filler, taken)]]
    assert len({start for start, _ in arrows}) == len(arrows)
    (question,) = draft.ranked
    place = re.findall(r"From (\d+), (\d+)", question.question)[0]
    node = place[0]
    for _ in range(int(place[1])):
        node = dict(arrows)[node]
    assert (node,) == question.right
    assert node not in question.others


@pytest.mark.parametrize("task", [Needle(), QuestionAnswering(), Coreference()])
def test_depth_is_that_of_what_is_asked_for(task: Task) -> None:
    for depth in (0.0, 0.3, 1.0):
        draft = drafted(task, 5, depth=depth)
        (right,) = draft.ranked[0].right
        assert next(each.depth for each in draft.placed if right in each.text) == depth
