from dataclasses import replace

import pytest

from midtrain_dagster.synthesis.styles.nemotron_cc import STYLES, items, prose, several_pairs
from midtrain_dagster.synthesis.styles.passages_shown import BEANS, CURIE

BARE = replace(STYLES["diverse_qa"], examples=(("Nothing.", "Nothing."),))
LONG = " ".join([CURIE, BEANS, CURIE, BEANS])


def pairs(*numbers: int) -> str:
    return "\n".join(
        f"- Question: Is this the question numbered with letter {chr(97 + number)}? Answer: Yes."
        for number in numbers
    )


def test_lengths_and_filters_are_those_of_the_pipeline() -> None:
    """NeMo Curator, nemotron_cc_pipelines.py: least and most tokens of a segment, least of a
    document."""
    assert {name: (*style.tokens, style.least) for name, style in STYLES.items()} == {
        "wikipedia": (5, 512, 50),
        "diverse_qa": (30, 1000, 100),
        "distill": (10, 2000, 50),
        "extract_knowledge": (30, 1400, 50),
        "knowledge_list": (30, 1000, 0),
    }


def test_prose_loses_markdown_labels_and_quotation_marks() -> None:
    assert prose('"**Passage 1:** It is __so__."', "").text == "It is so."
    assert prose("# Title\n- It is `so`.", "").text == "Title\nIt is so."
    assert prose("It is", "").fault == "unfinished"


def test_pairs_stand_behind_their_passage_as_many_as_its_length_allows() -> None:
    form = several_pairs(pairs(*range(8)), CURIE)
    assert form.text.startswith(f"{CURIE}\n\nQuestion: ")
    assert 1 <= form.text.count("Question:") <= 10 * (len(CURIE) // 4) // 150
    counts = {
        several_pairs(pairs(*range(8)), LONG[at:]).text.count("Question:") for at in range(60)
    }
    assert counts == set(range(1, 9))
    orders = {several_pairs(pairs(0, 1), LONG[at:]).text[-3:] for at in range(9)}
    assert len(orders) == 1
    assert BARE.write(pairs(0, 1), CURIE).reason == "too_little"
    assert BARE.write(pairs(0, 1), LONG).reason is None


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("There is nothing to ask.", "malformed"),
        ("- Question: When was she born? Answer: In 1868.", "not_grounded"),
        ("- Question: When was she born? Answer: In 1867.", None),
    ],
)
def test_pairs_that_are_made_up_are_none(answer: str, fault: str | None) -> None:
    assert several_pairs(answer, CURIE).fault == fault


def test_lists_lose_what_is_no_item() -> None:
    assert items("Facts:\n- One is so.\n\n2. Two is so.\n* Three is", "").text == (
        "One is so.\nTwo is so."
    )
    assert items("One is so.\nTwo is so.", "").fault == "malformed"
