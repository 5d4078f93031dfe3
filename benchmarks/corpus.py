"""The benchmarks' input: Debian's documentation packages, read by the project's own readers.

    python -m benchmarks.corpus [FOLDER]

``fetch`` gets the packages by name with ``apt-get download``, which needs no root. Versions move,
so none is pinned: ``linux-doc`` and ``python3-doc`` depend on packages with the version in their
name, which are followed. Only documents are unpacked, not scripts, fonts and pictures; links are
left out. A package's folder appears whole, with its receipt, or not at all; one that is there is
left as it is (delete its folder to have it anew). Where there is no apt, put the packages
(``NAME_VERSION_ARCHITECTURE.deb``) into ``FOLDER/debs``; without any, the benchmarks read the
Python installation.

``documents`` is what the benchmarks measure on. It prefers sources of text to HTML, whose
extraction would take minutes. The figures of two machines are comparable if the versions in their
receipts are the same.
"""

import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from hashlib import file_digest
from pathlib import Path
from typing import IO, NamedTuple

import polars as pl
from pydantic import TypeAdapter

from midtrain_dagster.collection.read import read, versions
from midtrain_dagster.collection.source import Source
from midtrain_dagster.collection.units import bundles
from midtrain_dagster.core.causes import cause
from midtrain_dagster.core.source_file import SourceFile

FOLDER = Path(__file__).parents[1] / "data" / "debian"
RECEIPT = "receipt.json"
PART_BYTES = 32 * 2**20
MAX_DOCUMENT_BYTES = 5 * 2**20
MEGABYTE = 1_000_000


class Package(NamedTuple):
    """A package; ``versioned`` is a pattern of the dependency that holds the files, if another."""

    name: str
    versioned: str | None = None


PACKAGES = (
    Package("anarchism"),
    Package("debian-handbook"),
    Package("gap-doc"),
    Package("linux-doc", r"linux-doc-[\d.]+"),
    Package("maxima-doc"),
    Package("metamath-databases"),
    Package("python3-doc", r"python3\.\d+-doc"),
    Package("sagemath-doc"),
    *(Package(f"manpages-{language}") for language in ("de", "es", "fr", "ja", "ru")),
)

DOCUMENT = re.compile(
    r".*/(copyright|[^/]+\.(html|md|mm|mo|pdf|rst|txt|yaml|info(-\d+)?|[1-9]\w*)(\.gz)?)"
)
"""The members that are unpacked; ``.1`` to ``.9`` are manual pages."""

TEXT: Mapping[str, str] = {
    "anarchism": "anarchism/usr/share/doc/anarchism/markdown/*.md.gz",
    "linux_documentation": "linux-doc/usr/share/doc/linux-doc-*/Documentation/**/*.rst.gz",
    "linux_notes": "linux-doc/usr/share/doc/linux-doc-*/Documentation/**/*.txt.gz",
    "linux_bindings": "linux-doc/usr/share/doc/linux-doc-*/Documentation/**/*.yaml.gz",
    "maxima": "maxima-doc/usr/share/info/**/*.gz",
    "metamath": "metamath-databases/usr/share/metamath/databases/*.mm",
    "python_documentation": "python3-doc/usr/share/doc/python3*/html/_sources/**/*.rst.txt",
    "sagemath": "sagemath-doc/usr/share/doc/sagemath/html/**/*.rst.txt",
}
"""Files of text, by source: what ``documents`` reads as it stands."""

INSTALLATION = ("documentation", "code", "mathematics")
"""What the Python installation has, for machines without the packages."""


class CorpusError(RuntimeError):
    """A package that cannot be had; the message says why."""


def fetch(folder: Path, packages: Sequence[Package] = PACKAGES) -> list[str]:
    """Make ``folder`` hold every package; returns a line for each that is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = []
    for package in packages:
        if (folder / package.name / RECEIPT).exists():
            continue
        try:
            with tempfile.TemporaryDirectory(prefix="midtrain-deb-") as temporary:
                deb = _beside(folder / "debs", package) or _download(package, Path(temporary))
                _install(deb, folder / package.name)
            print(f"{package.name}: {deb.name} unpacked", file=sys.stderr)
        except (CorpusError, tarfile.TarError, OSError) as error:
            missing.append(f"{package.name}: {error}")
    return missing


def _beside(debs: Path, package: Package) -> Path | None:
    """The package's file that somebody put into ``debs``, if there is one."""
    name = package.versioned or re.escape(package.name)
    found = [path for path in sorted(debs.glob("*.deb")) if re.match(f"{name}_", path.name)]
    return found[-1] if found else None


def _download(package: Package, folder: Path) -> Path:
    name = package.name
    if package.versioned:
        said = _run(["apt-cache", "depends", name], folder)
        found = re.findall(rf"Depends: ({package.versioned})$", said, re.MULTILINE)
        if not found:
            raise CorpusError(f"depends on no {package.versioned}: {said.strip()!r}")
        name = found[0]
    _run(["apt-get", "download", name], folder)
    return next(folder.glob("*.deb"))


