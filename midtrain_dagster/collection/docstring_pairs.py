"""Questions with answers, and instructions with answers, out of functions and their docstrings.

A docstring says in its author's words what a function does: the answer to that question, and the
instruction to write it. Neither is made up, so nothing has to be verified, unlike what a model
writes (the survey *LLM Mid-Training*, arXiv 2510.23081, section 3.2: natural pairs are extracted).
"""

import ast
import warnings
from collections.abc import Iterator
from pathlib import PurePosixPath
from textwrap import dedent
from typing import Any

from midtrain_dagster.collection.messages import chat_document
from midtrain_dagster.collection.record import Document

VERSION = 1

SHORTEST_DOCSTRING = 80
"""Characters; shorter ones say little more than the name."""

LONGEST_FUNCTION = 60
"""Lines of a function that is asked to be written."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def questions(name: str, code: str, metadata: dict[str, Any]) -> Iterator[Document]:
    """One document for each documented function: what does it do, and its docstring.

    ``name`` is the file's, ``stdlib/textwrap.py``. Raises SyntaxError.
    """
    for title, _, docstring in _documented(name, code):
        text = f"Question: What does `{title}` do in Python?\nAnswer: {docstring}"
        yield Document(f"{name}:{title}", text, "restructuredtext", metadata)


def instructions(name: str, code: str, metadata: dict[str, Any]) -> Iterator[Document]:
    """One conversation for each documented function that is short: write it, and its source.

    Raises SyntaxError.
    """
    lines = code.split("\n")
    for title, function, docstring in _documented(name, code):
        stop = function.end_lineno or function.lineno
        if stop - function.lineno >= LONGEST_FUNCTION:
            continue
        source = dedent("\n".join(lines[function.lineno - 1 : stop])).rstrip()
        asked = f"Write the Python function `{title}({ast.unparse(function.args)})`.\n\n{docstring}"
        answer = f"```python\n{source}\n```"
        conversation = {
            "messages": [
                {"role": "user", "content": asked},
                {"role": "assistant", "content": answer},
            ]
        }
        yield chat_document(f"{name}:{title}", conversation, metadata)


def _documented(name: str, code: str) -> Iterator[tuple[str, Function, str]]:
    """The functions of a module whose docstrings say something: qualified name, tree, docstring.
    Of several that are called the same, as the branches of a condition are, the last."""
    module = PurePosixPath(name.partition("/")[2]).with_suffix("")
    parts = module.parts[:-1] if module.name == "__init__" else module.parts
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes such as "\d" in other people's strings
        tree = ast.parse(code)
    found = {title: (function, said) for title, function, said in _functions(tree, parts)}
    for title, (function, docstring) in found.items():
        yield title, function, docstring


def _functions(
    node: ast.Module | ast.ClassDef, parts: tuple[str, ...]
) -> Iterator[tuple[str, Function, str]]:
    for child in node.body:
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, (*parts, child.name))
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(child) or ""
            if len(docstring) >= SHORTEST_DOCSTRING:
                yield ".".join((*parts, child.name)), child, docstring
