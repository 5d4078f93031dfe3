"""Logs of runs from elsewhere: CSV files with the columns ``step``, ``lr`` and ``loss``."""

from pathlib import Path

import polars as pl

from midtrain_dagster.laws.decay.curve import TABLE, Curve, LogError, curve_of_table


def read_log(
    path: Path,
    *,
    name: str | None = None,
    warmup: int | None = None,
    tokens_a_step: int | None = None,
    parameters: int | None = None,
) -> Curve:
    """The curve of one file. Raises :class:`LogError` for one that is no log."""
    try:
        table = pl.read_csv(path, schema_overrides={name: TABLE[name] for name in TABLE})
    except FileNotFoundError as error:
        raise LogError(f"{path}: there is no such file") from error
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise LogError(
            f"{path}: no CSV file with the columns {', '.join(TABLE)}: {reason}"
        ) from error
    return curve_of_table(
        name or path.stem,
        table,
        warmup=warmup,
        tokens_a_step=tokens_a_step,
        parameters=parameters,
    )


def read_folder(
    folder: Path,
    *,
    warmup: int | None = None,
    tokens_a_step: int | None = None,
    parameters: int | None = None,
) -> list[Curve]:
    """The curves of all CSV files of a folder, by name.

    Raises :class:`LogError` for a folder that holds none, and for a file that is no log.
    """
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise LogError(f"{folder}: there is no CSV file with {', '.join(TABLE)}")
    return [
        read_log(
            file, warmup=warmup, tokens_a_step=tokens_a_step, parameters=parameters
        )
        for file in files
    ]
