from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.report.explanation.document import tell
from midtrain_dagster.report.explanation.document_search import find
from midtrain_dagster.report.explanation.rendering import explain, seen

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
    assert seen("a\u202eb\x9bc\td\n") == "a<U+202E>b<U+009B>c\td\n"


def test_on_a_terminal_differences_are_coloured_and_not_bracketed(made: dict[str, Any]) -> None:
    shown = printed(made, "web.jsonl:2", colour=True)
    assert "[-board-]" not in shown
    assert "\x1b[1;31mboard" in shown and "\x1b[1;32mslate" in shown
