"""A package whose key file is missing, and after it that file: to be written from how it is used.

Long-context data of Llama 3 (Grattafiori et al. 2024, arXiv 2407.21783, section 4.3.4): the file
that most others of a repository import is taken out, and is what has to be written. They have a
model write it; here it is the real file, so it is right and nothing is asked. What a file has to
offer stands where it is used, all over the others, which is what makes the text one to be read as
a whole.

A file is missed if enough others import it (``import_order.py``, read from the syntax tree) and use
enough of the public names that it defines at its top: a file that is only imported for what it does
cannot be written from its users. Of those the one with the most users is taken, or as many as the
recipe says, one in a document each; of equals, the first by path. The others stand before it in the
order of their imports; where they are too long, its users come first, then the smallest, and what
has no room is counted. No file is cut.

Files are filtered as for ``repository``. Python alone: in other languages nothing is imported.
"""

import ast
import json
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Self

import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.schema import DOCUMENTS, Kind, document_id
from midtrain_dagster.synthesis import import_order
from midtrain_dagster.synthesis.assembly import Assembled
from midtrain_dagster.synthesis.import_order import imports, in_order
from midtrain_dagster.synthesis.methods import repository
from midtrain_dagster.synthesis.methods.repository import File, PackageConfig, under_its_path
from midtrain_dagster.synthesis.tables import EXAMPLES, Family, Thought

VERSION = 1
USES = (import_order, repository)

_WORD = re.compile(r"\w+")


class Missed(NamedTuple):
    """A file that is taken out, and what is left around it."""

    file: File
    users: list[str]
    """Paths of the files that import it, of those that are shown."""
    names: list[str]
    """What it defines and they use."""
    context: list[File]
    """All that is shown before it, in order."""


