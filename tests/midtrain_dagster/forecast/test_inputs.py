"""What a look at the inputs finds: every field by name, before anything is made."""

import bz2
import gzip
import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import polars as pl
import pytest

from midtrain_dagster.core import filesystem
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.forecast.inputs import look, required_inputs, told
from midtrain_dagster.recipe_file import RecipeError

from .conftest import LANGUAGE_MODEL, SENTENCE, Changed, items, rows, stage

RESET = {"moments": {"reset": "none is there"}, "learning_rate": {"reset": "none is said"}}

CONSTANT = [{"phase": "constant", "learning_rate": 1e-3}]

LLAMA = {
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 256,
    "vocab_size": 1000,
}
GPT2 = {"model_type": "gpt2", "n_positions": 128, "vocab_size": 1000, "n_embd": 32, "n_head": 2}

GIVEN = {
    "base": {"checkpoint": "./m"},
    "stages.base": None,
    "stages.annealed.schedule": CONSTANT,
    "stages.annealed.inherit": RESET,
}
"""A base that is given, whose folder is ``m``."""

TEXT = {"reader": "text", "domain": "web", "kind": "prose"}
MORE = {"reader": "json_lines", "kind": "prose", "paths": ["p.jsonl"]}
PARQUET = {"reader": "parquet", "domain": "web", "kind": "prose", "paths": ["a.parquet"]}


def window(length: int, **more: Any) -> dict[str, Any]:
    return {"sequence_length": length, "batch_tokens": 2 * length, **more}


def of_stage(name: str, **fields: Any) -> dict[str, Any]:
    return {f"stages.{name}.{field}": value for field, value in fields.items()}


def pages(**fields: Any) -> dict[str, Any]:
    return {f"sources.pages.{field}": value for field, value in fields.items()}


def parquet(**columns: list[Any]) -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


