"""The asset by itself: real parts of documents, attributes and decisions, made here."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from assets.attributes import AttributeGroup
from assets.curation import distributions as room
from assets.curation.distributions import TABLES, distributions_asset
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.curation.distributions import distributions
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from resources.artifacts import (
    ArtifactBuilder,
    ArtifactIOManager,
    ArtifactStoreResource,
    load_materialized,
)
from resources.generator import TextGeneratorResource
from resources.ray import RayCluster

TINY = Path(__file__).parents[2] / "recipes" / "tiny.yaml"
SOURCES = ("books", "papers", "web")
GIVEN = {
    "documents": "documents",
    "language": "language",
    "signals": "signals",
    "ratings": "ratings",
    "curated_documents": "decisions",
}


def part(source: str) -> dict[str, pl.DataFrame]:
    """One part of each table; the words of document 7 are too few."""
    table = pl.DataFrame({"id": [f"{source}{number}" for number in range(9)]}).with_columns(
        number=pl.int_range(9),
        source=pl.lit(source),
        kind=pl.lit("prose"),
        format=pl.lit("plain"),
        error=pl.lit(None, pl.String),
    )
    short = pl.col("number") == 7
    return {
        "documents": table.select(
            *("id", "source", "kind", "format"),
            text=pl.format("A | B <{}> of {}", "number", "source"),
        ),
        "language": table.select(
            "id", "error", language=pl.lit("en"), language_score=pl.lit(0.9, pl.Float32)
        ),
        "signals": table.select(
            "id", "error", word_count=pl.when(short).then(3).otherwise(100 + pl.col("number"))
        ),
        "ratings": table.select("id", "error", quality=(pl.col("number") / 9).cast(pl.Float32)),
        "decisions": table.select(
            "id",
            reason=pl.when(short)
            .then(pl.lit("gopher_quality:word_count"))
            .otherwise(pl.lit("kept")),
        ),
    }


class Distributions:
    """The asset over given artifacts, in a store of its own."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.recipe = recipe
        self.artifacts = ArtifactStoreResource(
            root=str(folder / "store"), endpoint=None, region=None
        )
        self.manager = ArtifactIOManager(artifacts=self.artifacts)
        self.instance = dg.DagsterInstance.ephemeral(str(folder / "home"))

    def give(self, name: str, table: str) -> dg.AssetsDefinition:
        """An upstream asset: a part for each source."""

        @dg.asset(name=name, key_prefix=[self.recipe.name], io_manager_key="artifact_io_manager")
        def given() -> Artifact:
            def build(fingerprint_: str) -> Any:
                storage = self.artifacts.storage()
                return [
                    write_output(storage, f"parts/{name}/{source}", table, part(source)[table])
                    for source in SOURCES
                ], {}

            return self.artifacts.store().make(name, {"given": 1}, None, {}, build)

        return given

    def make(self) -> Any:
        """Materialise everything; the metadata of the asset."""
        asset = distributions_asset(AttributeGroup(self.recipe, "documents", ()))
        upstream = [self.give(*each) for each in GIVEN.items()]
        ray = RayCluster(mode="in_process")
        result = dg.materialize(
            [*upstream, asset],
            instance=self.instance,
            resources={
                "artifact_builder": ArtifactBuilder(
                    artifacts=self.artifacts,
                    ray=ray,
                    text_generator=TextGeneratorResource(ray=ray),
                ),
                "artifact_io_manager": self.manager,
            },
        )
        (event,) = result.asset_materializations_for_node(f"{self.recipe.name}__distributions")
        return event.metadata

    def artifact(self) -> Artifact:
        """What it made."""
        return load_materialized(self.artifacts.store(), [self.recipe.name, "distributions"])


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Distributions:
    monkeypatch.setattr(room, "MERGED_AT_ONCE", 2)
    return Distributions(tmp_path, load_recipe(TINY))


def test_parts_are_merged_until_one_is_left_that_tells_of_all(made: Distributions) -> None:
    made.make()
    artifact = made.artifact()
    assert len(artifact.manifest.parts) == len(TABLES)
    parts = [part(source) for source in SOURCES]
    whole = [pl.concat([each[name] for each in parts]) for name in GIVEN.values()]
    expected = distributions(*whole, policy=made.recipe.curation)
    for name in TABLES:
        assert artifact.read(name).equals(expected[name]), name
    (words,) = (
        expected["bounds"]
        .filter(source="web", attribute="word_count", side="minimum")
        .rows(named=True)
    )
    assert (words["documents"], words["violating"], words["decided"]) == (9, 1, 1)


def test_the_ui_shows_the_picture_and_the_border(made: Distributions) -> None:
    metadata = made.make()
    assert metadata["by_source"].value.startswith("![plot](data:image/png;base64,")
    shown = metadata["borders"].value.splitlines()
    assert shown[2].startswith(
        "| word_count minimum 20 (prose) | 3 | gopher_quality:word_count | books | books7 |"
    )
    assert shown[2].endswith("| A \\| B &lt;7> of books |")


def test_what_was_counted_is_not_counted_again(made: Distributions) -> None:
    made.make()
    folder = Path(made.artifacts.root) / "parts" / "distributions"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    made.make()
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
