"""What the terminal prints of documents of the finished run."""

from collections.abc import Callable
from io import StringIO
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from midtrain_dagster.dataloader.fill_in_the_middle import Middle
from midtrain_dagster.dataloader.occurrences import SIGHTINGS
from midtrain_dagster.report.explanation.document import Passage, Story, story_of
from midtrain_dagster.report.explanation.document_search import find
from midtrain_dagster.report.explanation.rendering import _spans, explain
from midtrain_dagster.report.explanation.training_runs import Seen

SYNTHETIC = "synthesis/question_answer/"
TITLES = [
    *("Where it came from", "Text", "What was measured", "Personal data"),
    *("Text that the corpus repeats", "Duplicates", "Benchmark text", "Edits", "Training"),
]


@pytest.fixture(scope="module")
def story(made: Any, tiny_run: Any) -> Callable[..., Story]:
    def of(asked: str, *missing: str, seen: tuple[Seen, ...] = ()) -> Story:
        return story_of(made, find(made, asked), tiny_run.recipe.curation, missing, seen)

    return of


def printed(story: Story, *, full: bool = False, colour: bool = False) -> str:
    """What the command prints, on 100 columns."""
    out = StringIO()
    console = Console(
        file=out, width=100, highlight=False, soft_wrap=True, force_terminal=colour, no_color=False
    )
    explain(story, console, full=full)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def titles(text: str) -> list[str]:
    return [line for line in text.splitlines() if line in TITLES]


def test_sections_without_anything_are_left_out(made: Any, story: Any, pair: Any) -> None:
    edited = printed(story(made["personal_data"].read("personal_data")["id"][0]))
    assert titles(edited) == [*TITLES[:4], "Edits"]
    hit = made["contamination"]["hellaswag"].read("hits").row(0, named=True)
    shown = printed(story(hit["id"]))
    assert titles(shown) == [*TITLES[:3], "Benchmark text"]
    assert shown.startswith(f"{hit['id']}  planted/")
    assert f"hellaswag, item {hit['item']}  bytes {hit['start']:,}-{hit['stop']:,}" in shown


def test_edits_are_shown_in_their_place(made: Any, story: Any) -> None:
    row = made["personal_data"].read("personal_data").row(0, named=True)
    found = story(row["id"])
    shown = printed(found)
    place = f"{row['start']:,}-{row['stop']:,}"
    assert f"{place}  email  " in shown and f"{place}  becomes <EMAIL>  " in shown
    assert f"[{found.edits[0].text}]" in shown


def test_numbers_stand_beside_their_bounds(made: Any, story: Any) -> None:
    decisions = made["curated_documents"].read("decisions")
    short = decisions.filter(reason="gopher_quality:word_count")["id"][0]
    lines = [line.split() for line in printed(story(short)).splitlines()]
    (words,) = [line for line in lines if line[:1] == ["word_count"] and "least" in line]
    assert words[2:] == ["at", "least", "20", "gopher_quality", "fails"]


def test_a_duplicate_is_compared_with_what_stays(story: Any, pair: Any) -> None:
    goes, stays = pair
    found = story(goes["id"])
    found.cluster.members[0]["text"] = found.document["text"].replace(" the ", " a ", 1)
    shown = printed(found)
    assert "2 documents; the first stays" in shown
    assert f"with {stays['id'][:12]}: minhash, Jaccard similarity 0.812" in shown
    assert "[-the-]" in shown and "[-a-]" in shown
    coloured = printed(found, colour=True)
    assert "[-the-]" not in coloured
    assert "\x1b[1;31mthe" in coloured and "\x1b[1;32ma" in coloured


def test_a_synthetic_document_shows_what_it_was_made_from(made: Any, story: Any) -> None:
    row = made[f"{SYNTHETIC}documents"].read("documents").row(0, named=True)
    shown = printed(story(row["id"]))
    # As wide as the longest label of what its metadata says.
    assert f"made from       {row['locator'].split(':')[0]}  " in shown
    assert "its passage" in shown


def test_what_was_not_made_is_named_with_what_to_run(story: Any, pair: Any) -> None:
    shown = printed(story(pair[1]["id"], "signals", "ratings"))
    assert "Not made yet: signals, ratings. `midtrain run` makes them." in shown


