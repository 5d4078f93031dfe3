from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from midtrain_dagster.report.explanation.step import asked_step, explain_step, tell_step
from midtrain_dagster.report.explanation.training_runs import RunError


def printed(trained: Any, name: str, step: int, *, full: bool = False) -> str:
    """What the command prints, on 100 columns."""
    out = StringIO()
    console = Console(file=out, width=100, highlight=False, soft_wrap=True)
    explain_step(tell_step(trained.recipe, trained.made, name, step, full=full), console, full=full)
    return out.getvalue()


def test_a_step_is_a_run_and_a_number(trained: Any) -> None:
    assert asked_step(trained.recipe, "annealed:123") == ("annealed", 123)
    assert asked_step(trained.recipe, "annealed_control:0") == ("annealed_control", 0)
    for other in ("tales:12", "annealed", "annealed:", "annealed:-1", "tales/annealed:12", "12"):
        assert asked_step(trained.recipe, other) is None


def test_a_step_lists_every_window_by_domain_with_place_and_text(trained: Any) -> None:
    story = tell_step(trained.recipe, trained.made, "annealed", 2)
    shown = printed(trained, "annealed", 2)
    lines = shown.splitlines()
    assert lines[0] == "annealed:2"
    tokens = int((story.spans["stop"] - story.spans["start"]).sum())
    assert " ".join(lines[1:3]).startswith(
        "Step 2 of the steps 0 to 7: 16 windows of 64 tokens, with "
        f"{tokens:,} tokens ({tokens / 1024:.1%}) of"
    )
    assert "loss  2.5" in shown
    assert [line for line in lines if line.startswith(("web ", "qa ", "mathematics "))]
    assert shown.count("  slot ") == story.spans.height
    for row in story.spans.iter_rows(named=True):
        assert f"{row['document'][:12]}  tales/tales.txt:" in shown
        assert row["text"].split()[0] in shown


def test_a_step_that_is_skipped_or_still_to_come_says_so(trained: Any) -> None:
    assert "skipped  spike" in printed(trained, "base", 3)
    assert "skipped" not in printed(trained, "base", 2)
    assert "extended:1  planned, not trained yet" in printed(trained, "extended", 1)


def test_the_whole_text_of_the_spans_on_demand(trained: Any) -> None:
    whole = tell_step(trained.recipe, trained.made, "annealed", 2, full=True)
    short = tell_step(trained.recipe, trained.made, "annealed", 2)
    longest = max(whole.spans["text"], key=len)
    assert " ".join(longest.split()) in " ".join(printed(trained, "annealed", 2, full=True).split())
    assert all(map(str.startswith, whole.spans["text"], short.spans["text"]))


def test_a_document_that_is_gone_from_the_corpus_is_still_told(trained: Any) -> None:
    made = {name: each for name, each in trained.made.items() if name != "documents"}
    story = tell_step(trained.recipe, made, "annealed", 2)
    assert story.spans["source"].null_count() == story.spans.height
    assert "no more in the corpus" in printed(trained._replace(made=made), "annealed", 2)


def test_a_step_that_there_is_not(trained: Any) -> None:
    with pytest.raises(RunError, match="annealed has the steps 0 to 7, and none 8"):
        tell_step(trained.recipe, trained.made, "annealed", 8)
