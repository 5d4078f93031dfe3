"""The methods that find duplicates, as a recipe's ``duplicates`` names one or several.

=======  =====================================================  ======================
method   duplicates are                                         costs
=======  =====================================================  ======================
minhash  documents whose sets of shingles are alike             a signature a document
exact    documents of the same normalised text                  a hash a document
url      documents of the same normalised URL                   a URL a document
=======  =====================================================  ======================

Several go side by side: a document that any of them finds to be the duplicate of another is in its
cluster. Which member stays, the first of them says.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from midtrain_dagster.curation.duplicates.methods import exact, minhash, url


def _minhash_by_default(value: Any) -> Any:
    return {"method": "minhash", **value} if isinstance(value, dict) else value


DuplicatesMethod = Annotated[
    minhash.Config | exact.Config | url.Config,
    Field(discriminator="method"),
    BeforeValidator(_minhash_by_default),
]


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _each_once(methods: Sequence[DuplicatesMethod]) -> Sequence[DuplicatesMethod]:
    names = [each.method for each in methods]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"the method {', '.join(twice)} is named twice")
    for each in methods[1:]:
        for name in ("keep", "rated_by"):
            unsaid = type(each).model_fields[name].default
            if getattr(each, name) not in (unsaid, getattr(methods[0], name)):
                raise ValueError(f"{each.method}: {name} is said by the first method, for all")
    return methods


Duplicates = Annotated[
    tuple[DuplicatesMethod, ...],
    Field(min_length=1),
    BeforeValidator(
        _listed, json_schema_input_type=DuplicatesMethod | tuple[DuplicatesMethod, ...]
    ),
    AfterValidator(_each_once),
]


def default_duplicates() -> Duplicates:
    """What a recipe gets that says nothing of duplicates."""
    return (minhash.Config(),)
