import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.curation.duplicates.components import components
from midtrain_dagster.curation.raters.judgements import (
    CRITERIA,
    JudgementError,
    judge_labels,
    judge_pairs,
    pairs,
    read_judgements,
    read_labels,
)

DOCUMENTS = pl.DataFrame(
    {
        "id": ["long", "middle", "short", "null"],
        "text": ["one two three four", "one two three", "one", None],
    }
)


def excerpts(prompt: str) -> tuple[str, str]:
    found = re.search(r"\[A\]\n(.*)\n\n\[B\]\n(.*)\n\nWhich", prompt, re.DOTALL)
    assert found
    return found[1], found[2]


def prefers_longer(prompts: list[str]) -> list[str]:
    """A judge who goes by length, and answers in each of the forms that are taken."""
    texts = [excerpts(prompt) for prompt in prompts]
    answers = ["A" if len(first) > len(second) else "B" for first, second in texts]
    return [f" {answer}.\n" if number % 2 else answer for number, answer in enumerate(answers)]


ASKED = pl.DataFrame({"a": ["long", "short"], "b": ["short", "middle"]})


def test_pairs_are_asked_in_both_orders() -> None:
    judged = judge_pairs(
        DOCUMENTS, ASKED, prefers_longer, criterion="writing_style", characters=100
    )
    assert judged["judgements"].rows() == [("long", "short", 1.0), ("short", "middle", 0.0)]
    assert judged["rejects"].is_empty()
    assert dict(judged["metrics"].iter_rows()) == {
        "pairs_asked": 2,
        "pairs_rejected": 0,
        "answers_unparseable": 0,
        "share_of_answers_a": 0.5,
        "share_by_order": 0,
    }


def test_a_judge_who_goes_by_position_decides_nothing() -> None:
    judged = judge_pairs(
        DOCUMENTS,
        ASKED,
        lambda prompts: ["A"] * len(prompts),
        criterion="writing_style",
        characters=100,
    )
    assert judged["judgements"]["preference"].to_list() == [0.5, 0.5]
    metrics = dict(judged["metrics"].iter_rows())
    assert (metrics["share_of_answers_a"], metrics["share_by_order"]) == (1, 1)


@pytest.mark.parametrize(
    "answer", ["", "C", "AB", "A or B", "A because it is longer", "a", "Text A"]
)
def test_other_answers_are_rejected_with_their_pair(answer: str) -> None:
    judged = judge_pairs(
        DOCUMENTS,
        ASKED,
        lambda _: ["A", answer, "B", "A"],
        criterion="writing_style",
        characters=100,
    )
    assert judged["judgements"].rows() == [("short", "middle", 0.0)]
    assert judged["rejects"].rows() == [("long", "short", "A", answer)]
    assert dict(judged["metrics"].iter_rows())["answers_unparseable"] == 1


def test_a_prompt_has_the_criterion_and_the_beginnings() -> None:
    seen: list[str] = []

    def judge(prompts: list[str]) -> list[str]:
        seen.extend(prompts)
        return ["A"] * len(prompts)

    for criterion, words in CRITERIA.items():
        judge_pairs(DOCUMENTS, ASKED[:1], judge, criterion=criterion, characters=7)
        assert all(prompt.count(words) == 2 for prompt in seen[-2:])
    assert [excerpts(prompt) for prompt in seen[:2]] == [("one two", "one"), ("one", "one two")]


def test_labels_are_digits_and_nothing_else() -> None:
    judged = judge_labels(DOCUMENTS, lambda _: [" 4\n", "6", "0."], characters=3)
    assert judged["labels"].rows() == [("long", "one two three four", 4.0), ("short", "one", 0.0)]
    assert judged["rejects"].rows() == [("middle", "6")]


def test_a_judge_must_answer_every_prompt() -> None:
    with pytest.raises(ValueError, match="gave 1 answers to 3 prompts"):
        judge_labels(DOCUMENTS, lambda _: ["1"], characters=3)
    with pytest.raises(KeyError, match="no document 'lost' to judge"):
        lost = pl.DataFrame({"a": ["lost"], "b": ["long"]})
        judge_pairs(DOCUMENTS, lost, prefers_longer, criterion="writing_style", characters=9)


