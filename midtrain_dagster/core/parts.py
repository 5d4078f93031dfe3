"""One unit of work: a pure function over tables, made once under the hash of its causes.

The function gets tables (Polars DataFrames), local files and plain parameters, and returns named
outputs, or yields them one by one where all of them together would be too large. It knows nothing
of stores, Ray or Dagster, so a unit test calls it directly.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from midtrain_dagster.core.artifacts import ArtifactStore, Part, lost_text, scan_parts
from midtrain_dagster.core.causes import Versions, cause, digest, file_digest, versions_of
from midtrain_dagster.core.execution import Execution, Resources
from midtrain_dagster.core.in_place import InPlace
from midtrain_dagster.core.machine import usable_cores
from midtrain_dagster.core.part_index import PartIndex, parsed_record, record_of
from midtrain_dagster.core.reference import Reference
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.core.storage import Storage

Output = pl.DataFrame | InPlace | np.ndarray | bytes | Path
"""A table is stored as Parquet (without its text, if that stays in the source's file), an array as
its little-endian bytes (rows counted as tokens), bytes under the name they are given, and a local
file likewise, without being read into memory."""

Outputs = Mapping[str, Output] | Iterable[tuple[str, Output]]
"""By name; what is yielded one by one may repeat a name, and is numbered."""

RECORD = "part.json"


OnPart = Callable[[int, int], None]
"""Called as parts are made: how many of how many."""

OVERHEAD_BYTES = 256 * 2**20
"""What a worker takes before it has read anything."""

PAGE_BYTES = 2**17
"""Text of a page of a stored table, before compression."""

LITTLE_BYTES = 10 * 2**20
"""What is made in this process where no Ray is there. Of curation and tokens it takes about as long
as Ray takes to start, two workers to import what they need, and those to do it."""

SCANNED = 4
"""How much less work a byte is of which a function takes some columns or rows."""

DECODED = 8
"""How much larger a table is in memory, with what is made of it, than as compressed Parquet."""


@dataclass(frozen=True)
class Work:
    """What to run and on what. All but ``arguments`` and ``hints`` are causes of the outputs.

    Its name and its versions are those of the function's module (``VERSION``, ``USES``), unless it
    is given others. ``tables`` are read and concatenated; ``scans`` are handed over as lazy tables,
    to a function that needs some columns or rows of what may be large; ``files`` are handed over as
    a local path: the file if there is one, a folder that holds them if there are several.
    ``arguments`` are ways to an input whose digest is in ``parameters`` or ``causes`` already (a
    path). ``hints`` are handed over as files are, and make the same outputs come sooner: what an
    earlier work gave, say. ``by_bytes`` says whether what it takes grows with the bytes that it is
    given; where a model computes, it is the model that counts. ``effort`` is how long a byte takes
    beside one of curation.
    """

    function: Callable[..., Outputs]
    tables: Mapping[str, Sequence[Part]] = field(default_factory=dict)
    scans: Mapping[str, Sequence[Part]] = field(default_factory=dict)
    files: Mapping[str, Sequence[Part]] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    causes: Any = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    hints: Mapping[str, Sequence[Part]] = field(default_factory=dict)
    versions: Versions | None = None
    cpus: int = 1
    by_bytes: bool = True
    effort: float = 1.0

    @property
    def name(self) -> str:
        """``MODULE.FUNCTION``, as it stands in the store."""
        return f"{self.function.__module__.rpartition('.')[2]}.{self.function.__name__}"

    @property
    def folder(self) -> str:
        """Where its outputs lie in the store: a name made of its causes."""
        inputs = {
            name: [part.digest for part in parts]
            for name, parts in (*self.tables.items(), *self.scans.items(), *self.files.items())
        }
        versions = self.versions or versions_of(sys.modules[self.function.__module__])
        causes = cause(self.name, versions, inputs, self.parameters, self.causes)
        return f"parts/{self.name}/{causes}"

    @property
    def resources(self) -> Resources:
        """What it asks of the machine that it runs on: CPUs, and memory for the tables it reads."""
        read = sum(part.bytes for parts in self.tables.values() for part in parts)
        return Resources(self.cpus, OVERHEAD_BYTES + DECODED * read)

    @property
    def given_bytes(self) -> dict[str, float]:
        """The bytes of all that it is given, as they are stored, by path or URI; sources' files
        among them, of what it scans a part (``SCANNED``), each by its ``effort``."""
        read = (*self.tables.values(), *self.files.values(), *self.hints.values())
        given: dict[str, float] = {part.path: part.bytes for parts in read for part in parts}
        scanned = (part for parts in self.scans.values() for part in parts)
        given |= {part.path: part.bytes / SCANNED for part in scanned}
        listed = (each for each in self.parameters.values() if isinstance(each, list | tuple))
        files = (file for each in listed for file in each if isinstance(file, SourceFile))
        given |= {f"{file.uri} {file.piece}": file.bytes for file in files}
        return {name: bytes * self.effort for name, bytes in given.items()}


def find_parts(
    storage: Storage, works: Sequence[Work], records: Mapping[str, list[Part]] | None = None
) -> list[list[Part] | None]:
    """The outputs of each unit of work that are in the store, whole; in order.

    The ``records`` are known by folder already; those that it lacks are read one by one.
    """
    folders = [work.folder for work in works]
    known = dict(records or {})
    unknown = [folder for folder in folders if folder not in known]
    for folder, record in zip(
        unknown, storage.read_each([f"{folder}/{RECORD}" for folder in unknown]), strict=True
    ):
        if record is not None:
            known[folder] = parsed_record(record)
    found = [known.get(folder) for folder in folders]
    there = iter(storage.sizes([part.path for parts in found if parts for part in parts]))
    return [parts if parts is not None and _is_whole(parts, there) else None for parts in found]


def _is_whole(parts: Sequence[Part], sizes: Iterator[int | None]) -> bool:
    """Whether parts have the next of the ``sizes``, and their text is where it was."""
    stored = [next(sizes) == part.bytes for part in parts]
    return all(stored) and not lost_text(parts)


def do_work(storage: Storage, work: Work) -> list[Part]:
    """Run one unit of work and write its outputs; their record is written last."""
    with ExitStack() as stack:
        arguments: dict[str, Any] = {**work.parameters, **work.arguments}
        for name, parts in work.tables.items():
            arguments[name] = scan_parts(storage, parts).collect()
        for name, parts in work.scans.items():
            arguments[name] = scan_parts(storage, parts)
        for name, parts in (*work.files.items(), *work.hints.items()):
            files = file_names(parts)
            folder = stack.enter_context(storage.local_folder(files))
            arguments[name] = folder / next(iter(files)) if len(files) == 1 else folder
        outputs = _named(work.function(**arguments))
        del arguments
        parts = [
            write_output(storage, work.folder, name, output, file=file)
            for name, file, output in outputs
        ]
    storage.write(f"{work.folder}/{RECORD}", record_of(parts))
    return parts


def _named(outputs: Outputs) -> Iterator[tuple[str, str, Output]]:
    """Outputs with their names and those of their files, without a suffix."""
    if isinstance(outputs, Mapping):
        yield from ((name, name, output) for name, output in outputs.items())
        return
    count: Counter[str] = Counter()
    for name, output in outputs:
        yield name, f"{name}-{count[name]:05d}", output
        count[name] += 1


def file_names(parts: Sequence[Part]) -> dict[str, str]:
    """What parts are called in a local folder: as in the store, numbered where names repeat.

    Parts of several units of work are numbered by unit, so ``tokens.bin`` and ``index.parquet`` of
    one unit keep one number.
    """
    names = [Path(part.path).name for part in parts]
    if len(set(names)) == len(names):
        return {name: part.path for name, part in zip(names, parts, strict=True)}
    folders = list(dict.fromkeys(Path(part.path).parent for part in parts))
    numbers = {folder: number for number, folder in enumerate(folders)}
    return {
        f"{numbers[Path(part.path).parent]:06d}-{name}": part.path
        for name, part in zip(names, parts, strict=True)
    }


class DamagedPartError(RuntimeError):
    """A part whose bytes are not those that were written; the message names the file."""


def check_digests(storage: Storage, parts: Sequence[Part], folder: Path) -> None:
    """Compare the parts in a local folder, as ``file_names`` calls them, with their digests.

    It reads every byte, about a gigabyte a second and core: little beside what training takes, and
    a flipped bit in a token is found by nothing else. Raises :class:`DamagedPartError`.
    """
    paths = {part.path: part for part in parts}
    files = [(folder / name, paths[path]) for name, path in file_names(parts).items()]
    with ThreadPoolExecutor(usable_cores()) as pool:
        digests = pool.map(file_digest, (file for file, _ in files))
        for (_, part), found in zip(files, digests, strict=True):
            if found != part.digest:
                raise DamagedPartError(
                    f"{storage.uri(part.path)}: damaged, it is not what was written: delete it and "
                    "run again, and it is made anew"
                )


def read_table(storage: Storage, part: Part) -> pl.DataFrame:
    """A Parquet part as a DataFrame."""
    return scan_parts(storage, [part]).collect()


def write_output(
    storage: Storage, folder: str, name: str, output: Output, *, file: str | None = None
) -> Part:
    """Store one output under a folder, in a ``file`` of its name or another; its digest is over the
    bytes of the file."""
    rows = tokens = 0
    text_from: tuple[Reference, ...] = ()
    file = file or name
    if isinstance(output, Path):
        path = f"{folder}/{file}"
        storage.put(path, output)
        return Part(table=name, path=path, digest=file_digest(output), bytes=output.stat().st_size)
    if isinstance(output, InPlace):
        text_from = output.text_from
        output = output.table.drop("text")
    if isinstance(output, pl.DataFrame):
        buffer = BytesIO()
        pq.write_table(output.to_arrow(), buffer, compression="zstd", **_pages(output.columns))
        data: bytes | memoryview = buffer.getbuffer()
        path, rows = f"{folder}/{file}.parquet", output.height
    elif isinstance(output, np.ndarray):
        data = np.ascontiguousarray(output, output.dtype.newbyteorder("<")).tobytes()
        path, tokens = f"{folder}/{file}.bin", output.size
    else:
        data, path = output, f"{folder}/{file}"
    storage.write(path, data)
    return Part(
        table=name,
        path=path,
        digest=digest(data),
        rows=rows,
        tokens=tokens,
        bytes=len(data),
        text_from=text_from,
    )


def _pages(columns: Sequence[str]) -> dict[str, Any]:
    """How a table is laid out: text in pages of some ``PAGE_BYTES``, without the dictionary that
    would have to be read for any of them, so that one document costs the unpacking of one page. The
    file is a fiftieth larger."""
    if "text" not in columns:
        return {}
    return {
        "use_dictionary": [name for name in columns if name != "text"],
        "data_page_size": PAGE_BYTES,
        "write_batch_size": 16,  # rows after which the size of a page is looked at
    }


def make_parts(
    store: ArtifactStore,
    execution: Execution,
    works: Sequence[Work],
    on_part: OnPart = lambda done, total: None,
    index: PartIndex | None = None,
) -> list[list[Part]]:
    """The outputs of every unit of work, in order: found, or made by the execution.

    The ``index`` then holds the records of all of them, to be found with few requests.
    """
    before = index.read() if index else {}
    results = find_parts(store.storage, works, before)
    missing = [position for position, parts in enumerate(results) if parts is None]
    done = len(works) - len(missing)
    on_part(done, len(works))
    task = _Task(store.storage)
    asked = [works[position] for position in missing]
    resources = [work.resources for work in asked]
    for position, parts in execution.map(task, asked, resources, is_little=are_little(asked)):
        results[missing[position]] = parts
        done += 1
        on_part(done, len(works))
    complete = [parts for parts in results if parts is not None]
    records = {work.folder: parts for work, parts in zip(works, complete, strict=True)}
    if index and records != before:
        index.write(records)
    return complete


def are_little(works: Sequence[Work]) -> bool:
    """Whether all of them together take less than starting Ray does (``LITTLE_BYTES``): what
    several are given, such as a tokenizer, counts once."""
    given: dict[str, float] = {}
    for work in works:
        if not work.by_bytes or work.cpus > 1:
            return False
        given |= work.given_bytes
    return sum(given.values()) <= LITTLE_BYTES


@dataclass(frozen=True)
class _Task:
    storage: Storage

    def __call__(self, work: Work) -> list[Part]:
        return do_work(self.storage, work)
