import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.decontamination.methods.edited import SHORT, Config
from midtrain_dagster.decontamination.scan import scan
from tests.midtrain_dagster.decontamination.conftest import document_table, item_table

WIND = (
    "A kite maker in Lisbon folds 14 sheets of silk every morning and sells nine kites at noon. "
    "Each kite needs two sheets, and whatever remains is dyed blue in the evening by her brother. "
    "How many sheets does her brother dye in a week of five working days?"
)
SHORT_QUESTION = "What does the Hebrew word mashiach mean?"
ITEMS = item_table(
    ("kites", "1", WIND, [], 0, "5 * 14 - 5 * 18"),
    ("words", "2", SHORT_QUESTION, [], 0, "anointed"),
)
FORM = "As of {}, about what share of the adults in {} say that they own a {} for their garden?"
FORMS = item_table(
    *(
        ("forms", str(number), FORM.format(*filled), [], 0, "")
        for number, filled in enumerate(
            [
                (1994, "Peru", "hammock"),
                (2003, "Kenya", "telescope"),
                (1987, "Norway", "typewriter"),
                (2011, "Ghana", "pager"),
            ]
        )
    )
)


def accused(text: str, items: pl.DataFrame = ITEMS) -> list[str]:
    return scan(document_table(text), items, config=Config())["hits"]["item"].to_list()


@pytest.mark.parametrize(
    "text",
    [
        WIND,
        WIND.replace("14", "37").replace("nine", "eleven").replace("five", "six"),
        WIND.replace("Lisbon", "Oslo").replace("silk", "cotton"),
        " ".join(reversed(WIND.split(". "))),
        " ".join("indeed" if place % 8 == 3 else word for place, word in enumerate(WIND.split())),
    ],
    ids=["verbatim", "numbers", "names", "reordered", "a word in eight damaged"],
)
def test_edited_copies_are_found(text: str) -> None:
    assert accused(f"Some page says this.\n\n{text}\n\nAnd then goes on about the weather.") == [
        "1"
    ]


def test_a_part_is_no_copy() -> None:
    part = "He folds 14 sheets of silk every morning and sells nine kites at noon."
    assert accused(f"{'The page goes on and on about the weather here. ' * 9}{part}") == []


def test_a_short_question_counts_as_a_line_only() -> None:
    assert accused(f"Quiz.\n3. {SHORT_QUESTION}\n") == ["2"]
    assert accused(f"Many ask: so {SHORT_QUESTION.lower()} The page tells.") == []


def test_another_filling_of_a_form_is_no_copy() -> None:
    other = FORM.format(1999, "Chile", "fax machine")
    assert accused(other, FORMS) == []
    assert accused(FORM.format(1994, "Peru", "hammock"), FORMS) == ["0"]


def test_what_an_item_quotes_is_no_copy() -> None:
    passage = "Four score and seven years ago our fathers brought forth on this continent"
    asked = "Which of these rhetorical figures does the speaker use to tie a number to the nation?"
    quoting = item_table(("quotes", "1", f"{passage}\n{asked}", [], 0, ""))
    page = f"{'The page goes on and on about the weather here. ' * 9}{passage}, a new nation."
    assert accused(page, quoting) == []
    assert accused(f"{passage}\n{asked}", quoting) == ["1"]


@given(st.lists(st.integers(0, 200), min_size=1, max_size=50))
def test_what_is_needed_is_never_more_than_there_is(lengths: list[int]) -> None:
    given_lengths = np.array(lengths)
    for kind in ("question", "answer", "question_answer"):
        texts = pl.DataFrame({"kind": [kind] * len(lengths)})
        needed = Config().needed(texts, given_lengths)
        assert (needed <= given_lengths).all()
        assert (needed <= np.maximum(SHORT, Config().ngram)).all()


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_longer_texts_are_never_held_to_more(one: int, other: int) -> None:
    shorter, longer = Config().required(np.array(sorted([one, other])))
    assert longer <= shorter


def test_a_shortest_ngram_over_the_longest_is_refused() -> None:
    with pytest.raises(ValidationError, match="must not exceed"):
        Config(ngram=6, shortest_ngram=7)
