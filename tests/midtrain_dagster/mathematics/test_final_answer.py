import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.mathematics.final_answer import final_answer, marked_answer, normal_form


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"So \boxed{3}, or rather \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}} is the set.", r"\{1, 2\}"),
        (r"\boxed {x} and \boxed{open", "x"),
        (r"\boxed{} and \fbox{7}", "7"),
        ("She has 3 + 4 = 7.\n#### 7", "7"),
        ("#### 1,200\n", "1,200"),
        ("The answer is 5. I hope it is correct.", "5"),
        ("The final answer is: $x^2 + 1$ because of that.", "x^2 + 1"),
        ("**Answer:** no\nAnswer: 12 apples, which is many.", "12 apples"),
        ("the answer is 3.50.", "3.50"),
        ("The answer is **yes**.", "yes"),
        ("Answer = -4", "-4"),
        ("An answer to this is hard.", None),
        ("Answer:   \nnothing", None),
        ("It is 12.", None),
        ("", None),
    ],
)
def test_marked_answer_is_the_last_that_a_text_calls_so(text: str, answer: str | None) -> None:
    assert marked_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("We get 3, then 1,250.75 in all.", "1,250.75"),
        ("It is 1/2.", "1/2"),
        ("x2 has no number", None),
        ("The answer is 5, not 6.", "5"),
        ("between -3 and +4%", "+4%"),
    ],
)
def test_final_answer_falls_back_to_the_last_number(text: str, answer: str | None) -> None:
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("answer", "form"),
    [
        ("$ 5 $.", "5"),
        (r"\(\dfrac{1}{2}\)", r"\frac{1}{2}"),
        (r"\boxed{\text{ yes }}", "yes"),
        (r"\left( 1, 2 \right)", "( 1, 2 )"),
        ("**12**", "12"),
        ("2**3", "2^3"),
        ("2 1/2", "5/2"),
        ("-1 1/4", "-5/4"),
        ("5 \u2212 3", "5 - 3"),
        (r"50\%", "50%"),
        (r"1{,}234\,567", "1234567"),
        (r"(1,\, 234)", "(1, 234)"),
        (" . ", ""),
        ("$a$ and $b$", "$a$ and $b$"),
    ],
)
def test_normal_form(answer: str, form: str) -> None:
    assert normal_form(answer) == form


@given(st.text(alphabet="\\boxed{}$#4 answeri:\n.,/-*()", max_size=80) | st.text(max_size=80))
def test_any_text_has_an_answer_or_none_and_its_normal_form_stays(text: str) -> None:
    answer = marked_answer(text)
    assert answer is None or (answer == answer.strip() and normal_form(answer))
    assert final_answer(text) is None or final_answer(text) in text
    form = normal_form(text)
    assert form == form.strip()


@given(st.text(alphabet="ab1 \\{}", max_size=30).filter(lambda text: text.strip() != ""))
def test_a_closed_box_is_found_wherever_it_stands(filling: str) -> None:
    text = f"First \\boxed{{7}}; it may be \\boxed{{{filling}"
    assert marked_answer(text) is not None


@pytest.mark.parametrize(
    "piece", ["\\boxed{", "####", "answer ", "answer is ", "$", "**", "1,", "{"]
)
def test_hostile_lengths_are_read_in_linear_time(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    final_answer(text)
    normal_form(text[:20_000])
