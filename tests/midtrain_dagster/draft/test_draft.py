"""A first recipe for files of one's own: what is guessed, and that what is written is a recipe."""

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from midtrain.command import main
from midtrain_dagster.draft.guess import guess
from midtrain_dagster.draft.recipe import BaseFolderError, draft
from midtrain_dagster.recipe_file import load_recipe

PROSE = "Otters live along rivers and hold hands when they sleep, which keeps them together."
CHAT = [{"role": "user", "content": "Who sleeps?"}, {"role": "assistant", "content": "Otters."}]


def lines(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize(
    ("row", "kind", "fields"),
    [
        ({"text": PROSE, "id": 3}, "prose", {}),
        (
            {"payload": {"body": PROSE}, "url": "https://a"},
            "prose",
            {"text": "payload.body", "url": "url"},
        ),
        ({"uid": "a" * 30, "note": PROSE}, "prose", {"text": "note"}),
        (
            {"question": "Who?", "answer": "Otters"},
            "qa",
            {"template": "Question: {question}\nAnswer: {answer}"},
        ),
        ({"messages": CHAT}, "instruction", {}),
        ({"messages": CHAT, "tools": []}, "agent", {}),
        (
            {"conversations": [{"from": "human", "value": "Hm"}, {"from": "gpt", "value": "So"}]},
            "instruction",
            {"messages": "conversations"},
        ),
        (
            {"instruction": "Say", "input": "", "output": "so"},
            "instruction",
            {"messages": {"instruction": "instruction", "output": "output", "input": "input"}},
        ),
        (
            {"prompt": "Say", "completion": "so"},
            "instruction",
            {"messages": {"prompt": "prompt", "completion": "completion"}},
        ),
    ],
)
@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".parquet"])
def test_rows_say_what_they_hold(
    row: dict[str, Any], kind: str, fields: dict[str, Any], suffix: str, tmp_path: Path
) -> None:
    file = tmp_path / f"rows{suffix}"
    if suffix == ".parquet":
        if row.get("tools") == []:
            row = {**row, "tools": ["{}"]}
        pl.DataFrame([row]).write_parquet(file)
    else:
        lines(file, row)
    if suffix == ".parquet" and kind == "qa":  # which knows no template
        turns = {"prompt": "question", "completion": "answer"}
        kind, fields = "instruction", {"messages": turns}
    (found,) = guess([tmp_path]).found
    assert (found.kind, found.fields) == (kind, fields)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(draft([found], None, recipe))
    (source,) = load_recipe(recipe).sources.values()
    assert source.kind == kind
    files = source.list_files("it", str(tmp_path))
    (document,) = source.read(files[0], 1 << 20)
    assert document.text


def test_files_of_a_folder_make_sources(tmp_path: Path) -> None:
    notes = tmp_path / "My notes"
    for name in ("a.md", "deep/b.md", ".git/c.md", "picture.png", "d.py", "LICENCE"):
        (notes / name).parent.mkdir(parents=True, exist_ok=True)
        (notes / name).write_text(PROSE)
    lines(notes / "one.jsonl", {"text": PROSE})
    lines(notes / "two.jsonl.gz", {"body": PROSE})
    lines(notes / "none.jsonl", {"number": 3})
    (notes / "broken.jsonl").write_text("no JSON\n")
    guessed = guess([notes])
    assert [(each.suffix, len(each.files), each.whole_folder) for each in guessed.found] == [
        (".md", 2, True),
        (".jsonl", 1, False),
        (".jsonl", 1, False),
        (".py", 1, True),
    ]
    assert {reason: [file.name for file in files] for reason, files in guessed.unread.items()} == {
        "no reader takes .png": ["picture.png"],
        "no reader takes a file without a suffix": ["LICENCE"],
        "no text in its columns (none is text)": ["none.jsonl"],
        "no JSON Lines: its first line is no JSON object": ["broken.jsonl"],
    }
    recipe = tmp_path / "recipes" / "mine.yaml"
    recipe.parent.mkdir()
    recipe.write_text(draft(guessed.found, None, recipe))
    # What stands there as a comment is a recipe too.
    suggested = recipe.read_text().replace("# benchmarks:\n#   exam", "benchmarks:\n  exam")
    other = recipe.with_name("other.yaml")
    other.write_text(suggested)
    assert list(load_recipe(other).benchmarks) == ["exam"]
    loaded = load_recipe(recipe)
    assert list(loaded.sources) == ["my_notes", "my_notes_jsonl", "my_notes_jsonl_2", "my_notes_py"]
    listed = {
        name: [file.name for file in source.list_files(name, loaded.folder)]
        for name, source in loaded.sources.items()
    }
    assert [len(files) for files in listed.values()] == [2, 1, 1, 1]
    assert loaded.sources["my_notes_py"].kind == "code"


def test_a_base_of_ones_own(tmp_path: Path) -> None:
    base, recipe = tmp_path / "base", tmp_path / "recipe.yaml"
    (tmp_path / "a.txt").write_text(PROSE * 100)
    found = guess([tmp_path / "a.txt"]).found
    with pytest.raises(BaseFolderError, match="neither a folder nor a hub id"):
        draft(found, str(base), recipe)
    base.mkdir()
    with pytest.raises(BaseFolderError, match=r"config\.json cannot be read"):
        draft(found, str(base), recipe)
    (base / "config.json").write_text(json.dumps({"max_position_embeddings": 256}))
    for named in (str(base), "owner/model"):
        recipe.write_text(draft(found, named, recipe))
        loaded = load_recipe(recipe)
        assert loaded.base_given
        (run,) = loaded.runs()
        assert run.stage.sequence_length == (256 if named == str(base) else 1024)
        assert loaded.base.checkpoint == ("base" if named == str(base) else named)


def test_the_command_writes_it_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text(PROSE)
    for code, told in ((0, "recipe.yaml is written"), (2, "there is one already")):
        with pytest.raises(SystemExit) as ended:
            main(["init", "a.txt"])
        assert ended.value.code == code
        assert told in capsys.readouterr().out
    for path, told in (("none", "no such file"), (".", "no file that a source")):
        (tmp_path / "a.txt").unlink(missing_ok=True)
        with pytest.raises(SystemExit) as ended:
            main(["init", path, "--recipe", "other.yaml"])
        assert ended.value.code == 2
        assert told in capsys.readouterr().out
