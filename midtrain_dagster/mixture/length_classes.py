"""The rules for shares by length that a recipe can name, one line a member.

A recipe names one (``length_classes: prolong``) or, where it has settings, writes it out
(``length_classes: {method: prolong, own_class: [long_qa]}``).
"""

from typing import Annotated, Literal

from pydantic import Field

from midtrain_dagster.core.by_name import by_name
from midtrain_dagster.mixture.length_rules.phi_4 import Phi4
from midtrain_dagster.mixture.length_rules.prolong import ProLong
from midtrain_dagster.mixture.length_rules.qwen3 import Qwen3
from midtrain_dagster.mixture.length_rules.shares import LengthShares

_Rule = Annotated[LengthShares | ProLong | Phi4 | Qwen3, Field(discriminator="method")]
_Preset = Literal["prolong", "phi_4", "qwen3"]

LengthClasses = Annotated[_Rule, by_name("method", _Rule | _Preset)]
"""One rule. Each is a file in ``length_rules/`` and a ``LengthRule``."""
