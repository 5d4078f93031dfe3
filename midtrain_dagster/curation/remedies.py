"""Which field of a recipe stands behind a reason for which a document is dropped.

Where a rule takes too much of one source, the source's own section of the policy is the place to
say so (``curation.sources.NAME``), because other sources of its kind may need the rule.
"""

from midtrain_dagster.core.problems import Location

_OF_SOURCE: Location = ("curation", "sources", "{source}")

_FIELDS: dict[str, tuple[Location, str]] = {
    "language:uncertain": ((*_OF_SOURCE, "minimum_language_score"), "0"),
    "language": ((*_OF_SOURCE, "languages"), "[..., {which}]"),
    "minimum_characters": ((*_OF_SOURCE, "minimum_characters"), ""),
    "rating": ((*_OF_SOURCE, "minimum_ratings", "{which}"), ""),
    "contamination": (("benchmarks", "{which}"), ""),
    "duplicate": (("duplicates",), ""),
    "repeated_text": (("repeated_text", "maximum_share"), ""),
    "error:language": (("language_model",), ""),
    "error": (("curation",), ""),
}
"""By the reason, or what stands before its colon; everything else is a rule's."""


def field_behind(reason: str, source: str) -> tuple[Location, str]:
    """The field to look at when a source loses too much for a reason, and what to say there: a
    value, or nothing where that is a matter of judgement."""
    what, _, which = reason.partition(":")
    a_rule = ((*_OF_SOURCE, "without"), "[{reason}]")
    location, value = _FIELDS.get(reason) or _FIELDS.get(what, a_rule)
    words = {"source": source, "which": which, "reason": reason}
    return tuple(str(step).format(**words) for step in location), value.format(**words)
