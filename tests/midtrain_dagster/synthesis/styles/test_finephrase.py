import pytest

from midtrain_dagster.synthesis.styles.finephrase import (
    STYLES,
    frequent_questions,
    table,
    tutorial,
    word_problem,
)
from midtrain_dagster.synthesis.styles.passages_shown import BAKERY, BEANS, CURIE

TABLE, PROBLEM = STYLES["table"].examples[0][1], STYLES["word_problem"].examples[0][1]
STEPS = STYLES["tutorial"].examples[0][1]


def test_a_table_has_equal_rows_and_a_question_from_the_passage() -> None:
    loose = TABLE.replace("| --- | --- | --- |", "|:--|---:|--|").replace("| Time |", "|Time|")
    assert table(loose, BAKERY).text == TABLE
    assert table(TABLE.replace("| 25 |", "|"), BAKERY).fault == "malformed"
    assert table(TABLE.replace("| --- | --- | --- |\n", ""), BAKERY).fault == "malformed"
    assert table(TABLE.partition("Question")[0], BAKERY).fault == "malformed"
    assert table(TABLE.replace("In the morning", "For 3 euros"), BAKERY).fault is None
    assert table(TABLE.replace("In the morning", "In 1867"), BAKERY).fault == "not_grounded"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("", "", None),
        ("65 x 3 = 195", "65 x 3 = 185", "wrong_calculation"),
        ("65 x 3 = 195", "65 x 31 = 2015", "wrong_calculation"),
        ("Answer: 195", "Answer: 196", "not_grounded"),
        ("Answer: 195 euros", "Answer: much", "not_grounded"),
        ("Solution:", "Working:", "malformed"),
        ("Problem:", "A problem", "malformed"),
    ],
)
def test_a_word_problem_is_calculated_again(old: str, new: str, fault: str | None) -> None:
    assert word_problem(PROBLEM.replace(old, new), BAKERY).fault == fault


def test_frequent_questions_keep_those_that_are_grounded() -> None:
    asked = STYLES["faq"].examples[0][1]
    made_up = "Question: When did she die?\nAnswer: She died in 1934.\n"
    assert frequent_questions(f"{made_up}{asked}", CURIE).text == asked.replace("\nQ", "\n\nQ")
    assert frequent_questions(f"{made_up}{made_up}", CURIE).fault == "malformed"
    assert frequent_questions(f"{made_up}Question: Who?\nAnswer: Otto 5.", CURIE).fault == (
        "not_grounded"
    )


def test_steps_are_numbered_from_one_and_the_last_that_was_cut_goes() -> None:
    assert tutorial(f"{STEPS}\n5. Then", BEANS).text == STEPS
    assert tutorial(STEPS.replace("3.", "5."), BEANS).fault == "malformed"
    assert tutorial("Soak them. Boil them.", BEANS).fault == "malformed"
