from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.dataloader.occurrences import SIGHTINGS
from midtrain_dagster.report.explanation.document import tell
from midtrain_dagster.report.explanation.document_search import find
from midtrain_dagster.report.explanation.rendering import explain
from midtrain_dagster.report.explanation.training_runs import Seen

GOLDEN = Path(__file__).parents[1] / "golden"

POLICY = CurationPolicy.model_validate(
    {
        "prose": {
            "rules": ["gopher_quality", "fineweb"],
            "thresholds": {"minimum_word_count": 8},
            "minimum_ratings": {"quality": 0.25},
        }
    }
)


def printed(made: dict[str, Any], place: str, *, full: bool = False, colour: bool = False) -> str:
    """What the command prints, on 100 columns."""
    out = StringIO()
    console = Console(
        file=out, width=100, highlight=False, soft_wrap=True, force_terminal=colour, no_color=False
    )
    explain(tell(made, find(made, place), POLICY), console, full=full)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def test_golden_explanation_of_a_duplicate(made: dict[str, Any]) -> None:
    assert printed(made, "web.jsonl:2") == (GOLDEN / "duplicate.txt").read_text()


def test_golden_explanation_of_a_kept_document_with_edits(made: dict[str, Any]) -> None:
    assert printed(made, "web.jsonl:1") == (GOLDEN / "kept.txt").read_text()


def test_golden_explanation_of_benchmark_text(made: dict[str, Any]) -> None:
    assert printed(made, "books.jsonl:1") == (GOLDEN / "contaminated.txt").read_text()


def test_a_synthetic_document_shows_what_it_was_made_from(made: dict[str, Any]) -> None:
    shown = printed(made, "5e5e5e5e")
    one = find(made, "web.jsonl:1").id
    assert f"made from     {one}  web/web.jsonl:1" in shown
    assert "its passage" in shown and "No decision yet." in shown


def test_what_was_not_made_is_told_with_what_to_run(made: dict[str, Any]) -> None:
    out = StringIO()
    few = {"documents": made["documents"]}
    story = tell(few, find(few, "web.jsonl:1"), POLICY, ["signals", "ratings"])
    explain(story, Console(file=out, width=100))
    assert (
        "Not made yet, so not told: signals, ratings. `midtrain run` makes them." in out.getvalue()
    )
    assert "What was measured" not in out.getvalue()


def test_a_long_text_is_cut_unless_all_of_it_is_asked_for(made: dict[str, Any]) -> None:
    story = tell(made, find(made, "web.jsonl:1"), POLICY)
    story.document["text"] = "word " * 1_000 + "end"
    for full, ending in ((False, False), (True, True)):
        out = StringIO()
        explain(story, Console(file=out, width=100), full=full)
        assert ("end" in out.getvalue().split("What was measured")[0].split()) is ending
        assert ("--full" in out.getvalue()) is not full


def test_no_text_can_command_the_terminal(made: dict[str, Any]) -> None:
    shown = printed(made, "web.jsonl:4")
    assert "\x1b" not in shown and "\x07" not in shown
    assert "␛]0;owned␇" in shown
    assert '<script>alert("x")</script>' in shown


def test_on_a_terminal_differences_are_coloured_and_not_bracketed(made: dict[str, Any]) -> None:
    shown = printed(made, "web.jsonl:2", colour=True)
    assert "[-board-]" not in shown
    assert "\x1b[1;31mboard" in shown and "\x1b[1;32mslate" in shown


def training(made: dict[str, Any], *seen: Seen, full: bool = False) -> list[str]:
    """The lines of the section on training."""
    out = StringIO()
    story = tell(made, find(made, "web.jsonl:1"), POLICY, seen=seen)
    explain(story, Console(file=out, width=100, highlight=False), full=full)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return lines[lines.index("Training") + 1 :] if "Training" in lines else []


def sightings(*rows: tuple[int, int, int, int, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, SIGHTINGS, orient="row")


def test_the_steps_that_saw_a_document_are_told_by_run_with_its_copies(
    made: dict[str, Any],
) -> None:
    twice = sightings((1, 3, 0, 0, 64), (2, 1_204, 5, 64, 80))
    lines = training(
        made,
        Seen("base", is_trained=True, tokens=80, steps=2_000, sightings=twice),
        Seen("annealed", is_trained=True, tokens=80, steps=9),
        Seen("spiky", True, tokens=160, steps=9, sightings=twice, skipped={3: "spike", 4: "spike"}),
        Seen("other", is_trained=True, steps=9),
        Seen("extended", is_trained=False),
        Seen("broken", is_trained=True, error="another version of the plan"),
    )
    assert lines == [
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


def test_many_steps_are_cut_unless_all_are_asked_for(made: dict[str, Any]) -> None:
    rows = sightings(*((1, step, 0, 0, 8) for step in range(40)))
    seen = Seen("base", is_trained=True, tokens=8, steps=40, sightings=rows)
    assert len(training(made, seen)) == 2 + 12 + 1
    assert "and 28 more, --full for all" in training(made, seen)[-1]
    assert len(training(made, seen, full=True)) == 2 + 40


def test_a_document_that_nobody_trained_on_is_told_in_a_line(made: dict[str, Any]) -> None:
    untrained = Seen("annealed", is_trained=False)
    held_out = Seen("base", is_trained=True, is_held_out=True, steps=9)
    assert training(made, held_out, untrained) == ["Held out: never trained on."]
    absent = Seen("base", is_trained=True, steps=9)
    told = ["It is in no token shard: no step of any stage saw it."]
    assert training(made, absent, untrained) == told
    assert training(made, untrained) == ["No stage is trained yet."]
    assert training(made) == []
