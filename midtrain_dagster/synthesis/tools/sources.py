"""Where a recipe's tools come from, and what is found there."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.known_digests import known_digest
from midtrain_dagster.inference.engine import FindPath
from midtrain_dagster.synthesis.tools import mcp, openapi
from midtrain_dagster.synthesis.tools import python_functions as functions
from midtrain_dagster.synthesis.tools.mcp import NoToolListError, mcp_tools
from midtrain_dagster.synthesis.tools.openapi import NoDescriptionError, openapi_tools
from midtrain_dagster.synthesis.tools.python_functions import IDENTITY, is_known, python_functions
from midtrain_dagster.synthesis.tools.tool import Harvest, distinct

VERSION = 1
USES = (functions, mcp, openapi)

MODULES = [
    "base64", "calendar", "difflib", "hashlib", "heapq", "html", "math", "posixpath", "shlex",
    "statistics", "string", "textwrap", "urllib.parse", "zlib",
]  # fmt: skip
"""Of the modules that were looked at, those whose functions a person might ask for."""

Read = Callable[[Path], Harvest]


class ToolSources(FrozenModel):
    """Where tools come from: modules of Python, which are executed, and files, whose tools are
    not."""

    python: list[str] = Field(MODULES, description="modules of Python's standard library")
    openapi: Annotated[list[str], NOT_A_CAUSE] = Field(
        [], description="descriptions of web interfaces by OpenAPI 3, JSON or YAML"
    )
    mcp: Annotated[list[str], NOT_A_CAUSE] = Field(
        [], description="what MCP servers answer to `tools/list`, as JSON"
    )

    @field_validator("python")
    @classmethod
    def _of_the_standard_library(cls, modules: list[str]) -> list[str]:
        for module in modules:
            if not is_known(module):
                raise ValueError(
                    f"{module!r} is no module of Python's standard library, and nothing else is "
                    "called: the sandbox has no installed packages"
                )
        return modules

    def given(self, find: FindPath) -> dict[str, Any]:
        """What the tools are, as a cause: the version of Python, the digests of the files."""
        said: dict[str, Any] = dict(IDENTITY) if self.python else {}
        for name, paths in (("openapi", self.openapi), ("mcp", self.mcp)):
            if paths:
                said[name] = [known_digest(Path(find(path))) for path in paths]
        return said

    def located(self, find: FindPath) -> Self:
        """The same with paths that can be opened."""
        opened = {"openapi": [*map(find, self.openapi)], "mcp": [*map(find, self.mcp)]}
        return self.model_copy(update=opened)

    def findings(self, find: FindPath) -> Iterator[Finding]:
        """Files that are no such files, or without a tool; and what in them is none."""
        if not (self.python or self.openapi or self.mcp):
            yield Finding((), "no tools: name modules of Python, OpenAPI files or MCP lists")
        for place, path, read in self._files():
            try:
                harvest = read(Path(find(path)))
            except (OSError, NoDescriptionError, NoToolListError) as error:
                yield Finding(place, f"no tools can be read: {error}")
                continue
            if not harvest.tools:
                yield Finding(place, f"{path}: there is no tool in it{_told(harvest)}")
            elif harvest.refused:
                yield doubt(place, f"{path}: {len(harvest.tools)} tools{_told(harvest)}")

    def harvest(self) -> Harvest:
        """All tools, each name once; the first that has it.

        Raises ``SandboxError`` where modules are named and nothing can be run.
        """
        harvests = [python_functions(self.python)] if self.python else []
        return distinct([*harvests, *(read(Path(path)) for _, path, read in self._files())])

    def _files(self) -> Iterator[tuple[tuple[str, int], str, Read]]:
        for number, path in enumerate(self.openapi):
            yield ("openapi", number), path, openapi_tools
        for number, path in enumerate(self.mcp):
            yield ("mcp", number), path, mcp_tools


def _told(harvest: Harvest) -> str:
    if not harvest.refused:
        return ""
    counts = Counter(each.reason for each in harvest.refused)
    said = ", ".join(f"{reason} {count}" for reason, count in counts.most_common())
    first = harvest.refused[0]
    return f"; {len(harvest.refused)} are none ({said}), such as {first.origin}: {first.detail}"
