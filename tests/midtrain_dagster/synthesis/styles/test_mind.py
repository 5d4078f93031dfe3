import pytest

from midtrain_dagster.synthesis.styles.mind import turns
from midtrain_dagster.synthesis.styles.passages_shown import BAKERY

TALK = (
    "Asker: How many loaves did they sell?\n**Solver:** 40 in the morning and 25 later.\n"
    "Asker: So how many?\nsolver: We get 40 + 25 = 65.\nAsker: And how"
)


def test_turns_are_those_of_two_speakers_and_the_last_one_that_was_cut_goes() -> None:
    form = turns("Asker", "Solver")(TALK, BAKERY)
    assert form.fault is None
    assert form.text.splitlines() == [
        "Asker: How many loaves did they sell?",
        "Solver: 40 in the morning and 25 later.",
        "Asker: So how many?",
        "Solver: We get 40 + 25 = 65.",
    ]
    assert form.added == {"65"}
    assert "Asker" not in form.said


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (TALK.replace("65", "66"), "wrong_calculation"),
        (TALK.replace("olver:", "omebody said:"), "malformed"),
        ("Asker: One.\nAsker: Two.\nAsker: Three.\nAsker: Four.", "malformed"),
        ("Asker: One.\nSolver: Two.\nAsker: Three.", "malformed"),
        ("They talk about bread.", "malformed"),
    ],
)
def test_what_is_no_sound_dialogue_has_its_reason(answer: str, fault: str) -> None:
    assert turns("Asker", "Solver")(answer, BAKERY).fault == fault
