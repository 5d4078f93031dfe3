"""The methods that find duplicates, as a recipe's ``duplicates`` names one.

=======  =====================================================  ======================
method   duplicates are                                         costs
=======  =====================================================  ======================
minhash  documents whose sets of shingles are alike             a signature a document
exact    documents of the same normalised text                  a hash a document
url      documents of the same normalised URL                   a URL a document
=======  =====================================================  ======================
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from midtrain_dagster.curation.duplicates.methods import exact, minhash, url


def _minhash_by_default(value: Any) -> Any:
    return {"method": "minhash", **value} if isinstance(value, dict) else value


Duplicates = Annotated[
    minhash.Config | exact.Config | url.Config,
    Field(discriminator="method"),
    BeforeValidator(_minhash_by_default),
]


def default_duplicates() -> Duplicates:
    """What a recipe gets that says nothing of duplicates."""
    return minhash.Config()
