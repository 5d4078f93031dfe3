"""A refresh makes what is new, and its record says what came, went and was decided otherwise."""

import json
import random
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.latest_artifacts import latest_artifacts
from assets.needs import current_artifacts
from assets.plan import Planner
from definitions import recipe_assets
from jobs.changes import record_changes
from jobs.news import News
from jobs.sequence import ancestry
from jobs.tags import RUN
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.cleaning import Needs
from midtrain_dagster.core.parts import read_table
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.curation.takedown import told
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.refresh.record import Refreshed, last_change, records
from midtrain_dagster.report.explanation.gone import gone
from midtrain_dagster.tokens.tokenizer import train_tokenizer
from resources.artifacts import (
    ArtifactBuilder,
    ArtifactIOManager,
    ArtifactStoreResource,
    asset_name,
    load_materialized,
)
from resources.generator import TextGeneratorResource
from resources.ray import RayCluster
from tests.endpoint import Endpoint

RECIPE = """
base:
  model: {hidden_size: 32, layers: 2, heads: 2, kv_heads: 1, intermediate_size: 64}
tokenizer: {path: tokenizer}
collection: {part_bytes: 3000}
sources:
  notes: {reader: json_lines, domain: notes, kind: qa, paths: ["notes/*.jsonl"], keep: [url]}
  pages: {reader: json_lines, domain: pages, kind: qa, paths: ["pages/*.jsonl"], keep: [url]}
curation: {qa: {languages: all}}
refresh: {cron: "0 3 * * *"}
held_out: 0.2
stages:
  base:
    start: random
    tokens: 8k
    batch_tokens: 1024
    sequence_length: 64
    schedule: [{phase: constant, learning_rate: 5.0e-3}]
    mixture: {domains: {notes: 1}}
"""

WORDS = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in ("n", "r", "st", "lt")]


def text(number: int, words: int = 60) -> str:
    drawn = random.Random(number)
    return " ".join(drawn.choice(WORDS) for _ in range(words))


def write(path: Path, *numbers: int, more: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"text": text(n) + more, "url": f"https://example.org/{n}?utm_source=x"} for n in numbers
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


class Refreshing:
    """A folder with a recipe and its sources, and a store; refreshed in this process."""

    def __init__(self, folder: Path, root: Path, recipe: str = RECIPE) -> None:
        self.path = folder / "fresh.yaml"
        self.path.write_text(recipe)
        self.folder, self.root = folder, root
        self.instance = dg.DagsterInstance.ephemeral(str(root / "home"))

    def run(self) -> Refreshed:
        """What is due is made, as in a run of the job; its record."""
        recipe = load_recipe(self.path)
        assets = recipe_assets(recipe)
        artifacts = ArtifactStoreResource(root=str(self.root), endpoint=None, region=None)
        ray = RayCluster(mode="in_process")
        builder = ArtifactBuilder(
            artifacts=artifacts, ray=ray, text_generator=TextGeneratorResource(ray=ray)
        )
        news = News(
            Planner(artifacts.store(), assets), self.instance, ancestry(assets, "token_shards")
        )
        if due := [key for key, _ in news()]:
            dg.materialize(
                assets,
                selection=dg.AssetSelection.assets(*due).without_checks(),
                instance=self.instance,
                tags={RUN: "0"},
                resources={
                    "artifact_builder": builder,
                    "artifact_io_manager": ArtifactIOManager(artifacts=artifacts),
                },
            )
        record = record_changes(recipe, news, "0")
        assert record is not None
        return record

    @property
    def storage(self) -> Storage:
        return Storage(root=str(self.root))

    def gone(self, asked: str) -> list[str]:
        """What `midtrain explain` says of a document that is there no more."""
        store, recipe = ArtifactStore(self.storage), load_recipe(self.path)
        made, _ = latest_artifacts(store, recipe_assets(recipe), ())
        return (gone(store, "fresh", made, asked) or "").splitlines()

    def holding(self, identity: str) -> set[str]:
        """The files of the documents' parts that hold a document."""
        made = load_materialized(ArtifactStore(self.storage), ["fresh", "documents"])
        return {
            part.path
            for part in made.parts("documents")
            if identity in read_table(self.storage, part)["id"]
        }

    def unneeded(self) -> set[str]:
        """What `midtrain clean` would remove."""
        store, recipe = ArtifactStore(self.storage), load_recipe(self.path)
        current = current_artifacts(store, recipe, recipe_assets(recipe))
        return {each.path for each in Needs(store, current, None).unneeded()}

    def files(self) -> set[str]:
        return set(self.storage.list("parts"))

    def tables(self) -> dict[tuple[str, str], pl.DataFrame]:
        """Every table of every asset up to the shards, without what says where a part lies."""
        store = ArtifactStore(self.storage)
        found: dict[tuple[str, str], pl.DataFrame] = {}
        for asset in recipe_assets(load_recipe(self.path)):
            name = asset_name(asset.key)
            if (
                name == "preflight"
                or name.endswith("distributions")
                or name.startswith(("check", "held", "samp"))
            ):
                continue
            if name == "report":
                continue
            made = load_materialized(store, asset.key.path)
            for table in dict.fromkeys(part.table for part in made.manifest.parts):
                found[name, table] = content(made, table)
        return found


