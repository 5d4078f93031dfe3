"""A member of a union that is given by its name alone stands for itself with its defaults."""

from typing import Any

from pydantic import BeforeValidator


def by_name(tag: str, written: Any) -> BeforeValidator:
    """Reads ``NAME`` as ``{tag: NAME}``, and leaves all else as it is.

    ``tag`` is the field that tells the members apart; ``written`` the type of what may be written,
    for the schema of editors.
    """

    def written_out(section: Any) -> Any:
        return {tag: section} if isinstance(section, str) else section

    return BeforeValidator(written_out, json_schema_input_type=written)