# The fields that are changed, the files beside the recipe, the field that is told, and words of it.
STOPS: dict[str, tuple[Mapping[str, Any], Mapping[str, Any], str, str]] = {
    # long contexts
    "a length beyond the positions of every checkpoint": (
        {"long_context": {"tasks": {"one": "needle"}, "lengths": [64, 4096]}},
        {},
        "long_context.lengths.1",
        "4096 is beyond the",
    ),
    # paths and stores
    "a URL": (
        pages(paths=["https://example.com/a.jsonl"]),
        {},
        "sources.pages.paths.0",
        "URLs are not read; fetch it first (`curl",
    ),
    "a scheme": (pages(paths=["foo://a/b"]), {}, "sources.pages.paths.0", "foo:// is not read"),
    "a container without an account": (
        pages(paths=["az://pages/a.jsonl"]),
        {},
        "sources.pages.paths.0",
        "set AZURE_STORAGE_ACCOUNT_NAME",
    ),
    "a pattern without files": (
        pages(paths=["p.jsonl", "*.ndjson"]),
        {},
        "sources.pages.paths.1",
        "no file matches '*.ndjson'",
    ),
    "a folder that is missing": (
        pages(paths=["q/*"]),
        {},
        "sources.pages.paths.0",
        "q does not exist",
    ),
    "files of one name": (
        pages(paths=["a/x.jsonl", "b/x.jsonl"]),
        {"a/x.jsonl": rows(1), "b/x.jsonl": rows(1)},
        "sources.pages.paths.1",
        "would both be called 'x.jsonl'",
    ),
    "empty files": (
        pages(paths=["a.jsonl"]),
        {"a.jsonl": ""},
        "sources.pages.paths",
        "all of its files are empty",
    ),
    # what a file is
    "a name that promises gzip": (
        pages(paths=["a.jsonl.gz"]),
        {"a.jsonl.gz": rows(3)},
        "sources.pages.reader",
        "its name ends in .gz, but it is not compressed so",
    ),
    "gzip without its name": (
        pages(paths=["a.jsonl"]),
        {"a.jsonl": gzip.compress(rows(3).encode())},
        "sources.pages.reader",
        "let its name end in .gz",
    ),
    "another compression": (
        pages(paths=["a.jsonl"]),
        {"a.jsonl": bz2.compress(rows(3).encode())},
        "sources.pages.reader",
        "compressed by bzip2",
    ),
    "a PDF as text": (
        {"sources.pages": {**TEXT, "paths": ["a.txt"]}},
        {"a.txt": b"%PDF-1.4\n..."},
        "sources.pages.reader",
        "it is a PDF file, which the reader 'text' does not read: say reader: pdf",
    ),
    "lines as Parquet": (
        {"sources.pages": {**PARQUET, "paths": ["p.jsonl"]}},
        {},
        "sources.pages.reader",
        "it is not a Parquet file",
    ),
    # rows
    "a key that no line has": (
        pages(text="body"),
        {},
        "sources.pages.text",
        "missing_key: no key 'body'; there are ['text']",
    ),
    "a key below another": (
        pages(text="text.body"),
        {},
        "sources.pages.text",
        "no key 'text.body'",
    ),
    "a key of a template": (
        pages(template="{title}: {text}"),
        {},
        "sources.pages.template",
        "no key 'title'",
    ),
    "a value that is no text": (
        pages(paths=["a.jsonl"]),
        {"a.jsonl": '{"text": [1]}\n'},
        "sources.pages.text",
        "'text' holds a list",
    ),
    "text that is no JSON": (
        pages(paths=["a.md"]),
        {"a.md": "# Otters\n\nThey swim.\n"},
        "sources.pages.paths",
        "invalid_json",
    ),
    "a column that is missing": (
        {"sources.pages": {**PARQUET, "text": "body"}},
        {"a.parquet": parquet(text=["otters"])},
        "sources.pages.text",
        "no column ['body']; there are ['text']",
    ),
    "a column of metadata that is missing": (
        {"sources.pages": {**PARQUET, "date": "when"}},
        {"a.parquet": parquet(text=["otters"])},
        "sources.pages.date",
        "no column ['when']",
    ),
    "a URL to block by that no row has": (
        pages(url="uri", block={"domains": ["example.com"]}),
        {},
        "sources.pages.url",
        "none of the first 200 rows has 'uri', by which they are blocked",
    ),
    "a block list": (
        pages(url="text", block={"domains": "list.txt"}),
        {},
        "sources.pages.block",
        "list.txt is no file (from `block.domains`)",
    ),
    "pages to plant in": (
        {
            "sources.planted": {
                **{"reader": "planted", "domain": "web", "kind": "prose", "benchmarks": ["exam"]},
                "pages": {**TEXT, "reader": "json_lines", "paths": ["p.jsonl"], "text": "body"},
            }
        },
        {},
        "sources.planted.pages.text",
        "no key 'body'",
    ),
    # models and files
    "no language model": (
        {"language_model": "none.ftz"},
        {},
        "language_model",
        "there is no file",
    ),
    "a language model that is none": (
        {"language_model": "p.jsonl"},
        {},
        "language_model",
        "p.jsonl is no fastText model",
    ),
    "a rater that is no model": (
        {"raters.quality.given": "p.jsonl"},
        {},
        "raters.quality.given",
        "is no fastText model",
    ),
    "a label that the model lacks": (
        {"raters.quality.label": "xx"},
        {},
        "raters.quality.given",
        "no label 'xx'",
    ),
    "labels that are missing": (
        {"raters.quality": {"method": "embedding", "embedding": "e", "labels": "l.jsonl"}},
        {"e/vectors.safetensors": "x"},
        "raters.quality.labels",
        "l.jsonl",
    ),
    "labels without labels": (
        {"raters.quality": {"method": "embedding", "embedding": "e", "labels": "l.jsonl"}},
        {"e/vectors.safetensors": "x", "l.jsonl": '{"foo": 1}\n'},
        "raters.quality.labels",
        "it has no label",
    ),
    "an embedding that is missing": (
        {"raters.quality": {"method": "pairwise", "embedding": "e", "judgements": "j.jsonl"}},
        {"j.jsonl": '{"a": "1", "b": "2", "winner": "a"}\n'},
        "raters.quality.embedding",
        "there is no folder",
    ),
    "a judge without its key": (
        {
            "raters.quality": {
                **{"method": "embedding", "embedding": "e"},
                "judge": {
                    "generator": {
                        **{"engine": "openai", "base_url": "http://127.0.0.1:1/v1", "model": "m"},
                        "api_key_variable": "NO_SUCH_KEY",
                    }
                },
            }
        },
        {"e/vectors.safetensors": "x"},
        "raters.quality.judge.generator.api_key_variable",
        "set the environment variable NO_SUCH_KEY",
    ),
    "a writer that is missing": (
        {
            "synthesis.qa": {
                **{"method": "question_answer", "domains": ["web"], "documents": 3},
                "generator": {"engine": "transformers", "model": "none"},
            }
        },
        {},
        "synthesis.qa.generator.model",
        "there is no model's folder",
    ),
    "a chat template without a place for tools": (
        {
            "tokenizer.chat_template": "{% for each in messages %}{{ each.content }}{% endfor %}",
            "synthesis.sessions": {
                **{"method": "tool_sessions", "sessions": 3},
                "generator": {"engine": "openai", "base_url": "http://127.0.0.1:9", "model": "m"},
            },
        },
        {},
        "tokenizer.chat_template",
        "conversations of 'sessions' cannot be written: the chat template has no place for tools",
    ),
    # benchmarks
    "a judge of answers that is missing": (
        {
            "benchmarks.exam.evaluate": {
                **{"method": "judge", "rubric": ["it is true"], "at_least": 4},
                "generator": {"engine": "transformers", "model": "none"},
            }
        },
        {},
        "benchmarks.exam.evaluate.generator.model",
        "there is no model's folder",
    ),
    "a benchmark's URL": (
        {"benchmarks.exam.paths": ["https://example.com/e.jsonl"]},
        {},
        "benchmarks.exam.paths",
        "URLs are not read",
    ),
    "a benchmark's file": (
        {"benchmarks.exam.paths": ["none.jsonl"]},
        {},
        "benchmarks.exam.paths",
        "there is no file",
    ),
    "a benchmark's folder": (
        {"benchmarks.exam.paths": ["e.jsonl"]},
        {"e.jsonl/exam": ""},
        "benchmarks.exam.paths",
        "there is no file",
    ),
    "a question's key": (
        {"benchmarks.exam.question": "q"},
        {},
        "benchmarks.exam.question",
        "no item has the key 'q'; the keys are ask, options, right",
    ),
    "a gold beyond the choices": (
        {"benchmarks.exam.paths": ["e.jsonl"]},
        {"e.jsonl": items(2) + items(1, right=3)},
        "benchmarks.exam.gold",
        "e.jsonl, row 3: 'right' is '3', neither an index below 3",
    ),
    "choices that are none": (
        {"benchmarks.exam.paths": ["e.jsonl"]},
        {"e.jsonl": items(1, options="an otter")},
        "benchmarks.exam.choices",
        "is not a list of texts",
    ),
    "one choice": (
        {"benchmarks.exam.paths": ["e.jsonl"]},
        {"e.jsonl": items(1, options=["an otter"])},
        "benchmarks.exam.evaluate",
        "item '1': multiple_choice needs at least two choices",
    ),
    "a benchmark that is no JSON": (
        {"benchmarks.exam.paths": ["e.jsonl"]},
        {"e.jsonl": '{"ask'},
        "benchmarks.exam.paths",
        "e.jsonl, row 1",
    ),
    "answers far beyond the window": (
        {"benchmarks.exam.paths": ["e.jsonl"]},
        {"e.jsonl": items(2, options=[SENTENCE * 20, "a stone"])},
        "benchmarks.exam.evaluate",
        "about 2 of 2 items are longer than the 64 tokens of the shortest window",
    ),
    # the base and the tokenizer
    "a window beyond the base's positions": (
        GIVEN | of_stage("annealed", **window(1024)),
        {"m/config.json": LLAMA},
        "stages.annealed.sequence_length",
        "1024 is beyond the 256 positions of",
    ),
    "a window of a stage after it": (
        GIVEN
        | of_stage("annealed", **window(256))
        | {"stages.long": stage("annealed", **window(512), rope={"method": "none"})}
        | {"stages.longer": stage("long", **window(1024), rope={"method": "none"})}
        | {"evaluation.length": 2048},
        {"m/config.json": LLAMA},
        "evaluation.length",
        "2048 is beyond the 1024 positions of 'longer', and no checkpoint has more",
    ),
    "moments that are not there": (
        {**GIVEN, "stages.annealed.inherit": {"learning_rate": RESET["learning_rate"]}},
        {"m/config.json": LLAMA},
        "stages.annealed.inherit.moments",
        "has no optimizer state, so there are no moments to keep",
    ),
    "a learning rate that nobody knows": (
        {**GIVEN, "stages.annealed.inherit": {"moments": RESET["moments"]}},
        {"m/config.json": LLAMA},
        "stages.annealed.inherit.learning_rate",
        "the learning rate of 'base' is not known",
    ),
    "a vocabulary beyond the base's": (
        GIVEN,
        {"m/config.json": {**LLAMA, "vocab_size": 100}},
        "tokenizer",
        "the tokenizer has 300 tokens, but",
    ),
    "an architecture that is no language model": (
        GIVEN,
        {"m/config.json": {"model_type": "t5"}},
        "base.checkpoint",
        "'t5' is no causal language model",
    ),
    "an architecture that nobody knows": (
        GIVEN,
        {"m/config.json": {"model_type": "otter"}},
        "base.checkpoint",
        "has model type `otter` but Transformers does not recognize",
    ),
    "a config that is no JSON": (
        GIVEN,
        {"m/config.json": "{otter"},
        "base.checkpoint",
        "config.json: this is no JSON",
    ),
    "a config that says nothing": (
        GIVEN,
        {"m/config.json": "{}"},
        "base.checkpoint",
        "it does not say its `model_type`",
    ),
    "a config with a wrong value": (
        GIVEN,
        {"m/config.json": {**LLAMA, "hidden_size": "wide"}},
        "base.checkpoint",
        "'hidden_size' expected int",
    ),
    "a base that is a file": (
        {**GIVEN, "base.checkpoint": "./m/config.json"},
        {"m/config.json": LLAMA},
        "base.checkpoint",
        "is a file: name the folder",
    ),
    "a base without weights": (
        GIVEN,
        {"m/config.json": LLAMA},
        "stages.annealed.start",
        "its weights cannot be loaded",
    ),
    "learned positions": (
        {**GIVEN, "evaluation.length": 100}
        | of_stage("annealed", **window(512), rope={"method": "none"}),
        {"m/config.json": GPT2},
        "stages.annealed.rope",
        "positions, which are not rotated",
    ),
    "a tokenizer that is missing": (
        {"tokenizer": {"path": "./none"}},
        {},
        "tokenizer.path",
        "there is no folder ./none",
    ),
    "a tokenizer that is broken": (
        {"tokenizer": {"path": "./t"}},
        {"t/tokenizer.json": "{"},
        "tokenizer.path",
        "t/tokenizer.json: the tokenizers library cannot read it: EOF",
    ),
    "a tokenizer of too little text": (
        {"tokenizer.train.vocabulary": 1_000_000},
        {},
        "tokenizer.train.vocabulary",
        "bytes of text give no 1,000,000 tokens",
    ),
    # amounts
    "tokens far beyond the text": (
        of_stage("annealed", tokens="40T"),
        {},
        "stages.annealed.mixture.domains.web",
        "40T tokens are asked of what has about",
    ),
    "tokens of a mixture that is found later": (
        of_stage("annealed", tokens="40T", mixture={"from": "found"})
        | {"mixtures.found": {"method": "proportional"}},
        {},
        "stages.annealed.tokens",
        "where max_epochs is 4",
    ),
    "a window of evaluation beyond any document": (
        {"evaluation.length": 9_000_000},
        {},
        "evaluation.length",
        "9000000 tokens are more than the 5242880 bytes",
    ),
    "workers beyond the machine": (
        of_stage("annealed", workers=4, batch_tokens=64 * 4096, tokens=64 * 4096)
        | {"stages.annealed.workers": 4096},
        {},
        "stages.annealed.workers",
        "4096 workers need a CPU each",
    ),
}

