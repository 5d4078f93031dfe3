"""Every style by its own worked examples, which must hold to what it asks of others."""

from dataclasses import replace
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.styles.catalogue import SETS, STYLES, VERSION, named
from midtrain_dagster.synthesis.styles.style import REASONS, Style

GOLDEN = (1, "22ef9a583d050a94")

EXAMPLES = [
    (name, passage, answer) for name, style in STYLES.items() for passage, answer in style.examples
]


def strange(style: Style) -> Style:
    """The style with other examples, and without its least length, which short examples lack."""
    return replace(style, examples=(("Nothing.", "Nothing is here."),), least=0)


def test_the_papers_styles_are_there() -> None:
    assert {name: len(styles) for name, styles in SETS.items()} == {
        "wrap": 4, "nemotron_cc": 5, "mind": 7, "finephrase": 4,
    }  # fmt: skip
    assert len(STYLES) == 20
    assert named(["table", "wrap", "easy"]) == ["table", *SETS["wrap"]]


@pytest.mark.parametrize(("name", "passage", "answer"), EXAMPLES)
def test_worked_examples_are_rejected_as_an_echo_and_for_nothing_else(name, passage, answer):
    style = STYLES[name]
    assert style.write(f" {answer}", passage).reason == "prompt_echo"
    for opening in ("", f"{style.label}:\n", *(f"{each}\n" for each in style.openings)):
        written = strange(style).write(f"{opening}{answer}\nPassage: another", passage)
        assert written.reason is None
        assert written.fidelity is not None


@pytest.mark.parametrize("name", STYLES)
def test_a_prompt_ends_where_the_answer_begins(name: str) -> None:
    style = STYLES[name]
    prompt = style.prompt("One.\n\nTwo.")
    assert prompt.endswith(f"\n\nPassage: One. Two.\n{style.label}:")
    assert prompt.count("\nPassage: ") == len(style.examples) + 1


@pytest.mark.parametrize(("name", "passage", "answer"), EXAMPLES)
def test_what_goes_wrong_has_a_reason(name: str, passage: str, answer: str) -> None:
    style = strange(STYLES[name])
    other = "The moon is made of rock, and 12 people of one country have walked on it since 1969."
    assert style.write("", passage).reason == "empty"
    assert style.write(f"{style.label}:\n\n**", passage).reason == "empty"
    assert style.write(answer, other).reason is not None
    assert style.write(f"Sure! {answer}", passage).reason in ("remark", "malformed")
    assert style.write("!" + "x " * 50_000, passage).reason is not None


@given(st.sampled_from(EXAMPLES), st.integers(0, 800), st.text(max_size=40))
def test_a_cut_or_broken_answer_never_raises(example, end: int, noise: str) -> None:
    name, passage, answer = example
    for said in (answer[:end], answer[:end] + noise + answer[end:], noise):
        written = strange(STYLES[name]).write(said, passage)
        assert written.reason is None or written.reason in REASONS


def test_golden() -> None:
    """Bump VERSION when this changes: what is stored was asked and taken by the old styles."""
    told = [
        (name, style.prompt("One."), *style.tokens, style.least, style.max_new_tokens, style.bounds)
        for name, style in STYLES.items()
    ]
    told += [
        strange(STYLES[name]).write(answer, passage).text for name, passage, answer in EXAMPLES
    ]
    assert (VERSION, blake2b(repr(told).encode(), digest_size=8).hexdigest()) == GOLDEN
