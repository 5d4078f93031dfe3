"""Logs of runs from elsewhere: CSV files with the columns ``step``, ``lr`` and ``loss``."""

from pathlib import Path

import polars as pl

from midtrain_dagster.core.token_count import parse_tokens
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
    name = name or path.stem
    try:
        return curve_of_table(
            name, table, warmup=warmup, tokens_a_step=tokens_a_step, parameters=parameters
        )
    except LogError as error:
        raise LogError(f"{path}: {str(error).removeprefix(f'{name}: ')}") from error


def read_folder(
    folder: Path,
    *,
    warmup: int | None = None,
    tokens_a_step: int | None = None,
    parameters: int | None = None,
) -> list[Curve]:
    """The curves of all CSV files of a folder, by name.

    A folder inside that is called after a size (``25M``, ``1.5B``) holds those of a model of so
    many parameters. Raises :class:`LogError` for a folder without a file, and for a file that is no
    log.
    """
    if not folder.is_dir():
        wrong = "is a file: name the folder that holds it" if folder.exists() else "is not there"
        raise LogError(f"{folder} {wrong}")
    found = [
        read_log(file, warmup=warmup, tokens_a_step=tokens_a_step, parameters=parameters)
        for file in sorted(folder.glob("*.csv"))
    ]
    sizes = {each: size for each in folder.glob("*/") if (size := _size(each.name))}
    for inside, size in sorted(sizes.items(), key=lambda each: each[1]):
        for file in sorted(inside.glob("*.csv")):
            name = f"{inside.name}/{file.stem}"
            found.append(
                read_log(
                    file, name=name, warmup=warmup, tokens_a_step=tokens_a_step, parameters=size
                )
            )
    if not found:
        raise LogError(f"{folder}: there is no CSV file with {', '.join(TABLE)}")
    return found


def _size(name: str) -> int | None:
    """The parameters that a folder's name says, if it says any."""
    try:
        size = parse_tokens(name)
    except ValueError:
        return None
    return size if isinstance(size, int) and size > 0 else None
