"""What the terminal prints of steps of the finished run."""

from io import StringIO
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from midtrain_dagster.report.explanation.step import (
    StepStory,
    asked_step,
    explain_step,
    story_of_step,
)
from midtrain_dagster.report.explanation.training_runs import RunError


def printed(tiny_run: Any, made: Any, name: str, step: int, *, full: bool = False) -> str:
    """What the command prints, on 100 columns."""
    out = StringIO()
    console = Console(file=out, width=100, highlight=False, soft_wrap=True)
    story = story_of_step(tiny_run.recipe, made, name, step, full=full)
    explain_step(story, console, full=full)
    return out.getvalue()


def texts(story: StepStory) -> list[str]:
    """The text of each span, whether the loss looks at it or not."""
    return ["".join(piece.text for piece in pieces) for pieces in story.pieces]


def test_a_step_is_a_run_and_a_number(tiny_run: Any) -> None:
    recipe = tiny_run.recipe
    assert asked_step(recipe, "annealed:123") == ("annealed", 123)
    assert asked_step(recipe, "annealed/control:0") == ("annealed/control", 0)
    for other in ("tales:12", "annealed", "annealed:", "annealed:-1", "tales/annealed:12", "12"):
        assert asked_step(recipe, other) is None


def test_a_step_lists_every_window_by_domain_with_place_and_text(tiny_run: Any, made: Any) -> None:
    story = story_of_step(tiny_run.recipe, made, "annealed/control", 2)
    shown = printed(tiny_run, made, "annealed/control", 2)
    lines = shown.splitlines()
    assert lines[0] == "annealed/control:2"
    tokens = int((story.spans["stop"] - story.spans["start"]).sum())
    assert " ".join(lines[1:3]).startswith(
        f"Step 2 of the steps 0 to 7: 16 windows of 64 tokens, with {tokens:,} tokens "
        f"({tokens / 1024:.1%}) of"
    )
    log = made["checkpoint/annealed/control"].read("log").filter(step=2)
    assert f"{log['loss'].item():.6g}" in shown
    domains = [line.split()[0] for line in lines if " windows, " in line]
    assert sorted(domains) == ["web", "wikipedia"]
    assert shown.count("  slot ") == story.spans.height
    for row, text in zip(story.spans.iter_rows(named=True), texts(story), strict=True):
        assert f"{row['document'][:12]}  {row['source']}/" in shown
        assert text.split()[0] in shown


def test_a_step_that_is_skipped_or_still_to_come_says_so(
    tiny_run: Any, made: Any, changed: Any
) -> None:
    base = made["checkpoint/base"]
    spiky = pl.when(pl.col("step") == 3).then(pl.lit("spike"))
    log = base.read("log").with_columns(skipped=spiky)
    skipping = made | {"checkpoint/base": changed(base, {"log": log})}
    assert "skipped        spike" in printed(tiny_run, skipping, "base", 3)
    assert "skipped" not in printed(tiny_run, skipping, "base", 2)
    few = {name: each for name, each in made.items() if name != "checkpoint/extended"}
    assert "extended:1  planned, not trained yet" in printed(tiny_run, few, "extended", 1)


def test_the_whole_text_of_the_spans_on_demand(tiny_run: Any, made: Any) -> None:
    recipe = tiny_run.recipe
    whole = story_of_step(recipe, made, "annealed", 2, full=True)
    short = story_of_step(recipe, made, "annealed", 2)
    longest = max(texts(whole), key=len)
    shown = printed(tiny_run, made, "annealed", 2, full=True)
    assert " ".join(longest.split()) in " ".join(shown.split())
    assert all(map(str.startswith, texts(whole), texts(short)))


def test_a_document_that_is_gone_from_the_corpus_is_still_shown(tiny_run: Any, made: Any) -> None:
    gone = {name: each for name, each in made.items() if not name.endswith("documents")}
    story = story_of_step(tiny_run.recipe, gone, "annealed", 2)
    assert story.spans["source"].null_count() == story.spans.height
    assert "no more in the corpus" in printed(tiny_run, gone, "annealed", 2)


def test_a_step_that_there_is_not(tiny_run: Any, made: Any) -> None:
    with pytest.raises(RunError, match="annealed has the steps 0 to 7, and none 8"):
        story_of_step(tiny_run.recipe, made, "annealed", 8)
