"""The running Python's own files as a corpus of code, documentation and mathematics.

Every machine that runs this has some tens of megabytes of well-written text with known licences:
no download, no account. Nothing is imported or executed: files are read and parsed as text.

*Code* is Python modules as they stand, without tests, modules that say a program wrote them, and
files above 1 MB (The Stack's limit; Kocetkov et al. 2022, section 3).

*Documentation* is what distributions say of themselves (the description in ``METADATA``), the
Markdown and reStructuredText files they ship, and the Python reference that the standard library
carries as strings (``pydoc_data.topics``), whose markup is most of reStructuredText's.

*Mathematics* is docstrings. One document is one module: its docstrings in order, each under its
qualified name. In SymPy 1.14 and mpmath 1.3 that gives 753 documents: half of them above 4,000
characters, a tenth above 21,000, the longest 116,000. These are whole treatments of one subject
(permutation groups, control theory, polynomials), long by nature, which context extension needs.
Split by function, three in four would be under 900 characters.

*Questions* and *instructions* are split so: each documented function is one, the answer its
docstring or its source (``docstring_pairs``).
"""

import ast
import csv
import re
import sysconfig
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from email import message_from_string
from importlib.metadata import Distribution, distributions
from io import BytesIO
from pathlib import Path, PurePosixPath
from textwrap import dedent
from types import ModuleType
from typing import ClassVar, Literal

from pydantic import Field

from midtrain_dagster.collection import docstring_pairs, messages
from midtrain_dagster.collection.document_source import DocumentSource
from midtrain_dagster.collection.record import (
    TOLERATED,
    Document,
    Reason,
    Record,
    Rejection,
    repaired,
)
from midtrain_dagster.core.schema import Format
from midtrain_dagster.core.source_file import SourceError, SourceFile, local_file
from midtrain_dagster.core.system_files import own_files

VERSION = 2

STANDARD_LIBRARY = "stdlib"
DEFAULT_DISTRIBUTIONS = {
    "code": [STANDARD_LIBRARY],
    "documentation": [],
    "mathematics": ["sympy", "mpmath"],
    "qa": [STANDARD_LIBRARY, "sympy"],
    "instruction": [STANDARD_LIBRARY, "sympy"],
}
TOPICS = "pydoc_data/topics.py"
LARGEST_MODULE = 1_000_000

_PASSED_OVER = {"..", "__pycache__", "site-packages", "dist-packages", "_vendor", "_vendored"} | {
    "test",
    "tests",
    "testing",
    "idle_test",
}
_LEGAL = re.compile(r"licen[cs]e|copying|notice|authors|third.?party", re.IGNORECASE)
_GENERATED = re.compile(
    r"auto-?generated|do not (edit|modify)|generated (automatically )?(by|from) ",
    re.IGNORECASE,
)
_GENERATED_WITHIN = 500
_NAME = re.compile(r"^Name: *(\S+)", re.MULTILINE)
_FORMATS: dict[str, Format] = {"text/markdown": "markdown", "text/plain": "plain"}


