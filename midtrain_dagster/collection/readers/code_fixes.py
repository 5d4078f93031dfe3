"""Fixes: what two versions of a package make of the same function, before and after.

Completion and fixing of code are what the survey asks of code data beside its text (*LLM
Mid-Training*, arXiv 2510.23081, section 8.3.2), and the history of packages is full of fixes that
people made. Nothing is written by a model, and nothing has to be run: both versions parse, and the
later one is what its authors released.

The versions lie unpacked in two folders below one of ``paths`` (a wheel is a zip file)::

    packages/requests/2.31.0/requests/models.py
    packages/requests/2.32.3/requests/models.py

Of each file that both have and that differs, every function that both have is compared, by its
qualified name. One document is one function whose code has changed (comments, docstrings and
annotations apart), and of which at least half of the lines stayed: otherwise it is another one.
What came, went, or changed outside of functions makes none. Not every change mends something: names
change, and calls that became old-fashioned.
"""

import ast
import warnings
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from textwrap import dedent
from typing import Literal, NamedTuple

from pydantic import Field

from midtrain_dagster.collection.document_source import Look
from midtrain_dagster.collection.file_source import FileSource
from midtrain_dagster.collection.readers.whole_file import read_text
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.core.causes import digest
from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.source_file import SourceError, SourceFile

VERSION = 1

LONGEST_FUNCTION = 80
"""Lines, of either version."""
LEAST_KEPT = 0.5
"""Of the lines of both versions, the share that stands in both."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef


class Function(NamedTuple):
    """A function of a module."""

    source: str
    """As far left as it goes, with its decorators."""
    tree: Definition


class CodeFixesSource(FileSource):
    """Functions of two versions of a package that differ, each before and after."""

    suffixes = (".py",)

    reader: Literal["code_fixes"]
    before: str = Field(min_length=1, description="Folder of the earlier version, below `paths`")
    after: str = Field(min_length=1, description="Folder of the later version, below `paths`")

    def list_files(self, name: str, folder: str | Path) -> list[SourceFile]:
        """The files that both versions have and that differ, by their path within a version.

        Raises SourceError where there is none.
        """
        pairs = self._pairs(super().list_files(name, folder))
        if not pairs:
            raise SourceError(f"source {name!r}: {self._none}")
        return pairs

    def look(self, name: str, folder: str | Path) -> Look:
        """The files that both versions have; what differs, a look does not know."""
        found = super().look(name, folder)
        pairs = self._pairs(found.files)
        lacking = [] if pairs or found.findings else [Finding(("after",), self._none)]
        return Look(pairs, [*found.findings, *lacking])

    @property
    def _none(self) -> str:
        return (
            f"no Python file below {self.before}/ differs from one of the same path below "
            f"{self.after}/: unpack two versions of a package side by side, name the folder above "
            "them in `paths`, and theirs in `before` and `after`"
        )

    def _pairs(self, files: Sequence[SourceFile]) -> list[SourceFile]:
        """The later file of each pair, under its path in the version and by both digests."""
        named = {file.name: file for file in files}
        pairs = []
        for file in files:
            path = file.name.removeprefix(f"{self.after}/")
            earlier = named.get(f"{self.before}/{path}")
            if path == file.name or earlier is None:
                continue
            if not file.digest or earlier.digest != file.digest:
                both = f"{earlier.digest}{file.digest}"
                known = digest(both.encode()) if both else ""
                pairs.append(file.model_copy(update={"name": path, "digest": known}))
        return sorted(pairs, key=lambda file: file.name)

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The functions of one file that were changed; the locator is ``FILE:FUNCTION``."""
        place = file.uri.removesuffix(f"{self.after}/{file.name}")
        earlier = file.model_copy(update={"uri": f"{place}{self.before}/{file.name}"})
        found: list[dict[str, Function]] = []
        for each in (earlier, file):
            text = read_text(each, max_document_bytes)
            if isinstance(text, Rejection):
                yield text
                return
            try:
                found.append(_functions(repaired(text)))
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                yield Rejection(file.name, "invalid_python", str(error) or type(error).__name__)
                return
        old, new = found
        for title in new:
            if title in old and _is_fixed(old[title], new[title]):
                yield Document(
                    f"{file.name}:{title}",
                    _written(file.name, title, old[title].source, new[title].source),
                    "markdown",
                    {"file": file.name, "function": title}
                    | {"before": self.before, "after": self.after},
                )


def _functions(text: str) -> dict[str, Function]:
    """The functions of a module by qualified name; of several called alike, the last.

    Raises what the parser does.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes such as "\d" in other people's strings
        tree = ast.parse(text)
    lines = text.split("\n")
    return {title: Function(_source(node, lines), node) for title, node in _defined(tree, "")}


def _defined(node: ast.Module | ast.ClassDef, above: str) -> Iterator[tuple[str, Definition]]:
    for child in node.body:
        if isinstance(child, ast.ClassDef):
            yield from _defined(child, f"{above}{child.name}.")
        elif isinstance(child, Definition):
            yield f"{above}{child.name}", child


def _source(node: Definition, lines: Sequence[str]) -> str:
    first = min(each.lineno for each in (node, *node.decorator_list))
    return dedent("\n".join(lines[first - 1 : node.end_lineno])).rstrip()


def _code(function: Function) -> str:
    """A function's tree as text, without what does nothing: docstring and annotations."""
    for node in ast.walk(function.tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, Definition):
            node.returns = None
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
    return ast.dump(function.tree)


def _is_fixed(old: Function, new: Function) -> bool:
    """Whether the code was changed, and not by so much that it is another."""
    if old.source == new.source or _code(old) == _code(new):
        return False
    before, after = old.source.split("\n"), new.source.split("\n")
    if max(len(before), len(after)) > LONGEST_FUNCTION:
        return False
    return SequenceMatcher(None, before, after, autojunk=False).ratio() >= LEAST_KEPT


def _written(file: str, title: str, old: str, new: str) -> str:
    return (
        f"`{title}` in {file}, before:\n\n```python\n{old}\n```\n\n"
        f"After:\n\n```python\n{new}\n```\n"
    )
