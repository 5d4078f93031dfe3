"""What is wrong with the tokenizer of a recipe, given its base."""

from collections.abc import Iterator

from midtrain_dagster.core.problems import Problem
from midtrain_dagster.tokens.tokenizer import TokenizerConfig


def problems(tokenizer: TokenizerConfig, *, base_given: bool) -> Iterator[Problem]:
    """A tokenizer that is the base's, where the base is trained here and has none yet."""
    if tokenizer.path == "base" and not base_given:
        yield (
            ("tokenizer", "path"),
            "'base' is the base checkpoint's tokenizer, but this base is trained here: say "
            "tokenizer: {train: {vocabulary: N}} or {path: FOLDER}",
        )
