"""Which reader a person's files need, by their suffixes and their first rows.

A guess is written into a recipe that a person reads and corrects, so it is plain: suffixes decide
the reader, names of columns what a row holds, and where no name says it, the column with the
longest texts is the text.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from midtrain_dagster.collection.messages import ROLES
from midtrain_dagster.core.schema import Kind
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.core.stream import COMPRESSIONS, BrokenStream, open_stream

ROWS = 100
"""Rows of a file that are looked at."""

LINE_BYTES = 8 << 20

Fields = dict[str, Any]
"""What a source says beside its reader, domain, kind and paths."""

CODE = (
    *(".py", ".c", ".h", ".cc", ".cpp", ".hpp", ".rs", ".go", ".java", ".kt", ".scala", ".js"),
    *(".ts", ".rb", ".php", ".sh", ".sql", ".jl", ".r", ".swift", ".hs", ".lua"),
)

READERS: dict[str, tuple[str, Kind]] = {
    **dict.fromkeys((".md", ".markdown", ".rst", ".txt"), ("text", "prose")),
    **dict.fromkeys((".html", ".htm"), ("html", "prose")),
    ".pdf": ("pdf", "prose"),
    ".wet": ("wet", "prose"),
    ".warc": ("warc", "prose"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), ("json_lines", "prose")),
    ".parquet": ("parquet", "prose"),
    **dict.fromkeys(CODE, ("text", "code")),
}
"""Reader and kind by suffix."""

TEXTS = ("text", "content", "body", "document", "article", "markdown", "code", "passage", "page")
PAIRS = (
    ("question", "answer", "Question: {question}\nAnswer: {answer}"),
    ("query", "response", "Question: {query}\nAnswer: {response}"),
    ("problem", "solution", "{problem}\n\n{solution}"),
    ("title", "abstract", "{title}\n\n{abstract}"),
)
"""Columns that make one text together."""

SHORT = 40
"""Characters on average below which a column is no text of documents."""


class NoRowsError(ValueError):
    """A file of rows in which no text is found; the message says why."""


@dataclass
class Found:
    """Files that one source reads."""

    reader: str
    kind: Kind
    suffix: str
    folder: Path
    fields: Fields
    files: list[Path] = field(default_factory=list)
    whole_folder: bool = True
    """Whether they are all of that suffix below the folder."""

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(file.stat().st_size for file in self.files)


@dataclass
class Guess:
    """What was found at the paths that a person named."""

    found: list[Found]
    unread: dict[str, list[Path]]
    """Files that no source reads, by the reason."""


def guess(paths: Iterable[Path]) -> Guess:
    """The sources that files and folders make; hidden files and folders are passed over.

    Files of one suffix below one folder are one source, unless their rows are of several kinds:
    then each kind is a source that names its files. Raises FileNotFoundError for a path that is
    not there.
    """
    result = Guess([], {})
    for root in paths:
        if not root.exists():
            raise FileNotFoundError(f"{root}: there is no such file or folder")
        by_suffix: dict[str, list[Path]] = {}
        for path in _files(root):
            by_suffix.setdefault(_suffix(path), []).append(path)
        folder = root if root.is_dir() else root.parent
        for suffix, files in by_suffix.items():
            if suffix not in READERS:
                reason = f"no reader takes {suffix or 'a file without a suffix'}"
                result.unread.setdefault(reason, []).extend(files)
                continue
            kinds = _by_kind(suffix, folder, files, result.unread)
            whole = root.is_dir() and sum(len(each.files) for each in kinds) == len(files)
            for each in kinds:
                each.whole_folder = whole and len(kinds) == 1
            result.found += kinds
    return result


def _by_kind(
    suffix: str, folder: Path, files: list[Path], unread: dict[str, list[Path]]
) -> list[Found]:
    """The sources of files of one suffix; those without a text are put to ``unread``."""
    reader, usual = READERS[suffix]
    found: dict[str, Found] = {}
    for path in files:
        try:
            fields = _row_fields(path) if reader in ("json_lines", "parquet") else {}
        except NoRowsError as error:
            unread.setdefault(str(error), []).append(path)
            continue
        told = json.dumps(fields, sort_keys=True)
        kind = fields.pop("kind", usual)
        source = found.setdefault(told, Found(reader, kind, suffix, folder, fields))
        source.files.append(path)
    return list(found.values())


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.is_file() and not hidden:
            yield path


def _suffix(path: Path) -> str:
    """The suffix that says what is in a file, without that of its compression."""
    suffixes = [each.lower() for each in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _row_fields(path: Path) -> Fields:
    rows = _rows(path)
    if not rows:
        raise NoRowsError("no row is an object")
    columns = _columns(rows)
    # Parquet has no template: there a question with its answer is a conversation.
    pair = _turns(columns) if path.suffix == ".parquet" else _pair(columns)
    return _conversation(rows) or pair or _text(columns)


def _rows(path: Path) -> list[Mapping[str, Any]]:
    """The first rows of a file that are objects."""
    if path.suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        try:
            with parquet.ParquetFile(path) as table:
                batch = next(table.iter_batches(ROWS), None)
                return batch.to_pylist() if batch is not None else []
        except (pa.ArrowException, OSError) as error:
            raise NoRowsError(f"no Parquet: {str(error).splitlines()[0]}") from error
    file = SourceFile(name=path.name, uri=str(path), bytes=path.stat().st_size, digest="")
    rows: list[Mapping[str, Any]] = []
    try:
        with open_stream(file) as stream:
            for line in islice(iter(lambda: stream.readline(LINE_BYTES), b""), ROWS):
                row = json.loads(line) if line.strip() else None
                if isinstance(row, dict):
                    rows.append(row)
    except (ValueError, RecursionError) as error:
        if not rows:
            broken = "a broken stream" if isinstance(error, BrokenStream) else "no JSON Lines"
            raise NoRowsError(f"{broken}: its first line is no JSON object") from error
    return rows


def _conversation(rows: list[Mapping[str, Any]]) -> Fields:
    """The column that holds messages, if one does."""
    for name, value in rows[0].items():
        turns = value if isinstance(value, list) else []
        first = turns[0] if turns and isinstance(turns[0], dict) else {}
        if first.get("role", first.get("from")) in ROLES:
            kind = "agent" if any("tool" in str(key) for row in rows for key in row) else None
            said: Fields = {"kind": kind or "instruction"}
            return said if name == "messages" else {**said, "messages": name}
    if {"instruction", "output"} <= rows[0].keys():
        columns = {"instruction": "instruction", "output": "output"}
        given = {"input": "input"} if "input" in rows[0] else {}
        return {"kind": "instruction", "messages": {**columns, **given}}
    if {"prompt", "completion"} <= rows[0].keys():
        return {
            "kind": "instruction",
            "messages": {"prompt": "prompt", "completion": "completion"},
        }
    return {}


def _pair(columns: Mapping[str, list[str]]) -> Fields:
    for first, second, template in PAIRS:
        if first in columns and second in columns:
            fields: Fields = {"template": template}
            return fields if first == "title" else {**fields, "kind": "qa"}
    return {}


def _turns(columns: Mapping[str, list[str]]) -> Fields:
    for first, second, _ in PAIRS:
        if first in columns and second in columns and first != "title":
            return {"kind": "instruction", "messages": {"prompt": first, "completion": second}}
    return {}


def _text(columns: Mapping[str, list[str]]) -> Fields:
    """The column of the text, and those of an address and a date if there are some."""
    known = [name for name in columns if name.rpartition(".")[2].lower() in TEXTS]
    mean = {name: sum(map(len, texts)) / len(texts) for name, texts in columns.items() if texts}
    long = [name for name in sorted(mean, key=lambda name: -mean[name]) if mean[name] >= SHORT]
    chosen = next(iter([*known, *long]), None)
    if chosen is None:
        raise NoRowsError(f"no text in its columns ({', '.join(columns) or 'none is text'})")
    fields: Fields = {} if chosen == "text" else {"text": chosen}
    for field_ in ("url", "date"):
        if field_ in columns:
            fields[field_] = field_
    return fields


def _columns(rows: list[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The strings of each column; one inside an object is called by the way to it."""
    columns: dict[str, list[str]] = {}

    def collect(prefix: str, value: Any) -> None:
        if isinstance(value, str):
            columns.setdefault(prefix, []).append(value)
        elif isinstance(value, Mapping) and prefix.count(".") < 3:
            for key, inner in value.items():
                collect(f"{prefix}.{key}" if prefix else str(key), inner)

    for row in rows:
        collect("", row)
    return columns
