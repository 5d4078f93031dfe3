"""Lines are put into a person's recipe; whatever the style, nothing of theirs is touched."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.draft.benchmark import PlacementError, from_recipe, with_benchmark
from midtrain_dagster.draft.one_line import one_line

FIELDS = {
    "paths": ["arc.jsonl"],
    "question": "question",
    "answer": "yes",
    "evaluate": {"method": "answer_likelihood", "limit": 5},
}

LINES = """\
  arc:
    paths: [arc.jsonl]
    question: question
    answer: "yes"
    evaluate: {method: answer_likelihood, limit: 5}
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "# mine\nbenchmarks:\n  a:\n    paths: [x]  # here\n\n# next\nseed: 7\n",
            f"# mine\nbenchmarks:\n  a:\n    paths: [x]  # here\n{LINES}\n# next\nseed: 7\n",
        ),
        (
            "benchmarks:\n  a: {paths: [x]}\n    # of a\n  # of none\nseed: 7\n",
            f"benchmarks:\n  a: {{paths: [x]}}\n    # of a\n{LINES}  # of none\nseed: 7\n",
        ),
        (
            "benchmarks:\n  a:\n    paths:\n    - x",
            f"benchmarks:\n  a:\n    paths:\n    - x\n{LINES}",
        ),
        (
            "benchmarks:\n  a: |\n    text\n\nseed: 7\n",
            f"benchmarks:\n  a: |\n    text\n\n{LINES}seed: 7\n",
        ),
        ("seed: 7 # why\n\n", f"seed: 7 # why\n\nbenchmarks:\n{LINES}"),
        ("benchmarks: # none\nseed: 7\n", f"benchmarks: # none\n{LINES}seed: 7\n"),
        (
            "benchmarks: {a: {paths: [x]}} # b\n",
            f"benchmarks: {{a: {{paths: [x]}}, {one_line({'arc': FIELDS})[1:-1]}}} # b\n",
        ),
        ("benchmarks: {}\n", f"benchmarks: {one_line({'arc': FIELDS})}\n"),
        (
            "benchmarks:\r\n  a: {}\r\n",
            f"benchmarks:\r\n  a: {{}}\r\n{LINES}".replace("\r\n", "\n"),
        ),
    ],
)
def test_benchmark_stands_behind_the_others_in_their_style(before: str, after: str) -> None:
    made = with_benchmark(before, "arc", FIELDS)
    assert made.replace("\r\n", "\n") == after
    assert ("\r\n" in before) == ("\r\n" in made) and made.count("\r\n") in {0, made.count("\n")}


@pytest.mark.parametrize(
    "text",
    [
        "a: &a\n  x: {paths: [x]}\nbenchmarks: *a\n",
        "benchmarks: null\nseed: 7\n",
        "benchmarks:\n  arc: {paths: [x]}\n",
        "[a, list]\n",
        "seed: 7\n...\n",
    ],
)
def test_document_with_no_place_for_it_is_left_alone(text: str) -> None:
    with pytest.raises(PlacementError):
        with_benchmark(text, "arc", FIELDS)


@given(
    st.recursive(
        st.text(
            st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Co", "Cn"))
        )
        | st.integers()
        | st.booleans()
        | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("abyesno1.-", min_size=1), inner),
        max_leaves=6,
    )
)
def test_one_line_reads_back_as_it_was(value: object) -> None:
    assert yaml.safe_load(f"k: {one_line(value)}") == {"k": value}


def test_path_is_written_as_seen_from_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "arc.jsonl").touch()
    monkeypatch.chdir(tmp_path)
    recipe = Path("recipes/mine.yaml")
    assert from_recipe("arc.jsonl", recipe) == "../arc.jsonl"
    assert from_recipe("s3://bucket/arc.jsonl", recipe) == "s3://bucket/arc.jsonl"
    assert from_recipe("not_there.jsonl", recipe) == "not_there.jsonl"
