from hypothesis import given
from hypothesis import strategies as st
from lm_eval.tasks.hellaswag.utils import preprocess

from midtrain_dagster.evaluation.cleaning import VERSION, clean_hellaswag, cleaned

TEXT = " [header] How to tie a knot [title] Take  a rope. [step] Pull it."


def test_cleaning_is_done_where_it_is_asked_for() -> None:
    assert VERSION == 1
    assert cleaned(TEXT, "hellaswag") == " How to tie a knot. Take a rope. Pull it."
    assert cleaned(TEXT, None) == TEXT


@given(st.text(alphabet="a[] .\n", max_size=40))
def test_cleaning_of_hellaswag_is_the_harness_own(text: str) -> None:
    assert clean_hellaswag(text) == preprocess(text)
