"""Lists of words stand under codes that lid.176 has."""

import fasttext
import pytest
from pydantic import ValidationError

from midtrain_dagster.collection.default_data import LANGUAGE_MODEL
from midtrain_dagster.curation.language_codes import LID_176, MEANT, language_problem
from midtrain_dagster.curation.signals.word_lists import WordLists


def test_the_codes_are_those_of_the_model() -> None:
    labels = fasttext.load_model(str(LANGUAGE_MODEL)).get_labels()
    assert {label.removeprefix("__label__") for label in labels} == LID_176
    assert len(LID_176) == 176


def test_what_is_often_meant_is_a_code_and_no_code_means_another() -> None:
    assert set(MEANT.values()) <= LID_176
    assert not MEANT.keys() & LID_176


@pytest.mark.parametrize(
    ("code", "meant"), [("jp", "ja"), ("ger", "de"), ("eng", "en"), ("cz", "cs"), ("zhh", "zh")]
)
def test_a_code_of_no_language_is_refused_with_the_one_that_is_meant(code, meant) -> None:
    with pytest.raises(ValidationError, match=f"document is of it; did you mean '{meant}'"):
        WordLists.model_validate({"toxic": {code: "list.txt"}})


def test_a_code_that_resembles_none_is_refused_and_a_known_one_is_taken() -> None:
    told = language_problem("qq")
    assert told is not None and "did you mean" not in told
    assert WordLists.model_validate({"unwanted": {"yue": "a", "als": "b"}}).unwanted["als"] == "b"
