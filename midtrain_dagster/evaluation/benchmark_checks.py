"""The check on a benchmark's scores: whether they tell any model from guessing."""

import polars as pl

NAME = "told_from_guessing"

DESCRIPTION = "Some checkpoint's score is beyond two standard errors of guessing, where one guesses"


def told_from_guessing(scores: pl.DataFrame) -> tuple[bool, str]:
    """Whether some score of ``harness.SCORES`` is not at chance, and the figures in a line.

    A metric without a level of guessing (a loss) passes: it is compared, not held against chance.
    """
    guessed = scores.filter(pl.col("at_chance").is_not_null())
    at_chance = int(guessed["at_chance"].sum())
    detail = f"{at_chance} of {guessed.height} scores are at chance"
    if not guessed.height:
        return True, "nothing that one could guess was asked"
    return at_chance < guessed.height, detail
