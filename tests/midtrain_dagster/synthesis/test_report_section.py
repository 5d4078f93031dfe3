"""What the report says of synthesis is what its artifacts say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.display.blocks import (
    OFFENSIVE,
    Figure,
    Folded,
    Notice,
    Seconds,
    Table,
    Text,
)
from midtrain_dagster.display.words import excerpt
from midtrain_dagster.inference.engines import openai
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.synthesis.report_plots import synthesis_outcomes
from midtrain_dagster.synthesis.report_section import (
    EXAMPLES,
    OUTCOMES,
    REASONS,
    Synthesised,
    groups,
    outcomes,
    report_section,
    told,
)

NAME = "question_answer"
TINY = Path(__file__).parents[2] / "recipes/tiny.yaml"


@pytest.fixture(scope="module")
def made(tiny_run: Any) -> Synthesised:
    below = f"synthesis/{NAME}"
    method = load_recipe(TINY).synthesis[NAME]
    return Synthesised(
        tiny_run[f"{below}/documents"], tiny_run[f"{below}/curated_documents"], method
    )


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
    folded, _ = [block for block in section.blocks if isinstance(block, Folded)]
    (cards,) = folded.blocks
    assert folded.warning == OFFENSIVE
    assert len(cards.cards) == min(EXAMPLES, made.documents.rows("documents"))
    for card in cards.cards:
        fields = dict(card.fields)
        assert fields["Question"] and card.quote
        assert fields["Answer"].lower() in card.quote.lower()
        ((of, document, span),) = card.labels
        assert (of, document.tone) == ("of ", "code")
        assert span.startswith(" bytes ")
    seeds = made.documents.read("documents")["metadata"].str.json_path_match("$.seeds[0].document")
    assert [card.labels[0][1].title for card in cards.cards] == seeds.head(EXAMPLES).to_list()


def test_an_example_of_each_reason_is_shown(made: Synthesised) -> None:
    section = report_section({NAME: made})
    _, rejected = [block for block in section.blocks if isinstance(block, Folded)]
    (cards,) = rejected.blocks
    shown = [card.labels[0].text for card in cards.cards]
    assert shown == outcomes(made.documents)["reason"].to_list()[1:]
    completions = [excerpt(text) for text in made.documents.read("rejects")["completion"]]
    assert all(card.quote in completions for card in cards.cards)


def test_a_line_says_what_each_method_took_and_gave(made: Synthesised) -> None:
    overview = report_section({NAME: made}).blocks[0]
    assert isinstance(overview, Table)
    titles = [column.title for column in overview.columns]
    assert "cost" not in titles
    (row,) = overview.rows
    cells = dict(zip(titles, row, strict=True))
    accepted = made.documents.rows("documents")
    assert (cells["family"], cells["form"]) == ("distillation", "question answer")
    assert (cells["requests"], cells["accepted"]) == ("12", str(accepted))
    assert cells["per 1,000"] == str(round(1000 * accepted / 12))
    assert cells["seconds"] == Seconds(f"synthesis/{NAME}/documents")
    lost = outcomes(made.documents)[1:]
    total, *reasons = cells["rejected"].lines
    assert total == str(12 - accepted)
    assert reasons[:REASONS] == [
        f"{reason.replace('_', ' ')} {count}" for reason, count in lost.head(REASONS).iter_rows()
    ]
    answers = made.documents.read("answers")
    assert cells["tokens read"] == f"{answers['tokens_in'].sum():,}"
    assert cells["tokens written"] == f"{answers['tokens_out'].sum():,}"
    assert answers["tokens_in"].min() > 100 and answers["tokens_out"].min() > 0
    priced = openai.Config(base_url="http://h", model="m", price_in=1000, price_out=2000)
    method = made.method.model_copy(update={"generator": priced})
    (row,) = report_section({NAME: made._replace(method=method)}).blocks[0].rows
    spent = answers["tokens_in"].sum() * 1000 + answers["tokens_out"].sum() * 2000
    assert row[-1] == f"{spent / 1e6:,.2f}"


def test_kept_are_those_that_curation_kept(made: Synthesised) -> None:
    section = report_section({NAME: made, "again": made})
    kept = int(made.curated.read("decisions")["keep"].sum())
    (number,) = section.numbers
    assert number.value == str(2 * kept)
    words = [block.content for block in section.blocks if isinstance(block, Text)]
    assert len(words) == 3 and f"curation kept {kept} to be trained on" in str(words[1])


def test_what_each_step_passed_on_is_said(made: Synthesised) -> None:
    def said(**figures: str) -> list[str]:
        manifest = made.documents.manifest
        told = manifest.model_copy(update={"figures": {**manifest.figures, **figures}})
        several = made._replace(documents=replace(made.documents, manifest=told))
        blocks = report_section({NAME: several}).blocks
        return [str(each.content) for each in blocks if isinstance(each, Text)]

    steps = [
        each for each in said(step_recall="40 of 300", step_sites="12 of 40") if "steps" in each
    ]
    assert len(steps) == 1
    assert "recall 40 of 300, sites 12 of 40" in steps[0]
    assert not any("steps" in each for each in said())


def test_no_synthesis_is_said() -> None:
    assert report_section({}).blocks == (Notice("This recipe makes no synthetic documents."),)


def test_the_method_of_each_document_is_known(made: Synthesised) -> None:
    ids = made.documents.read("documents")["id"].to_list()
    assert groups({NAME: made, "other": made}).rows() == [
        (identity, name) for name in (NAME, "other") for identity in ids
    ]