class PythonInstallationSource(DocumentSource):
    """What the running Python already has installed: a corpus that needs no download."""

    # Modules without a docstring, distributions without a description, modules above the limit.
    tolerated: ClassVar[frozenset[Reason]] = TOLERATED | {"empty", "too_large"}

    reader: Literal["python_installation"]
    harvest: Literal["code", "documentation", "mathematics", "qa", "instruction"]
    """Modules, the documentation of distributions, docstrings with formulas; or of each documented
    function a question with its answer, or an instruction with it as a conversation."""
    distributions: list[str] = Field(
        [],
        description="Distribution names, `stdlib` for the standard library. Empty: all installed "
        "(documentation), stdlib (code), sympy and mpmath (mathematics), stdlib and sympy (qa, "
        "instruction)",
    )

    @property
    def has_conversations(self) -> bool:
        """Whether it harvests instructions."""
        return self.harvest == "instruction"

    def uses(self) -> list[ModuleType]:
        """The making of pairs too, if they are harvested."""
        pairs = [docstring_pairs] if self.harvest in ("qa", "instruction") else []
        return [*super().uses(), *pairs, *([messages] if self.has_conversations else [])]

    def list_files(self, name: str, folder: str | Path) -> list[SourceFile]:
        """The installed files that the source harvests, as ``DISTRIBUTION/PATH``, sorted by name.

        Raises SourceError for a distribution that is not installed.
        """
        installed = _installed()
        wanted = self.wanted(name, list(installed))
        files = []
        for each in wanted:
            standard = each == STANDARD_LIBRARY
            paths = _standard_library() if standard else _files_of(installed[each])
            for relative, address in paths:
                if not _harvested(self.harvest, relative):
                    continue
                path = Path(address)
                if path.is_file() and path.stat().st_size:
                    files.append(local_file(f"{each}/{relative}", path))
        if not files:
            raise SourceError(
                f"source {name!r}: {', '.join(wanted)} hold no {self.harvest} files; "
                "name other `distributions`"
            )
        return sorted(files, key=lambda file: file.name)

    def wanted(self, name: str, installed: Sequence[str]) -> list[str]:
        """The distributions that the source reads, by normalised name.

        Raises SourceError for one that is not installed.
        """
        named = self.distributions or DEFAULT_DISTRIBUTIONS[self.harvest]
        wanted = [_normalised(each) for each in named or [STANDARD_LIBRARY, *installed]]
        for each in wanted:
            if each != STANDARD_LIBRARY and each not in installed:
                raise SourceError(
                    f"source {name!r}: the distribution {each!r} is not installed; "
                    f"`pip install {each}` or take it out of `distributions`"
                )
        return list(dict.fromkeys(wanted))

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The documents of one file; the locator is ``FILE``, ``FILE:TOPIC`` in the reference and
        ``FILE:FUNCTION`` of pairs."""
        with file.open() as handle:
            data = handle.read()
        metadata = {"distribution": file.name.partition("/")[0]}
        try:
            text = repaired(_decoded(file.name, data))
            if self.harvest == "code":
                yield _module(file, text, metadata)
            elif self.harvest == "mathematics":
                docstrings = joined_docstrings(file.name, text)
                yield Document(file.name, docstrings, "restructuredtext", metadata)
            elif self.harvest == "qa":
                yield from docstring_pairs.questions(file.name, text, metadata)
            elif self.harvest == "instruction":
                yield from docstring_pairs.instructions(file.name, text, metadata)
            elif file.name == f"{STANDARD_LIBRARY}/{TOPICS}":
                for topic, body in _topics(text).items():
                    yield Document(f"{file.name}:{topic}", body, "restructuredtext", metadata)
            elif file.name.endswith("/METADATA"):
                yield _description(file, text, metadata)
            else:
                is_markdown = file.name.lower().endswith(".md")
                format: Format = "markdown" if is_markdown else "restructuredtext"
                yield Document(file.name, text, format, metadata)
        except UnicodeDecodeError as error:
            detail = f"invalid {error.encoding} at byte {error.start}: {error.reason}"
            yield Rejection(file.name, "invalid_encoding", detail)
        except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
            # The parser's own limits, and what `ast.literal_eval` is asked of a file of topics.
            yield Rejection(file.name, "invalid_python", str(error) or type(error).__name__)


def _installed() -> dict[str, Distribution]:
    """Distributions by normalised name; an editable install is work in progress and left out."""
    places = sysconfig.get_paths()
    found = {}
    for distribution in distributions(path=[places["platlib"], places["purelib"]]):
        if '"editable": true' not in (distribution.read_text("direct_url.json") or ""):
            found[_normalised(_name(distribution))] = distribution
    return dict(sorted(found.items()))


def _name(distribution: Distribution) -> str:
    """What its metadata call it; ``Distribution.name`` parses them all, ten times slower."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    named = _NAME.search(text)
    return named[1] if named else distribution.name


