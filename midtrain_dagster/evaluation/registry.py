"""Benchmarks by name: what the survey's are called, where they lie, how they are read and asked.

``{preset: mmlu, paths: [...]}`` stands for a benchmark with the fields of a preset; what the recipe
says besides wins, section by section. The benchmark is validated and hashed as it is written out,
so a preset is a shorthand and no cause: the same fields written by hand give the same items.

Nothing is downloaded. ``where`` is the hub id and the files to get, or to name in ``paths``. The
table of all is ``docs/benchmarks.md``.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.evaluation.benchmark import Benchmark
from midtrain_dagster.evaluation.presets import agent, code, general, long_context, mathematics
from midtrain_dagster.evaluation.presets.preset import Preset

PRESETS: Mapping[str, Preset] = {
    **general.PRESETS,
    **mathematics.PRESETS,
    **code.PRESETS,
    **agent.PRESETS,
    **long_context.PRESETS,
}

_CHOICES = {"choices", "fixed_choices", "format"}
"""Of what says where choices are: one that a recipe says takes the place of a preset's."""


def expanded(fields: Any) -> Any:
    """The fields of a benchmark with those of its preset filled in; anything else as it is.

    Raises ValueError for an unknown name, which lists the known ones, and for a benchmark whose
    items cannot be read here, which says what to do.
    """
    if not isinstance(fields, dict) or "preset" not in fields:
        return fields
    given = dict(fields)
    name = given.pop("preset")
    preset = PRESETS.get(name) if isinstance(name, str) else None
    if preset is None:
        listed = ", ".join(sorted(PRESETS))
        raise ValueError(f"no preset {name!r}; there are {listed}{did_you_mean(name, PRESETS)}")
    if preset.refused:
        raise ValueError(f"{preset.title} is not read here: {preset.refused}")
    filled = {"ability": preset.ability, **preset.fields}
    if _CHOICES & given.keys():
        filled = {field: value for field, value in filled.items() if field not in _CHOICES}
    asked = filled.get("evaluate"), given.get("evaluate")
    if isinstance(asked[1], dict) and "method" not in asked[1] and asked[0] is not None:
        spelled = asked[0] if isinstance(asked[0], dict) else {"method": asked[0]}
        given["evaluate"] = spelled | asked[1]
    return filled | given


class AlsoByPreset:
    """Beside a benchmark's section, its JSON schema has that which names a preset, and does not
    have to say what that fills in."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        reference = handler(schema)
        section = handler.resolve_ref_schema(reference)
        words = "A published benchmark, whose format and prompt it stands for (docs/benchmarks.md)."
        named = {"preset": {"enum": list(PRESETS), "type": "string", "description": words}}
        required = ["preset", *(each for each in section["required"] if each != "question")]
        properties = {**named, **section["properties"]}
        return {"anyOf": [reference, {**section, "properties": properties, "required": required}]}


BenchmarkSection = Annotated[Benchmark, BeforeValidator(expanded), AlsoByPreset()]
"""A benchmark as a recipe writes it."""