def content(made: Artifact, table: str) -> pl.DataFrame:
    parts = made.parts(table)
    if parts[0].path.endswith(".parquet"):
        return made.read(table)
    return pl.DataFrame({"digest": [part.digest for part in parts]})


@pytest.fixture
def fresh(tmp_path: Path) -> Refreshing:
    for file in range(3):
        write(tmp_path / "notes" / f"{file}.jsonl", *range(10 * file, 10 * file + 10))
    write(tmp_path / "pages" / "0.jsonl", *range(100, 110))
    # A longer copy of a note: the page stays and the note is its duplicate.
    write(tmp_path / "pages" / "copy.jsonl", 5, more=" and a little more of it")
    files = train_tokenizer(pl.Series([text(n) for n in range(50)]), vocabulary=400)
    (tmp_path / "tokenizer").mkdir()
    for name, data in files.items():
        (tmp_path / "tokenizer" / name).write_bytes(data)
    return Refreshing(tmp_path, tmp_path / "store")


def test_record_says_what_came_what_went_and_what_that_decided(fresh: Refreshing) -> None:
    first = fresh.run()
    assert first.first and first.came == 41
    before, made = fresh.tables(), fresh.files()
    assert before["curated_documents", "decisions"].filter(reason="duplicate").height == 1

    again = fresh.run()
    assert again.is_empty and not again.first
    assert list(again.lines()) == ["0 documents came, 0 went, 41 stayed as they are"]

    write(fresh.folder / "notes" / "3.jsonl", 30, 31)
    (fresh.folder / "notes" / "2.jsonl").unlink()
    (fresh.folder / "pages" / "copy.jsonl").unlink()
    record = fresh.run()
    assert list(record.lines()) == [
        "2 documents came, 11 went, 30 stayed as they are",
        "  1 that stayed: duplicate before, kept now",
    ]
    notes, pages = record.sources["notes"], record.sources["pages"]
    assert (notes.came.documents, notes.went.documents, notes.kept.documents) == (2, 10, 20)
    assert (pages.came.documents, pages.went.documents, pages.kept.documents) == (0, 1, 10)
    assert record.new_reasons == {"kept": 2}
    assert record.seconds.keys() >= {"documents", "signals", "token_shards"}

    after = fresh.tables()
    index = pl.concat([after["token_shards", f"{each}_index"] for each in ("train", "held_out")])
    tokens = sum(moved.kept.tokens + moved.came.tokens for moved in record.sources.values())
    assert tokens == index["length"].sum()
    left = before["documents", "documents"].filter(pl.col("locator").str.starts_with("2.jsonl"))
    found = last_change(fresh.storage, "fresh", left["id"][0][:12])
    assert found and found[0] == record == records(fresh.storage, "fresh")[-1]
    assert found[1]["locator"] == left["locator"][0] and found[1]["before"] == "kept"

    said = fresh.gone(left["id"][0][:12])
    assert said[1] == "Gone: its file is no longer in the source 'notes'."
    assert said[2].startswith(f"It went with the run 0, {record.when}; before that it was kept, ")
    assert fresh.gone("0" * 12) == []

    # Of documents, only the parts of files that came are new.
    new = fresh.files() - made
    assert sum("/read.read/" in path and "/documents-" in path for path in new) == 1

    assert_as_from_nothing(fresh)


