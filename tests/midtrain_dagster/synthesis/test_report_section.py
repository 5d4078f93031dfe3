"""What the report says of synthesis is what its artifacts say."""

from typing import Any

import polars as pl
import pytest

from midtrain_dagster.display.blocks import EXAMPLES, OFFENSIVE, Figure, Folded, Notice, Text
from midtrain_dagster.synthesis.report_plots import synthesis_outcomes
from midtrain_dagster.synthesis.report_section import (
    OUTCOMES,
    Synthesised,
    outcomes,
    report_section,
    told,
)

NAME = "question_answer"


@pytest.fixture(scope="module")
def made(tiny_run: Any) -> Synthesised:
    below = f"synthesis/{NAME}"
    return Synthesised(tiny_run[f"{below}/documents"], tiny_run[f"{below}/curated_documents"])


def test_outcomes_count_every_completion_and_begin_with_the_accepted(made: Synthesised) -> None:
    counted = outcomes(made.documents)
    assert counted.row(0) == ("accepted", made.documents.rows("documents"))
    assert counted["count"].sum() == 12, "documents that the recipe asks about"
    assert counted["count"][1:].is_sorted(descending=True)


def test_what_became_of_completions_is_told_in_a_line() -> None:
    rows = [("accepted", 26), ("no_answer", 1_200), ("prompt_echo", 3)]
    counted = pl.DataFrame(rows, schema=OUTCOMES, orient="row")
    assert told(counted) == "26 of 1,229 completions accepted: no_answer 1,200, prompt_echo 3"
    assert told(counted.head(1)) == "26 of 26 completions accepted"


def test_the_figure_is_of_the_outcomes(made: Synthesised) -> None:
    counted = outcomes(made.documents)
    (axes,) = synthesis_outcomes(counted.reverse()).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == counted["reason"].to_list()
    assert [bar.get_width() for bar in axes.patches] == counted["count"].to_list()
    assert "12 completions" in axes.get_title(loc="left")


def test_examples_show_what_was_written_beside_what_it_was_made_from(made: Synthesised) -> None:
    section = report_section({NAME: made})
    (figure,) = [block for block in section.blocks if isinstance(block, Figure)]
    assert figure.name == f"synthesis-{NAME}"
    (folded,) = [block for block in section.blocks if isinstance(block, Folded)]
    (cards,) = folded.blocks
    assert folded.warning == OFFENSIVE
    assert len(cards.cards) == min(EXAMPLES, made.documents.rows("documents"))
    for card in cards.cards:
        fields = dict(card.fields)
        assert fields["Question"] and card.quote
        assert fields["Answer"].lower() in card.quote.lower()


def test_kept_are_those_that_curation_kept(made: Synthesised) -> None:
    section = report_section({NAME: made, "again": made})
    kept = int(made.curated.read("decisions")["keep"].sum())
    (number,) = section.numbers
    assert number.value == str(2 * kept)
    words = [block.content for block in section.blocks if isinstance(block, Text)]
    assert len(words) == 2 and f"curation kept {kept} to be trained on" in str(words[0])


def test_no_synthesis_is_said() -> None:
    assert report_section({}).blocks == (Notice("This recipe makes no synthetic documents."),)