def test_pairs_connect_all_documents_alike() -> None:
    ids = pl.Series([f"d{number:03d}" for number in range(101)])
    drawn = pairs(ids, count=303, seed=4)
    assert (drawn["a"] != drawn["b"]).all()
    assert pl.concat([drawn["a"], drawn["b"]]).value_counts()["count"].unique().to_list() == [6]
    number = pl.int_range(101, eager=True)
    once = drawn.head(101)
    a, b = (once[side].replace_strict(ids, number).to_numpy() for side in "ab")
    assert not components(101, a, b).any()
    assert pairs(ids.reverse(), count=303, seed=4).equals(drawn)
    assert pairs(ids, count=50, seed=4).equals(drawn.head(50))
    assert not pairs(ids, count=303, seed=5).equals(drawn)
    assert pairs(ids.head(1), count=9, seed=1).is_empty()


def test_pairs_are_drawn_with_every_seed_of_a_recipe() -> None:
    ids = pl.Series([f"d{number}" for number in range(20)])
    drawn_ = [pairs(ids, count=20, seed=seed) for seed in (1, 2**63 - 1)]
    assert not drawn_[0].equals(drawn_[1])
    assert {table.height for table in drawn_} == {20}


def test_files_of_labels(tmp_path: Path) -> None:
    table = pl.DataFrame({"id": ["x", None], "text": [None, "a text"], "label": [3, 1], "who": 1})
    table.write_parquet(tmp_path / "labels.parquet")
    assert read_labels(tmp_path / "labels.parquet").rows() == [
        ("x", None, 3.0),
        ("row 2", "a text", 1.0),
    ]
    lines = tmp_path / "labels.jsonl"
    lines.write_text('{"label": 2.5, "id": "x"}\n{"label": 0, "id": "y"}\n')
    assert read_labels(lines).rows() == [("x", None, 2.5), ("y", None, 0.0)]


def test_files_of_judgements(tmp_path: Path) -> None:
    lines = tmp_path / "judged.jsonl"
    lines.write_text('{"a": "x", "b": "y", "winner": "b"}\n{"a": "z", "b": "y", "winner": "a"}\n')
    assert read_judgements(lines).rows() == [("x", "y", 0.0), ("z", "y", 1.0)]
    shares = pl.DataFrame({"a": ["x"], "b": ["y"], "preference": [0.25]})
    shares.write_parquet(tmp_path / "judged.parquet")
    assert read_judgements(tmp_path / "judged.parquet").rows() == [("x", "y", 0.25)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"id": "x"}', "it has no label, only id"),
        ('{"label": 1}', "an `id` or of a `text`: neither"),
        ('{"label": 1, "id": "x"}\n{"label": null, "id": "y"}', "row 2: it has no label"),
        ('{"label": 1, "id": "x"}\n{"label": 2, "id": "x"}', r"row 1: its id comes twice \(2 such"),
        ('{"label": 1, "id": null}', "row 1: it has no id and no text"),
        ('{"label": "good", "id": "x"}', "label"),
        ("no JSON", "neither Parquet nor JSON Lines"),
    ],
)
def test_bad_labels_name_file_and_row(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(content + "\n")
    with pytest.raises(JudgementError, match=message) as error:
        read_labels(path)
    assert "labels.jsonl" in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": "x", "winner": "a"}', "it has no b"),
        ('{"a": "x", "b": "x", "winner": "a"}', "row 1: a and b are one document"),
        ('{"a": "x", "b": null, "winner": "a"}', "row 1: it lacks the id a or b"),
        ('{"a": "x", "b": "y", "winner": "x"}', 'row 1: its winner is not "a" or "b"'),
        ('{"a": "x", "b": "y"}', "give `winner` or `preference`"),
        ('{"a": "x", "b": "y", "preference": 1.5}', "row 1: its preference is no share"),
    ],
)
def test_bad_judgements_name_file_and_row(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "judged.jsonl"
    path.write_text(content + "\n")
    with pytest.raises(JudgementError, match=message):
        read_judgements(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        read_labels(tmp_path / "absent.jsonl")


def test_a_fitted_judge_orders_documents_by_length() -> None:
    from midtrain_dagster.curation.raters.bradley_terry import scores

    texts = ["word " * number for number in range(1, 30)]
    documents = pl.DataFrame({"id": [f"{number:02d}" for number in range(29)], "text": texts})
    asked = pairs(documents["id"], count=200, seed=1)
    judged = judge_pairs(
        documents, asked, prefers_longer, criterion="facts_and_trivia", characters=1_000
    )
    fitted = scores(judged["judgements"], prior=0.1)["scores"]
    assert np.corrcoef(np.arange(29), fitted["score"].rank())[0, 1] > 0.97