DOUBTS: dict[str, tuple[Mapping[str, Any], Mapping[str, Any], str, str]] = {
    "keys of metadata that no line has": (
        pages(url="uri", keep=["title"]),
        {},
        "sources.pages.keep.0",
        "none of the first 200 rows has 'title'",
    ),
    "lines read as one document": (
        {"sources.pages": {**TEXT, "paths": ["p.jsonl"]}},
        {},
        "sources.pages.reader",
        "read as one document: reader: json_lines reads what is in it",
    ),
    "a file of which nothing can be read": (
        pages(paths=["*.jsonl"]),
        {"q.jsonl": '{"body": "x"}\n'},
        "sources.pages.text",
        "(nothing of the beginning of 2 of 3 files: ",
    ),
    "more epochs than allowed, by the estimate": (
        of_stage("annealed", tokens="500k"),
        {},
        "stages.annealed.mixture.domains.web",
        "epochs, where max_epochs is 4",
    ),
    "general domains that have less than their floor at some moment": (
        {"checks.general_floor": 0.9, "sources.sums": {**MORE, "domain": "maths"}}
        | of_stage("annealed", mixture={"domains": {"web": "0.95 -> 0.8", "maths": "rest"}}),
        {},
        "stages.annealed.mixture",
        "(web) have 80.0% where they have least, below checks.general_floor (90%)",
    ),
    "a batch that changes beside a rate that is kept": (
        of_stage("annealed", batch_tokens="1024 -> 512 @ 50%", schedule=[{"phase": "constant"}]),
        {},
        "stages.annealed.batch_tokens",
        "the batch changes from 512 tokens, with which 'base' ends, to 1,024",
    ),
    "a window that no document was seen to fill": (
        {"evaluation.length": 1024} | of_stage("annealed", **window(1024), rope={"method": "none"}),
        {},
        "evaluation.length",
        "the longest document seen in the first rows has about",
    ),
    "more tokens than are held out": (
        {"evaluation.tokens_by_domain": 10**6},
        {},
        "evaluation.tokens_by_domain",
        "all there are will be taken",
    ),
    "a limit beyond the items": (
        {"benchmarks.exam.evaluate": {"method": "multiple_choice", "limit": 50}},
        {},
        "benchmarks.exam.evaluate.limit",
        "there are 3 items",
    ),
    "a hub id that is not at hand": (
        {**GIVEN, "base.checkpoint": "nobody-at-all/no-such-model"},
        {},
        "base.checkpoint",
        "is fetched from the hub by the run",
    ),
    "a bucket larger than the window": (
        {"evaluation.bucket": 128},
        {},
        "evaluation.bucket",
        "there is one value",
    ),
}


