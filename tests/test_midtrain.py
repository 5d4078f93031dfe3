"""The command as a person uses it: the whole graph in miniature, on real parts."""

import json
import shutil
import signal
import time
from pathlib import Path

import pytest
import yaml

WholeRun = tuple["Command", str]  # noqa: F821

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
    "checkpoint",
    "held_out_losses",
    "evaluation",
    "report",
}
"""Methods that make a new artifact when a curation threshold of prose changes. The attributes are
among them because the synthetic documents are new; those of the collected ones are found."""


def variant(tiny: Path, folder: Path, **changes: object) -> Path:
    """A copy of the recipe: same name, paths made absolute, some fields changed."""
    text = tiny.read_text().replace("../../data", str(tiny.parents[2] / "data"))
    fields = yaml.safe_load(text) | changes
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(fields, sort_keys=False))
    return path


def test_a_run_ends_with_the_table_and_the_path_of_the_report(whole_run: WholeRun) -> None:
    _, output = whole_run
    lines = output.strip().splitlines()
    report = Path(lines[-1])
    assert report.name == "report.html" and report.is_file()
    assert "Before and after mid-training" in output
    for asset in ("documents", "curated_documents", "annealed_control", "extended", "report"):
        assert any(line.split()[0] == asset for line in lines if line.startswith("  ")), asset


def test_the_runs_are_in_the_instance_afterwards(whole_run: WholeRun) -> None:
    import dagster as dg

    command, _ = whole_run
    with dg.DagsterInstance.from_config(str(command.root / ".dagster")) as instance:
        runs = instance.get_runs()
        assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
        event = instance.get_latest_materialization_event(dg.AssetKey(["tiny", "token_shards"]))
    assert event is not None and event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert (
        metadata["fingerprint"].value == (event.asset_materialization.tags["dagster/data_version"])
    )


def test_every_planted_item_is_caught_and_none_reaches_the_shards(whole_run: WholeRun) -> None:
    import polars as pl

    from midtrain_dagster.core.artifacts import ArtifactStore
    from midtrain_dagster.core.storage import Storage
    from resources.artifacts import load_materialized

    store = ArtifactStore(Storage(root=str(whole_run[0].root)))
    documents = load_materialized(store, ["tiny", "documents"]).read("documents")
    hits = load_materialized(store, ["tiny", "contamination"], "hellaswag").read("hits")
    shards = load_materialized(store, ["tiny", "token_shards"])
    planted = documents.filter(pl.col("source") == "planted")
    assert planted.height == 5
    assert set(planted["id"]) <= set(hits["id"])
    for split in ("train_index", "held_out_index"):
        assert not set(shards.read(split)["id"]) & set(hits["id"])


def test_a_second_run_writes_nothing_and_starts_no_ray(whole_run: WholeRun, tiny: Path) -> None:
    command, _ = whole_run
    before, sessions = command.files(), command.ray_sessions()
    assert sessions == 1
    finished = command("run", str(tiny))
    assert finished.code == 0, finished.output
    assert command.files() == before
    assert command.ray_sessions() == sessions


@pytest.mark.slow
def test_the_same_recipe_in_another_folder_makes_the_same(
    whole_run: WholeRun, tiny, tmp_path, command
) -> None:
    """No path is a cause: only the report, which prints the recipe's text, differs."""
    shutil.copytree(whole_run[0].root, command.root)
    before = command.manifests()
    finished = command("run", str(variant(tiny, tmp_path)))
    assert finished.code == 0, finished.output
    new = {Path(path).parent.name for path in command.manifests().keys() - before.keys()}
    assert new == {"report"}


@pytest.mark.slow
def test_after_a_threshold_changes_exactly_its_dependents_run_again(
    whole_run: WholeRun, tiny: Path, tmp_path: Path, command
) -> None:
    shutil.copytree(whole_run[0].root, command.root)
    before = command.manifests()
    curation = yaml.safe_load(tiny.read_text())["curation"]
    curation["prose"]["thresholds"]["minimum_word_count"] = 60
    finished = command("run", str(variant(tiny, tmp_path, curation=curation)))
    assert finished.code == 0, finished.output
    new = {Path(path).parent.name for path in command.manifests().keys() - before.keys()}
    assert new == AFTER_A_THRESHOLD
    documents = [path for path in command.manifests() if path.startswith("documents/")]
    assert len(documents) == 1


@pytest.mark.slow
def test_a_damaged_shard_stops_the_stage_and_is_named(
    whole_run: WholeRun, tiny: Path, tmp_path: Path, command
) -> None:
    shutil.copytree(whole_run[0].root, command.root)
    for made in ("manifests/checkpoint", "runs"):
        shutil.rmtree(command.root / made)
    shard = max(
        command.root.glob("parts/**/train_tokens.bin"), key=lambda file: file.stat().st_size
    )
    whole = shard.read_bytes()
    shard.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    finished = command("run", str(tiny))
    assert finished.code != 0
    assert f"{shard}: damaged, it is not what was written: delete it" in finished.output