def test_removal_list_takes_documents_out_of_everything(fresh: Refreshing) -> None:
    fresh.run()
    before = fresh.tables()
    documents = before["documents", "documents"]
    keeper = before["duplicate_clusters", "clusters"].filter("kept")["id"][0]
    by_url = documents.filter(pl.col("metadata").str.contains("example.org/7?", literal=True))
    (fresh.folder / "removed.txt").write_text(
        f"# asked for by their authors\n{keeper[:12]}\nhttp://www.example.org/7\n\n{'0' * 12}\n"
    )
    fresh.path.write_text(f"removed: removed.txt\n{RECIPE}")
    made, held = fresh.files(), fresh.holding(keeper)
    assert not held & fresh.unneeded()
    record = fresh.run()
    assert list(record.lines()) == [
        "0 documents came, 2 went, 39 stayed as they are",
        "  1 that stayed: duplicate before, kept now",
    ]
    out = {keeper, by_url["id"][0]}
    after = fresh.tables()
    taken = after.pop(("documents", "taken_down"))
    assert dict(taken.select("id", "entry").iter_rows()) == {
        keeper: keeper[:12],
        by_url["id"][0]: "example.org/7",
    }
    for name, table in after.items():
        for column in {"id", "a", "b", "cluster"} & {*table.columns}:
            assert not out & {each.split("#")[0] for each in table[column]}, name
    for asked in (keeper[:12], "pages/copy.jsonl"):
        said = fresh.gone(asked)
        assert said[0].startswith(keeper)
        assert said[1] == f"Taken out: the removal list names it ({keeper[:12]})."
        assert "before that it was kept, " in said[2]
    new = fresh.files() - made
    assert sum("takedown.without" in path and path.endswith("parquet") for path in new) == 2
    assert not any("/read.read/" in path for path in new)
    assert held <= fresh.unneeded()  # so the text can be cleaned away
    entries = load_recipe(fresh.path).removal_entries()
    assert told(taken, entries)[1] == (
        "1 entries of the removal list name no document (they may come later): 000000000000"
    )
    assert_as_from_nothing(fresh)


def test_removal_takes_what_was_made_of_a_document(fresh: Refreshing, endpoint: Endpoint) -> None:
    generator = f"{{engine: openai, base_url: '{endpoint.address}', model: oracle}}"
    said = f"{{method: rephrase, domains: [notes], documents: 40, generator: {generator}}}"
    kept = "{languages: all}, prose: {languages: all}, removal_ceilings: {synthetic_said: 1}"
    recipe = RECIPE.replace("{languages: all}", kept) + f"synthesis:\n  said: {said}\n"
    fresh.path.write_text(recipe)
    fresh.run()
    name = ("synthesis/said/documents", "documents")
    before = made_of(fresh.tables()[name])
    out = min(before["of"])
    fresh.path.write_text(f"removed: [{out}]\n{recipe}")
    fresh.run()
    after = made_of(fresh.tables()[name])
    assert after.equals(before.filter(pl.col("of") != out)) and after.height < before.height
    assert_as_from_nothing(fresh)


def made_of(documents: pl.DataFrame) -> pl.DataFrame:
    """The synthetic documents, each with the one that it was made of."""
    of = pl.col("metadata").str.json_path_match("$.document")
    return documents.select("id", "text", of=of)


def assert_as_from_nothing(fresh: Refreshing) -> None:
    """Every table is that of a run from nothing over the same sources."""
    alone = Refreshing(fresh.folder, fresh.folder / "alone", fresh.path.read_text())
    alone.run()
    there, here = alone.tables(), fresh.tables()
    assert there.keys() == here.keys()
    for name, table in there.items():
        assert table.equals(here[name]), name
