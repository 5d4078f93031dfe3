"""Repository-level code: the files of one package as one document, what is imported first.

Code across files is the natural long document of code (the survey *LLM Mid-Training*, arXiv
2510.23081, sections 8.4.1 and 8.5; half of ProLong's long part, arXiv 2410.02660). No model writes
anything: files that curation kept, as it edited them, are put one behind the other in the order of
their imports (``import_order.py``), each under a comment with its path, as DeepSeek-Coder does
(arXiv 2401.14196, section 2.2). What was dropped as a duplicate or for a benchmark's item is not
there, and what is made passes the same tests once more.

Files are filtered in steps, and each that is left out is counted by the first reason: tests, copies
of other people's packages (*vendored*), what says that a program wrote it, files below or above
their bounds (above 1 MB as The Stack, arXiv 2211.15533), lines longer than code has them
(DeepSeek-Coder, section 2.1: 100 characters on average, 1,000 at most), the same text again, and
packages of too few files. A package is a top-level folder of a repository, and the files beside
those folders are one more: that is ours, and so are the bounds of files and packages. A package
that is longer than a document may be is continued in others, cut between files.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple

import polars as pl
from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.schema import DOCUMENTS, Kind, document_id
from midtrain_dagster.synthesis import import_order
from midtrain_dagster.synthesis.assembly import FILES, JOINED, Assembled
from midtrain_dagster.synthesis.import_order import in_order
from midtrain_dagster.synthesis.tables import EXAMPLES

VERSION = 1
USES = (import_order,)

LARGEST_FILE = 1_000_000
MEAN_LINE, LONGEST_LINE = 100, 1_000

_TESTS = re.compile(r"(^|/)(tests?|testing|idle_test)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")
_VENDORED = re.compile(
    r"(^|/)(_?vendor(ed)?|_?extern(al)?|third_?party|node_modules|site-packages|dist-packages)/"
)
_GENERATED = re.compile(
    r"auto-?generated|do not (edit|modify)|generated (automatically )?(by|from) ", re.IGNORECASE
)
_GENERATED_WITHIN = 500


class File(NamedTuple):
    """A curated document, as a file of a repository."""

    id: str
    text: str
    repository: str
    path: str
    """Below the repository."""
    language: str | None

    @property
    def package(self) -> str:
        """The top-level folder of the repository; empty for files beside those."""
        return self.path.partition("/")[0] if "/" in self.path else ""


class PackageConfig(FrozenModel):
    """Which files are looked at, and what a package is: common to methods that join files."""

    domains: list[str] = Field(min_length=1, description="domains whose documents are files")
    repository: str = Field(
        default="distribution",
        description="the key of a document's metadata that names its repository: `distribution` of "
        "an installed package, `repo_name` of The Stack",
    )
    path: str | None = Field(
        default=None,
        description="the key that has its path; null: its locator, without the repository's name",
    )
    minimum_files: int = Field(default=2, ge=1, description="files of a package, at least")
    minimum_file_bytes: int = Field(default=100, ge=0, description="bytes of a file, at least")

    def grouped(self, documents: pl.DataFrame) -> "Grouped":
        """The documents of its domains as files of packages, each with its outcome."""
        outcome: dict[str, str] = {}
        files: list[File] = []
        columns = documents.filter(pl.col("domain").is_in(self.domains)).sort("id")
        for row in columns.iter_rows(named=True):
            file = self._file(row)
            reason = self._against(file)
            outcome[file.id] = reason or JOINED
            files.append(file)
        packages: dict[tuple[str, str], list[File]] = {}
        for file in sorted(files, key=lambda each: (each.repository, each.path, each.id)):
            if outcome[file.id] == JOINED:
                packages.setdefault((file.repository, file.package), []).append(file)
        kept = {name: _without_copies(every, outcome) for name, every in packages.items()}
        for every in kept.values():
            if len(every) < self.minimum_files:
                outcome |= dict.fromkeys((each.id for each in every), "few_files")
        large = {name: every for name, every in kept.items() if len(every) >= self.minimum_files}
        return Grouped(files, large, outcome)

    def _file(self, row: Mapping[str, str]) -> File:
        metadata = json.loads(row["metadata"] or "{}")
        repository = str(metadata.get(self.repository) or "")
        path = str(metadata.get(self.path) or "") if self.path else row["locator"]
        path = path.removeprefix(f"{repository}/")
        return File(row["id"], row["text"], repository, path, row["language"])

    def _against(self, file: File) -> str | None:
        """The first reason to leave a file out."""
        size, lines = len(file.text.encode()), file.text.splitlines()
        checks = {
            "no_repository": not file.repository or not file.path,
            "test": _TESTS.search(file.path),
            "vendored": _VENDORED.search(file.path),
            "generated": _GENERATED.search(file.text, 0, _GENERATED_WITHIN),
            "too_small": size < self.minimum_file_bytes,
            "too_large": size > LARGEST_FILE,
            "long_lines": lines
            and (len(file.text) > MEAN_LINE * len(lines) or max(map(len, lines)) > LONGEST_LINE),
        }
        return next((reason for reason, holds in checks.items() if holds), None)


class Grouped(NamedTuple):
    """Files by the package that they are in."""

    files: list[File]
    """All that were looked at."""
    packages: dict[tuple[str, str], list[File]]
    """The files that are left of each package, by repository and package."""
    outcome: dict[str, str]
    """What became of each file, by its document's id."""

    def table(self) -> pl.DataFrame:
        """The files with the schema ``FILES``."""
        rows = [(each.id, each.repository, each.path, self.outcome[each.id]) for each in self.files]
        return pl.DataFrame(rows, FILES, orient="row")


