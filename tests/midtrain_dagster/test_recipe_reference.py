"""The page and the schema that lie in the repository are what the models say today."""

import pytest

from midtrain_dagster import recipe_reference
from midtrain_dagster.recipe_reference import REFERENCE, SCHEMA, reference, schema_text

ADVICE = f"run `python -m {recipe_reference.__name__}`"


@pytest.mark.parametrize(("path", "made"), [(REFERENCE, reference), (SCHEMA, schema_text)])
def test_what_lies_in_the_repository_is_written_anew(path, made) -> None:
    assert path.read_text("utf-8") == made(), f"{path.name} is stale: {ADVICE}"


def test_the_page_tells_type_default_and_what_changes_nothing() -> None:
    page = reference()
    for row in (
        "| `tokens` | count | required |  | Tokens that it is trained on, over all steps but those "
        "that only re-estimate moments. |",
        "| `workers` | integer ≥ 1 | `1` | no | Processes that train together, "
        "each on a CPU or a GPU of its own. |",
        "| `held_out` | number > 0, < 0.5 | `0.05` |  | The share of documents that no stage is "
        "trained on. |",
        "| `path` | text | `null` |  | A Hugging Face folder or hub id; "
        "`base` is the base checkpoint's tokenizer. |",
    ):
        assert page.count(f"\n{row}\n") == 1, row
    for heading in (
        "## `sources`",
        "#### `reader: text`",
        "#### `method: minhash`",
        "### `inherit`",
    ):
        assert page.count(f"\n{heading}\n") == 1, heading
    assert "### `control`" not in page
