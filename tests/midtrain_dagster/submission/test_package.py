"""What travels to a cluster lies there to each other as here, and nothing else travels."""

from pathlib import Path

import pytest

from midtrain_dagster.core.cluster import ClusterError
from midtrain_dagster.submission import package as package_module
from midtrain_dagster.submission.package import PROJECT, named_files, package

RECIPE = """\
sources:
  a: {paths: [web.jsonl, "../texts/**/*.md", /mnt/there/x.jsonl, "s3://bucket/y.jsonl"]}
  b: {paths: ["../model"], text: body, licence: no-such-file}
name: "."
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    for name in ("work/web.jsonl", "texts/deep/one.md", "texts/two.txt", "model/a/weights.bin"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (tmp_path / "work" / "other.txt").write_text("is not named")
    (tmp_path / "work" / "mine.yaml").write_text(RECIPE)
    return tmp_path / "work" / "mine.yaml"


def test_named_files_are_those_of_relative_paths(recipe: Path, tmp_path: Path) -> None:
    found = [str(file.relative_to(tmp_path)) for file in named_files(recipe.parent, RECIPE)]
    assert found == ["model/a/weights.bin", "texts/deep/one.md", "work/web.jsonl"]


def test_package_is_the_project_and_the_recipe_with_its_files(recipe: Path) -> None:
    besides = PROJECT / "pyproject.toml"
    with package(recipe, RECIPE, [besides]) as (folder, path):
        assert path == "recipe/work/mine.yaml"
        assert (folder / path).read_text() == RECIPE
        there = named_files((folder / path).parent, RECIPE)
        assert [file.read_text() for file in there] == [
            *("model/a/weights.bin", "texts/deep/one.md", "work/web.jsonl")
        ]
        files = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
        code = {name for name in files if not name.startswith("recipe/")}
        assert code >= {"definitions.py", "midtrain/job.py", "pyproject.toml"}
        assert "midtrain_dagster/delivery/templates/model_card.md.jinja" in code
        assert not any("__pycache__" in name or name.startswith("tests") for name in code)
        assert "recipe/work/other.txt" not in files
    assert not folder.exists()


def test_package_that_is_too_large_is_refused_by_its_largest_file(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_module, "MOST_BYTES", 30)
    with (
        pytest.raises(ClusterError, match=r"largest .*weights\.bin: .*by a URI"),
        package(recipe, RECIPE),
    ):
        pass
