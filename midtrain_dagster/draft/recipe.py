"""A first recipe for a person's files: short, valid, and with a word at what they will change."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from typing import Any

from midtrain_dagster.display.templates import templates
from midtrain_dagster.draft.guess import READERS, Found
from midtrain_dagster.draft.one_line import one_line
from midtrain_dagster.training.transition.foreign_moments import find_moments
from midtrain_dagster.training.transition.given import is_hub_id

BYTES_PER_TOKEN = 4
"""Of English text and a usual tokenizer; a small one of one's own makes twice as many."""

SMALL_TOKENS = 600_000
"""What the small base trains on at most: some minutes on a laptop."""

WINDOW, BATCH = 1024, 16
"""Of a given base: tokens of a window, windows of a step."""

UNPACKED = {"parquet": 3, "json_lines": 1, "text": 1, "html": 0.2, "warc": 0.5, "pdf": 0.1}
"""Bytes of text a byte of a file, by reader, roughly; a packed file gives three times as many."""


class BaseFolderError(ValueError):
    """A base that is no folder of a model; the message says why."""


@dataclass(frozen=True)
class DraftedSource:
    """A source as it is written: its fields in order, as YAML in one line."""

    name: str
    domain: str
    fields: dict[str, str]


def draft(found: Iterable[Found], base: str | None, file: Path) -> str:
    """The text of a recipe at ``file`` that reads what was found.

    Without a ``base`` (a Hugging Face folder or a hub id) a small Llama is trained as one. Raises
    :class:`BaseFolderError` for a folder that holds no model.
    """
    sources, tokens = [], {}
    names: set[str] = set()
    for each in found:
        name = _name(each, names)
        names.add(name)
        sources.append(DraftedSource(name, name, _fields(each, name, file)))
        tokens[name] = max(1, int(_text_bytes(each) / BYTES_PER_TOKEN))
    every = sum(tokens.values())
    template = templates("midtrain_dagster.draft").get_template("recipe.yaml.jinja")
    return template.render(
        name=_word(file.stem) or "mine",
        sources=sources,
        shares=_shares(tokens),
        base=None if base is None else _base(base, file),
        base_tokens=max(16_384, min(every, SMALL_TOKENS)),
        vocabulary=_vocabulary(every * BYTES_PER_TOKEN),
        tokens=max(8_192, min(every, SMALL_TOKENS) // 4) if base is None else max(WINDOW, every),
    )


def _base(named: str, file: Path) -> dict[str, Any]:
    """What is said of a given base, and the window that its positions allow."""
    folder = Path(named)
    if not folder.is_dir():
        if is_hub_id(named):
            return {
                "checkpoint": named,
                "window": WINDOW,
                "batch": WINDOW * BATCH,
                "moments": False,
            }
        raise BaseFolderError(f"{named}: neither a folder nor a hub id (OWNER/NAME)")
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise BaseFolderError(f"{folder}/config.json cannot be read: {error}") from error
    positions = config.get("max_position_embeddings") or config.get("n_positions") or WINDOW
    window = min(WINDOW, int(positions))
    return {
        "checkpoint": _relative(folder, file),
        "window": window,
        "batch": window * BATCH,
        "moments": find_moments(folder) is not None,
    }


def _fields(found: Found, domain: str, file: Path) -> dict[str, str]:
    paths = [_relative(path, file) for path in found.files]
    if found.whole_folder:
        endings = sorted({_ending(path, found.suffix) for path in found.files})
        paths = [f"{_relative(found.folder, file)}/**/*{ending}" for ending in endings]
    said = {"reader": found.reader, "domain": domain, "kind": found.kind, "paths": paths}
    return {name: one_line(value) for name, value in {**said, **found.fields}.items()}


def _ending(path: Path, suffix: str) -> str:
    """The suffix as the file has it, with that of a compression."""
    return "".join(path.suffixes[-1 if path.suffix.lower() == suffix else -2 :])


def _text_bytes(found: Found) -> float:
    unpacked = UNPACKED.get(found.reader, 1)
    return sum(
        path.stat().st_size * unpacked * (1 if path.suffix.lower() == found.suffix else 3)
        for path in found.files
    )


def _shares(tokens: dict[str, int]) -> dict[str, str]:
    """Shares by size, in hundredths, at least one each, that sum to one."""
    every = sum(tokens.values())
    hundredths = {name: max(1, round(100 * count / every)) for name, count in tokens.items()}
    largest = max(hundredths, key=lambda name: hundredths[name])
    hundredths[largest] += 100 - sum(hundredths.values())
    return {name: f"{share / 100:g}" for name, share in hundredths.items()}


def _vocabulary(text_bytes: int) -> int:
    """Tokens that so much text gives, a power of two."""
    return 2 ** max(9, min(13, (max(1, text_bytes) // 150).bit_length() - 1))


def _relative(path: Path, file: Path) -> str:
    return Path(relpath(path.resolve(), file.resolve().parent)).as_posix()


def _word(text: str) -> str:
    """A name of small letters and digits, joined by one underscore."""
    word = "_".join(re.findall(r"[a-z0-9]+", text.lower()))
    return re.sub(r"^[0-9_]+", "", word)


def _name(found: Found, taken: set[str]) -> str:
    """What a source is called: its folder, and where that is taken, what is in it, and a number."""
    folder = _word(found.folder.resolve().name) or "files"
    holds = found.kind if found.kind != READERS[found.suffix][1] else _word(found.suffix)
    names = [folder, f"{folder}_{holds}", *(f"{folder}_{holds}_{n}" for n in range(2, 1_000))]
    return next(name for name in names if name not in taken)