def _normalised(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _standard_library() -> Iterator[tuple[str, str]]:
    root = sysconfig.get_paths()["stdlib"]
    for path in own_files(Path(root), "**/*.py"):
        yield str(path)[len(root) + 1 :], str(path)


def _files_of(distribution: Distribution) -> Iterator[tuple[str, str]]:
    """As RECORD lists them. Of its own folder, whose name holds the version, only METADATA.

    Of some hundred thousand files few are harvested, so they are strings until one is.
    """
    root = str(distribution.locate_file(""))
    for entry in _recorded(distribution):
        first, _, rest = entry.partition("/")
        described = first.endswith((".dist-info", ".egg-info"))
        if not described or rest.endswith("METADATA"):
            yield ("METADATA" if described else entry), f"{root}/{entry}"


def _recorded(distribution: Distribution) -> Iterator[str]:
    """The files that ``RECORD`` lists; ``Distribution.files`` makes a path of each, slowly."""
    record = distribution.read_text("RECORD")
    if record:
        yield from (row[0] for row in csv.reader(record.splitlines()) if row)
    else:
        yield from map(str, distribution.files or [])


def _harvested(harvest: str, relative: str) -> bool:
    *folders, name = relative.split("/")
    if not _PASSED_OVER.isdisjoint((*folders, name)):
        return False
    if harvest == "documentation":
        shipped = name.lower().endswith((".md", ".rst")) and not _LEGAL.search(name)
        return shipped or relative in ("METADATA", TOPICS)
    return name.endswith(".py") and not name.startswith("test_") and not name.endswith("_test.py")


def _decoded(name: str, data: bytes) -> str:
    """Source code in the encoding that it declares (PEP 263), all else in UTF-8."""
    encoding = "utf-8-sig"
    if name.endswith(".py"):
        encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
    return data.decode(encoding)


def _module(file: SourceFile, text: str, metadata: dict[str, str]) -> Record:
    if file.bytes > LARGEST_MODULE:
        return Rejection(file.name, "too_large", f"a module of {file.bytes} bytes")
    if found := _GENERATED.search(text, 0, _GENERATED_WITHIN):
        return Rejection(file.name, "generated", f"says {found.group()!r}")
    return Document(file.name, text, "python", metadata)


def joined_docstrings(name: str, code: str) -> str:
    """A module's docstrings in order, each under its qualified name; empty if it has none.

    ``name`` is the file's, ``sympy/sympy/core/add.py`` for ``sympy.core.add``. Raises SyntaxError.
    """
    module = PurePosixPath(name.partition("/")[2]).with_suffix("")
    parts = module.parts[:-1] if module.name == "__init__" else module.parts
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes such as "\d" in other people's strings
        tree = ast.parse(code)
    sections = [
        f"{title}\n{'=' * len(title)}\n\n{docstring}"
        for title, docstring in _docstrings(tree, ".".join(parts))
    ]
    return "\n\n\n".join(sections) + "\n" if sections else ""


def _docstrings(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, title: str
) -> Iterator[tuple[str, str]]:
    docstring = ast.get_docstring(node)
    if docstring:
        yield title, docstring
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _docstrings(child, f"{title}.{child.name}")


def _topics(code: str) -> dict[str, str]:
    """The reference's topics: the one dictionary that the module assigns."""
    for statement in ast.parse(code).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict):
            topics = ast.literal_eval(statement.value)
            return {topic: repaired(body) for topic, body in topics.items()}
    raise SyntaxError("no dictionary of topics")


def _description(file: SourceFile, text: str, metadata: dict[str, str]) -> Record:
    """The long description of a distribution (the body of METADATA, once a header)."""
    message = message_from_string(text)
    description = str(message.get_payload()).strip() or dedent(
        " " * 8 + (message["Description"] or "")
    )
    licence = message["License-Expression"] or message["License"]
    if licence and "\n" not in licence:
        metadata = {**metadata, "licence": licence}
    declared = (message.get("Description-Content-Type") or "").partition(";")[0].strip().lower()
    if description.strip() in ("", "UNKNOWN"):
        return Rejection(file.name, "empty", "the distribution has no description")
    return Document(file.name, description, _FORMATS.get(declared, "restructuredtext"), metadata)