def test_a_long_text_is_cut_unless_all_of_it_is_asked_for(story: Any, pair: Any) -> None:
    found = story(pair[1]["id"])
    found.document["text"] = "word " * 1_000 + "end"
    for full in (False, True):
        shown = printed(found, full=full)
        assert ("end" in shown.split("What was measured")[0].split()) is full
        assert ("--full" in shown) is not full


def test_no_text_can_command_the_terminal(story: Any, pair: Any) -> None:
    found = story(pair[1]["id"])
    found.document["text"] = "\x1b]0;owned\x07 <script> [red]ferry[/red]"
    shown = printed(found)
    assert "\x1b" not in shown and "\x07" not in shown
    assert "␛]0;owned␇ <script> [red]ferry[/red]" in shown


def training(story: Any, pair: Any, *seen: Seen, full: bool = False) -> list[str]:
    """The lines of the section on training."""
    lines = printed(story(pair[1]["id"], seen=seen), full=full).splitlines()
    return lines[lines.index("Training") + 1 :] if "Training" in lines else []


def sightings(*rows: tuple[int, int, int, int, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, SIGHTINGS, orient="row")


def test_the_steps_that_saw_a_document_are_listed_by_run_with_its_copies(
    story: Any, pair: Any
) -> None:
    twice = sightings((1, 3, 0, 0, 64), (2, 1_204, 5, 64, 80))
    assert training(
        story,
        pair,
        Seen("base", is_trained=True, tokens=80, steps=2_000, sightings=twice),
        Seen("annealed", is_trained=True, tokens=80, steps=9),
        Seen("spiky", True, tokens=160, steps=9, sightings=twice, skipped={3: "spike", 4: "spike"}),
        Seen("other", is_trained=True, steps=9),
        Seen("extended", is_trained=False),
        Seen("broken", is_trained=True, error="another version of the plan"),
    ) == [
        "stage      step  slot  tokens",
        "base                   80 in 2 steps: 1.00 times its 80",
        "              3     0  0-64",
        "          1,204     5  64-80  copy 2",
        "annealed               none of its 9 steps",
        "spiky                  80 in 2 steps: 0.50 times its 160, 1 of them skipped",
        "              3     0  0-64  skipped: spike",
        "          1,204     5  64-80  copy 2",
        "other                  not in its token shards",
        "extended               not trained yet",
        "broken                 another version of the plan",
    ]


def test_how_a_document_is_turned_is_said_beside_its_tokens(story: Any, pair: Any) -> None:
    rows = sightings((1, 3, 0, 0, 64), (1, 5, 1, 0, 64))
    middles = (None, Middle(0.1, 0.4, suffix_first=True))
    seen = Seen("base", is_trained=True, tokens=64, steps=9, sightings=rows, middles=middles)
    assert training(story, pair, seen)[2:] == [
        "          3     0  0-64",
        "          5     1  0-64  turned: suffix, prefix, middle",
    ]


def test_many_steps_are_cut_unless_all_are_asked_for(story: Any, pair: Any) -> None:
    rows = sightings(*((1, step, 0, 0, 8) for step in range(40)))
    seen = Seen("base", is_trained=True, tokens=8, steps=40, sightings=rows)
    assert len(training(story, pair, seen)) == 2 + 12 + 1
    assert "and 28 more, --full for all" in training(story, pair, seen)[-1]
    assert len(training(story, pair, seen, full=True)) == 2 + 40


def test_a_document_that_no_run_saw_takes_a_line(story: Any, pair: Any) -> None:
    untrained = Seen("annealed", is_trained=False)
    held_out = Seen("base", is_trained=True, is_held_out=True, steps=9)
    assert training(story, pair, held_out, untrained) == ["Held out: never trained on."]
    absent = Seen("base", is_trained=True, steps=9)
    assert training(story, pair, absent, untrained) == [
        "It is in no token shard: no step of any stage saw it."
    ]
    assert training(story, pair, untrained) == ["No stage is trained yet."]
    assert training(story, pair) == []


def test_what_c4_cuts_is_said_in_words() -> None:
    cut = (
        Passage("", 0, 7, "", "Log in\n", "The text."),
        Passage("\n", 16, 19, "The text.", "\n\n ", "More."),
    )
    story = SimpleNamespace(c4_edits=cut)
    first, second = (line.plain for line in _spans("c4_edits")(story, False, True))  # type: ignore[arg-type]
    assert first.startswith("0-7  is cut  ")
    assert second.startswith("16-19  becomes a line break  ")