def put(folder: Path, files: Mapping[str, Any]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))


def found(findings: list[Finding], *, stops: bool) -> list[str]:
    return [
        f"{'.'.join(map(str, finding.place))}: {finding.reason}"
        for finding in findings
        if finding.stops == stops
    ]


def test_what_is_as_it_should_be_is_not_told(changed: Changed) -> None:
    assert look(changed()).findings == []


@pytest.mark.parametrize("kind", STOPS)
def test_what_stops_a_run_is_told_by_its_field(changed: Changed, tmp_path: Path, kind: str) -> None:
    fields, files, field, words = STOPS[kind]
    recipe = changed(fields)
    put(tmp_path, files)
    lines = found(look(recipe).findings, stops=True)
    assert any(line.startswith(f"{field}: ") and words in line for line in lines), lines


@pytest.mark.parametrize("kind", DOUBTS)
def test_what_is_doubtful_is_told_and_stops_nothing(
    changed: Changed, tmp_path: Path, kind: str
) -> None:
    fields, files, field, words = DOUBTS[kind]
    recipe = changed(fields)
    put(tmp_path, files)
    findings = look(recipe).findings
    lines = found(findings, stops=False)
    assert any(line.startswith(f"{field}: ") and words in line for line in lines), lines
    assert found(findings, stops=True) == []


