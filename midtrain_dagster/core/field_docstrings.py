"""What the fields of a model are, read from the docstrings below them when somebody asks.

Pydantic reads them too (``use_attribute_docstrings``), when a class is defined: a quarter of what
it takes to import all sections of a recipe, which each command and each worker does, and which
hardly any needs.
"""

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema


class DescribedFields(GenerateJsonSchema):
    """A schema in which each field without a ``Field(description=...)`` has its docstring."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """The schema of a model, its fields described."""
        described = super().model_schema(schema)
        told = field_docstrings(schema["cls"])
        for name, field in described.get("properties", {}).items():
            if name in told:
                field.setdefault("description", told[name])
        return described


def field_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The docstring of each field that has one, also of those that are inherited."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each is not BaseModel:
            names = inspect.get_annotations(each)
            said = _of_module(inspect.getfile(each)).get(each.__qualname__, {})
            found |= {name: said[name] for name in names if name in said}
    return found


@cache
def _of_module(path: str) -> dict[str, dict[str, str]]:
    """The docstrings of attributes, by the name of the class within its module."""
    return dict(_classes(ast.parse(Path(path).read_text("utf-8")), ""))


def _classes(
    within: ast.Module | ast.ClassDef, before: str
) -> Iterator[tuple[str, dict[str, str]]]:
    for each in within.body:
        if isinstance(each, ast.ClassDef):
            name = f"{before}{each.name}"
            yield (
                name,
                {
                    field.target.id: inspect.cleandoc(words.value.value)
                    for field, words in pairwise(each.body)
                    if isinstance(field, ast.AnnAssign)
                    and isinstance(field.target, ast.Name)
                    and isinstance(words, ast.Expr)
                    and isinstance(words.value, ast.Constant)
                    and isinstance(words.value.value, str)
                },
            )
            yield from _classes(each, f"{name}.")
