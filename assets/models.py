"""Models that are inputs of the graph: where they lie, and what of them is a cause."""

from pathlib import Path

from midtrain_dagster.core.causes import file_digest
from midtrain_dagster.inference.generator import (
    GenerationError,
    GeneratorConfig,
    TransformersConfig,
)
from midtrain_dagster.recipe import Recipe

NO_CAUSE = {"model", "base_url", "api_key_variable", "concurrency", "timeout", "attempts"}
"""What of a generator's section says where it is and how it is asked, not what it answers."""


def model_folder(recipe: Recipe, generator: GeneratorConfig) -> Path | None:
    """Where a local generator's model lies. Raises GenerationError if there is none."""
    if not isinstance(generator, TransformersConfig):
        return None
    folder = Path(recipe.path(generator.model))
    if not (folder / "config.json").is_file():
        raise GenerationError(
            f"{folder}: there is no model's folder; `midtrain fetch` makes the default one, or "
            "correct the generator's `model`"
        )
    return folder


def folder_digests(folder: Path) -> dict[str, str]:
    """What is in a model's folder, as a cause of what the model makes."""
    return {
        str(path.relative_to(folder)): file_digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
