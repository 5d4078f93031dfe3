import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.fidelity import (
    Bounds,
    copied,
    cosine,
    measure,
    names,
    numbers,
    remark,
    without_opening,
    words_of,
)

TOWER = (
    "The tower of the old mill was finished in 1871 by Anna Brandt, and about 2,400 sacks of flour "
    "left it in every month until the river was moved."
)
GOOD = (
    "Anna Brandt finished the old mill's tower in 1871. Until they moved the river, some 2400 "
    "sacks of flour were shipped from there each month."
)
GERMAN = (
    "Der Turm der alten Mühle ist 1871 fertig, und 2400 Säcke mit Mehl sind den Weg von der Mühle "
    "in die Stadt mit dem Wagen von Anna Brandt gekommen."
)


def test_a_good_rephrasing_breaks_no_bound() -> None:
    found = measure(GOOD, TOWER)
    assert Bounds().broken(found) is None
    assert found.numbers == ("1871", "2400")
    assert found.names == ("anna", "brandt")
    assert found.scores == {
        "content_recall": round(found.recall, 3),
        "content_cosine": round(found.cosine, 3),
        "copied": round(found.copied, 3),
    }


@pytest.mark.parametrize(
    ("text", "bounds", "reason"),
    [
        ("Anna Brandt finished the tower in 1871.", Bounds(), "too_short"),
        (f"{GOOD} {GOOD}", Bounds(), "too_long"),
        (GERMAN, Bounds(), "other_language"),
        ("Старая мельница была построена Анной Брандт, и мука шла оттуда в город по реке "
         "каждый месяц.", Bounds(), "other_language"),
        (GOOD.replace("each", "each of 12"), Bounds(), "number_added"),
        (GOOD.replace("2400", "many"), Bounds(), "numbers_lost"),
        (GOOD.replace("they", "King Otto"), Bounds(), "name_added"),
        (GOOD.replace("Anna Brandt", "Somebody"), Bounds(names_lost=0.5), "names_lost"),
        (re.sub("tower|flour|river|month|sacks", "thing", GOOD), Bounds(), "content_lost"),
        (TOWER, Bounds(), "copy"),
    ],
)  # fmt: skip
def test_the_first_bound_that_is_broken_is_the_reason(text, bounds, reason) -> None:
    assert bounds.broken(measure(text, TOWER)) == reason


def test_bounds_can_be_wider() -> None:
    assert Bounds(numbers_added=True).broken(measure(GOOD.replace("each", "12"), TOWER)) is None
    assert Bounds(numbers_lost=0.5).broken(measure(GOOD.replace("2400", "many"), TOWER)) is None
    king = measure(GOOD.replace("they", "King Otto"), TOWER, allowed=["King Otto"])
    assert Bounds().broken(king) is None


def test_numbers_are_compared_as_numbers() -> None:
    assert numbers("From 2,850 km to 3.5 at 10:30, in 1,2 or 12,34") == {
        "2850", "3.5", "10:30", "1,2", "12,34",
    }  # fmt: skip
    assert numbers("1. Take 2 eggs.\n  2) Add 30 g.\n- 3. Stir") == {"2", "30"}
    spelt = measure("There are 3 of them in the house.", "There are three of them in the house.")
    assert (spelt.numbers_added, spelt.numbers_lost) == ((), ())


def test_the_numbers_of_a_list_are_none_of_its_facts_and_nobody_made_them_up() -> None:
    found = measure("There are 1. eggs and 2. flour.", "1. Eggs\n2. Flour")
    assert (found.numbers, found.numbers_added) == ((), ())


def test_names_stand_inside_sentences_and_not_in_titles() -> None:
    assert names("Then he saw Karl, the King of Bern.") == {"karl", "king", "bern"}
    assert names("## How To Make A Good Cake\nTake it.") == set()
    assert names("Émile lived in Évian. He was old.") == {"évian"}


@pytest.mark.parametrize(
    ("text", "speaks"),
    [
        ("Sure! The mill was old.", True),
        ("Certainly, the mill was old.", True),
        ("Here is a paraphrased version of the text:\nThe mill was old.", True),
        ("Here's the rewritten passage: The mill was old.", True),
        ("**Here are the questions and answers based on the provided text:**\n- Question", True),
        ("As an AI, I find the mill old.", True),
        ("The mill was old. I hope this helps!", True),
        ("The mill was old.\n\nLet me know if you want another.", True),
        ("Here is where the mill stood: by the river.", False),
        ("Surely the mill was old.", False),
        ("Great mills were old: they stood by the river.", False),
        ("The following is known: the mill was old.", False),
    ],
)
def test_remarks_around_an_answer_are_found(text: str, speaks: bool) -> None:
    assert remark(text) is speaks


def test_the_opening_that_a_style_fixes_goes() -> None:
    assert without_opening(" Paraphrased Text: it is", "Paraphrased Text") == "it is"
    assert without_opening("paraphrased text:\n\nit is", "Paraphrased Text:") == "it is"
    assert without_opening("It is", "Paraphrased Text:") == "It is"


WORDS = st.lists(st.sampled_from(["mill", "Anna", "river", "12", "the"]), max_size=30)


@given(WORDS, WORDS)
def test_shares_are_shares_and_copies_are_what_a_search_finds(ours, theirs) -> None:
    found = measure(" ".join(ours), " ".join(theirs))
    for share in (found.recall, found.copied, found.cosine):
        assert -1e-9 <= share <= 1 + 1e-9
    words, source = words_of(" ".join(ours)), words_of(" ".join(theirs))
    inside = f" {' '.join(source)} "
    runs = [words[at : at + 4] for at in range(len(words) - 3)]
    naive = sum(f" {' '.join(run)} " in inside for run in runs) / len(runs) if runs else 1
    assert copied(words, source) == naive
    assert cosine(words, source) == pytest.approx(cosine(source, words))
    assert set(found.numbers_lost) <= set(found.numbers)
    assert set(found.names_lost) <= set(found.names)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_can_be_held_against_any(text: str, source: str) -> None:
    assert measure(text, text).numbers_added == ()
    Bounds().broken(measure(text, source))
    remark(text)


@pytest.mark.parametrize("hostile", ["A" * 10**6, "Here is " * 10**5, "1," * 10**5, " " * 10**6])
def test_hostile_text_is_read_once(hostile: str) -> None:
    """Would not end if a regular expression went back and forth."""
    remark(hostile)
    assert measure(hostile, "The mill was old.").length >= 0


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("Every day nine trains cross it.", ("9",)),
        ("Every day 10 trains cross it.", ()),
        ("Every day ten trains cross it, which makes three reasons.", ()),
        ("Every day trains cross it, one of them late.", ()),
    ],
)
def test_a_number_in_words_that_became_another_is_added(text: str, added: tuple[str, ...]) -> None:
    assert measure(text, "It carries ten trains a day.").numbers_added == added
