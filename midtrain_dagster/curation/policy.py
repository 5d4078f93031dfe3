"""What curation asks of a document, by its kind, and how much of a source it may remove.

Gopher's rules were made for web prose: they keep hardly any source code and no question with its
answer. So each kind has a policy of its own. The defaults, in `DEFAULTS`, ask the whole FineWeb
sequence of prose and only little of the other kinds. What a recipe says of a kind is laid over that
kind's default, field by field.

FineWeb's order is language, Gopher repetition, Gopher quality, C4 without terminal punctuation,
FineWeb. Short collections need a lower ``minimum_word_count`` than Gopher's 50.
"""

from typing import Annotated, Any

from pydantic import Field, model_validator

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.curation.signals.rules import Rule, signals_of, thresholds_of

Share = Annotated[float, Field(ge=0, le=1)]


class KindPolicy(FrozenModel):
    """What is asked of the documents of one kind. An empty policy keeps all that have any text."""

    language: list[str] | None = Field(
        None, min_length=1, description="ISO 639 codes to keep; null keeps every language"
    )
    minimum_language_score: float = Field(
        0.0, ge=0, le=1, description="the least score at which a judgement of language is believed"
    )
    minimum_characters: int = Field(1, ge=0)
    rules: list[Rule] = Field(default_factory=list, description="heuristics, in order of reasons")
    thresholds: dict[str, float] = Field(
        default_factory=dict,
        description="bounds that replace those of the rules: minimum_SIGNAL or maximum_SIGNAL",
    )
    minimum_ratings: dict[str, float] = Field(
        default_factory=dict, description="the least rating that a document needs, by rater"
    )

    @model_validator(mode="after")
    def _known_thresholds(self) -> "KindPolicy":
        known = thresholds_of(self.rules)
        unknown = sorted(set(self.thresholds) - set(known))
        if unknown:
            rules = ", ".join(self.rules) or "no rule"
            raise ValueError(
                f"thresholds: {', '.join(unknown)} bound nothing in {rules}; "
                f"known there: {', '.join(sorted(known)) or 'none'}"
                f"{did_you_mean(unknown[0], known)}"
            )
        return self


DEFAULTS: dict[str, dict[str, Any]] = {
    "prose": {
        "language": ["en"],
        "minimum_language_score": 0.65,
        "rules": ["gopher_repetition", "gopher_quality", "c4", "fineweb"],
    },
    "code": {"minimum_characters": 50, "rules": ["source_code"]},
    "mathematics": {"minimum_characters": 50, "rules": ["degenerate"]},
    "qa": {"minimum_characters": 20, "rules": ["degenerate"]},
    "instruction": {"minimum_characters": 20, "rules": ["degenerate"]},
    "agent": {"minimum_characters": 20, "rules": ["degenerate"]},
}


def _default(kind: str) -> Any:
    return Field(default_factory=lambda: KindPolicy(**DEFAULTS[kind]))


class CurationPolicy(FrozenModel):
    """A policy for each kind of document, and the share of a source that may be removed.

    Ceilings say when a run stops and decide on no document, so they are no cause of decisions.
    """

    prose: KindPolicy = _default("prose")
    code: KindPolicy = _default("code")
    mathematics: KindPolicy = _default("mathematics")
    qa: KindPolicy = _default("qa")
    instruction: KindPolicy = _default("instruction")
    agent: KindPolicy = _default("agent")
    removal_ceiling: Annotated[Share, NOT_A_CAUSE] = Field(
        0.9, description="the share of a source's documents that may be dropped"
    )
    removal_ceilings: Annotated[dict[str, Share], NOT_A_CAUSE] = Field(
        default_factory=dict, description="ceilings of single sources, by name"
    )

    @model_validator(mode="before")
    @classmethod
    def _over_defaults(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {
            name: {**DEFAULTS[name], **value}
            if name in DEFAULTS and isinstance(value, dict)
            else value
            for name, value in values.items()
        }

    @classmethod
    def kinds(cls) -> tuple[str, ...]:
        """The kinds of document that have a policy."""
        return tuple(DEFAULTS)

    def of(self, kind: str) -> KindPolicy:
        """The policy of one kind of document."""
        policy: KindPolicy = getattr(self, kind)
        return policy

    @property
    def signals(self) -> list[str]:
        """The signals that some kind's rules bound, each once, sorted."""
        return sorted({name for kind in self.kinds() for name in signals_of(self.of(kind).rules)})
