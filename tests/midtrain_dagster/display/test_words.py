from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.display import words
from midtrain_dagster.training.runs import Run


def test_checkpoint_names_are_read_as_runs_make_them() -> None:
    stage, control, seed, tuned = (
        Run("annealed", None, 666, role).name  # type: ignore[arg-type]
        for role in ("stage", "control", "seed", "fine_tuned")
    )
    assert words.is_fine_tuned(tuned) and not words.is_fine_tuned(control)
    assert words.before_tuning(tuned) == words.before_tuning(stage) == stage
    assert [words.is_seed(each) for each in (seed, f"{seed}/fine_tuned", stage)] == [
        *(True, False, False),
    ]
    assert [words.is_main(name) for name in (stage, control, seed)] == [True, False, False]
    assert [words.is_control(name) for name in (stage, control, seed)] == [False, True, False]
    assert {words.stage_of(name) for name in (stage, control, seed)} == {"annealed"}
    assert words.spoken(control) == "annealed control"
    assert words.spoken(seed) == "annealed seed 666"
    assert words.spoken("annealed/control@1200") == "annealed control, after 1,200 steps"


def test_excerpt_ends_at_a_word() -> None:
    assert words.excerpt("one\n two  three") == "one two three"
    assert words.excerpt("word " * 50, 12) == "word word …"
    assert words.excerpt(None) == words.excerpt("") == "\N{EN DASH}"


@given(st.text(max_size=200), st.integers(5, 50))
def test_excerpt_is_bounded(text: str, characters: int) -> None:
    assert len(words.excerpt(text, characters)) <= characters + 2
