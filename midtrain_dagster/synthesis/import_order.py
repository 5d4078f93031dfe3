"""Python files in the order of their imports: what a file uses stands before it.

The order of DeepSeek-Coder (Guo et al. 2024, arXiv 2401.14196, section 2.2, algorithm 1): of the
files that are left, the one with the fewest imports that do not stand yet comes next. Where imports
go in circles, none has zero, and the circle is broken there. Files that hang together by imports
stay together. What the paper leaves open is decided by the path: which of equals comes first, and
which group of files.

Imports are read from the syntax tree, nothing is executed. A file that cannot be parsed has none.
"""

import ast
import heapq
import warnings
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

VERSION = 1


def in_order(texts: Mapping[str, str]) -> list[str]:
    """The paths of the files (``texts`` by path) in the order of their imports."""
    needs = imports(texts)
    needed_by: dict[str, list[str]] = {path: [] for path in texts}
    for path, used in needs.items():
        for each in used:
            needed_by[each].append(path)
    return [
        path
        for group in _groups(needs)
        for path in _sorted({each: needs[each] for each in group}, needed_by)
    ]


def imports(texts: Mapping[str, str]) -> dict[str, set[str]]:
    """Which of the files each imports, by path."""
    modules = {".".join(_module(path)): path for path in texts if path.endswith(".py")}
    return {
        path: {
            found
            for name in _named(path, text)
            if (found := _resolved(name, modules)) is not None and found != path
        }
        for path, text in texts.items()
    }


def _module(path: str) -> tuple[str, ...]:
    """A module's name, in parts; a package is its folder."""
    parts = PurePosixPath(path).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def _resolved(name: str, modules: Mapping[str, str]) -> str | None:
    """The file of a dotted name: of the module, or of the one that the name is in."""
    while name:
        if name in modules:
            return modules[name]
        name = name.rpartition(".")[0]
    return None


def _named(path: str, text: str) -> Iterator[str]:
    """Every dotted name that a file imports, relative ones from where it lies."""
    if not path.endswith(".py"):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # escapes such as "\d" in other people's strings
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    package = PurePosixPath(path).parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            if node.level > len(package) + 1:
                continue
            base = [*above, *([node.module] if node.module else [])]
            yield from (".".join([*base, alias.name]) for alias in node.names)


def _groups(needs: Mapping[str, set[str]]) -> list[list[str]]:
    """The paths that hang together by imports, each group sorted, groups by their first path."""
    near: dict[str, set[str]] = {path: set(used) for path, used in needs.items()}
    for path, used in needs.items():
        for each in used:
            near[each].add(path)
    groups, seen = [], set[str]()
    for path in sorted(needs):
        if path in seen:
            continue
        group, waiting = [], [path]
        seen.add(path)
        while waiting:
            at = waiting.pop()
            group.append(at)
            waiting += near[at] - seen
            seen |= near[at]
        groups.append(sorted(group))
    return groups


def _sorted(needs: Mapping[str, set[str]], needed_by: Mapping[str, list[str]]) -> list[str]:
    """The paths of one group: next is always the one with the fewest imports outstanding."""
    outstanding = {path: len(used) for path, used in needs.items()}
    waiting = [(count, path) for path, count in outstanding.items()]
    heapq.heapify(waiting)
    placed: dict[str, None] = {}
    while waiting:
        count, path = heapq.heappop(waiting)
        if path in placed or count != outstanding[path]:
            continue  # an older count of the same file
        placed[path] = None
        for user in needed_by[path]:
            if user not in placed:
                outstanding[user] -= 1
                heapq.heappush(waiting, (outstanding[user], user))
    return list(placed)