class Config(PackageConfig):
    """A package without the file that most others import, and then that file."""

    KIND: ClassVar[Kind] = "code"
    FAMILY: ClassVar[Family] = "evolution"
    FORM: ClassVar[str] = "missing_file"
    THOUGHT: ClassVar[Thought] = "none"

    method: Literal["missing_file"]
    domain: str = Field(default="missing_files", description="the domain that they feed")
    minimum_files: int = Field(default=3, ge=3, description="files of a package, at least")
    missing: int = Field(
        default=1, ge=1, description="files that are missed in a package, one in a document each"
    )
    minimum_users: int = Field(
        default=2, ge=1, description="files that import the missing one, at least"
    )
    minimum_names: int = Field(
        default=3, ge=1, description="public names of it that they use, at least"
    )
    missing_bytes: int = Field(default=16_000, ge=100, description="bytes of it, at most")
    minimum_bytes: int = Field(default=8_000, ge=0, description="bytes of a document, at least")
    maximum_bytes: int = Field(
        default=256_000,
        ge=1_000,
        description="bytes of a document, at most: files without room "
        "are left out, those that do not use the missing one first",
    )

    @model_validator(mode="after")
    def _room(self) -> Self:
        if not self.missing_bytes < self.maximum_bytes >= self.minimum_bytes:
            raise ValueError("maximum_bytes leaves no room: raise it above the others")
        return self

    def assemble(self, documents: pl.DataFrame, *, source: str) -> Assembled:
        """Take a file out of each package; ``source`` is part of the new ids."""
        grouped = self.grouped(documents)
        rows: list[dict[str, Any]] = []
        fields = []
        for (name, package), files in grouped.packages.items():
            found, why = self._missed(files)
            shown = {each.id for missed in found for each in (*missed.context, missed.file)}
            left_out = [each.id for each in files if each.id not in shown]
            grouped.outcome.update(dict.fromkeys(left_out, "no_room" if found else why))
            for missed in found:
                rows.append(self._row(name, package, missed, source))
                told = {
                    "Missing": missed.file.path,
                    "Imported by": ", ".join(missed.users),
                    "Names used": ", ".join(missed.names),
                }
                fields.append(
                    [{"label": key, "text": text, "generated": False} for key, text in told.items()]
                )
        return Assembled(
            pl.DataFrame(rows, DOCUMENTS),
            grouped.table(),
            pl.DataFrame({"id": [row["id"] for row in rows], "fields": fields}, EXAMPLES),
        )

    def _missed(self, files: Sequence[File]) -> tuple[list[Missed], str]:
        """The files to take out of a package, each by itself; and why there is none."""
        by_path = {file.path: file for file in files}
        texts = {path: file.text for path, file in by_path.items()}
        users: dict[str, list[str]] = {path: [] for path in texts}
        for path, used in imports(texts).items():
            for each in used:
                users[each].append(path)
        candidates = [
            path
            for path, by in users.items()
            if len(by) >= self.minimum_users and _size(by_path[path]) <= self.missing_bytes
        ]
        order = in_order(texts)
        found: list[Missed] = []
        why = "no_key_file"
        for path in sorted(candidates, key=lambda path: (-len(users[path]), path)):
            shown = self._context(by_path, path, users[path])
            told = sorted(each for each in users[path] if each in shown)
            defined = public_names(texts[path])
            names = sorted(defined & {w for each in told for w in _WORD.findall(texts[each])})
            if len(told) < self.minimum_users or len(names) < self.minimum_names:
                continue
            if sum(_size(by_path[each]) for each in (*shown, path)) < self.minimum_bytes:
                why = "too_short"
                continue
            context = [by_path[each] for each in order if each in shown]
            found.append(Missed(by_path[path], told, names, context))
            if len(found) == self.missing:
                break
        return found, why

    def _context(self, by_path: Mapping[str, File], missing: str, users: list[str]) -> set[str]:
        """The paths that there is room for: users first, then the smallest."""
        room = self.maximum_bytes - _size(by_path[missing]) - len(_asked(missing, users).encode())
        others = sorted(
            (path for path in by_path if path != missing),
            key=lambda path: (path not in users, _size(by_path[path]), path),
        )
        shown = set()
        for path in others:
            if _size(by_path[path]) <= room:
                shown.add(path)
                room -= _size(by_path[path])
        return shown

    def _row(self, name: str, package: str, missed: Missed, source: str) -> dict[str, str | None]:
        """The document: the others, who uses what is missing, and what is missing."""
        path = missed.file.path
        parts = [under_its_path(each) for each in missed.context]
        text = "\n".join([*parts, _asked(path, missed.users), under_its_path(missed.file)])
        locator = "/".join(filter(None, (name, package, path)))
        every = [*missed.context, missed.file]
        languages = {file.language for file in every}
        described = {
            "family": self.FAMILY,
            "form": self.FORM,
            "thought": self.THOUGHT,
            "seeds": [{"document": each.id} for each in every],
            "repository": name,
            "package": package,
            "missing": path,
            "users": missed.users,
            "names": missed.names,
            "files": [{"id": each.id, "path": each.path} for each in every],
        }
        return {
            "id": document_id(source, locator, text),
            "text": text,
            "source": source,
            "domain": self.domain,
            "kind": self.KIND,
            "format": "python" if all(file.path.endswith(".py") for file in every) else "plain",
            "language": languages.pop() if len(languages) == 1 else None,
            "locator": locator,
            "metadata": json.dumps(described),
        }


def _asked(path: str, users: Sequence[str]) -> str:
    told = "\n".join(f"#   {user}" for user in users)
    return f"# {path} is missing above. These files import it:\n{told}\n"


def public_names(text: str) -> set[str]:
    """What a file defines at its top under a name without an underscore before it: functions,
    classes, and names that it assigns; nothing where it cannot be parsed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found: set[str] = set()
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.add(node.name)
            case ast.Assign():
                found |= {each.id for each in node.targets if isinstance(each, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
    return {name for name in found if not name.startswith("_")}


def _size(file: File) -> int:
    """Bytes of a file in a document, the empty line after it included."""
    return len(under_its_path(file).encode()) + 1