@pytest.mark.slow
def test_a_new_benchmark_is_scanned_and_asked_and_nothing_else_is_made(
    whole_run: WholeRun, tiny: Path, tmp_path: Path, command
) -> None:
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
    benchmarks = yaml.safe_load(tiny.read_text())["benchmarks"]
    for each in benchmarks.values():
        absolute(each, tiny)
    benchmarks["capitals"] = {
        "paths": [str(items)],
        "question": "q",
        "answer": "a",
        "evaluate": "answer_likelihood",
    }
    finished = command("run", str(variant(tiny, tmp_path, benchmarks=benchmarks)))
    assert finished.code == 0, finished.output
    new = sorted(Path(path).parent.name for path in command.manifests().keys() - before.keys())
    # Two scans: of the collected documents and of the synthetic ones.
    assert new == ["benchmark_items", "contamination", "contamination", "evaluation", "report"]


def test_ctrl_c_stops_with_130_and_the_next_run_goes_on(tiny: Path, command) -> None:
    process = command.start("run", str(tiny))
    while not list((command.root / "manifests").glob("documents/*.json")):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "the next run goes on from there" in output
    assert not list(command.root.rglob(".*.tmp"))


def test_a_mistake_in_the_recipe_is_told_before_anything_runs(
    tiny: Path, tmp_path, command
) -> None:
    path = variant(tiny, tmp_path, held_oat=0.1)
    finished = command("run", str(path))
    assert finished.code == 2
    assert f"{path}, line" in finished.output
    assert "held_oat: no such field" in finished.output
    assert not (command.root / "parts").exists()


def test_check_prints_what_a_run_would_do_and_makes_nothing(tiny: Path, command) -> None:
    finished = command("check", str(tiny))
    assert finished.code == 0, finished.output
    assert "16 steps of 1,024" in finished.output
    assert "100 items, evaluated by multiple_choice" in finished.output
    assert not (command.root / "parts").exists()


def test_a_source_without_documents_stops_the_run_and_is_named(
    tiny: Path, tmp_path, command
) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    sources = yaml.safe_load(tiny.read_text())["sources"]
    sources["notes"] = {
        "reader": "json_lines",
        "domain": "web",
        "kind": "prose",
        "paths": [str(tmp_path / "empty.jsonl")],
    }
    for source in sources.values():
        absolute(source, tiny)
    finished = command("run", str(variant(tiny, tmp_path, sources=sources)))
    assert finished.code == 1
    assert "the source 'notes' gave no document" in finished.output


def absolute(source: dict, tiny: Path) -> None:
    for each in (source, source.get("pages", {})):
        if "paths" in each:
            each["paths"] = [str((tiny.parent / path).resolve()) for path in each["paths"]]


def test_an_unknown_file_of_a_source_is_told(tiny: Path, tmp_path: Path, command) -> None:
    sources = yaml.safe_load(tiny.read_text())["sources"]
    for source in sources.values():
        absolute(source, tiny)
    sources["wikipedia"]["paths"] = [str(tmp_path / "nowhere.jsonl")]
    finished = command("check", str(variant(tiny, tmp_path, sources=sources)))
    assert finished.code == 2
    assert "source 'wikipedia'" in finished.output and "nowhere.jsonl" in finished.output


def test_default_data_that_is_not_there_is_told(tiny: Path, tmp_path: Path, command) -> None:
    """One clear line that says what to do, before anything runs."""
    path = variant(tiny, tmp_path, language_model=str(tmp_path / "data" / "lid.176.ftz"))
    finished = command("run", str(path))
    assert finished.code == 2
    assert "lid.176.ftz; `midtrain fetch` fetches the default data" in finished.output
    assert not (command.root / "parts").exists()


def test_the_store_survives_a_move(whole_run: WholeRun, tiny: Path, command) -> None:
    made, _ = whole_run
    shutil.copytree(made.root, command.root)
    before = command.files().keys()
    finished = command("run", str(tiny))
    assert finished.code == 0, finished.output
    assert command.files().keys() == before
    assert command.ray_sessions() == 0


@pytest.mark.slow
def test_a_given_base_is_annealed(whole_run: WholeRun, tiny: Path, tmp_path, command) -> None:
    """People come with a checkpoint: a Hugging Face folder, with our optimizer state in it."""
    made, _ = whole_run
    shutil.copytree(made.root, command.root)
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for part in artifact(made.root, "base").manifest.parts:
        if part.table not in ("log", "mixture"):
            shutil.copy(made.root / part.path, folder / part.table)
    fields = yaml.safe_load(tiny.read_text())
    stages = {"annealed": fields["stages"]["annealed"]}
    del stages["annealed"]["control"]
    given = {"base": {"checkpoint": str(folder)}, "tokenizer": {"path": "base"}}
    finished = command("run", str(variant(tiny, tmp_path, stages=stages, **given)))
    assert finished.code == 0, finished.output
    before, after = (artifact(root, "annealed") for root in (made.root, command.root))
    # Same weights, moments, rate and data: the same losses as in the graph that trained the base.
    assert after.read("log").equals(before.read("log"))


def artifact(root: Path, name: str) -> "Artifact":  # noqa: F821
    from midtrain_dagster.core.artifacts import ArtifactStore
    from midtrain_dagster.core.storage import Storage
    from resources.artifacts import load_materialized

    return load_materialized(ArtifactStore(Storage(root=str(root))), ["tiny", name])
