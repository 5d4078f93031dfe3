"""A recipe's document: its YAML, with that of the recipes which it extends.

``extends: [parts/sources.yaml]`` takes over what other documents say, so that each says only what
is its own. Sections are merged by name, later ones last; what stands under a name (a source, a
stage) is replaced whole, and ``null`` takes it away. Paths mean what they would in the recipe that
extends. What comes out is one document, which a report shows and a cluster is sent.
"""

import re
from pathlib import Path
from typing import Any

import yaml

MERGE = "tag:yaml.org,2002:merge"
"""The key ``<<``, which takes over the keys of another mapping."""

NULL = "tag:yaml.org,2002:null"

EXTENDS = "extends"

OWN = (EXTENDS, "name", "description")
"""What a recipe does not take over from those that it extends."""


class RecipeError(ValueError):
    """A recipe that cannot be run as it stands; the message lists every mistake found."""


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, where plain YAML silently keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            mark = key_node.start_mark
            if not isinstance(key, str | int | float):
                raise RecipeError(f"{mark.name}, line {mark.line + 1}: {key!r} cannot be a key")
            if key in seen:
                raise RecipeError(f"{mark.name}, line {mark.line + 1}: {key!r} is there twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """SafeDumper that writes what the loader reads."""


for _each in (_Loader, _Dumper):
    # PyYAML follows YAML 1.1, where 3e-4 is a string; YAML 1.2 and every reader take it for a
    # number.
    _each.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?[eE][-+]?[0-9]+$"),
        list("-+0123456789"),
    )


def read_text(path: Path) -> str:
    """A document's text. Raises :class:`RecipeError` where there is none."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: not UTF-8 text (byte {error.start}: {error.reason})") from error


def document(path: Path, text: str) -> tuple[yaml.Node | None, str]:
    """The tree of a document and of those that it extends, which knows files and lines; and the
    text that says all of it, its own where it extends none.

    Raises :class:`RecipeError` for what is no YAML, and for a document that is not there.
    """
    own = _composed(path, text)
    if not isinstance(own, yaml.MappingNode) or _value(own, EXTENDS) is None:
        return own, text
    whole = _extended(path, own, [path.resolve()])
    return whole, str(yaml.serialize(whole, Dumper=_Dumper, allow_unicode=True, width=100))


def values(path: Path, node: yaml.Node | None) -> Any:
    """What a document's tree says. Raises :class:`RecipeError` for a key that is there twice."""
    try:
        loader = _Loader("")
        loader.name = str(path)
        return loader.construct_document(node) if node else None
    except (yaml.YAMLError, ValueError) as error:
        raise _not_yaml(path, error) from error


def _composed(path: Path, text: str) -> yaml.Node | None:
    try:
        loader = _Loader(text)
        loader.name = str(path)
        found: yaml.Node | None = loader.get_single_node()
    except (yaml.YAMLError, ValueError) as error:
        raise _not_yaml(path, error) from error
    return found


def _not_yaml(path: Path, error: Exception) -> RecipeError:
    return (
        error
        if isinstance(error, RecipeError)
        else RecipeError(f"{path}: this is not YAML: {error}")
    )


def _extended(path: Path, own: yaml.MappingNode, way: list[Path]) -> yaml.MappingNode:
    """A document's tree on top of those that it extends; ``way`` are the documents in between."""
    said = _value(own, EXTENDS)
    if said is None:
        return own
    whole: yaml.MappingNode | None = None
    for each in said.value if isinstance(said, yaml.SequenceNode) else [said]:
        place = f"{path}, line {each.start_mark.line + 1}: {EXTENDS}"
        if not isinstance(each, yaml.ScalarNode) or not each.value:
            raise RecipeError(f"{place}: a path, or a list of them, of the recipes to extend")
        file = path.parent / each.value
        if file.resolve() in way:
            raise RecipeError(f"{place}: {file} extends this one itself")
        if not file.is_file():
            raise RecipeError(f"{place}: {file} is not there")
        base = _composed(file, read_text(file))
        if not isinstance(base, yaml.MappingNode):
            raise RecipeError(f"{place}: {file} is no recipe: it has no sections")
        below = _extended(file, base, [*way, file.resolve()])
        whole = below if whole is None else _merged(whole, below)
    if whole is None:
        raise RecipeError(f"{path}: {EXTENDS}: the list is empty: leave it out")
    return _merged(_without(whole, OWN), _without(own, (EXTENDS,)))


def _merged(
    below: yaml.MappingNode, above: yaml.MappingNode, *, sections: bool = True
) -> yaml.MappingNode:
    """Two mappings as one: by key, what is ``above`` in the place of what is ``below``."""
    entries = {key.value: (key, value) for key, value in below.value}
    for key, value in above.value:
        under = entries.get(key.value, (None, None))[1]
        both = isinstance(value, yaml.MappingNode) and isinstance(under, yaml.MappingNode)
        if not sections and value.tag == NULL:
            entries.pop(key.value, None)
        elif sections and both:
            entries[key.value] = (key, _merged(under, value, sections=False))
        else:
            entries[key.value] = (key, value)
    tag, marks = above.tag, (above.start_mark, above.end_mark)
    return yaml.MappingNode(tag, list(entries.values()), *marks, flow_style=False)


def _without(node: yaml.MappingNode, names: tuple[str, ...]) -> yaml.MappingNode:
    kept = [(key, value) for key, value in node.value if key.value not in names]
    return yaml.MappingNode(node.tag, kept, node.start_mark, node.end_mark, flow_style=False)


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """What a mapping has under a name."""
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == name), None)
    return None