def test_a_link_that_leads_nowhere_is_told(changed: Changed, tmp_path: Path) -> None:
    put(tmp_path, {"notes/a.md": SENTENCE * 100})
    (tmp_path / "notes" / "b.md").symlink_to("nowhere")
    recipe = changed({"sources.pages": {**TEXT, "paths": ["notes"]}})
    doubts = told(recipe, look(recipe), stops=False)
    (line,) = [line for line in doubts if "leads nowhere" in line]
    assert "sources.pages.paths.0" in line
    assert line.endswith("notes/b.md is a link that leads nowhere; it is passed over")


@pytest.fixture
def llama(tmp_path: Path, tokenizer: Path) -> None:
    """A small checkpoint of 256 positions with its tokenizer, as a release has them."""
    from transformers import LlamaConfig, LlamaForCausalLM

    LlamaForCausalLM(LlamaConfig(**{**LLAMA, "vocab_size": 1024})).save_pretrained(tmp_path / "m")
    for file in tokenizer.iterdir():
        (tmp_path / "m" / file.name).write_bytes(file.read_bytes())


def test_a_given_base_that_fits_is_not_told(changed: Changed, llama: None) -> None:
    assert look(changed({**GIVEN, "tokenizer": {"path": "base"}})).findings == []


def test_what_is_doubtful_of_a_given_base_is_told(
    changed: Changed, llama: None, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    weights = tmp_path / "m" / "model.safetensors"
    tensors = load_file(weights)
    del tensors["lm_head.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    rope = {"method": "yarn", "factor": 40, "original_length": 256}
    fields = (
        GIVEN | {"tokenizer": {"path": "base"}} | of_stage("annealed", **window(512), rope=rope)
    )
    findings = look(changed(fields)).findings
    tied, far, ungated = found(findings, stops=False)
    assert tied.startswith("base.checkpoint: ")
    assert "tie_word_embeddings: false, but the stored head and embedding are one tensor" in tied
    assert far.startswith("stages.annealed.rope: factor 40 on the window of 256 tokens is made for")
    assert ungated.startswith(
        "stages.annealed: windows grow from 256 to 512 tokens, and only losses"
    )
    assert found(findings, stops=True) == []
    rope["original_length"] = 128
    (stops,) = found(look(changed(fields)).findings, stops=True)
    assert stops.endswith(
        "its windows are not scaled, and have 256 tokens: say original_length: 256"
    )


def test_a_control_is_told_only_where_its_stage_is_right(changed: Changed, llama: None) -> None:
    beyond = of_stage("annealed", **window(1024), control={"tokens": 2048})
    lines = found(look(changed({**GIVEN, **beyond})).findings, stops=True)
    assert [line.partition(": ")[0] for line in lines] == ["stages.annealed.sequence_length"]
    alone = {"stages.annealed.control": window(1024), "evaluation.length": 64}
    lines = found(look(changed({**GIVEN, **alone})).findings, stops=True)
    assert [line.partition(": ")[0] for line in lines] == [
        "stages.annealed.control.sequence_length"
    ]


def test_a_gpu_is_asked_of_the_machine_that_trains(
    changed: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    if torch.cuda.device_count():
        expected = []
    else:
        expected = ["stages.annealed.accelerator: a GPU is asked for, and this machine has none"]
    recipe = changed({"stages.annealed.accelerator": "gpu"})
    lines = found(look(recipe).findings, stops=True)
    assert [line.partition(": say")[0] for line in lines] == expected
    monkeypatch.setenv("MIDTRAIN_RAY_ADDRESS", "ray://cluster:10001")
    assert look(recipe).findings == []


def test_everything_is_told_at_once_with_file_and_line(changed: Changed, tmp_path: Path) -> None:
    recipe = changed(
        {
            "language_model": "none.ftz",
            "sources.pages.text": "body",
            "benchmarks.exam.gold": "best",
            "evaluation.length": 100_000,
        }
    )
    with pytest.raises(RecipeError) as raised:
        required_inputs(recipe)
    lines = str(raised.value).splitlines()
    document = (tmp_path / "small.yaml").read_text().splitlines()
    for field, written in (
        ("language_model", "language_model: none.ftz"),
        ("sources.pages.text", "    text: body"),
        ("benchmarks.exam.gold", "    gold: best"),
        ("evaluation.length", "  length: 100000"),
    ):
        start = f"{tmp_path / 'small.yaml'}, line {document.index(written) + 1}: {field}: "
        assert any(line.startswith(start) for line in lines), (start, lines)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An endpoint on loopback that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        yield address


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bucket ``midtrain`` with a file of lines."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    body = rows(200).encode()
    boto3.client("s3").put_object(Bucket="midtrain", Key="looked/p.jsonl", Body=body)


def test_a_store_that_does_not_answer_is_told_in_one_line(
    changed: Changed, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem.looked_at, "__kwdefaults__", {"seconds": 0.2})
    (line,) = found(look(changed(pages(paths=["s3://pages/a.jsonl"]))).findings, stops=True)
    assert line.startswith("sources.pages.paths.0: s3://pages/a.jsonl: no answer within 0.2 s: set")
    assert "AWS_ACCESS_KEY_ID" in line


def test_a_bucket_is_looked_at_and_one_that_is_not_there_is_named(
    changed: Changed, bucket: None
) -> None:
    paths = ["s3://midtrain/looked/p.jsonl"]
    assert look(changed(pages(paths=paths))).findings == []
    (line,) = found(look(changed(pages(paths=[*paths, "s3://none/*.jsonl"]))).findings, stops=True)
    assert line.startswith("sources.pages.paths.1: s3://none: there is no bucket 'none'")
    (line,) = found(look(changed(pages(paths=paths, text="body"))).findings, stops=True)
    assert line.startswith("sources.pages.text: ")


def test_the_command_tells_and_ends_with_two(changed: Changed, tmp_path: Path, command) -> None:
    changed(
        {
            "language_model": str(LANGUAGE_MODEL),
            "sources.pages.paths": ["https://example.com/a.jsonl"],
            "stages.annealed.tokens": "40T",
            "evaluation.length": 100_000,
        }
    )
    for subcommand in ("check", "run"):
        finished = command.here(subcommand, str(tmp_path / "small.yaml"))
        assert finished.code == 2
        assert "sources.pages.paths.0: https://example.com" in finished.output
        assert "evaluation.length: 100000 is beyond" in finished.output
        assert "Traceback" not in finished.output
    assert command.files() == {}
