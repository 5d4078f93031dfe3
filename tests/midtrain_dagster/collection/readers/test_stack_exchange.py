from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

QUESTION = '<row Id="{id}" PostTypeId="1" Title="q{id}" Body="b{id}"{accepted} Score="1" />'
ANSWER = '<row Id="{id}" PostTypeId="2" ParentId="{parent}" Score="{score}" Body="a{id}" />'


def dump(*rows: str) -> str:
    return "\n".join(["<posts>", *rows, "</posts>"])


def test_answers_are_chosen_by_acceptance_then_score_then_age(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    rows = [
        ANSWER.format(id=1, parent=2, score=9),  # merged from an older question
        QUESTION.format(id=2, accepted=' AcceptedAnswerId="5"'),
        QUESTION.format(id=3, accepted=' AcceptedAnswerId="99"'),
        QUESTION.format(id=4, accepted=""),
        ANSWER.format(id=5, parent=2, score=-1),
        ANSWER.format(id=6, parent=3, score=4),
        ANSWER.format(id=7, parent=3, score=4),
        ANSWER.format(id=8, parent=77, score=4),  # its question is deleted
    ]
    (tmp_path / "Posts.xml").write_text(dump(*rows))
    collected = collect(reader="stack_exchange", paths=["."], kind="qa")
    assert collected.texts == {
        "Posts.xml:2": "Question: q2\n\nb2\n\nAnswer: a5",
        "Posts.xml:3": "Question: q3\n\nb3\n\nAnswer: a6",
    }
    assert collected.reasons == {"Posts.xml:4": "unanswered"}


def test_rows_that_are_broken_cost_themselves(tmp_path: Path, collect: Callable[..., Any]) -> None:
    rows = [
        QUESTION.format(id=1, accepted=""),
        '<row Id="2" PostTypeId="2" ParentId="1" Score="many" />',
        '<row Id="3" PostTypeId="2" ParentId="1" Body="&undefined;" />',
        '<row Id="4" Body="no type" />',
        f'<row Id="5" PostTypeId="2" ParentId="1" Score="9" Body="{"x" * 1000}" />',
        ANSWER.format(id=6, parent=1, score=0),
    ]
    (tmp_path / "Posts.xml").write_text(dump(*rows))
    collected = collect(reader="stack_exchange", paths=["Posts.xml"], max_document_bytes=100)
    assert collected.texts == {"Posts.xml:1": "Question: q1\n\nb1\n\nAnswer: a6"}
    assert collected.reasons == {
        "Posts.xml:line 3": "invalid_xml",
        "Posts.xml:line 4": "invalid_xml",
        "Posts.xml:line 5": "invalid_xml",
        "Posts.xml:line 6": "too_large",
    }
    assert "PostTypeId" in collected.detail("Posts.xml:line 5")


def test_dumps_must_be_unpacked(tmp_path: Path, collect: Callable[..., Any]) -> None:
    (tmp_path / "site.7z").write_bytes(b"7z\xbc\xaf\x27\x1c")
    collected = collect(reader="stack_exchange", paths=["*.7z"])
    assert collected.reasons == {"site.7z": "unreadable_file"}
    assert "unpack" in collected.detail("site.7z")


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answers=st.lists(st.tuples(st.integers(1, 3), st.integers(-2, 2)), max_size=8),
    random=st.randoms(),
)
def test_answers_do_not_depend_on_the_order_of_rows(
    answers: list[tuple[int, int]], random: Any, tmp_path: Path, collect: Callable[..., Any]
) -> None:
    rows = [QUESTION.format(id=1, accepted=""), QUESTION.format(id=2, accepted="")]
    rows += [
        ANSWER.format(id=10 + number, parent=parent, score=score)
        for number, (parent, score) in enumerate(answers)
    ]
    expected = {}
    for question in (1, 2):
        mine = [(-s, 10 + n) for n, (parent, s) in enumerate(answers) if parent == question]
        if mine:
            text = f"Question: q{question}\n\nb{question}\n\nAnswer: a{min(mine)[1]}"
            expected[f"Posts.xml:{question}"] = text
    random.shuffle(rows)
    (tmp_path / "Posts.xml").write_text(dump(*rows))
    assert collect(reader="stack_exchange", paths=["Posts.xml"]).texts == expected


def test_a_score_that_is_no_number_costs_its_question(
    tmp_path: Path, collect: Callable[..., Any]
) -> None:
    rows = [
        QUESTION.format(id=1, accepted="").replace('Score="1"', 'Score="many"'),
        ANSWER.format(id=2, parent=1, score=1),
        QUESTION.format(id=3, accepted=""),
        ANSWER.format(id=4, parent=3, score=1),
    ]
    (tmp_path / "Posts.xml").write_text(dump(*rows))
    collected = collect(reader="stack_exchange", paths=["."], kind="qa")
    assert collected.reasons == {"Posts.xml:1": "invalid_xml"}
    assert list(collected.texts) == ["Posts.xml:3"]