def _run(command: list[str], folder: Path) -> str:
    if shutil.which(command[0]) is None:
        raise CorpusError(f"there is no {command[0]} here")
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=1800
    )
    if result.returncode:
        said = (result.stderr.strip() or f"status {result.returncode}").splitlines()[-1]
        raise CorpusError(f"`{' '.join(command)}`: {said} (are the lists there: apt-get update?)")
    return result.stdout


def _install(deb: Path, target: Path) -> None:
    """Unpack a package beside ``target``, write its receipt, and move it there."""
    if shutil.which("dpkg-deb") is None:
        raise CorpusError("there is no dpkg-deb here")
    with deb.open("rb") as handle:
        digest = file_digest(handle, "sha256").hexdigest()
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as temporary:
        whole = Path(temporary, target.name)
        whole.mkdir()
        command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            counted = unpack(process.stdout, whole)
        if process.returncode:
            raise CorpusError(f"{deb.name} is no package: dpkg-deb gave {process.returncode}")
        receipt = {"package": deb.name, "sha256": digest, **counted}
        (whole / RECEIPT).write_text(json.dumps(receipt, indent=1) + "\n")
        whole.replace(target)


def unpack(archive: IO[bytes], target: Path) -> dict[str, int]:
    """Unpack the documents of a package's tar stream; returns how many ``files`` and ``bytes``."""
    files = size = 0
    with tarfile.open(fileobj=archive, mode="r|") as members:
        for member in members:
            if member.isfile() and DOCUMENT.fullmatch(member.name):
                members.extract(member, target, filter="data")
                files, size = files + 1, size + member.size
    return {"files": files, "bytes": size}


def documents(folder: Path = FOLDER, megabytes: float | None = None) -> pl.DataFrame:
    """The corpus as a table (id, text, source), in order of ids; read once, then cached.

    ``megabytes`` (10^6 bytes of text) takes a sample of about that size: the smallest ids, which
    are hashes, so it is random, the same each time, and contained in every larger one.
    """
    table = pl.scan_parquet(_cached(folder))
    if megabytes is not None:
        sizes = table.select(pl.col("text").str.len_bytes().cum_sum()).collect().to_series()
        table = table.head(int((sizes < megabytes * MEGABYTE).sum()) + 1)
    return table.collect()


def _cached(folder: Path) -> Path:
    """The Parquet file of what the folder holds now, made if it is not there."""
    listed = [(name, each, each.list_files(name, folder)) for name, each in sources(folder)]
    causes = cause([[name, versions(each), each, files] for name, each, files in listed])
    cache = folder / f"documents-{causes}.parquet"
    if not cache.exists():
        parts: list[pl.DataFrame] = []
        for name, source, files in listed:
            for bundle in bundles(files, PART_BYTES):
                parts += _read(name, source, bundle)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".documents-", dir=folder) as temporary:
            whole = Path(temporary, cache.name)
            pl.concat(parts).sort("id").write_parquet(whole, row_group_size=4096)
            whole.replace(cache)
    return cache


def _read(name: str, source: Source, files: Sequence[SourceFile]) -> Iterator[pl.DataFrame]:
    tables = read(name, source, files, part_bytes=PART_BYTES, max_document_bytes=MAX_DOCUMENT_BYTES)
    for kind, table in tables:
        if kind == "documents" and isinstance(table, pl.DataFrame):
            yield table.select("id", "text", "source")


def sources(folder: Path) -> Iterator[tuple[str, Source]]:
    """The sources of the packages that are there, else those of the Python installation."""
    validate = TypeAdapter[Source](Source).validate_python
    common = {"domain": "documentation", "kind": "prose"}
    there = {path.parent.name for path in folder.glob(f"*/{RECEIPT}")}
    for name, pattern in TEXT.items():
        if pattern.partition("/")[0] in there:
            yield name, validate({"reader": "text", "paths": [pattern], **common})
    if not there:
        for harvest in INSTALLATION:
            fields = {"reader": "python_installation", "harvest": harvest, **common}
            yield f"installed_{harvest}", validate(fields)


def main() -> None:
    """Fetch what is missing, read it, and tell the sizes by source."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    missing = fetch(folder.resolve())
    table = documents(folder.resolve())
    sizes = table.group_by("source").agg(
        documents=pl.len(), megabytes=pl.col("text").str.len_bytes().sum() / MEGABYTE
    )
    for source, rows, size in sizes.sort("source").iter_rows():
        print(f"{source:24} {rows:7,} documents {size:8.1f} MB")
    print(f"{'all':24} {table.height:7,} documents {sizes['megabytes'].sum():8.1f} MB")
    for line in missing:
        print(f"missing: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