class Config(PackageConfig):
    """The files of a package as one document, in the order of their imports."""

    KIND: ClassVar[Kind] = "code"

    method: Literal["repository"]
    domain: str = Field(default="repositories", description="the domain that packages feed")
    maximum_bytes: int = Field(
        default=4_000_000, ge=1, description="bytes of a document, unless one file has more"
    )

    def assemble(self, documents: pl.DataFrame, *, source: str) -> Assembled:
        """Join the documents of its domains; ``source`` is part of the new ids."""
        grouped = self.grouped(documents)
        made = [
            each
            for (repository, package), files in grouped.packages.items()
            for each in self._joined(repository, package, files, source)
        ]
        fields = [
            [{"label": "Files, in order", "text": "\n".join(paths), "generated": False}]
            for _, paths in made
        ]
        ids = [row["id"] for row, _ in made]
        return Assembled(
            pl.DataFrame([row for row, _ in made], DOCUMENTS),
            grouped.table(),
            pl.DataFrame({"id": ids, "fields": fields}, EXAMPLES),
        )

    def _joined(
        self, repository: str, package: str, files: Sequence[File], source: str
    ) -> Iterator[tuple[dict[str, str | None], list[str]]]:
        """The documents of a package, each with the paths of its files."""
        by_path = {file.path: file for file in files}
        order = in_order({path: file.text for path, file in by_path.items()})
        pieces: list[list[str]] = []
        size = 0
        for path in order:
            more = len(under_its_path(by_path[path]).encode())
            if not pieces or size + more > self.maximum_bytes:
                pieces.append([])
                size = 0
            pieces[-1].append(path)
            size += more
        languages = {file.language for file in files}
        for number, paths in enumerate(pieces, 1):
            text = "\n".join(under_its_path(by_path[path]) for path in paths)
            locator = "/".join(filter(None, (repository, package)))
            locator += f":{number}" if len(pieces) > 1 else ""
            metadata = {
                "repository": repository,
                "package": package,
                "files": [{"id": by_path[path].id, "path": path} for path in paths],
            }
            yield (
                {
                    "id": document_id(source, locator, text),
                    "text": text,
                    "source": source,
                    "domain": self.domain,
                    "kind": self.KIND,
                    "format": "python" if all(p.endswith(".py") for p in paths) else "plain",
                    "language": languages.pop() if len(languages) == 1 else None,
                    "locator": locator,
                    "metadata": json.dumps(metadata),
                },
                paths,
            )


def under_its_path(file: File) -> str:
    """A file's text under a comment with its path."""
    return f"# {file.path}\n{file.text.rstrip()}\n"


def _without_copies(files: Sequence[File], outcome: dict[str, str]) -> list[File]:
    """The files of a package, each text and each path once."""
    texts, paths, kept = set[str](), set[str](), []
    for file in files:
        if file.text in texts or file.path in paths:
            outcome[file.id] = "copy"
            continue
        texts.add(file.text)
        paths.add(file.path)
        kept.append(file)
    return kept
