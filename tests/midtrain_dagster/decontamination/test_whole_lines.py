from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.decontamination.whole_lines import is_line

QUESTION = "What is food security?"
WORDS = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=300)
SPACES = st.text(" \t.:)*-", max_size=20)


def line(before: str, after: str) -> bool:
    text = f"{before}{QUESTION}{after}".encode()
    start = len(before.encode())
    return is_line(text, start, start + len(QUESTION) - 1)


def test_a_line_is_one_with_or_without_a_label() -> None:
    assert line("", "")
    assert line("Some page.\n\n", "\n\nMore of it.")
    assert line("Some page.\nQ: ", "\nMore of it.")
    assert line("Some page.\n12. ", " \nMore of it.")


@given(WORDS, WORDS, SPACES)
def test_two_words_before_it_are_a_sentence(one: str, other: str, gap: str) -> None:
    assert not line(f"\n{one} {other} {gap} ", "\n")


@given(WORDS, SPACES)
def test_a_word_after_it_is_a_sentence(word: str, gap: str) -> None:
    assert not line("\n", f"{gap} {word}")


@given(st.text(max_size=500), st.text(max_size=500))
def test_lines_around_it_change_nothing(before: str, after: str) -> None:
    assert line(f"{before}\n", f"\n{after}")
