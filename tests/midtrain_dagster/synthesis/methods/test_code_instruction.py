"""OSS-Instruct with scripted answers, through the frame and the real sandbox."""

import json
from hashlib import blake2b
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.synthesis.exercises import faults, parse
from midtrain_dagster.synthesis.methods.code_instruction import (
    FEWEST_LETTERS,
    INSTRUCTION,
    KNOWN,
    MOST_LINES,
    STOP,
    VERSION,
    WORKED_EXAMPLES,
    Config,
    prompt,
    prompts,
    snippet,
)
from tests.scripted_answers import made_by

GOLDEN = (1, "5423cd6f5a3b1202")

CODE = "import math\n\n\ndef area(radius):\n    é = math.pi\n    return é * radius ** 2\n" * 9


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    given = {"method": "code_instruction", "domains": ["code"], "documents": 10}
    return Config(**{**given, "generator": generator, **fields})


def worked(problem: str, name: str = "double") -> str:
    return (
        f" {problem}\nSolution:\nTwice it.\n```python\ndef {name}(x):\n    return 2 * x\n```\n"
        f"Tests:\n```python\nassert {name}(2) == 4\n```"
    )


def test_worked_examples_would_be_accepted() -> None:
    pieces = prompt("x").removeprefix(INSTRUCTION).split("Problem:")[1:-1]
    shown = [parse(piece.partition("\n\nSnippet:")[0], finished=True) for piece in pieces]
    assert [each.problem for each in shown] == [each.problem for each in WORKED_EXAMPLES]
    assert faults(shown, require_tests=True) == [None] * 3
    assert faults(shown, require_tests=True, known=KNOWN) == ["prompt_echo"] * 3


@given(st.text(alphabet="ab \n\t()é", max_size=400), st.integers(0, 99))
def test_a_snippet_is_whole_lines_of_its_document(text: str, seed: int) -> None:
    span = snippet(text, "d", seed)
    if span is None:
        return
    chosen = text[slice(*span)]
    assert text[: span[0]].endswith("\n") or span[0] == 0
    assert chosen.endswith("\n") or span[1] == len(text)
    assert 1 <= len(chosen.splitlines()) <= MOST_LINES
    assert sum(map(str.isalpha, chosen)) >= FEWEST_LETTERS
    assert snippet(text, "d", seed) == span


def test_starts_and_lengths_of_snippets_are_spread() -> None:
    text = "".join(f"inspirations = {number:03}\n" for number in range(100))
    spans = [snippet(text, f"d{number}", 0) for number in range(300)]
    chosen = [text[slice(*span)].splitlines() for span in spans if span]
    assert {len(lines) for lines in chosen} == set(range(1, MOST_LINES + 1))
    assert len({lines[0] for lines in chosen}) > 85


def test_a_snippet_is_asked_about_once(documents: Any) -> None:
    table = prompts(documents("only = letters_here\n", "only =  letters_here", "()\n"), 0)
    (row,) = table.rows(named=True)
    assert (row["id"], row["snippet"]) == ("d0:0-20", "only = letters_here")
    assert row["prompt"].endswith("Snippet:\n```\nonly = letters_here\n```\nProblem:")


def test_answers_become_exercises_or_rejects(documents: Any) -> None:
    said: list[str | Completion] = [
        worked("Write `double(x)`, which doubles a number."),
        worked("Write `double(x)`, which doubles a  number."),
        "As to this snippet, nothing comes to my mind.",
        Completion(worked("Write `twice(x)`, which doubles a number.", "twice"), "length"),
        Completion("", fault="failed", detail="broken"),
        worked("Write `treble(x)`, which trebles a number.", "treble").replace("== 4", "== 6"),
    ]
    sources = documents(*(f"# {n}\n{CODE}" for n in range(len(said))), domain="code")
    method = config()
    order = dict(zip(method.choose(sources)["id"], said, strict=True))
    made = made_by(method, sources, lambda row, *_: order[row["document"]])
    (document,) = made.accepted.documents.rows(named=True)
    assert document["text"] == (
        "Write `double(x)`, which doubles a number.\n\nTwice it.\n```python\ndef double(x):\n"
        "    return 2 * x\n```\n"
    )
    assert (document["kind"], document["format"], document["domain"]) == (
        *("code", "markdown", "code_instructions"),
    )
    described = json.loads(document["metadata"])
    (seed,) = described["seeds"]
    text = dict(sources.select("id", "text").iter_rows())[seed["document"]]
    taken = text.encode()[seed["start"] : seed["stop"]].decode()
    assert taken in text
    assert described["scores"] == {"assertions": 1.0}
    assert described["tests"] == "assert double(2) == 4\n"
    reasons = made.accepted.rejects["reason"].to_list()
    assert reasons == ["duplicate", "no_solution", "unfinished", "failed", "failed"]
    (example,) = made.accepted.examples.rows(named=True)
    assert [field["label"] for field in example["fields"]] == [
        *("Problem", "Solution", "Tests", "Snippet"),
    ]


def test_a_generator_is_told_where_an_exercise_ends() -> None:
    assert config().request.stop == STOP


def test_golden(documents: Any) -> None:
    """Bump VERSION when this changes: stored exercises were made by the old method."""
    sources = documents(*(f"# {n}\n{CODE}" for n in range(4)), domain="code")
    made = made_by(config(seed=3), sources, lambda row, *_: worked(f"Write it for {row['id']} now"))
    found = [pl.DataFrame.rows(table) for table in made.accepted]
    prompted = prompts(config(seed=3).choose(sources), 3).rows()
    digest = blake2b(repr([found, prompted]).encode(), digest_size=8).hexdigest()
    assert (VERSION, digest) == GOLDEN
